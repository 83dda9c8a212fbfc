"""Lower and higher limits on one number: whatever the cut into batches, the same transitions and calls, and none without a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.alarm import Alarm, Happening, State, Suppression
from alerting.ledger import AlarmKey, Change, Entry, Standing, work_out
from alerting.replaying import Row
from core.model import Priority

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
HHH, HH, H = (AlarmKey(n, 1) for n in (1, 2, 3))  # the highest was written down first
BELOW = {HHH: (HH, H), HH: (H,), H: ()}
ACKNOWLEDGED = Alarm(State.ACKNOWLEDGED, active=True)
Told = list[tuple[AlarmKey, Happening, datetime, State]]
Called = list[tuple[AlarmKey, datetime]]


def standing(key: AlarmKey, alarm: Alarm, priority: Priority = Priority.HIGH) -> Standing:
    return Standing(
        key=key, company_id=1, site_id=1, priority=priority, latch=False, alarm=alarm, occurrence_id=None, chain=b"",
        transitions=0, changed_at=NOW - MINUTE,
    )  # fmt: skip


def acknowledged_below(
    standings: Mapping[AlarmKey, Standing], changes: Sequence[Change]
) -> dict[AlarmKey, list[AlarmKey]]:
    """As the store finds them before the batch."""
    raised = {change.alarm for change in changes if change.happening is Happening.RAISE}
    found = {
        key: [low for low in BELOW[key] if standings[low].alarm.state is State.ACKNOWLEDGED] for key in sorted(raised)
    }
    return {key: below for key, below in found.items() if below}


def apply(standings: dict[AlarmKey, Standing], changes: Sequence[Change], **words: Any) -> list[Entry]:
    given: dict[str, Any] = {"now": NOW + 5 * MINUTE, **words}
    entries = work_out(standings, changes, milder=acknowledged_below(standings, changes), **given)
    standings.update({entry.before.key: entry.after for entry in entries})
    return entries


def play(begin: Mapping[AlarmKey, Alarm], batches: Sequence[Sequence[Change]]) -> tuple[Told, Called, list[Alarm]]:
    standings = {key: standing(key, alarm) for key, alarm in begin.items()}
    told: Told = []
    called: Called = []
    for batch in batches:
        for entry in apply(standings, batch):
            told += [(d.change.alarm, d.change.happening, d.change.at, d.to_state) for d in entry.drafts]
            called += [(entry.before.key, onset) for onset in entry.onsets]
    alarms = [standings[key].alarm for key in sorted(standings)]
    return sorted(told, key=lambda each: each[0]), sorted(called), alarms


@given(
    begin=st.fixed_dictionaries({key: st.sampled_from([Alarm(), ACKNOWLEDGED]) for key in (HHH, HH, H)}),
    happenings=st.lists(
        st.tuples(st.sampled_from([HHH, HH, H]), st.booleans(), st.integers(1, 3)), min_size=1, max_size=12
    ),
    cuts=st.sets(st.integers(1, 11)),
)
def test_any_split_into_batches_gives_the_same_transitions_and_calls(
    begin: dict[AlarmKey, Alarm], happenings: list[tuple[AlarmKey, bool, int]], cuts: set[int]
) -> None:
    """One batch, detector by detector, or many in the order of time: nobody is called more or less."""
    at, changes = NOW, list[Change]()
    for key, active, later in happenings:
        at += later * SECOND
        changes.append(Change(alarm=key, happening=Happening.RAISE if active else Happening.CLEAR, at=at))
    edges = [0, *sorted(cut for cut in cuts if cut < len(changes)), len(changes)]
    split = play(begin, [changes[a:b] for a, b in pairwise(edges)])
    assert play(begin, [sorted(changes, key=lambda change: change.alarm)]) == split
    assert play(begin, [sorted(changes, key=lambda change: change.alarm, reverse=True)]) == split


def test_at_one_instant_the_higher_limit_comes_first() -> None:
    """H ends at the very instant at which HH begins: it is announced with it, whatever stands first."""
    changes = [
        Change(alarm=H, happening=Happening.CLEAR, at=NOW),
        Change(alarm=HH, happening=Happening.RAISE, at=NOW),
    ]
    begin = {HH: Alarm(), H: ACKNOWLEDGED}
    assert play(begin, [changes]) == play(begin, [changes[::-1]])
    assert (H, Happening.ESCALATE, NOW, State.UNACKNOWLEDGED) in play(begin, [changes])[0]


@pytest.mark.parametrize(
    ("higher", "at", "tells"),
    [
        (Alarm(), NOW, False),
        (Alarm(), NOW - 60 * MINUTE, True),
        (Alarm(suppression=Suppression.SHELVED, until=NOW + MINUTE), NOW, True),
        (Alarm(suppression=Suppression.BY_DESIGN, until=NOW + MINUTE), NOW, True),
    ],
)
def test_what_calls_nobody_announces_nothing_again(higher: Alarm, at: datetime, tells: bool) -> None:
    """Written down late, of the past, or put aside: the lower one stays acknowledged, for nobody would ever come to it."""
    standings = {HH: standing(HH, higher), H: standing(H, ACKNOWLEDGED)}
    entries = apply(standings, [Change(alarm=HH, happening=Happening.RAISE, at=at)], now=NOW, tells=tells)
    assert [entry.before.key for entry in entries] == [HH]
    assert standings[H].alarm == ACKNOWLEDGED


def test_life_safety_announces_again_also_when_written_down_late() -> None:
    """Its call runs whatever else is held back."""
    standings = {HH: standing(HH, Alarm(), Priority.LIFE_SAFETY), H: standing(H, ACKNOWLEDGED)}
    apply(standings, [Change(alarm=HH, happening=Happening.RAISE, at=NOW)], now=NOW, tells=False)
    assert standings[H].alarm == replace(ACKNOWLEDGED, state=State.UNACKNOWLEDGED, onset=NOW)


def test_replaying_follows_what_takes_over() -> None:
    """Another end, reason and author: those of the suppression that lies over it now."""
    row = Row(suppression="by_design", suppressed_until=NOW, suppression_reason="belt", suppressed_by=1)
    link: Any = _Took()
    after = row.after(link)
    assert (after.suppressed_until, after.suppression_reason, after.suppressed_by) == (NOW + MINUTE, "hot work", 2)


class _Took:
    """A transition that takes over, as far as replaying reads it."""

    to_state, event, suppression, until, reason, person_id = "A", "suppress", "by_design", NOW + MINUTE, "hot work", 2
    occurrence_id, at, number = None, NOW, 2
