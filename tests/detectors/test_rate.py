"""Rate: change per minute over a window."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.batch import Quality
from detectors.rate import Rate
from tests.detectors.streams import Reading, batch, definition, in_force


def rates(stream: list[Reading], **parameters: float) -> list[float]:
    numbers: list[float] = (
        Rate(in_force(definition("rate", parameters=parameters))).score(batch(stream)).number.tolist()
    )
    return numbers


def ramp(instants: list[float], per_minute: float) -> list[Reading]:
    return [Reading(0, at, 10.0 + per_minute * at / 60) for at in instants]


@pytest.mark.parametrize("per_minute", [12.0, -3.0, 0.0])
def test_a_steady_slope_is_its_own_rate_per_minute(per_minute: float) -> None:
    """Rising 12 %LEL a minute gives 12, falling gives a negative number, standing still 0."""
    found = rates(ramp([float(s) for s in range(300)], per_minute))
    assert found[60:] == pytest.approx([per_minute] * 240, abs=1e-9)


def test_silent_until_the_window_is_covered() -> None:
    """NaN through the first window: the first number comes with the reading that completes it, and not before."""
    found = rates(ramp([float(s) for s in range(120)], 5.0))
    assert [math.isnan(number) for number in found] == [True] * 60 + [False] * 60


def test_the_window_is_a_parameter() -> None:
    """A window of 10 s judges after 10 s and forgets a step after it, give or take a seventh."""
    step = [Reading(0, float(s), 0.0 if s < 50 else 6.0) for s in range(100)]
    found = rates(step, window_s=10.0)
    assert all(math.isnan(number) for number in found[:10])
    assert found[10:50] == [0.0] * 40
    assert found[50] == pytest.approx(36.0, rel=0.2)
    assert all(number > 0 for number in found[50:60])
    assert found[63:] == [0.0] * 37


@given(
    st.lists(st.floats(0.2, 14.0), min_size=20, max_size=80),
    st.sampled_from((12.0, -0.5)),
    st.sampled_from((5.0, 60.0, 90.0)),
)
def test_irregular_readings_give_the_true_slope(gaps: list[float], per_minute: float, window_s: float) -> None:
    """However irregular the readings, a slope is measured over the true distance; no gap shorter than the window unjudges."""
    instants = np.cumsum(gaps).tolist()
    found = rates(ramp(instants, per_minute), window_s=window_s)
    for at, number in zip(instants, found, strict=True):
        covered = at - instants[0] >= window_s + 1e-5  # stamps are whole microseconds
        if covered and max(gaps) < window_s:
            assert number == pytest.approx(per_minute, rel=1e-3)
        elif at - instants[0] < window_s - 1e-5:
            assert math.isnan(number)


def test_a_sensor_slower_than_the_window_is_still_judged() -> None:
    """A level sent every 5 minutes has a rate over 60 s settings too: the slope between two readings."""
    found = rates(ramp([300.0 * i for i in range(12)], 2.0))
    assert found[1:] == pytest.approx([2.0] * 11)


def test_after_a_silence_the_window_is_covered_anew() -> None:
    """The first reading after an hour gives the slope across it; the next ones wait, for an old mean would hide a new rise."""
    before = [Reading(0, float(s), 10.0) for s in range(100)]
    after = [Reading(0, 3700.0 + s, 10.0 + s) for s in range(100)]
    found = rates(before + after)
    assert found[100] == 0.0
    assert all(math.isnan(number) for number in found[101:160])
    assert found[160:] == pytest.approx([60.0] * 40)


def test_bad_readings_leave_no_mark() -> None:
    """A spike of bad quality is neither judged nor remembered as a reference."""
    stream = [Reading(0, float(s), 1e6, Quality.BAD) if s % 10 == 0 else Reading(0, float(s), 5.0) for s in range(300)]
    assert {number for number in rates(stream) if not math.isnan(number)} == {0.0}


def test_huge_steps_stay_finite() -> None:
    """From one end of float64 to the other within milliseconds is the largest number, not infinity."""
    found = rates([Reading(0, 0.0, -1.7e308), Reading(0, 0.001, 1.7e308)], window_s=0.001)
    assert found[1] == np.finfo(np.float64).max
