"""What alarms are defined, and who is told: read only, written by the site import."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from alerting.readiness import WeakHours, weak_hours
from alerting.roster import Roster
from alerting.routing import Route, RouteStep
from alerting.store.exercises import records
from alerting.store.rosters import load_preferences, load_rosters
from core.db import read_rows
from core.model import AlarmDefinition, Priority
from core.row_table import RowTable


@dataclass(frozen=True, slots=True)
class _RouteRow:
    site_id: int
    key: str
    audience: str
    priorities: list[str]
    position: int
    after_s: float
    person_id: int | None
    channel: str
    roster_id: int | None


def load_definitions(connection: Connection[Any], own: Sequence[AlarmDefinition] = ()) -> RowTable[AlarmDefinition]:
    """The definitions in force, ordered by sensor and id, then `own`; neither they nor their sensors are retired.

    A reading is judged by all of its sensor's definitions: what conditions know of them lies side by side.
    """
    with connection.cursor("definitions") as cursor:
        cursor.execute(
            """
            SELECT d.definition_id, d.company_id, d.site_id, d.sensor_id, d.key, d.detector, d.direction, d.setpoint,
                   d.priority, d.deadband, d.latch, d.votes, d.votes_of, d.version, d.parameters::text AS parameters,
                   coalesce(d.other_sensor_id, 0) AS other_sensor_id, i.time_zone,
                   round(d.on_delay_s * 1000000)::bigint AS on_delay_us, round(d.off_delay_s * 1000000)::bigint AS off_delay_us
            FROM alarm_definition d JOIN sensor s USING (sensor_id) JOIN site i ON i.site_id = d.site_id
            WHERE d.retired_at IS NULL AND s.retired_at IS NULL AND s.judged
            ORDER BY d.sensor_id, d.definition_id
            """
        )
        return read_rows(AlarmDefinition, cursor, own, {"parameters": numbers_of})


def numbers_of(found: str | Mapping[str, float] | None) -> Mapping[str, float]:
    """The parameters of a row, whatever stands there: what is no number is NaN, which no detector takes (`detectors.registry.check`).

    >>> numbers_of('{"window_s": 60, "most": 1e400, "is": true}'), numbers_of("[1, 2]"), numbers_of(None)
    ({'window_s': 60.0, 'most': inf, 'is': nan}, {'[1, 2]': nan}, {})
    """
    if not isinstance(found, str):
        return found or {}
    read = json.loads(found, parse_int=float)
    if not isinstance(read, dict):
        return {found[:60]: math.nan}
    return {name: value if type(value) is float else math.nan for name, value in read.items()}


def load_routes(
    connection: Connection[Any], site_ids: Sequence[int], now: datetime | None = None
) -> dict[int, list[Route]]:
    """The routes of each site, in a fixed order, with the rosters they name and how their people want to be told.

    Args:
        now: overrides of rosters that were over a month before it are left out; None: none are.
    """
    with connection.cursor(row_factory=class_row(_RouteRow)) as cursor:
        rows = cursor.execute(
            """
            SELECT r.site_id, r.key, r.audience, r.priorities, t.position, t.after_s, t.person_id, t.channel, t.roster_id
            FROM route r JOIN route_step t USING (route_id)
            WHERE r.site_id = ANY(%s)
            ORDER BY r.site_id, r.audience, r.key, t.position, t.person_id, t.roster_id, t.channel
            """,
            (list(site_ids),),
        ).fetchall()
    rosters = load_rosters(connection, {row.roster_id for row in rows if row.roster_id is not None}, now)
    found: dict[int, dict[str, Route]] = {}
    for row in rows:
        routes = found.setdefault(row.site_id, {})
        route = routes.setdefault(row.key, Route(row.key, row.audience, frozenset(map(Priority, row.priorities)), []))
        route.steps.append(RouteStep(row.position, row.after_s, row.person_id, row.channel, row.roster_id))
        if row.roster_id is not None:
            route.rosters[row.roster_id] = rosters[row.roster_id]
    weak = {roster: hours for roster, hours in weak_of(connection, rosters, now).items() if hours is not None}
    every = [route for routes in found.values() for route in routes.values()]
    for route in every:
        route.weak.update({roster: weak[roster] for roster in route.rosters.keys() & weak.keys()})
    wishes = load_preferences(connection, sorted({person for route in every for person in route.everybody()}))
    for route in every:
        route.people.update({person: wishes[person] for person in route.everybody()})
    return {site: list(routes.values()) for site, routes in found.items()}


def weak_of(
    connection: Connection[Any], rosters: Mapping[int, Roster], now: datetime | None
) -> dict[int, WeakHours | None]:
    """At which hours whoever fills these positions has not answered roll calls."""
    found = records(connection, sorted(rosters), now)
    return {each: weak_hours(record, rosters[each].time_zone, rosters[each].holidays) for each, record in found.items()}
