"""Deviation: distance from a fixed reference or from the sensor's own mean."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.batch import Quality
from core.errors import BadInput
from detectors.deviation import RING, Deviation
from tests.detectors.streams import SECOND, Reading, batch, definition, in_force


def deviations(stream: list[Reading], *, setpoint: float = 30.0, **parameters: float) -> list[float]:
    own = definition("deviation", setpoint=setpoint, parameters=parameters)
    found: list[float] = Deviation(in_force(own)).score(batch(stream)).number.tolist()
    return found


def test_a_fixed_reference_has_two_sides() -> None:
    """20 and 40 are both 10 away from 30; a bad reading is not judged."""
    stream = [Reading(0, 0.0, 20.0), Reading(0, 1.0, 40.0), Reading(0, 2.0, 99.0, Quality.BAD)]
    found = deviations(stream, reference=30.0)
    assert found[:2] == [10.0, 10.0]
    assert math.isnan(found[2])


def test_its_own_mean_waits_for_a_window_and_forgets_after_one() -> None:
    """NaN for a minute, then a step is seen in full, and is the reference itself a window later."""
    stream = [Reading(0, float(s), 5.0 if s < 100 else 8.0) for s in range(300)]
    found = deviations(stream, window_s=60.0)
    assert [math.isnan(number) for number in found[:61]] == [True] * 60 + [False]
    assert found[60:100] == pytest.approx([0.0] * 40)
    assert found[100] == pytest.approx(3.0)
    assert found[170:] == pytest.approx([0.0] * 130)


def test_after_a_silence_of_a_window_it_waits_again() -> None:
    """A mean of yesterday says nothing of today."""
    stream = [Reading(0, float(s), 5.0) for s in range(100)] + [Reading(0, 1000.0 + s, 9.0) for s in range(100)]
    found = deviations(stream, window_s=60.0)
    assert all(math.isnan(number) for number in found[100:160])
    assert found[160:] == pytest.approx([0.0] * 40)


@given(st.lists(st.tuples(st.sampled_from([0.1, 1.0, 5.0, 40.0]), st.integers(-100, 100)), max_size=60))
def test_against_a_slow_reference(steps: list[tuple[float, int]]) -> None:
    """The mean is that of all readings in the sixteen buckets up to this one, itself left out, as long as nothing is beyond the setpoint."""
    window = 15 * SECOND
    stream, at = [], 0.0
    for gap, value in steps:
        at += gap
        stream.append(Reading(0, at, float(value)))
    found, began = deviations(stream, setpoint=1e6, window_s=15.0), None
    for row, reading in enumerate(stream):
        bucket = reading.at_us // SECOND
        earlier = stream[:row]
        if began is None or bucket - earlier[-1].at_us // SECOND > RING - 1:
            began = reading.at_us
        near = [r.value for r in earlier if r.at_us // SECOND > bucket - RING]
        if reading.at_us - began < window or not near:
            assert math.isnan(found[row])
        else:
            assert found[row] == pytest.approx(abs(reading.value - sum(near) / len(near)), abs=1e-9)


def test_one_bucket_alone_is_no_place_to_measure_from() -> None:
    """By hand: sixteen buckets of four seconds of 5, and one reading of 3205 among them: 55 away from their mean, none from the others."""
    stream = [Reading(0, float(s), 3205.0 if s == 90 else 5.0) for s in range(200)]
    found = deviations(stream, setpoint=30.0, window_s=60.0)
    assert found[90] == pytest.approx(3200.0)
    assert found[60:90] + found[91:] == pytest.approx([0.0] * 139)
    unseen = deviations(stream, setpoint=60.0, window_s=60.0)
    assert max(unseen[91:140]) == pytest.approx(3200.0 / 61, rel=0.1)


@pytest.mark.parametrize("first", range(16))
def test_of_two_buckets_neither_is_the_odd_one(first: int) -> None:
    """A sensor that speaks twice in a window and has risen: half of that away, whichever place of the ring they lie in, and no alarm is lost."""
    stream = [Reading(0, first + 7.0 * i, value) for i, value in enumerate([5.0, 5.0, 105.0, 105.0])]
    assert deviations(stream, setpoint=30.0, window_s=15.0)[3] == pytest.approx(50.0)


def test_a_change_that_lasts_becomes_the_reference_as_ever() -> None:
    """Two buckets of sixteen at another level are a change: it pulls at the mean as it always did, and is the mean in the end."""
    stream = [Reading(0, float(s), 5.0 if s < 100 else 105.0) for s in range(300)]
    found = deviations(stream, setpoint=30.0, window_s=60.0)
    assert found[100] == pytest.approx(100.0)
    assert found[140] == pytest.approx(40.0, abs=10.0)
    assert found[170:] == pytest.approx([0.0] * 130)


@pytest.mark.parametrize(
    ("given", "told"),
    [({}, "needs the parameter reference or window_s"), ({"reference": 1.0, "window_s": 60.0}, "takes one only")],
)
def test_the_reference_is_said_once(given: dict[str, float], told: str) -> None:
    """Neither none nor two: the sentence says which."""
    with pytest.raises(BadInput, match=told):
        Deviation.check_written("level", given)
