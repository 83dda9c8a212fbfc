"""Hours of the week: what the number of `profile` means, at the site's own clock."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.batch import ReadingBatch
from core.errors import BadInput
from detectors.local_hour import HOUR_US, MONDAY, WEEK, local_hour, zones_of
from detectors.profile import Profile
from tests.detectors.streams import Reading, batch, definition, in_force

ZONES = ("UTC", "Asia/Shanghai", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe")
QUARTERS = 7 * 24 * 4  # readings of a week, one a quarter of an hour


def at(moment: datetime, values: list[float], every: timedelta = timedelta(minutes=15)) -> ReadingBatch:
    """Readings from a moment on."""
    readings = batch([Reading(0, 0.0, value) for value in values])
    start, step = round(moment.timestamp() * 1e6), round(every.total_seconds() * 1e6)
    readings.judged_at[:] = start + step * np.arange(len(values), dtype=np.int64)
    return readings


def plant(moment: datetime, count: int, zone: str, *, seed: int = 1) -> list[float]:
    """A sensor that reads 80 from 8 to 18 o'clock of working days at its place, and 20 else."""
    noise, place = np.random.default_rng(seed).normal(0.0, 1.0, count), ZoneInfo(zone)
    moments = [(moment + timedelta(minutes=15) * i).astimezone(place) for i in range(count)]
    return [
        float(x + (80.0 if m.weekday() < 5 and 8 <= m.hour < 18 else 20.0)) for x, m in zip(noise, moments, strict=True)
    ]


def profile(zone: str = "UTC", setpoint: float = 6.0, **parameters: float) -> Profile:
    return Profile(in_force(definition("profile", setpoint=setpoint, parameters=parameters, time_zone=zone)))


MONDAY_0 = datetime(2026, 1, 5, tzinfo=UTC)


def numbers(weeks: list[list[float]], moment: datetime = MONDAY_0, zone: str = "UTC", **more: float) -> list[float]:
    values = [value for week in weeks for value in week]
    return [float(x) for x in profile(zone, **more).score(at(moment, values)).number]


def test_says_nothing_before_its_weeks() -> None:
    """Three weeks without a word, from the fourth on a number for each reading: nothing unusual in a week like the others."""
    found = numbers([plant(MONDAY_0, 5 * QUARTERS, "UTC")])
    assert all(math.isnan(x) for x in found[: 3 * QUARTERS])
    assert np.isfinite(found[3 * QUARTERS + 4 :]).all()
    assert max(found[3 * QUARTERS + 4 :]) < 6.0


def test_the_same_value_is_usual_by_day_and_odd_by_night() -> None:
    """80 at noon of a Monday is nothing; at three in the night, or on a Sunday at noon, it is far."""
    before = plant(MONDAY_0, 3 * QUARTERS, "UTC")
    night, noon, sunday = 12, 48, 6 * 96 + 48
    week = plant(MONDAY_0, QUARTERS, "UTC", seed=2)
    week[night] = week[noon] = week[sunday] = 80.0
    found = numbers([before, week])[3 * QUARTERS :]
    assert found[noon] < 4.0
    assert min(found[night], found[sunday]) > 15.0


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_summer_time_moves_the_week_with_the_clock_of_the_site(zone: str) -> None:
    """The shift begins at eight by the clock on the wall, before and after it is put forward: no alarm on the Monday after."""
    begin = datetime(2026, 2, 16, tzinfo=UTC)  # Berlin changes on 29 March, New York on 8 March
    values = plant(begin, 8 * QUARTERS, zone)
    there = np.array(numbers([values], begin, zone))[4 * QUARTERS :]
    assert np.nanmax(there) < 6.0
    elsewhere = np.array(numbers([values], begin, "UTC"))[3 * QUARTERS :]
    assert np.nanmax(elsewhere) > 20.0  # by another clock it would call people


def test_one_bad_week_while_it_learns_is_none_of_its_levels() -> None:
    """Of the first three weeks it is the median: a week at another level moves nothing, whichever it was."""
    for bad in range(3):
        weeks = [plant(MONDAY_0, QUARTERS, "UTC", seed=seed) for seed in range(5)]
        weeks[bad] = [x + 300.0 for x in weeks[bad]]
        found = np.array(numbers(weeks))[3 * QUARTERS + 4 :]
        assert np.nanmax(found) < 10.0, bad
        assert np.nanmedian(found) < 2.0, bad


def test_what_is_beyond_the_setpoint_is_not_learnt_and_in_the_end_it_is() -> None:
    """A week at another level is as odd in its third week as in its first; after `relearn` weeks the hour begins anew."""
    usual = [plant(MONDAY_0, QUARTERS, "UTC", seed=seed) for seed in range(4)]
    moved = [[x + 200.0 for x in plant(MONDAY_0, QUARTERS, "UTC", seed=seed)] for seed in range(10, 18)]
    found = np.array(numbers([*usual, *moved], relearn=3.0)).reshape(12, QUARTERS)
    assert min(found[4][4:].min(), found[6].min()) > 50.0
    assert np.median(found[4]) == pytest.approx(np.median(found[6]), rel=0.1)
    assert np.isnan(found[8]).mean() > 0.95
    assert np.nanmax(found[11]) < 6.0


