"""What a list of changes does to a set of locked alarms: transitions, occurrences, calls. Pure; `apply` writes it down."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final, NamedTuple

from alerting.alarm import Alarm, Happening, State, Step, Suppression, end_exercise, step
from alerting.routing import is_historic
from core.batch import Event
from core.model import Priority

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

# What an investigator wants to see around an occurrence: half an hour before and after covers a shift's hand-over talk and
# the slowest sensors' T90 many times over. Ours; a legal hold widens it.
EVIDENCE_BEFORE: Final = timedelta(minutes=30)
EVIDENCE_AFTER: Final = timedelta(minutes=30)

# Happenings after which nobody is to be called for what was before -> why, as kept with the cancelled notification.
ENDS_CALLS: Final = {
    Happening.ACKNOWLEDGE: "acknowledged",
    Happening.RESOLVE: "resolved",
    Happening.EXERCISE_OVER: "the exercise is over",
    Happening.SHELVE: "shelved",
    Happening.SUPPRESS: "suppressed by design",
    Happening.TAKE_OUT: "out of service",
}

TAKES_OVER: Final = frozenset(
    {Happening.SUPPRESS, Happening.TAKE_OUT}
)  # what silences an alarm that is silenced already


class AlarmKey(NamedTuple):
    """Which alarm: one a definition and sensor, for ever."""

    definition_id: int
    sensor_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that happened to an alarm.

    Args:
        at: when it happened; onset + delay for a condition.
        value: the detector's number that decided it.
        person_id: who did it; None for ingest and timers.
        until: end of a shelf.
        late: from a late reading: it happened beside what is known since.
        replayed: decided by readings marked as history that is played; it says so to people, and softens nothing.
        retired: nobody watches for it any more, so nobody is called; whether its condition holds is not known.
    """

    alarm: AlarmKey
    happening: Happening
    at: datetime
    value: float | None = None
    person_id: int | None = None
    reason: str | None = None
    until: datetime | None = None
    late: bool = False
    replayed: bool = False
    retired: bool = False


