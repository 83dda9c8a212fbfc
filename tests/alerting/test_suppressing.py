"""What silences an alarm, at any instant, in any order of beginnings and ends."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.alarm import Alarm, Happening, State, Suppression, step
from alerting.episode import Episode
from alerting.ledger import AlarmKey, Change, Standing, work_out
from alerting.orders import (
    LONGEST,
    LONGEST_OUT,
    Closing,
    Kind,
    Order,
    Touched,
    check_alarms,
    check_closing,
    check_order,
)
from alerting.suppressing import Cover, Rule, covered, move, with_rules
from core.errors import Refused
from core.model import Priority

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MINUTES = st.integers(0, 20).map(lambda n: NOW + n * MINUTE)
COVERS = st.lists(
    st.builds(
        lambda kind, begins, minutes: Cover(kind, begins, begins + minutes * MINUTE, order_id=1),
        st.sampled_from([Suppression.BY_DESIGN, Suppression.OUT_OF_SERVICE]),
        MINUTES,
        st.integers(1, 8),
    ),
    max_size=4,
)
ACTS = st.lists(
    st.tuples(st.integers(0, 24), st.sampled_from(["raise", "clear", "acknowledge", "shelve", "unshelve"])), max_size=12
)


@given(covers=COVERS, acts=ACTS)
def test_an_alarm_is_suppressed_exactly_while_something_covers_it(
    covers: list[Cover], acts: list[tuple[int, str]]
) -> None:
    """At any instant; what begins or ends in whatever order. Leaving while active calls, and nothing under cover does."""
    alarm, shelved_until = Alarm(), None
    for minute in range(30):
        now = NOW + minute * MINUTE
        for act in ["look", *(act for at, act in acts if at == minute), "look"]:
            before = alarm
            if act == "look":
                to = move(alarm, covers, now)
                if to is None:
                    continue
                happening, until = to.happening, to.until
            else:
                happening, until = Happening(act), now + 3 * MINUTE if act == "shelve" else None
                under = move(replace(alarm, suppression=Suppression.NONE, until=None), covers, now)
                if act == "unshelve" and alarm.suppression is Suppression.SHELVED and under is not None:
                    happening, until = under.happening, under.until  # as alerting.off_the_shelf does
            try:
                done = step(alarm, happening, at=now, latch=False, until=until)
            except Refused:
                assert act != "look"
                continue
            alarm = done.alarm
            shelved_until = {"shelve": until, "unshelve": None}.get(act, shelved_until)
            freed = before.suppression is not Suppression.NONE and alarm.suppression is Suppression.NONE
            assert not (done.calls and covered(alarm, covers, now)), "nobody is called for what is covered"
            assert not freed or done.calls == before.active, "leaving while active calls"
            if alarm.suppression is Suppression.OUT_OF_SERVICE:
                shelved_until = None  # who takes it out of service takes it off the shelf
        in_force = [cover for cover in covers if cover.holds(now)]
        shelf = shelved_until is not None and now < shelved_until
        assert (alarm.suppression is not Suppression.NONE) == (shelf or bool(in_force))
        if any(cover.suppression is Suppression.OUT_OF_SERVICE for cover in in_force):
            assert alarm.suppression is Suppression.OUT_OF_SERVICE
        assert move(alarm, covers, now) is None


PARENT, OTHER, CHILD, SECOND = (AlarmKey(n, n) for n in (1, 2, 3, 4))
RULES = [
    Rule(1, PARENT, True, timedelta(days=1), Episode(), (CHILD, SECOND), "stopped / 停机"),
    Rule(2, OTHER, False, timedelta(days=1), Episode(), (CHILD,), "switch / 总开关"),
]


def standing(key: AlarmKey) -> Standing:
    return Standing(
        key=key, company_id=1, site_id=1, priority=Priority.HIGH, latch=False, alarm=Alarm(), occurrence_id=None,
        chain=b"", transitions=0, changed_at=NOW - DAY,
    )  # fmt: skip


Told = list[tuple[AlarmKey, Happening, datetime, Suppression]]


def play(
    batches: list[list[Change]], longest: timedelta = DAY
) -> tuple[Told, list[tuple[AlarmKey, datetime]], dict[AlarmKey, Alarm]]:
    """Batch by batch as `apply` does it: transitions of each alarm, calls, and how the alarms stand then."""
    standings = {key: standing(key) for key in (PARENT, OTHER, CHILD, SECOND)}
    episodes = {1: Episode(), 2: Episode()}
    told: Told = []
    calls: list[tuple[AlarmKey, datetime]] = []
    for batch in batches:
        heard = {change.alarm for change in batch}
        rules = [replace(r, longest=longest, episode=episodes[r.rule_id]) for r in RULES if r.parent in heard]
        others = {
            key: [
                cover
                for r in RULES
                if r.parent not in heard
                and key in r.children
                and (cover := replace(r, longest=longest, episode=episodes[r.rule_id]).cover()) is not None
            ]
            for key in (CHILD, SECOND)
        }
        known = {key: (each.alarm, each.changed_at) for key, each in standings.items()}
        changes, after = with_rules(batch, rules, known, others)
        episodes.update(after)
        for entry in work_out(standings, changes, now=NOW + HOUR / 10):
            told += [(d.change.alarm, d.change.happening, d.change.at, d.suppression) for d in entry.drafts]
            calls += [(entry.before.key, onset) for onset in entry.onsets]
            standings[entry.before.key] = entry.after
    return sorted(told, key=lambda t: (t[0], t[2])), calls, {key: each.alarm for key, each in standings.items()}


@given(
    happenings=st.lists(
        st.tuples(st.sampled_from([PARENT, OTHER, CHILD, SECOND]), st.booleans()), min_size=1, max_size=12
    ),
    cuts=st.sets(st.integers(1, 11)),
    longest=st.sampled_from([DAY, MINUTE / 4]),
)
def test_any_split_into_batches_gives_the_same_suppression(
    happenings: list[tuple[AlarmKey, bool]], cuts: set[int], longest: timedelta
) -> None:
    """Rules hold from their parent's instant: one batch or many, and whatever stands first in a batch, the rows are the same."""
    changes = [
        Change(alarm=key, happening=Happening.RAISE if active else Happening.CLEAR, at=NOW + n * MINUTE / 10)
        for n, (key, active) in enumerate(happenings)
    ]
    edges = [0, *sorted(cut for cut in cuts if cut < len(changes)), len(changes)]
    split = [changes[a:b] for a, b in pairwise(edges)]
    whole = sorted(changes, key=lambda c: c.alarm)  # as ingest gives them: detector by detector, each alarm's in order
    told, _, alarms = play(split, longest)
    told_whole, calls, alarms_whole = play([whole], longest)
    assert told == told_whole
    assert {k: replace(a, onset=None) for k, a in alarms.items()} == {
        k: replace(a, onset=None) for k, a in alarms_whole.items()
    }, "but for whether a call runs: of what is over by the end of a batch nobody is told"
    assert all(key != PARENT for key, *_ in told), "a state is nobody's alarm"
    for key in (CHILD, SECOND):
        if alarms[key].suppression is not Suppression.NONE:
            assert not any(called == key for called, _ in calls), "nobody is called for what is silenced"


