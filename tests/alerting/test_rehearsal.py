"""What conditions would have meant to people."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from alerting.rehearsal import Danger, Spell, called_for, calls, chatter, floods, found_at, raises, spells
from alerting.routing import Route, RouteStep
from core.batch import Event
from core.model import Priority

SECOND = 1_000_000
ROUTES = [
    Route("all", "client", frozenset(Priority), [RouteStep(0, 0.0, 1, "smtp"), RouteStep(1, 120.0, 2, "smtp"), RouteStep(2, 900.0, 3, "sms")]),
    Route("desk", "insurer", frozenset({Priority.LIFE_SAFETY}), [RouteStep(0, 0.0, 9, "smtp")]),
]  # fmt: skip


def event(active: bool, second: float) -> Event:
    return Event(1, 1, active, int(second * SECOND), 5.0)


def spell(since: float, until: float | None) -> Spell:
    return Spell(int(since * SECOND), None if until is None else int(until * SECOND), 5.0)


def test_events_are_spells() -> None:
    """In time order; what was over before the stretch is no part of it, what holds at its beginning was not raised in it, and what
    never ends has no end."""
    events = [event(True, 1), event(False, 2), event(True, 3), event(False, 12), event(True, 20)]
    found = spells(events, 10 * SECOND)
    assert found == [spell(3, 12), spell(20, None)]
    assert raises(found, 10 * SECOND) == [20 * SECOND]


def test_chatter_is_three_times_within_a_minute() -> None:
    """ISA-18.2 as domain.md 3.2 has it: three raises and clears within a minute, a long burst counts once."""
    assert chatter([spell(0, 1), spell(20, 21)]) == 0
    assert chatter([spell(0, 1), spell(20, 21), spell(58, 59)]) == 1
    assert chatter([spell(0, 1), spell(30, 31), spell(61, 62)]) == 0
    assert chatter([spell(10 * k, 10 * k + 1) for k in range(100)]) == 1
    assert chatter([spell(0, 1), spell(5, 6), spell(10, None)]) == 0, "what holds has not cleared"


def test_a_flood_is_more_than_ten_in_ten_minutes() -> None:
    """Of the whole site: one's own share is told apart."""
    assert floods([1], [2] * 9) == (0, 0)
    assert floods([1, 2], [3] * 9) == (1, 2)


def test_chatter_calls_nobody_twice_within_a_quarter_of_an_hour_unless_answered() -> None:
    """The table of states decides: acknowledged after five minutes, back again it calls anew; before that it is the same call. The
    first step and the one after two minutes go out before the answer, the third does not, and the insurer's desk is not counted."""
    quick = calls([spell(k * 10, k * 10 + 5) for k in range(20)], 0, Priority.HIGH, ROUTES, latch=False)
    assert (len(quick.onsets), quick.messages) == (1, 2)
    slow = calls([spell(k * 3600, k * 3600 + 60) for k in range(3)], 0, Priority.LIFE_SAFETY, ROUTES, latch=True)
    assert (len(slow.onsets), slow.messages) == (3, 6)
    assert calls([spell(-10, 5)], 0, Priority.HIGH, ROUTES, latch=False).onsets == ()
    assert calls([spell(0, 5)], 0, Priority.HIGH, [], latch=False).messages == 0


def test_a_danger_is_found_while_it_lasts() -> None:
    """By the first spell that holds in it: one that was over before it began has not told of it."""
    danger = Danger(1, "gas", "true_danger", True, 100 * SECOND, 200 * SECOND)
    assert found_at(danger, [spell(10, 90), spell(150, 160)]) == 150 * SECOND
    assert found_at(danger, [spell(10, 100)]) == 10 * SECOND
    assert found_at(danger, [spell(50, None)]) == 50 * SECOND
    assert found_at(danger, [spell(10, 90), spell(201, 202)]) is None


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 10_000)), max_size=60), st.booleans())
def test_whatever_happens_calls_are_among_the_raises(told: list[tuple[bool, int]], latch: bool) -> None:
    """No call without an alarm that was raised then, none twice, and spells never overlap."""
    found = spells([event(active, at) for active, at in told], 0)
    ends = [s.until for s in found]
    assert all(end is not None and end <= after.since for end, after in zip(ends, found[1:], strict=False))
    called = calls(found, 0, Priority.HIGH, ROUTES, latch=latch)
    assert set(called.onsets) <= set(raises(found, 0))
    assert len(set(called.onsets)) == len(called.onsets) or len(found) > len({s.since for s in found})


