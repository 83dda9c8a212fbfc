"""Exposure and time over a level: what a window holds at least, and when that is known well enough to be said."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.batch import Quality
from core.errors import BadInput
from detectors.contract import Detector
from detectors.exposure import Exposure
from detectors.time_over import TimeOver
from detectors.window import WHOLE
from tests.detectors.streams import SECOND, Reading, batch, definition, in_force

MINUTE = 60.0
STEL = {"window_s": 900.0}


def numbers(kind: type[Detector], stream: list[Reading], setpoint: float = 30.0, **parameters: float) -> list[float]:
    own = definition(kind.name, setpoint=setpoint, parameters=parameters)
    found: list[float] = kind(in_force(own)).score(batch(stream)).number.tolist()
    return found


def every(period_s: float, until_s: float, value: float) -> list[Reading]:
    return [Reading(0, i * period_s, value) for i in range(int(until_s / period_s) + 1)]


def test_a_steady_concentration_is_its_own_average() -> None:
    """After a window at 12 mg/m3 the 15-minute average is 12, and the 8-hour average after 15 minutes is not."""
    assert numbers(Exposure, every(10, 1000, 12.0), **STEL)[-1] == pytest.approx(12.0)
    over_a_shift = numbers(Exposure, every(10, 1000, 12.0), setpoint=0.2, window_s=28_800.0)
    assert over_a_shift[-1] == pytest.approx(12.0 * 1000 / 28_800, rel=1e-6)


def test_a_dose_counts_over_the_whole_window() -> None:
    """An hour at 80 and seven hours at 0 are 10 over eight hours: the dose divided by eight hours."""
    stream = every(30, 3600, 80.0) + [Reading(0, 3600.0 + 30 * i, 0.0) for i in range(1, 900)]
    found = numbers(Exposure, stream, window_s=28_800.0)
    assert found[960] == pytest.approx(10.0, rel=0.01)  # eight hours after it began
    assert found[-1] <= found[960]


def test_too_little_known_says_nothing_below_the_setpoint() -> None:
    """Until three quarters of the window are known, a number below the setpoint is NaN, cannot judge."""
    found = numbers(Exposure, every(10, 900, 12.0), **STEL)
    unknown = [math.isnan(number) for number in found]
    assert unknown == sorted(unknown, reverse=True)
    assert 66 <= sum(unknown) <= 72


def test_what_is_beyond_the_setpoint_is_said_whatever_is_unknown() -> None:
    """A dose that fills the whole window's allowance in two minutes is beyond it, though 13 minutes are not known."""
    found = numbers(Exposure, every(10, 120, 300.0), **STEL)
    assert math.isnan(found[5])
    assert found[-1] == pytest.approx(300 * 120 / 900)


def test_a_silence_is_not_zero_and_not_the_last_value() -> None:
    """A reading holds for `hold_s`; what follows is unknown: it lowers what is known, not what is said."""
    stream = [*every(10, 900, 12.0), Reading(0, 1500.0, 12.0)]
    found = numbers(Exposure, stream, **STEL, hold_s=30.0)
    assert found[-2] == pytest.approx(12.0, rel=0.05)
    assert math.isnan(found[-1])
    said = numbers(Exposure, stream, **STEL, hold_s=30.0, known_share=0.0)
    assert said[-1] < 12.0 * 400 / 900


def test_what_a_broken_sensor_says_ends_what_was_held() -> None:
    """One spike and then BAD: it counts until the first of them, not for all that `hold_s` allows, and no STEL alarm comes of it."""
    spike = [*every(1, 899, 0.0), Reading(0, 900.0, 500.0)]
    stream = [
        *spike,
        *(Reading(0, 901.0 + i, 500.0, Quality.BAD) for i in range(119)),
        *(Reading(0, 1020.0 + i, 0.0) for i in range(60)),
    ]
    found = numbers(Exposure, stream, **STEL, hold_s=60.0, known_share=0.5)
    assert max(x for x in found if not math.isnan(x)) == pytest.approx(500.0 / 900.0)
    over = numbers(TimeOver, stream, setpoint=1e9, level=400.0, hold_s=60.0, known_share=0.5, **STEL)
    assert max(x for x in over if not math.isnan(x)) == pytest.approx(1.0)


