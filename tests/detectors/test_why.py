"""Why something fired: every detector played once more over the readings that raised it."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from core.batch import Float64, Mark, Quality
from detectors.registry import DETECTORS
from detectors.why.firing import Asked, firing_of, reach_of
from detectors.why.play import Readings, play, same, with_defaults
from detectors.why.told import (
    BY_STAMP,
    CUT_OFF,
    DIFFERS,
    FAILED,
    NO_READINGS,
    UNKNOWN_DETECTOR,
    UNPLAYED,
    Judged,
    as_kept,
    as_told,
)

SECOND_US = 1_000_000
BEGAN = 1_790_000_000 * SECOND_US
CALM = 3000  # seconds of usual operation
HELD = 1e9  # in place of a step: it rises and is held back at 55
ROUGH = 2e9  # in place of a step: it moves by 40 from one reading to the next
# Of each detector: what it is set to, and how far the signal goes wrong behind the calm stretch.
CASES: dict[str, tuple[Judged, float]] = {
    "limit": (Judged(detector="limit", direction="high", setpoint=70.0), 40.0),
    "rate": (Judged(detector="rate", direction="high", setpoint=10.0, parameters={"window_s": 60.0}), 40.0),
    "stuck": (Judged(detector="stuck", direction="high", setpoint=60.0), math.nan),
    "stale": (Judged(detector="stale", direction="high", setpoint=60.0), math.inf),
    "unusable": (Judged(detector="unusable", direction="high", setpoint=3.0), -math.inf),
    "spike": (Judged(detector="spike", direction="high", setpoint=3.0, parameters={"warm_up": 1000.0}), 40.0),
    "shift": (Judged(detector="shift", direction="high", setpoint=3.0, parameters={"warm_up": 1000.0}), 40.0),
    "still": (Judged(detector="still", direction="high", setpoint=3.0, parameters={"warm_up": 1000.0}), math.nan),
    "noise": (Judged(detector="noise", direction="high", setpoint=3.0, parameters={"warm_up": 1000.0}), ROUGH),
    "ewma": (Judged(detector="ewma", direction="high", setpoint=6.0), 40.0),
    "cusum": (Judged(detector="cusum", direction="high", setpoint=12.0), 40.0),
    "odd": (Judged(detector="odd", direction="high", setpoint=1.5), 40.0),
    "deviation": (Judged(detector="deviation", direction="high", setpoint=10.0, parameters={"window_s": 600.0}), 40.0),
    "difference": (Judged(detector="difference", direction="high", setpoint=15.0), 40.0),
    "time_to_limit": (
        Judged(detector="time_to_limit", direction="low", setpoint=600.0, parameters={"limit": 200.0, "window_s": 60.0}),
        40.0,
    ),
    "time_over": (
        Judged(detector="time_over", direction="high", setpoint=20.0, parameters={"level": 70.0, "window_s": 600.0}),
        40.0,
    ),
    "outside": (Judged(detector="outside", direction="high", setpoint=5.0, parameters={"high": 80.0}), 40.0),
    "clipped": (Judged(detector="clipped", direction="high", setpoint=1.5, parameters={"warm_up": 1000.0}), HELD),
    "drift": (
        Judged(detector="drift", direction="high", setpoint=12.0, parameters={"mean_s": 10.0, "warm_up": 100.0, "floor": 0.1}),
        40.0,
    ),
    "exposure": (Judged(detector="exposure", direction="high", setpoint=53.0, parameters={"window_s": 600.0}), 40.0),
}  # fmt: skip


def stream(wrong: float, seconds: int = CALM + 120) -> Readings:
    """A reading a second about 50; behind the calm it steps by `wrong`, stands (NaN), is silent (inf), unusable (-inf), held back (HELD) or rough (ROUGH)."""
    random = np.random.default_rng(7)
    value = 50.0 + random.normal(0.0, 1.0, seconds)
    quality = np.zeros(seconds, np.uint8)
    at = BEGAN + np.arange(seconds, dtype=np.int64) * SECOND_US
    if math.isnan(wrong):
        value[CALM:] = value[CALM]
    elif wrong == HELD:
        value[CALM:] = np.minimum(value[CALM:] + 5.0, 55.0)
    elif wrong == ROUGH:
        value[CALM:] += np.resize([20.0, -20.0], seconds - CALM)
    elif wrong == -math.inf:
        quality[CALM:] = Quality.BAD
    elif wrong == math.inf:
        return Readings(at[:CALM], value[:CALM], quality[:CALM])
    else:
        value[CALM:] += wrong
    return Readings(at, value, quality)


def raised(judged: Judged, own: Readings, other: Readings | None) -> tuple[int, float]:
    """When the detector's own numbers first came beyond the setpoint behind the calm, and which it was."""
    until = int(own.at[-1]) + 70 * SECOND_US
    played = play(with_defaults(judged), own, other, until, None)
    for at, number in zip(played.at.tolist(), played.number.tolist(), strict=True):
        if at >= BEGAN + CALM * SECOND_US and judged.beyond(number):
            return at, number
    raise AssertionError(f"{judged.detector} did not fire")


