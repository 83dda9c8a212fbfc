"""Who is on duty: one person at a covered instant, whichever way it is asked, on every clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.roster import By, Hours, Layer, Override, Roster, holes, on_call, reached_at, spans

ZHAO, QIAN, SUN, LI = 1, 2, 3, 4
MONDAY = date(2026, 1, 5)
WEEK = Layer(key="week", people=(ZHAO, QIAN), begins_on=MONDAY)
ZONES = ["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]


def roster(*layers: Layer, zone: str = "Asia/Shanghai", **more: object) -> Roster:
    return Roster(roster_id=7, key="duty", audience="client", time_zone=zone, layers=layers, **more)  # type: ignore[arg-type]


def there(zone: str, *parts: int) -> datetime:
    return datetime(*parts, tzinfo=ZoneInfo(zone)).astimezone(UTC)  # type: ignore[arg-type, misc]


def test_a_week_is_handed_over_on_its_weekday_and_hour() -> None:
    """Monday 8 o'clock of the roster's own clock, not of anybody else's."""
    at = [there("Asia/Shanghai", 2026, 1, *rest) for rest in ((12, 7, 59), (12, 8, 0), (19, 7, 59), (19, 8, 0))]
    assert [on_call(roster(WEEK), each).person_id for each in at] == [ZHAO, QIAN, QIAN, ZHAO]
    assert on_call(roster(WEEK), at[0]).reason() == "layer week"


def test_before_the_first_hand_over_nobody_is_on_duty() -> None:
    """A rotation that has not begun is a hole, and said as one."""
    duty = on_call(roster(WEEK), there("Asia/Shanghai", 2026, 1, 5, 7, 59))
    assert (duty.person_id, duty.by) == (None, By.HOLE)


def test_shifts_cover_a_day_and_what_they_leave_open_is_a_hole() -> None:
    """Day and night as two layers; without the night its hours are holes."""
    day = Layer(key="day", people=(ZHAO,), begins_on=MONDAY, hours=Hours(time(8), time(20)), turn_days=1)
    night = Layer(key="night", people=(QIAN, SUN), begins_on=MONDAY, hours=Hours(time(20), time(8)), turn_days=1)
    begins, ends = there("Asia/Shanghai", 2026, 1, 6, 8), there("Asia/Shanghai", 2026, 1, 8, 8)
    both = spans(roster(day, night), begins, ends)
    assert [(span.duty.person_id, span.duty.layer) for span in both] == [
        (ZHAO, "day"), (SUN, "night"), (ZHAO, "day"), (QIAN, "night"),
    ]  # fmt: skip
    assert [(hole.ends_at - hole.begins_at) for hole in holes(roster(day), begins, ends)] == [timedelta(hours=12)] * 2


def test_a_holiday_switches_to_its_layer_from_hand_over_to_hand_over() -> None:
    """The shift of the evening before is not cut at midnight."""
    feast = Layer(key="feast", people=(SUN,), begins_on=MONDAY, on_holidays=True)
    found = roster(WEEK, feast, holidays=frozenset({date(2026, 2, 17)}))
    assert on_call(found, there("Asia/Shanghai", 2026, 2, 17, 7, 59)).layer == "week"
    assert on_call(found, there("Asia/Shanghai", 2026, 2, 17, 8)).by is By.HOLIDAY
    assert on_call(found, there("Asia/Shanghai", 2026, 2, 18, 7, 59)).person_id == SUN
    assert on_call(found, there("Asia/Shanghai", 2026, 2, 18, 8)).layer == "week"


def test_the_later_override_holds_and_nobody_can_be_put_on_duty() -> None:
    """Who takes over is on duty by that; where nobody is, that is a hole with a reason."""
    at = there("Asia/Shanghai", 2026, 1, 6, 12)
    first = Override(override_id=1, person_id=SUN, begins_at=at, ends_at=at + timedelta(hours=4))
    second = Override(override_id=2, person_id=None, begins_at=at, ends_at=at + timedelta(hours=1))
    found = roster(WEEK, overrides=(first, second))
    assert on_call(found, at).by is By.NOBODY_BY_OVERRIDE
    assert on_call(found, at + timedelta(hours=1)).person_id == SUN
    assert on_call(found, at + timedelta(hours=4)).person_id == ZHAO


def test_who_has_left_is_passed_over_and_named() -> None:
    """A person who is no longer active leaves a hole, unless another layer or an earlier override fills it."""
    at = there("Asia/Shanghai", 2026, 1, 6, 12)
    gone = on_call(roster(WEEK, gone=frozenset({ZHAO})), at)
    assert (gone.person_id, gone.by, gone.missing) == (None, By.GONE, ZHAO)
    below = Layer(key="below", people=(SUN,), begins_on=MONDAY)
    assert on_call(roster(WEEK, below, gone=frozenset({ZHAO})), at).person_id == SUN


def test_a_rotation_of_nobody_is_a_hole() -> None:
    """It is refused when saved; where it is met all the same it names nobody and breaks nothing."""
    assert on_call(roster(Layer(key="empty", people=(), begins_on=MONDAY)), there("UTC", 2026, 3, 1)).person_id is None


def test_a_call_into_a_hole_goes_to_everybody_of_the_roster() -> None:
    """Rather too many than none."""
    found = roster(WEEK, gone=frozenset({ZHAO}))
    assert reached_at(found, there("Asia/Shanghai", 2026, 1, 6, 12))[0] == (QIAN,)
    assert reached_at(roster(WEEK), there("Asia/Shanghai", 2026, 1, 1))[0] == (ZHAO, QIAN)