def test_a_parent_that_is_put_aside_silences_nobody() -> None:
    """Somebody must be called: the parent, or its children."""
    known = {OTHER: (Alarm(suppression=Suppression.SHELVED), NOW), CHILD: (Alarm(), NOW)}
    changes, since = with_rules([Change(alarm=OTHER, happening=Happening.RAISE, at=NOW)], RULES[1:], known, {})
    assert [change.alarm for change in changes] == [OTHER]
    assert since == {2: Episode(NOW, None, NOW)}


def test_who_is_freed_twice_at_one_instant_is_called_twice() -> None:
    """Freed and called at NOW; what came before that is learnt of late and silences and frees it again: a call of its own, later."""
    known = {OTHER: (Alarm(), NOW), CHILD: (Alarm(), NOW)}
    batch = [
        Change(alarm=OTHER, happening=happening, at=at)
        for happening, at in [
            (Happening.RAISE, NOW - 2 * MINUTE), (Happening.CLEAR, NOW - MINUTE),
            (Happening.RAISE, NOW - MINUTE / 2), (Happening.CLEAR, NOW),
        ]
    ]  # fmt: skip
    changes, _ = with_rules(batch, RULES[1:], known, {})
    of_child = [(change.happening, change.at) for change in changes if change.alarm == CHILD]
    moment = timedelta(microseconds=1)
    assert of_child == [
        (Happening.SUPPRESS, NOW), (Happening.UNSUPPRESS, NOW + moment),
        (Happening.SUPPRESS, NOW + moment), (Happening.UNSUPPRESS, NOW + 2 * moment),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Opened:
    kind: str
    begins_at: datetime
    requested_by: int


def order(**words: object) -> Order:
    given: dict[str, object] = {
        "kind": "maintenance", "site_id": 1, "zone_id": 2, "begins_at": NOW, "ends_at": NOW + HOUR, "number": "W-1",
        "reason": "belt", "signed_by": "Chen",
    }  # fmt: skip
    return Order(**{**given, **words})  # type: ignore[arg-type]  # the words of each case


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"kind": "holiday"}, "one of maintenance"),
        ({"begins_at": NOW - HOUR}, "before it begins"),
        ({"begins_at": NOW + 40 * DAY, "ends_at": NOW + 41 * DAY}, "at most 31 days before"),
        ({"ends_at": NOW}, "ends after it begins"),
        ({"ends_at": NOW + 400 * DAY}, "at most 72 h"),
        ({"kind": "shutdown", "ends_at": NOW + 32 * DAY}, "at most 31 days"),
        ({"kind": "hot_work", "ends_at": NOW + 9 * HOUR}, "at most 8 h"),
        ({"kind": "confined_space", "zone_id": None}, "names the zone"),
        ({"kind": "out_of_service"}, "alarm by alarm"),
        ({"definition_ids": (1,)}, "not both"),
        ({"kind": "drill", "zone_id": None, "definition_ids": (1,)}, "silences none"),
        ({"zone_id": None, "definition_ids": tuple(range(60))}, "At most 50"),
    ],
)
def test_an_order_that_cannot_be_gets_a_sentence(words: dict[str, object], sentence: str) -> None:
    """A permit that never ends, one for yesterday, one without a place."""
    with pytest.raises(Refused, match=sentence):
        check_order(order(**words), NOW)