class Suppressed(NamedTuple):
    """Why an alarm is put aside, and who did it; both None: it is not."""

    reason: str | None = None
    by: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An alarm's row as it stands locked, with what its definition says.

    Args:
        occurrence_id: the open occurrence.
        chain: hash of the last transition.
        transitions: number of the last transition.
        suppressed: where a suppression has begun or ended since the row was read; None: the row's own stays.
        is_state: of the plant, and nobody's alarm.
        is_exercise: it walks the path of a real one, and is none.
    """

    key: AlarmKey
    company_id: int
    site_id: int
    priority: Priority
    latch: bool
    alarm: Alarm
    occurrence_id: int | None
    chain: bytes
    transitions: int
    changed_at: datetime
    suppressed: Suppressed | None = None
    is_state: bool = False
    is_exercise: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """A transition that is to be written, before its occurrence has a number."""

    change: Change
    number: int
    from_state: State
    to_state: State
    suppression: Suppression


@dataclass(slots=True)
class Entry:
    """All that one call does to one alarm.

    Args:
        before, after: the row.
        opens: when and with what number a new occurrence begins; None where none does.
        normal_at: where `normality_changed`, when the alarm came back to normal; None: it left it.
        onsets: instants from which people are to be called.
        ends_calls: why what still waits is cancelled.
        closes: the open occurrence is resolved by the last draft.
    """

    before: Standing
    after: Standing
    drafts: list[Draft] = field(default_factory=list)
    opens: Change | None = None
    historic: bool = False
    normality_changed: bool = False
    normal_at: datetime | None = None
    onsets: list[datetime] = field(default_factory=list)
    ends_calls: str | None = None
    closes: bool = False

    @property
    def replayed(self) -> bool:
        """Whether all that raised it was history that is played: what is real must never be taken for that."""
        raised = [draft.change.replayed for draft in self.drafts if draft.change.happening is Happening.RAISE]
        return bool(raised) and all(raised)

    @property
    def is_real(self) -> bool:
        """Whether something raised it that is not."""
        return any(draft.change.happening is Happening.RAISE and not draft.change.replayed for draft in self.drafts)


def changes_of(events: Sequence[Event]) -> list[Change]:
    """What conditions gave, as changes of alarms, in the same order."""
    return [
        Change(
            alarm=AlarmKey(event.definition_id, event.sensor_id),
            happening=Happening.RAISE if event.active else Happening.CLEAR,
            at=_EPOCH + timedelta(microseconds=event.at),
            value=event.value,
            reason=None if event.stored is None else _contradiction(event.value, event.stored),
            late=event.late,
            replayed=event.replayed,
        )
        for event in events
    ]


def _contradiction(sent: float, stored: float) -> str:
    """What is kept with a transition that nothing stored shows, in both languages as all words of data are."""
    return f"sent {sent:g} under an instant that is stored with {stored:g} / 该时刻已存储 {stored:g}，又报来 {sent:g}"


def notification_key(alarm: AlarmKey, onset: datetime, step: int, person_id: int, channel: str) -> str:
    """The receiver's idempotency key: the same for every attempt to send the same thing.

    >>> notification_key(AlarmKey(12, 70), datetime(2026, 1, 1, tzinfo=UTC), 0, 3, "smtp")
    '12-70-1767225600000000-0-3-smtp'
    """
    onset_us = (onset - _EPOCH) // timedelta(microseconds=1)
    return f"{alarm.definition_id}-{alarm.sensor_id}-{onset_us}-{step}-{person_id}-{channel}"


@dataclass(frozen=True, slots=True)
class CallOf:
    """What a call is about, as its key says."""

    alarm: AlarmKey
    onset: datetime
    person_id: int


def call_of(key: str) -> CallOf | None:
    """The other way round; None for what is no key of a call for an alarm.

    >>> call_of("12-70-1767225600000000-0-3-voice").person_id, call_of("finding-5-overdue-1767225600000000-0-3-smtp")
    (3, None)
    """
    found = re.fullmatch(r"(\d{1,9})-(\d{1,9})-(\d{1,17})-\d{1,9}-(\d{1,9})-[a-z]+", key, re.ASCII)
    if found is None:
        return None
    definition_id, sensor_id, onset_us, person_id = map(int, found.groups())
    return CallOf(AlarmKey(definition_id, sensor_id), _EPOCH + timedelta(microseconds=onset_us), person_id)


def work_out(
    standings: Mapping[AlarmKey, Standing],
    changes: Sequence[Change],
    *,
    now: datetime,
    tells: bool = True,
    milder: Mapping[AlarmKey, Sequence[AlarmKey]] = MappingProxyType({}),
) -> list[Entry]:
    """What the changes make of the alarms: an entry for each alarm that has a transition.

    Those of one alarm are taken in their order. Where one alarm may announce another again, those of all are taken in the order of
    time, so that it does not matter how they are cut into batches.

    Args:
        tells: False where what follows is known already and not written down yet: it may be over. Then nobody is called below
            life safety, and an alarm that ends unacknowledged stands without an onset: nobody has been told of it.
        milder: of an alarm that may be raised, those that a lower limit on the same number has: what of them is acknowledged
            is announced again with it.

    Raises:
        Refused: a person asked for what the state does not allow.
    """
    entries: dict[AlarmKey, Entry] = {}
    beside: set[AlarmKey] = set()
    for change in _in_time(changes, milder) if milder else changes:
        standing = standings[change.alarm]
        entry = entries.setdefault(change.alarm, Entry(standing, standing))
        if change.late and _beside(change, entry, beside):
            continue
        was = entry.after
        _take(entry, change, now, tells)
        news = entry.after is not was and change.happening is Happening.RAISE
        # Only under a call that runs: else what somebody has acknowledged would wait for a person whom nobody calls.
        if news and entry.after.alarm.onset is not None and not is_historic(change.at, now):
            _escalate(standings, entries, change, milder.get(change.alarm, ()), now)
    for entry in entries.values():
        _forget_what_is_over(entry)
    return [entries[key] for key in sorted(entries) if entries[key].drafts]


def _in_time(changes: Sequence[Change], milder: Mapping[AlarmKey, Sequence[AlarmKey]]) -> list[Change]:
    """By their instants, each alarm's own in their order; at one instant first the raises of what others hang on."""
    newest: dict[AlarmKey, tuple[datetime, bool]] = {}
    keyed = []
    for change in changes:
        key = (change.at, change.happening is not Happening.RAISE or change.alarm not in milder)
        newest[change.alarm] = key = max(key, newest.get(change.alarm, key))
        keyed.append((key, change))
    return [change for _, change in sorted(keyed, key=lambda each: each[0])]


