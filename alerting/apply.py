"""Writes down what happened to alarms: inside the caller's transaction, a fixed number of statements for any number of events.

Order: alarm rows (made where missing, then locked in the order of their keys), the pure table, occurrences, transitions with
their hash chain, notifications, alarm rows, and a NOTIFY where there was a transition. People's actions and timers go the
same way as ingest's events.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from psycopg import Connection

from alerting import by_design
from alerting.alarm import Happening
from alerting.chain import Link, genesis, hash_of
from alerting.ledger import (
    EVIDENCE_AFTER,
    EVIDENCE_BEFORE,
    AlarmKey,
    Change,
    Entry,
    Standing,
    changes_of,
    work_out,
)
from alerting.routing import EXERCISE_URGENCY, URGENCY, Call, Route, plan, worth_calling
from alerting.store import alarms, notifications, wire_tests
from alerting.store.alarms import Opening
from alerting.store.compounds import write_evidence
from alerting.store.definitions import load_routes
from alerting.store.notifications import NewNotification
from alerting.store.sink import to_sink
from alerting.suppressing import Rule
from core.batch import Event
from core.errors import Refused


@dataclass(frozen=True, slots=True)
class AppliedEvents:
    """What was written.

    Args:
        transitions: in the order of their alarms' keys, then of their numbers.
        opened: ids of occurrences that began.
        notifications: how many messages were queued.
    """

    transitions: tuple[Link, ...] = ()
    opened: tuple[int, ...] = ()
    notifications: int = 0


def apply_events(
    connection: Connection[Any], events: Sequence[Event], *, now: datetime, batch_no: int | None, tells: bool = True
) -> AppliedEvents:
    """Applies what conditions gave for one batch.

    Args:
        events: in the order they were given for the batch; those of one alarm are taken in that order.
        now: when the batch was judged, aware UTC.
        tells: False for a batch that is written down long after that, see `ledger.work_out`.
    Raises:
        Refused: an event of an alarm that is not defined.
    """
    applied = apply_changes(connection, changes_of(events), now=now, batch_no=batch_no, tells=tells)
    write_evidence(connection, events)
    return applied


def apply_changes(
    connection: Connection[Any],
    changes: Sequence[Change],
    *,
    now: datetime,
    batch_no: int | None = None,
    simulated: bool = False,
    tells: bool = True,
    instead: Sequence[Route] | None = None,
) -> AppliedEvents:
    """Applies changes of any kind, in their order.

    Args:
        simulated: of the demo's made-up history: what begins is marked so, and nobody is called.
        instead: who is called, in the place of the routes of the site: an exercise of one duty position.

    Raises:
        Refused: a person asked for what the state does not allow, or for an alarm there is not.
    """
    if not changes:
        return AppliedEvents()
    rules = by_design.rules_of(connection, changes, now)
    milder = _milder(connection, changes)
    keys = _touched(changes, rules, milder)
    standings = _lock(connection, keys, now)
    if unknown := [key for key in keys if key not in standings]:
        raise Refused(f"There is no alarm of definition {unknown[0].definition_id} on sensor {unknown[0].sensor_id}.")
    changes = by_design.with_what_they_silence(connection, changes, rules, standings, now)
    entries = work_out(standings, changes, now=now, tells=tells, milder=milder)
    if not entries:
        return AppliedEvents()
    opened = _open(connection, entries, simulated)
    links = _write_transitions(connection, entries, opened, now, batch_no)
    _write_normality(connection, entries, opened)
    queued = 0 if simulated else _write_calls(connection, entries, opened, now, instead)
    alarms.notify(connection, (entry.before.company_id for entry in entries), outbox=queued > 0)
    return AppliedEvents(links, tuple(opened.values()), queued)


def lock_all(
    connection: Connection[Any], events: Sequence[Event], others: Iterable[AlarmKey], *, now: datetime
) -> None:
    """Locks at once and in order what several calls of one transaction will touch: each would lock its own in order, all of them not."""
    changes = changes_of(events)
    touched = _touched(changes, by_design.rules_of(connection, changes, now), _milder(connection, changes))
    _lock(connection, sorted({*touched, *others}), now)


def _touched(
    changes: Sequence[Change], rules: Sequence[Rule], milder: Mapping[AlarmKey, Sequence[AlarmKey]]
) -> list[AlarmKey]:
    return sorted({*by_design.keys_of(changes, rules), *(key for below in milder.values() for key in below)})


def _lock(connection: Connection[Any], keys: Sequence[AlarmKey], now: datetime) -> dict[AlarmKey, Standing]:
    alarms.make_missing(connection, keys, [genesis(*key) for key in keys], now)
    return alarms.lock(connection, keys)


def _milder(connection: Connection[Any], changes: Sequence[Change]) -> dict[AlarmKey, list[AlarmKey]]:
    """The acknowledged alarms of lower limits on what is raised. Looked for before the lock: who acknowledges one at this very
    moment is called for the higher limit all the same."""
    raised = {change.alarm for change in changes if change.happening is Happening.RAISE}
    return alarms.acknowledged_below(connection, sorted(raised)) if raised else {}


def _open(connection: Connection[Any], entries: Sequence[Entry], simulated: bool) -> dict[AlarmKey, int]:
    openings = [
        Opening(
            entry.before.key,
            entry.before.company_id,
            entry.before.site_id,
            entry.opens.at,
            entry.opens.value,
            entry.opens.at - EVIDENCE_BEFORE,
            entry.historic,
            entry.replayed,
            simulated,
        )
        for entry in entries
        if entry.opens is not None
    ]
    return alarms.open_occurrences(connection, openings) if openings else {}


def _occurrence_of(entry: Entry, opened: dict[AlarmKey, int]) -> int | None:
    return opened.get(entry.before.key, entry.before.occurrence_id)


def _write_transitions(
    connection: Connection[Any],
    entries: Sequence[Entry],
    opened: dict[AlarmKey, int],
    now: datetime,
    batch_no: int | None,
) -> tuple[Link, ...]:
    """Transitions with their hashes, then the alarm rows that now end in them."""
    rows: list[tuple[Link, bytes, bytes]] = []
    standings = []
    for entry in entries:
        occurrence_id = _occurrence_of(entry, opened)
        last = entry.before.chain
        for draft in entry.drafts:
            change = draft.change
            link = Link(
                company_id=entry.before.company_id,
                definition_id=change.alarm.definition_id,
                sensor_id=change.alarm.sensor_id,
                number=draft.number,
                occurrence_id=occurrence_id,
                at=change.at,
                recorded_at=now,
                event=change.happening.value,
                from_state=draft.from_state.value,
                to_state=draft.to_state.value,
                suppression=draft.suppression.value,
                value=change.value,
                person_id=change.person_id,
                reason=change.reason,
                until=change.until,
                batch_no=batch_no,
                replayed=change.replayed,
            )
            hashed = hash_of(last, link)
            rows.append((link, last, hashed))
            last = hashed
        standings.append(replace(entry.after, chain=last, occurrence_id=None if entry.closes else occurrence_id))
    alarms.add_transitions(connection, rows)
    alarms.save(connection, standings)
    return tuple(link for link, _, _ in rows)


def _write_normality(connection: Connection[Any], entries: Sequence[Entry], opened: dict[AlarmKey, int]) -> None:
    rows = []
    for entry in entries:
        occurrence_id = _occurrence_of(entry, opened)
        just_opened = entry.opens is not None and entry.normal_at is None  # its row says so already
        if entry.normality_changed and occurrence_id is not None and not just_opened:
            until = entry.normal_at + EVIDENCE_AFTER if entry.normal_at else None
            rows.append((occurrence_id, entry.normal_at, until))
    if rows:
        alarms.set_normality(connection, rows)
    if joined := [_occurrence_of(entry, opened) for entry in entries if entry.opens is None and entry.is_real]:
        alarms.set_real(connection, joined)


def _write_calls(
    connection: Connection[Any],
    entries: Sequence[Entry],
    opened: dict[AlarmKey, int],
    now: datetime,
    instead: Sequence[Route] | None,
) -> int:
    """Cancels calls that nobody needs any more, queues new ones; gives how many were queued."""
    if ended := [(entry.before.key, entry.ends_calls) for entry in entries if entry.ends_calls is not None]:
        notifications.cancel_waiting(connection, ended, now)
    calling = [entry for entry in entries if entry.onsets]
    if not calling:
        return 0
    routes = load_routes(connection, sorted({entry.before.site_id for entry in calling}), now)
    rows: list[NewNotification] = []
    for entry in calling:
        occurrence_id = _occurrence_of(entry, opened)
        assert occurrence_id is not None  # an alarm that calls has left normal
        for onset in worth_calling(entry.onsets, now):
            heard = routes.get(entry.before.site_id, []) if instead is None else instead
            if entry.before.is_exercise and instead is None:
                raised = wire_tests.test_raised(connection, occurrence_id)
                heard = heard if raised is None else to_sink(connection, raised.sink, entry.before.priority)
            calls = plan(entry.before.priority, heard, onset=onset, now=now)
            rows.extend(_queued(entry.before, occurrence_id, onset, call, now) for call in calls)
    return notifications.add(connection, rows) if rows else 0


def _queued(alarm: Standing, occurrence_id: int, onset: datetime, call: Call, now: datetime) -> NewNotification:
    urgency = EXERCISE_URGENCY if alarm.is_exercise else URGENCY[alarm.priority]
    return NewNotification.of(
        call, alarm.key, company_id=alarm.company_id, occurrence_id=occurrence_id, onset=onset, urgency=urgency, now=now
    )
