"""Calls that wait for whoever is on duty go to whoever that is by now: the roster changed, somebody took over, a step was moved.

A call to a duty position is planned with a person, in the alarm's own transaction, so that it stands in the books and goes out
whatever happens here. While it waits it is looked at again: with each override in that one's transaction, and every second
(davy/duties). What somebody is sending, or has sent, stays theirs.

Several steps of one position may tell the same person by one message: by two rosters, or by a roster and by name. So a position is
looked at as a whole: a message is taken from somebody only where no step of it wants them any more, and only once somebody else has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

from psycopg import Connection

from alerting.ledger import AlarmKey
from alerting.routing import Call, Route, RouteStep, hastened, is_historic, reason, rest_calls, step_calls
from alerting.store import alarms, notifications
from alerting.store.definitions import load_routes
from alerting.store.notifications import NewNotification
from alerting.store.reassigning import Booked, WaitingCall, adopt, books, cancel, find_call, lock_waiting, revive
from core.model import Priority

_ON_ITS_WAY: Final = frozenset({"waiting", "claimed", "sent"})


def reassign(connection: Connection[Any], now: datetime, *, revives: bool = True) -> int:
    """Hands calls over that would go to the wrong person; gives how many positions of calls that were. Doing it again at once changes nothing.

    Args:
        revives: what was taken from somebody may wait for them again. A person's session may not do that: then such a position is left
            as it is for the alerting process, which looks a second later.
    """
    waiting = lock_waiting(connection)
    if not waiting:
        return 0
    routes = load_routes(connection, sorted({call.site_id for call in waiting}), now)
    booked: dict[object, list[Booked]] = {}
    for row in books(connection, sorted({call.occurrence_id for call in waiting})):
        booked.setdefault(row.of_position, []).append(row)
    changed = 0
    queued: set[int] = set()
    for position, group in groupby(waiting, key=lambda call: call.of_position):
        calls = list(group)
        states = {row.key: row.state for row in booked[position]}
        wanted = _wanted(calls, booked[position], routes.get(calls[0].site_id, ()), now)
        missing = [row for row in wanted.rows.values() if row.key not in {call.key for call in calls}]
        if not revives and any(row.key in states for row in missing):
            continue
        again = revive(connection, missing) if revives and missing else set()
        new = [row for row in missing if row.key not in states]
        by_name = [row for row in missing if states.get(row.key) == "waiting"]
        if new:
            notifications.add(connection, new)
        if by_name:
            adopt(connection, by_name)
        arriving = {key for key, state in states.items() if state in _ON_ITS_WAY} | again | {row.key for row in new}
        gone = [call.notification_id for call in calls if wanted.gives_up(call, arriving)]
        if gone:
            cancel(connection, gone, now)
        changed += bool(new or again or gone)
        queued |= {calls[0].company_id} if new or again else set()
    alarms.notify(connection, queued, outbox=bool(queued))
    return changed


def tell_the_rest(connection: Connection[Any], notification_id: int, now: datetime) -> int:
    """Nothing reaches whoever is on duty: everybody else of the roster is told, as where nobody is. Gives how many were not told before."""
    call = find_call(connection, notification_id)
    if call is None:
        return 0
    step = RouteStep(call.step, 0.0, None, call.asked, call.roster_id)
    priority, rule = Priority(call.priority), call.rule.partition("; ")[0]
    for route in load_routes(connection, [call.site_id], now).get(call.site_id, ()):
        if priority in route.priorities and call.roster_id in route.rosters:
            calls = rest_calls(route, step, call.person_id, priority, call.step_due_at, rule, now=now)
            queued = notifications.add(connection, [_row(call, each, now) for each in calls])
            alarms.notify(connection, (), outbox=queued > 0)
            return queued
    return 0


@dataclass(slots=True)
class _Wanted:
    """What should wait at one position of a call.

    Args:
        rows: by key, of the steps that tell whoever is on duty.
        of_step: keys of each of those steps.
        named: who is told by name, by key and by person.
    """

    rows: dict[str, NewNotification] = field(default_factory=dict)
    of_step: dict[tuple[int, str], set[str]] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    people: set[int] = field(default_factory=set)

    def gives_up(self, call: WaitingCall, arriving: set[str]) -> bool:
        """Whether it is taken from its person: no step wants them, and its own step reaches somebody else.

        What was passed on to another channel of theirs is compared by the person; a step that its route no longer has tells who was planned.
        """
        wanted = call.key in self.keys or (call.passed_on and call.person_id in self.people)
        return not wanted and bool(self.of_step.get(call.of_step, set()) & arriving)


def _wanted(calls: Sequence[WaitingCall], booked: Iterable[Booked], routes: Iterable[Route], now: datetime) -> _Wanted:
    """What every step of the position wants now: of those to a duty position, what nobody has been told yet."""
    found = _Wanted()
    first = min(calls, key=lambda call: call.step_due_at)
    priority = Priority(first.priority)
    told = {(row.roster_id, row.asked) for row in booked if row.state not in ("waiting", "cancelled")}
    for route, step in _steps(routes, priority, first):
        due = first.onset + timedelta(seconds=step.after_s)
        rule = reason(route, step, priority, historic=False)
        if step.roster_id is None:
            for call in step_calls(route, step, priority, due, rule, now=now):
                found.keys.add(_row(first, call, now).key)
                found.people.add(call.person_id)
            continue
        own = [call for call in calls if call.of_step == (step.roster_id, step.channel)]
        if own:
            first_own = min(own, key=lambda call: call.step_due_at)
            due, rule = first_own.step_due_at, first_own.rule.partition("; ")[0]
        elif (step.roster_id, step.channel) in told or is_historic(first.onset, first.created_at):
            continue  # it had its say; of what was learnt late, not every step has one
        else:  # its people were told by another step's message
            due = max(due, first.step_due_at)
        for call in step_calls(route, step, priority, due, rule, now=now):
            row = _row(first, call, now)
            found.rows.setdefault(row.key, row)
            found.of_step.setdefault((step.roster_id, step.channel), set()).add(row.key)
            found.keys.add(row.key)
            found.people.add(call.person_id)
    return found


def _steps(routes: Iterable[Route], priority: Priority, call: WaitingCall) -> Iterator[tuple[Route, RouteStep]]:
    """Those of the position of a call, of every route that carries the priority."""
    for route in routes:
        if priority in route.priorities:
            yield from ((route, step) for step in hastened(route, call.onset) if step.position == call.step)


def _row(of: WaitingCall, call: Call, now: datetime) -> NewNotification:
    alarm = AlarmKey(of.definition_id, of.sensor_id)
    return NewNotification.of(
        call,
        alarm,
        company_id=of.company_id,
        occurrence_id=of.occurrence_id,
        onset=of.onset,
        urgency=of.urgency,
        now=now,
    )