def test_a_window_never_silences_life_safety() -> None:
    """By name, or because nothing else is there."""
    gas = Touched(7, 7, "Gas at 25 % LEL", Priority.LIFE_SAFETY, True)
    heat = Touched(8, 8, "Heat", Priority.HIGH, False)
    check_alarms(order(), Kind.MAINTENANCE, [gas, heat])
    with pytest.raises(Refused, match="no window silences it"):
        check_alarms(order(zone_id=None, definition_ids=(7, 8)), Kind.MAINTENANCE, [gas, heat])
    with pytest.raises(Refused, match="no alarm there"):
        check_alarms(order(), Kind.SHUTDOWN, [gas])
    with pytest.raises(Refused, match="no alarm there"):
        check_alarms(order(), Kind.SHUTDOWN, [])
    out = order(kind="out_of_service", zone_id=None, definition_ids=(7,), ends_at=NOW + 4 * DAY)
    with pytest.raises(Refused, match="no alarm there"):
        check_alarms(order(), Kind.SHUTDOWN, [Touched(9, 9, "Gas at 10 % LEL", Priority.HIGH, True)])
    check_alarms(
        order(zone_id=None, definition_ids=(9,)), Kind.SHUTDOWN, [Touched(9, 9, "Gas at 10 % LEL", Priority.HIGH, True)]
    )
    with pytest.raises(Refused, match="life-safety alarm can be out of service for at most 72 h"):
        check_alarms(out, Kind.OUT_OF_SERVICE, [gas])


@pytest.mark.parametrize(
    ("by", "sentence"),
    [
        (Closing(1, "safety_officer", "safety_officer", "all out"), "another person looks"),
        (Closing(2, "integrator", "integrator", "all out"), "One of the two"),
        (Closing(2, "integrator", None, "all out"), "One of the two"),
        (Closing(2, "safety_officer", "integrator", "  "), "everybody is out"),
    ],
)
def test_a_permit_is_closed_by_two_people(by: Closing, sentence: str) -> None:
    """One of them a safety officer; a window, and a permit that has not begun, ask for nobody else."""
    of = Opened("hot_work", NOW, 1)
    with pytest.raises(Refused, match=sentence):
        check_closing(of, by, NOW + HOUR)
    check_closing(replace(of, kind="maintenance"), by, NOW + HOUR)
    check_closing(replace(of, begins_at=NOW + 2 * HOUR), by, NOW + HOUR)
    check_closing(of, Closing(2, "integrator", "safety_officer", "all out"), NOW + HOUR)