def test_bad_readings_and_negative_values_give_no_dose() -> None:
    """An unusable reading gives NaN and adds nothing; what follows it is unknown. Drift below zero takes back nothing."""
    stream = [Reading(0, 10.0 * i, -5.0 if i % 2 else 10.0) for i in range(200)]
    found = numbers(Exposure, stream, **STEL)
    assert found[-1] == pytest.approx(5.0, rel=0.02)
    with_bad = sorted(
        [*stream, *(Reading(0, 10.0 * i + 5, 1e9, Quality.BAD) for i in range(200))], key=lambda r: r.at_s
    )
    assert numbers(Exposure, with_bad, **STEL, known_share=0.4)[-2] == pytest.approx(2.5, rel=0.02)


def test_time_over_adds_up_excursions() -> None:
    """Ten minutes in all at or above the level within the hour are 600 s, however they are spread; below is its mirror."""
    stream = [Reading(0, 10.0 * i, 9.0 if (i // 6) % 6 == 0 else 1.0) for i in range(361)]  # one minute in six
    assert numbers(TimeOver, stream, setpoint=1e9, level=9.0)[-1] == pytest.approx(600.0, abs=20)
    mirrored = [Reading(0, r.at_s, -r.value) for r in stream]
    low = numbers(TimeOver, mirrored, setpoint=1e9, level=-9.0, below=1.0)
    assert low[-1] == numbers(TimeOver, stream, setpoint=1e9, level=9.0)[-1]


@given(
    st.lists(
        st.tuples(st.sampled_from([0.5, 1.0, 7.0, 45.0, 200.0]), st.sampled_from([0.0, 2.0, 8.0, 64.0, math.nan])),
        max_size=40,
    ),
    st.sampled_from([60.0, 300.0]),
    st.sampled_from([5.0, 60.0]),
    st.sampled_from([0.0, 0.5, 1.0]),
)
def test_against_a_slow_reference(
    steps: list[tuple[float, float]], window_s: float, hold_s: float, known_share: float
) -> None:
    """Every number is what adding up all intervals anew gives, and none is above the true integral of a window."""
    stream, at = [], 0.0
    for gap, value in steps:
        at += gap
        stream.append(Reading(0, at, value))
    setting = {"window_s": window_s, "hold_s": hold_s, "known_share": known_share}
    found = numbers(Exposure, stream, setpoint=20.0, **setting)
    for row, expected in enumerate(_slow(stream, window_s, hold_s, known_share, 20.0)):
        assert found[row] == pytest.approx(expected, rel=1e-9, nan_ok=True)


def _slow(stream: list[Reading], window_s: float, hold_s: float, known_share: float, setpoint: float) -> list[float]:
    width = round(window_s * SECOND / WHOLE)
    told = []
    for row, reading in enumerate(stream):
        t = reading.at_us
        if math.isnan(reading.value):
            told.append(math.nan)
            continue
        held = [
            (a.at_us, min(b.at_us, a.at_us + round(hold_s * SECOND)), a.value)
            for a, b in pairwise(stream[: row + 1])
            if not math.isnan(a.value)
        ]

        def dose(begin: int, end: int, held: list[tuple[int, int, float]] = held) -> tuple[float, int]:
            parts = [(max(min(e, end) - max(b, begin), 0), x) for b, e, x in held]
            return sum(x * us / SECOND for us, x in parts), sum(us for us, _ in parts)

        bucket = t // width
        oldest = (bucket - WHOLE) * width
        whole, filling = dose(oldest, bucket * width)[0], dose(oldest + width, t)[0]
        number = max(whole, filling) / window_s
        known = dose(oldest, t)[1]
        told.append(number if number >= setpoint or known >= known_share * (t - oldest) else math.nan)
    return told


def test_time_over_needs_its_level() -> None:
    """Whoever writes a definition says the level; the sentence names what is missing."""
    with pytest.raises(BadInput, match="time_over needs the parameter level"):
        TimeOver.check_written("hot", {"window_s": 60.0})
    TimeOver.check_written("hot", {"level": 60.0})