def weeks_in(zone: str) -> tuple[Readings, int]:
    """A quarter-hourly sensor that reads 80 from 8 to 18 by the clock of the site and 20 else, four weeks across the end of its summer
    time, and 50 at the end; with the instant of that."""
    begin, place = datetime(2026, 10, 5, tzinfo=UTC), ZoneInfo(zone)
    moments = [begin + timedelta(minutes=15) * i for i in range(4 * 7 * 96)]
    noise = np.random.default_rng(3).normal(0.0, 1.0, len(moments))
    value = noise + np.array([80.0 if 8 <= m.astimezone(place).hour < 18 else 20.0 for m in moments])
    value[-1] = 50.0
    at = np.array([round(m.timestamp()) * SECOND_US for m in moments], np.int64)
    return Readings(at, value, np.zeros(len(at), np.uint8)), int(at[-1])


PROFILE = Judged(detector="profile", direction="high", setpoint=6.0)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kathmandu", "Asia/Shanghai"])
def test_a_profile_is_played_by_the_clock_of_its_site(zone: str) -> None:
    """What was judged in the site's zone comes out once more, and what is usual in that hour is told; by another clock it would not."""
    own, at = weeks_in(zone)
    recorded = float(play(with_defaults(PROFILE), own, None, at, None, zone).number[-1])
    asked = Asked(PROFILE, at, recorded, 900.0, time_zone=zone)
    read = own.between(at - round(reach_of(asked).played * SECOND_US), at)
    firing = firing_of(asked, read)
    assert firing.problem is None
    assert firing.played is not None
    assert firing.played >= 6.0
    assert firing.facts["level"] == pytest.approx(20.0, abs=1.0)
    assert firing.facts["spread"] == pytest.approx(1.0, abs=0.6)
    assert firing.usual is not None
    assert firing.usual.high < 6.0
    assert firing.looked_s == 0.0
    if zone == "Europe/Berlin":
        elsewhere = firing_of(Asked(PROFILE, at, recorded, 900.0), read)
        assert elsewhere.usual is None or elsewhere.usual.beyond > firing.usual.beyond


def test_a_profile_that_cannot_be_played_says_so_and_names_no_number() -> None:
    """Of a sensor that speaks each second the weeks are too many readings: the day is drawn, and what was recorded counts."""
    asked = Asked(PROFILE, BEGAN + 999 * SECOND_US, 7.5, 1.0, older=True)
    assert reach_of(asked).played == 86_400.0
    firing = firing_of(asked, stream(0.0, 1000))
    assert firing.played is None
    assert firing.notes == (UNPLAYED,)
    assert firing.facts.keys() == {"value"}
    assert firing.series