def test_a_week_that_changes_slowly_is_followed() -> None:
    """A level that rises by a tenth of its noise a week is usual in a year, and the noise stays what it is."""
    weeks = [[x + 0.1 * n for x in plant(MONDAY_0, QUARTERS, "UTC", seed=n)] for n in range(30)]
    assert np.nanmax(numbers(weeks)) < 7.0


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
def test_levels_of_any_size_are_kept(scale: float) -> None:
    """One setpoint does for every unit; a level may be far off what the first hours were."""
    quiet = [scale * x for x in np.random.default_rng(1).normal(1.0, 0.001, 3 * QUARTERS)]
    loud = plant(MONDAY_0, 3 * QUARTERS, "UTC")
    for week in ([scale * x for x in loud], [*quiet[:90], *(scale * x for x in loud[90:])]):
        found = numbers([week, [scale * x for x in plant(MONDAY_0, QUARTERS, "UTC", seed=9)]])[3 * QUARTERS + 96 :]
        assert np.nanmax(found) < 8.0


def test_a_slow_sensor_of_one_reading_an_hour_is_judged() -> None:
    """Nothing within an hour tells of its noise: the three weeks and all hours together do."""
    values = plant(MONDAY_0, 40 * QUARTERS, "UTC")[::4]
    found = profile().score(at(MONDAY_0, values, timedelta(hours=1))).number[3 * 168 + 1 :]
    assert np.isfinite(found).all()
    assert (found > 6.0).mean() < 0.01


def test_an_unknown_zone_is_a_sentence() -> None:
    """A zone that is none stops the set with its name."""
    with pytest.raises(BadInput, match="There is no time zone 'Mars/Olympus'"):
        profile("Mars/Olympus")


@given(st.sampled_from(ZONES), st.integers(31_536_000, 4_070_000_000))
def test_the_hour_is_that_of_the_clock_on_the_wall(zone: str, second: int) -> None:
    """As the zone's own rules say, whatever the instant; and it lasts at least until the instant asked for."""
    instant = second * 1_000_000
    hour, begin, end = local_hour(zones_of([zone]), 0, instant)
    wall = datetime.fromtimestamp(second, ZoneInfo(zone))
    assert (hour + MONDAY) % WEEK == wall.weekday() * 24 + wall.hour
    assert begin <= instant < end <= begin + HOUR_US


@pytest.mark.parametrize("wild", [1e6, 1e30, -1.7e308])
@pytest.mark.parametrize("place", [0, 40, QUARTERS + 41, 2 * QUARTERS + 42])
def test_one_wild_reading_while_it_learns_leaves_it_its_ears(wild: float, place: int) -> None:
    """A float whose words were swapped, in whichever of its first weeks: a fault in the fifth week is said all the same, and nothing else is."""
    weeks = plant(MONDAY_0, 5 * QUARTERS, "UTC")
    weeks[place] = wild
    night = 4 * QUARTERS + 2 * 96 + 12
    weeks[night] += 40.0
    found = np.array(numbers([weeks]))
    assert found[night] > 15.0
    others = np.delete(found, night)[3 * QUARTERS + 4 :]
    assert np.isfinite(others).all()
    assert np.mean(others >= 6.0) < 0.01


def test_an_hour_of_a_value_that_stands_for_none_costs_no_other_hour() -> None:
    """All readings of the first hour, and of one in the second week, say 999999: levels keep their digits."""
    weeks = plant(MONDAY_0, 5 * QUARTERS, "UTC")
    weeks[:4] = weeks[QUARTERS + 40 : QUARTERS + 44] = [999_999.0] * 4
    found = np.array(numbers([weeks]))[3 * QUARTERS + 4 :]
    assert np.nanmax(found) < 10.0
    assert 0.4 < np.nanmedian(found) < 1.2


def test_what_is_usual_in_the_hour_is_told() -> None:
    """The level and the spread that the newest reading was held against; nothing while the hour is not known."""
    detector = profile()
    detector.score(at(MONDAY_0, plant(MONDAY_0, 10, "UTC")))
    assert all(math.isnan(x) for x in detector.usual())
    count = 4 * QUARTERS + 49
    detector = profile()
    detector.score(at(MONDAY_0, plant(MONDAY_0, count, "UTC")))
    level, spread = detector.usual()
    assert level == pytest.approx(80.0, abs=1.0)
    assert spread == pytest.approx(1.0, abs=0.5)
