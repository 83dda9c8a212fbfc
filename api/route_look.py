"""Whom an alarm now would call by a route as it is, or as somebody wants it: asked by its page and by programs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from psycopg import Connection

from alerting import route_changes as rules
from alerting.routing import Call
from alerting.store.routes import RouteInForce
from api.store.people import names_of
from core.portfolio import RouteRow


class Looked(NamedTuple):
    """Whom an alarm now would call: by priority (after how long, the call, a name where it may be said)."""

    calls: list[tuple[str, list[tuple[timedelta, Call, str | None]]]]
    two_people: bool


def look(connection: Connection[Any], found: RouteInForce, row: RouteRow, now: datetime) -> Looked:
    """Whom an alarm that began now would call if the route were this one."""
    calls = rules.rehearse(connection, found, row.steps, now)
    people = names_of(connection, sorted({call.person_id for each in calls.values() for call in each}))
    return Looked(
        [(str(priority), [(call.at - now, call, people.get(call.person_id)) for call in made]) for priority, made in calls.items()],
        rules.needs_two(found.row, row),
    )  # fmt: skip