def test_every_kind_and_priority_has_an_end() -> None:
    """Nothing is silenced without a longest time."""
    assert set(LONGEST) | {Kind.OUT_OF_SERVICE} == set(Kind)
    assert set(LONGEST_OUT) == set(Priority)
    assert max(*LONGEST.values(), *LONGEST_OUT.values()) <= timedelta(days=31)


def heard(key: AlarmKey, active: bool, minute: float) -> Change:
    return Change(alarm=key, happening=Happening.RAISE if active else Happening.CLEAR, at=NOW + minute * MINUTE)


def test_a_window_that_began_meanwhile_is_not_ended_by_a_late_batch() -> None:
    """The batch's covers are as old as the batch; what stands on the row and no rule has set is left to the duty."""
    rule = replace(RULES[1], episode=Episode(NOW - HOUR, None, NOW - HOUR))
    window = Alarm(State.UNACKNOWLEDGED, True, Suppression.BY_DESIGN, NOW + 2 * DAY)
    for aside in (window, replace(window, suppression=Suppression.OUT_OF_SERVICE)):
        known = {OTHER: (Alarm(active=True), NOW - HOUR), CHILD: (aside, NOW)}
        changes, since = with_rules([heard(OTHER, False, -1)], [rule], known, {})
        assert [change.alarm for change in changes] == [OTHER]
        assert since == {2: Episode(None, NOW - MINUTE, NOW - HOUR)}
        begun, _ = with_rules([heard(OTHER, True, -1)], RULES[1:], known, {})
        assert [change.alarm for change in begun] == [OTHER], "out of service does not become by design either"
    own = {**known, CHILD: (replace(window, until=NOW - HOUR + DAY), NOW)}
    changes, _ = with_rules([heard(OTHER, False, 1)], [rule], own, {})
    assert [change.happening for change in changes if change.alarm == CHILD] == [Happening.UNSUPPRESS]


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=30))
def test_a_parent_that_flaps_silences_nobody_for_longer_than_the_longest_time(flaps: list[tuple[int, int]]) -> None:
    """However often it comes and goes: between two quiet gaps its covers hold only within the longest time from the first one."""
    rule, at = replace(RULES[1], longest=2 * HOUR), NOW
    held: list[tuple[datetime, datetime]] = []
    for on, off in flaps:
        rule = rule.turned(at, holds=True)
        cover = rule.cover()
        assert cover is not None
        held.append((at, min(at + on * MINUTE, cover.ends_at)))
        rule = rule.turned(at + on * MINUTE, holds=False)
        assert rule.cover() is None
        at += (on + off) * MINUTE
    assert all(until - NOW <= 2 * HOUR for _, until in held), "none of these gaps is quiet for an hour"
    again = rule.turned(at + HOUR, holds=True).cover()
    assert again is not None
    assert again.ends_at == at + 3 * HOUR, "quiet for an hour: a new episode"


@pytest.mark.parametrize("child_first", [True, False])
@pytest.mark.parametrize("minute", [2, 2.5])
def test_what_ends_with_its_parent_calls_nobody(minute: float, child_first: bool) -> None:
    """At the same instant, or later in the batch in which the parent ends: the line runs again, and nobody hears of it."""
    end = [heard(OTHER, False, 2), heard(CHILD, False, minute)]
    _, calls, alarms = play([[heard(OTHER, True, 0), heard(CHILD, True, 1)], end[::-1] if child_first else end])
    assert [key for key, _ in calls] == [OTHER]
    assert alarms[CHILD].suppression is Suppression.NONE
    assert alarms[CHILD].onset is None
    _, calls, _ = play([[heard(OTHER, True, 0), heard(CHILD, True, 0)], [heard(OTHER, False, 2)]])
    assert [key for key, _ in calls] == [OTHER, CHILD], "what holds yet calls"


def test_a_shelf_without_an_end_is_over() -> None:
    """No row says so; were there one, nothing would ever end it."""
    to = move(Alarm(suppression=Suppression.SHELVED), [], NOW)
    assert to is not None
    assert to.happening is Happening.SHELF_EXPIRED