def test_a_hand_over_in_the_hour_that_is_skipped_or_comes_twice() -> None:
    """RFC 5545 3.3.5: a skipped 02:30 is read with the offset before it, one that comes twice is the first."""
    daily = Layer(key="day", people=(ZHAO, QIAN), begins_on=date(2026, 1, 1), hand_over=time(2, 30), turn_days=1)
    found = roster(daily, zone="Europe/Berlin")
    spring = spans(found, datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC))
    assert [span.begins_at for span in spring[1:]] == [
        datetime(2026, 3, 28, 1, 30, tzinfo=UTC), datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        datetime(2026, 3, 30, 0, 30, tzinfo=UTC),
    ]  # fmt: skip
    autumn = spans(found, datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 26, 12, tzinfo=UTC))
    assert [span.begins_at for span in autumn[1:]] == [
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 26, 1, 30, tzinfo=UTC),
    ]  # fmt: skip


clocks = st.times(max_value=time(23, 59)).map(lambda each: each.replace(second=0, microsecond=0))
instants = st.integers(0, 400 * 1440).map(
    lambda minutes: datetime(2026, 1, 10, tzinfo=UTC) + timedelta(minutes=minutes)
)


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    begins, ends = draw(clocks), draw(clocks)
    return Layer(
        key=draw(st.sampled_from(["a", "b", "c"])),
        people=tuple(draw(st.lists(st.sampled_from([ZHAO, QIAN, SUN, LI]), min_size=0, max_size=4))),
        begins_on=draw(st.dates(date(2025, 12, 1), date(2026, 6, 1))),
        hand_over=draw(clocks),
        turn_days=draw(st.sampled_from([1, 2, 7, 14])),
        hours=draw(st.none() | st.just(Hours(begins, ends))) if begins != ends else None,
        on_holidays=draw(st.booleans()),
    )


@st.composite
def rosters(draw: st.DrawFn) -> Roster:
    overrides = []
    for number in range(draw(st.integers(0, 3))):
        begins = draw(instants)
        ends = begins + timedelta(minutes=draw(st.integers(1, 5000)))
        person = draw(st.none() | st.sampled_from([ZHAO, QIAN, SUN, LI]))
        overrides.append(Override(override_id=number + 1, person_id=person, begins_at=begins, ends_at=ends))
    return roster(
        *draw(st.lists(layers(), max_size=3)),
        zone=draw(st.sampled_from(ZONES)),
        holidays=frozenset(draw(st.lists(st.dates(date(2026, 1, 1), date(2027, 1, 1)), max_size=10))),
        overrides=tuple(overrides),
        gone=draw(st.frozensets(st.sampled_from([ZHAO, QIAN]), max_size=1)),
    )


@settings(max_examples=60, deadline=None)
@given(rosters(), instants, st.integers(1, 10 * 1440), st.lists(st.integers(0, 10**9), min_size=5, max_size=5))
def test_asked_by_instant_or_by_spans_the_answer_is_the_same(
    found: Roster, begins_at: datetime, minutes: int, where: list[int]
) -> None:
    """Spans tile the time without gap or overlap, neighbours differ, and each says what the instant says."""
    ends_at = begins_at + timedelta(minutes=minutes)
    tiles = spans(found, begins_at, ends_at)
    assert tiles[0].begins_at == begins_at
    assert tiles[-1].ends_at == ends_at
    for left, right in pairwise(tiles):
        assert left.ends_at == right.begins_at
        assert left.duty != right.duty
    for part in where:
        at = begins_at + timedelta(seconds=part % (60 * minutes))
        inside = [tile for tile in tiles if tile.begins_at <= at < tile.ends_at]
        assert [tile.duty for tile in inside] == [on_call(found, at)]


@settings(max_examples=60, deadline=None)
@given(rosters(), instants)
def test_there_is_one_person_or_a_hole_with_its_reason(found: Roster, at: datetime) -> None:
    """Never somebody who has left or is not of the roster; never nobody without saying why; a call reaches whoever is left."""
    duty = on_call(found, at)
    told, _ = reached_at(found, at)
    if duty.person_id is None:
        assert duty.reason().startswith("nobody")
        assert set(told) == found.people()
    else:
        assert duty.person_id in found.people()
        assert told == (duty.person_id,)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ZONES), clocks, instants)
def test_a_rotation_over_all_days_has_no_hole_and_takes_turns(zone: str, hand_over: time, at: datetime) -> None:
    """Whatever the clock does: covered throughout, and each turn goes to the next in order."""
    daily = Layer(key="d", people=(ZHAO, QIAN, SUN), begins_on=date(2025, 12, 1), hand_over=hand_over, turn_days=1)
    tiles = spans(roster(daily, zone=zone), at, at + timedelta(days=12))
    turns = [tile.duty.person_id for tile in tiles]
    assert None not in turns
    assert all(right == left % 3 + 1 for left, right in pairwise(turns))  # type: ignore[operator]


@pytest.mark.parametrize("zone", ZONES)
def test_a_year_of_a_daily_duty_has_a_turn_a_day(zone: str) -> None:
    """Changes of the clock neither lose nor add a turn."""
    daily = Layer(key="d", people=(ZHAO, QIAN), begins_on=date(2025, 12, 1), turn_days=1)
    begins = there(zone, 2026, 1, 1, 8)
    assert len(spans(roster(daily, zone=zone), begins, there(zone, 2027, 1, 1, 8))) == 365