def test_no_detector_is_forgotten() -> None:
    """A new one has its case here, and with it its sentence (tests/api/test_firing_words.py)."""
    assert CASES.keys() | {"profile"} == DETECTORS.keys()


@pytest.mark.parametrize("name", CASES)
def test_every_detector_is_played_again(name: str) -> None:
    """The number that was recorded comes out once more, with what was usual before, what was in force, and something to draw."""
    judged, wrong = CASES[name]
    own = stream(wrong)
    other = stream(0.0, len(own)) if DETECTORS[name].is_of_two else None
    at, number = raised(judged, own, other)
    firing = firing_of(Asked(judged, at, number, 1.0), own.between(0, at), other.between(0, at) if other else None)
    assert firing.problem is None
    assert DIFFERS not in firing.notes
    assert firing.played is not None
    assert same(firing.played, number)
    assert firing.onset_ms is not None
    assert firing.onset_ms <= firing.at_ms
    assert firing.series
    assert all(math.isfinite(fact) for fact in firing.facts.values())
    assert set(firing.judged.parameters) == set(DETECTORS[name].parameters.__struct_fields__)
    assert firing.usual is not None
    assert not judged.beyond(firing.usual.middle)
    assert as_told(*as_kept(firing)) == firing
    assert (BY_STAMP in firing.notes) == (name == "stale")


def test_the_facts_are_those_that_a_person_would_say() -> None:
    """Where it belongs, how far it went: checked by what was put in."""
    facts = {}
    for name in ("ewma", "rate", "stuck", "spike", "stale"):
        judged, wrong = CASES[name]
        own = stream(wrong)
        at, number = raised(judged, own, None)
        facts[name] = firing_of(Asked(judged, at, number, 1.0), own.between(0, at)).facts
    assert facts["ewma"]["level"] == pytest.approx(50.0, abs=1.0)
    assert facts["ewma"]["spread"] == pytest.approx(1.0, abs=0.5)
    assert facts["ewma"]["value"] == pytest.approx(90.0, abs=5.0)
    assert facts["rate"]["before"] == pytest.approx(50.0, abs=5.0)
    assert facts["stuck"]["rest"] == pytest.approx(50.0, abs=5.0)
    assert facts["spike"]["before"] == pytest.approx(50.0, abs=5.0)
    assert facts["stale"]["pause"] == 1.0


@pytest.mark.parametrize("name", ["cusum", "drift"])
def test_what_a_warm_up_keeps_in_the_place_of_a_level_is_no_fact(name: str) -> None:
    """Of readings too few to settle on anything: what was recorded counts, and no level, spread or side is made up."""
    judged, _ = CASES[name]
    own, other = stream(0.0, 50), stream(0.0, 50) if DETECTORS[name].is_of_two else None
    firing = firing_of(Asked(judged, int(own.at[-1]), 15.0, 1.0, older=True), own, other)
    assert firing.problem is None
    assert UNPLAYED in firing.notes
    assert not {"level", "spread", "side"} & firing.facts.keys()


@pytest.mark.parametrize("wild", [1e6, -1e6])
def test_what_a_wild_reading_did_to_a_mean_is_not_where_it_belongs(wild: float) -> None:
    """The detector leaves that stretch out, and tells of a step down from 50 to 10 as of one up from there."""
    judged, _ = CASES["deviation"]
    for step in (40.0, -40.0):
        own = stream(step)
        own.value[CALM - 100] = wild
        at, number = raised(judged, own, None)
        firing = firing_of(Asked(judged, at, number, 1.0), own.between(0, at))
        assert firing.facts["level"] == pytest.approx(50.0, abs=1.0)


def test_a_number_that_does_not_come_out_again_is_said() -> None:
    """What was recorded counts; where the detector had learned more than is read, that is said beside it."""
    judged, wrong = CASES["ewma"]
    own = stream(wrong)
    at, number = raised(judged, own, None)
    there = own.between(0, at)
    assert DIFFERS in firing_of(Asked(judged, at, number + 3.0, 1.0), there).notes
    told = firing_of(Asked(judged, at, number + 3.0, 1.0, older=True), there)
    assert {DIFFERS, CUT_OFF} <= set(told.notes)
    assert told.recorded == number + 3.0