def test_what_holds_on_calls_again() -> None:
    """Acknowledged after five minutes and still active so long after that, it is heard again, as often as it takes; not where it has
    cleared, and not beyond the stretch."""
    hour = timedelta(hours=1)
    long = calls(
        [spell(0, 3 * 3600)], 0, Priority.HIGH, ROUTES, latch=False, until=4 * 3600 * SECOND, realarm_after=hour
    )
    assert [at // SECOND for at in long.onsets] == [0, 3900, 7800]
    assert long.messages == 6
    open_end = calls(
        [spell(0, None)], 0, Priority.HIGH, ROUTES, latch=True, until=2 * 3600 * SECOND, realarm_after=hour
    )
    assert [at // SECOND for at in open_end.onsets] == [0, 3900]
    assert len(calls([spell(0, None)], 0, Priority.HIGH, ROUTES, latch=True, until=9 * 3600 * SECOND).onsets) == 1
    short = calls([spell(0, 3900)], 0, Priority.HIGH, ROUTES, latch=True, until=9 * 3600 * SECOND, realarm_after=hour)
    assert len(short.onsets) == 1


def told(danger: Danger, of: list[Spell], in_force: list[Spell], priority: Priority = Priority.HIGH) -> int | None:
    """Second of the call that a version makes for a danger."""
    ends = [s.until for s in in_force if s.until is not None]
    found = called_for(danger, of, calls(of, 0, priority, ROUTES, latch=False), ends)
    return None if found is None else found.at // SECOND


def test_a_danger_that_a_spell_swallows_calls_nobody() -> None:
    """Two dangers, and an off-delay so long that one spell holds through both: called for the first, and for the second no more."""
    in_force = [spell(1000, 1100), spell(2000, 2100)]
    widened = [spell(1000, 2700)]
    first, second = (Danger(n, "gas", "true_danger", True, n * 1000 * SECOND, n * 1000 * SECOND + 1) for n in (1, 2))
    assert [told(d, in_force, in_force) for d in (first, second)] == [1000, 2000]
    assert [told(d, widened, in_force) for d in (first, second)] == [1000, None]


def test_a_call_before_the_danger_counts_where_it_is_about_it() -> None:
    """A lower limit calls sooner for the same rise; a call that nobody has answered yet is for what comes again within it; one of
    yesterday that still holds is not."""
    in_force = [spell(10_000, 11_000)]
    danger = Danger(1, "gas", "true_danger", True, 10_000 * SECOND, 11_000 * SECOND)
    assert told(danger, [spell(8_800, 11_200)], in_force) == 8_800
    assert told(danger, [spell(5_000, 11_200)], in_force) is None
    assert told(danger, [spell(9_900, 9_950), spell(10_010, 10_900)], in_force) == 9_900
    assert told(danger, [spell(9_900, 9_950)], in_force) is None, "over before it began"
    assert told(danger, [spell(10_300, None)], in_force) == 10_300
    again = calls(
        [spell(0, None)], 0, Priority.HIGH, ROUTES, latch=False, until=20_000 * SECOND, realarm_after=timedelta(hours=1)
    )
    heard = called_for(danger, [spell(0, None)], again, [])
    assert heard is not None
    assert heard.at == 7_800 * SECOND, "heard again within the hour before it, and it holds on"


def test_a_call_says_when_the_first_person_hears() -> None:
    """By the routes of that priority; where they send nobody, nobody hears, however the alarm stands in the list."""
    late = [Route("late", "client", frozenset({Priority.HIGH}), [RouteStep(0, 90.0, 1, "smtp")])]
    one = [spell(100, 200)]
    assert [o.heard for o in calls(one, 0, Priority.HIGH, late, latch=False).all] == [190 * SECOND]
    assert [o.heard for o in calls(one, 0, Priority.LOW, late, latch=False).all] == [None]
