"""Calls that wait for whoever is on duty go to whoever that is by now: the roster changed, somebody took over, a step was moved.

A call to a duty position is planned with a person, in the alarm's own transaction, so that it stands in the books and goes out
whatever happens here. While it waits it is looked at again: with each override in that one's transaction, and every second
(davy/duties). What somebody is sending, or has sent, stays theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from psycopg import Connection

from alerting.ledger import AlarmKey, notification_key
from alerting.routing import Route, RouteStep, step_calls
from alerting.store import alarms, notifications
from alerting.store.definitions import load_routes
from alerting.store.notifications import NewNotification
from alerting.store.reassigning import WaitingCall, cancel, in_the_books, lock_waiting, revive
from core.model import Priority

_BY_DUTY: Final = "; on duty by roster "
_PRIORITIES: Final = tuple(Priority)


def reassign(connection: Connection[Any], now: datetime, *, revives: bool = True) -> int:
    """Hands calls over that would go to the wrong person; gives how many steps that were. Doing it again at once changes nothing.

    Args:
        revives: what was taken from somebody may wait for them again. A person's session may not do that: then such a step is left
            as it is for the alerting process, which looks a second later.
    """
    waiting = lock_waiting(connection)
    if not waiting:
        return 0
    routes = load_routes(connection, sorted({call.site_id for call in waiting}), now)
    gone: list[int] = []
    wanted: list[NewNotification] = []
    steps = 0
    for _, group in groupby(waiting, key=lambda call: call.of_step):
        calls = list(group)
        found = _wanted(calls, routes.get(calls[0].site_id, ()), now)
        keys, there = {row.key for row in found}, {call.key for call in calls}
        if not found or keys == there or (not revives and in_the_books(connection, sorted(keys - there))):
            continue
        steps += 1
        gone += [call.notification_id for call in calls if call.key not in keys]
        wanted += [row for row in found if row.key not in there]
    cancel(connection, gone, now)
    if revives:
        revive(connection, [(row.key, row.due_at) for row in wanted])
    notifications.add(connection, wanted)
    alarms.notify(connection, {row.company_id for row in wanted}, outbox=bool(wanted))
    return steps


def _wanted(calls: Sequence[WaitingCall], routes: Iterable[Route], now: datetime) -> list[NewNotification]:
    """What should wait for this step; empty where its route no longer has it: then who was planned is told."""
    one = min(calls, key=lambda call: call.due_at)
    priority = _PRIORITIES[one.urgency]
    step = RouteStep(one.step, 0.0, None, one.wish or one.channel, one.roster_id)
    route = next((each for each in routes if priority in each.priorities and _has(each, step)), None)
    if route is None:
        return []
    rule = one.rule.partition(_BY_DUTY)[0]
    return [
        NewNotification(
            key=notification_key(
                AlarmKey(one.definition_id, one.sensor_id), one.onset, one.step, call.person_id, call.channel
            ),
            company_id=one.company_id,
            occurrence_id=one.occurrence_id,
            definition_id=one.definition_id,
            sensor_id=one.sensor_id,
            onset=one.onset,
            step=one.step,
            rule=call.rule,
            audience=call.audience,
            person_id=call.person_id,
            channel=call.channel,
            due_at=call.at,
            urgency=one.urgency,
            created_at=now,
            roster_id=call.roster_id,
            wish=call.wish,
        )
        for call in step_calls(route, step, priority, one.due_at, rule, now=now)
    ]


def _has(route: Route, step: RouteStep) -> bool:
    return any(
        (each.position, each.roster_id, each.channel) == (step.position, step.roster_id, step.channel)
        for each in route.steps
    )