def test_what_cannot_be_played_is_declared() -> None:
    """No readings, no such detector, a parameter it does not have: a word for each, and no invented number."""
    limit = CASES["limit"][0]
    assert firing_of(Asked(limit, BEGAN, 71.0, 1.0), Readings.none()).problem == NO_READINGS
    nothing = stream(-math.inf).between(BEGAN + CALM * SECOND_US, 2**62)
    assert firing_of(Asked(limit, BEGAN, 71.0, 1.0), nothing).problem == NO_READINGS
    gone = Judged(detector="oracle", direction="high", setpoint=1.0)
    assert firing_of(Asked(gone, BEGAN, 2.0, 1.0), stream(0.0)).problem == UNKNOWN_DETECTOR
    odd = Judged(detector="limit", direction="high", setpoint=1.0, parameters={"charm": 1.0})
    assert firing_of(Asked(odd, BEGAN, 2.0, 1.0), stream(0.0)).problem == UNKNOWN_DETECTOR
    alone = firing_of(Asked(CASES["difference"][0], BEGAN + 5 * SECOND_US, 20.0, 1.0), stream(0.0), None)
    assert alone.problem in (None, FAILED)
    assert alone.played is None


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("readings", [1, 2])
def test_a_reading_or_two_are_enough_to_say_something(name: str, readings: int) -> None:
    """A sensor that has just begun breaks nothing, nor does a detector that this file does not know."""
    judged = CASES[name][0] if name in CASES else Judged(detector=name, direction="high", setpoint=1.0)
    own = stream(0.0, readings)
    other = own if DETECTORS[name].is_of_two else None
    told = firing_of(Asked(judged, int(own.at[-1]), 99.0, 1.0), own, other)
    assert told.problem in (None, NO_READINGS)
    assert told.usual is None


def test_late_readings_are_left_out_where_the_detector_did_not_hear_them() -> None:
    """A detector with a memory saw none of them; a limit saw all."""
    own = stream(0.0, 100)
    quality = own.quality.copy()
    quality[50] = int(Mark.LATE)
    value: Float64 = own.value.copy()
    value[50] = 1000.0
    late = Readings(own.at, value, quality)
    at = int(own.at[50])
    limit = firing_of(Asked(CASES["limit"][0], at, 1000.0, 1.0), late.between(0, at))
    assert limit.played == 1000.0
    rate = firing_of(Asked(CASES["rate"][0], int(own.at[-1]), 0.0, 1.0), late)
    assert rate.played is not None
    assert abs(rate.played) < 100.0


def test_how_far_back_is_read_has_an_end() -> None:
    """Nine days, and so many readings, whatever the parameters say; a number that looks back far is read as far."""
    for name, (judged, _) in CASES.items():
        for period in (0.001, 1.0, 3600.0):
            far = reach_of(Asked(judged, BEGAN, 1e12, period))
            assert 0.0 <= far.looked <= 9 * 86_400.0, name
            assert far.looked <= far.played or period == 0.001, name
            assert far.played <= max(9 * 86_400.0, far.shown)


@pytest.mark.parametrize(("name", "most"), [("stuck", 0.0), ("unusable", 0.0), ("time_over", 1.0), ("exposure", 50.5)])
def test_what_led_to_the_alarm_is_not_what_was_usual(name: str, most: float) -> None:
    """A number that counts up to its limit passes just below it: that says nothing about other days."""
    judged, wrong = CASES[name]
    own = stream(wrong)
    at, number = raised(judged, own, None)
    usual = firing_of(Asked(judged, at, number, 1.0), own.between(0, at)).usual
    assert usual is not None
    assert usual.most is not None
    assert usual.most <= most