def _beside(change: Change, entry: Entry, beside: set[AlarmKey]) -> bool:
    """A late pair of raise and clear changes nothing while the alarm is active: its clear is not the running one's."""
    if change.happening is Happening.RAISE and entry.after.alarm.active:
        beside.add(change.alarm)
        return True
    if change.happening is Happening.CLEAR and change.alarm in beside:
        beside.discard(change.alarm)
        return True
    return False


def _forget_what_is_over(entry: Entry) -> None:
    """What left suppression and cleared in the same batch calls nobody: a line that starts again would call for all it silenced.

    What latches waits for a person, and is told.
    """
    after = entry.after
    if after.alarm.active or after.latch:
        return
    freed = {draft.change.at for draft in entry.drafts if draft.change.happening is Happening.UNSUPPRESS}
    raised = {draft.change.at for draft in entry.drafts if draft.change.happening is Happening.RAISE}
    over = {onset for onset in entry.onsets if onset in freed and onset not in raised}
    entry.onsets = [onset for onset in entry.onsets if onset not in over]
    if after.alarm.onset in over:
        entry.after = replace(after, alarm=replace(after.alarm, onset=None))


def _escalate(
    standings: Mapping[AlarmKey, Standing],
    entries: dict[AlarmKey, Entry],
    higher: Change,
    milder: Sequence[AlarmKey],
    now: datetime,
) -> None:
    """What a person has acknowledged is worse than they knew: it is unacknowledged again, under the call of the higher limit."""
    for key in milder:
        entry = entries.setdefault(key, Entry(standings[key], standings[key]))
        if entry.after.alarm.state is State.ACKNOWLEDGED:
            change = Change(
                alarm=key, happening=Happening.ESCALATE, at=higher.at, value=higher.value, replayed=higher.replayed
            )
            _take(entry, change, now, tells=True)


def _take(entry: Entry, change: Change, now: datetime, tells: bool) -> None:
    was = entry.after
    alarm = was.alarm
    is_end = change.happening is Happening.CLEAR  # that somebody was called for it, is true beyond its end
    if alarm.onset is not None and not is_end and is_historic(alarm.onset, now) and not is_historic(change.at, now):
        alarm = replace(alarm, onset=None)  # a call for the past does not answer for what happens now
    if change.happening is Happening.EXERCISE_OVER:
        result = end_exercise(alarm) if was.is_exercise else Step(alarm, changed=False)
    else:
        result = step(alarm, change.happening, at=change.at, latch=was.latch, until=change.until)
    if not result.changed:
        return
    alarm = result.alarm
    if result.calls and not change.retired and (tells or was.priority is Priority.LIFE_SAFETY):
        entry.onsets.append(change.at)
    elif result.calls:
        alarm = replace(alarm, onset=None)
    if change.happening in ENDS_CALLS:
        entry.ends_calls = ENDS_CALLS[change.happening]
        entry.onsets.clear()  # of the same batch, and nobody has been told yet
    number = was.transitions + 1
    entry.drafts.append(Draft(change, number, was.alarm.state, alarm.state, alarm.suppression))
    suppressed = _suppressed(was, alarm, change)
    entry.after = replace(was, alarm=alarm, transitions=number, changed_at=change.at, suppressed=suppressed)
    _occurrence(entry, was.alarm.state, alarm.state, change, now)


def _suppressed(was: Standing, alarm: Alarm, change: Change) -> Suppressed | None:
    """Reason and author where the suppression began or ended; of one that goes on they stay."""
    before, after = was.alarm.suppression is not Suppression.NONE, alarm.suppression is not Suppression.NONE
    if change.happening in TAKES_OVER or before != after:
        return Suppressed(change.reason, change.person_id) if after else Suppressed()
    return was.suppressed


def _occurrence(entry: Entry, before: State, after: State, change: Change, now: datetime) -> None:
    """Opened on leaving normal; a recurrence before it is resolved joins it; closed by a person."""
    if change.happening is Happening.RESOLVE:
        entry.closes = True
    elif change.happening is Happening.EXERCISE_OVER:
        entry.closes, entry.normality_changed, entry.normal_at = True, True, change.at
    elif before is State.NORMAL and after is not State.NORMAL:
        if entry.before.occurrence_id is None and entry.opens is None:
            entry.opens = change
            entry.historic = is_historic(change.at, now)
        entry.normality_changed, entry.normal_at = True, None
    elif before is not State.NORMAL and after is State.NORMAL:
        entry.normality_changed, entry.normal_at = True, change.at
