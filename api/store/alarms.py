"""What is open: every alarm with an occurrence that nobody has resolved, or that somebody has put aside by name.

What is normal and suppressed by design with its whole place is counted here and listed on a page of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import Connection, Cursor
from psycopg.rows import class_row

MOST = 500  # rows on one page; in a flood the page says how many more there are


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAlarm:
    """One alarm as the list shows it. Two are equal where all but their newest values is.

    Args:
        value: the sensor's newest value, in its unit.
        answered_by: who acknowledged last, at `answered_at`, since the newest onset.
        top_sensor: of a model's score: the member with most of its number, as `device/sensor`; None where nobody has worked it out.
    """

    occurrence_id: int | None
    definition_id: int
    sensor_id: int
    state: str
    active: bool
    changed_at: datetime
    suppression: str
    suppressed_until: datetime | None
    suppression_reason: str | None
    suppressed_by: str | None
    priority: str
    detector: str
    direction: str
    setpoint: float
    title: str
    title_zh: str
    sensor_key: str
    sensor_name: str
    sensor_name_zh: str
    unit: str
    zone: str | None
    zone_zh: str | None
    site: str
    site_zh: str
    company: str
    company_zh: str
    time_zone: str
    began_at: datetime | None
    historic: bool
    replayed: bool
    simulated: bool
    exercise: bool
    value: float | None = field(compare=False)
    measured_at: datetime | None = field(compare=False)
    answered_by: str | None
    answered_at: datetime | None
    assignee: str | None
    device_key: str = ""
    asset_id: int | None = None
    of_statistics: bool = False
    asset: str | None = None
    asset_zh: str | None = None
    top_sensor: str | None = None
    top_name: str | None = None
    top_name_zh: str | None = None
    top_share: float | None = None


def ask_open_alarms(connection: Connection[Any]) -> Cursor[OpenAlarm]:
    """The worst first: unacknowledged before acknowledged before back to normal, what is real before exercises, then by priority, then the
    newest; still to be fetched.

    Its plan is the same for everybody and takes longer to make than to run, so a session makes it once: left to itself, ten times.
    """
    connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    cursor = connection.cursor(row_factory=class_row(OpenAlarm))
    return cursor.execute(
        """
            SELECT a.occurrence_id, a.definition_id, a.sensor_id, a.state::text AS state, a.active, a.changed_at,
                   a.suppression, a.suppressed_until, a.suppression_reason, shelver.name AS suppressed_by,
                   d.priority, d.detector, d.direction, d.setpoint, d.title, d.title_zh,
                   s.key AS sensor_key, s.name AS sensor_name, s.name_zh AS sensor_name_zh, s.unit,
                   z.name AS zone, z.name_zh AS zone_zh, si.name AS site, si.name_zh AS site_zh, si.time_zone,
                   c.name AS company, c.name_zh AS company_zh,
                   o.began_at, coalesce(o.historic, false) AS historic, coalesce(o.replayed, false) AS replayed,
                   coalesce(o.simulated, false) AS simulated, coalesce(o.exercise, false) AS exercise, newest.value, newest.measured_at,
                   answer.name AS answered_by, answer.at AS answered_at, assignee.name AS assignee,
                   dev.key AS device_key, s.asset_id,
                   s.is_virtual AND s.asset_id IS NOT NULL AND EXISTS (SELECT FROM v_statistic_compound k WHERE k.sensor_id = s.sensor_id) AS of_statistics,
                   ast.name AS asset, ast.name_zh AS asset_zh,
                   why.member ->> 'sensor' AS top_sensor, why.member ->> 'name' AS top_name, why.member ->> 'name_zh' AS top_name_zh,
                   (why.member ->> 'share')::double precision AS top_share
            FROM v_alarm a
            JOIN alarm_definition d USING (definition_id)
            JOIN sensor s ON s.sensor_id = a.sensor_id
            JOIN device dev ON dev.device_id = s.device_id
            LEFT JOIN asset ast ON ast.asset_id = s.asset_id
            JOIN site si ON si.site_id = a.site_id
            JOIN company c ON c.company_id = a.company_id
            LEFT JOIN zone z ON z.zone_id = s.zone_id
            -- LIMIT 1: one look a row; without it a view, which is a barrier, is worked out for all that ever happened and then joined.
            LEFT JOIN LATERAL (
                SELECT began_at, historic, replayed, simulated, v.exercise, assignee_id FROM v_occurrence v
                WHERE occurrence_id = a.occurrence_id LIMIT 1
            ) o ON true
            LEFT JOIN LATERAL (
                SELECT value, measured_at FROM v_alarm_value WHERE definition_id = a.definition_id LIMIT 1
            ) newest ON true
            LEFT JOIN LATERAL (
                SELECT e.members -> 0 AS member FROM model_evidence e
                WHERE s.is_virtual AND s.asset_id IS NOT NULL AND e.occurrence_id = a.occurrence_id LIMIT 1
            ) why ON true
            LEFT JOIN person assignee ON assignee.person_id = o.assignee_id
            LEFT JOIN person shelver ON shelver.person_id = a.suppressed_by
            LEFT JOIN LATERAL (
                SELECT p.name, t.at FROM v_transition t LEFT JOIN person p ON p.person_id = t.person_id
                WHERE a.state IN ('A', 'C', 'F') AND t.occurrence_id = a.occurrence_id AND t.event = 'acknowledge'
                ORDER BY t.transition_id DESC LIMIT 1
            ) answer ON true
            WHERE a.occurrence_id IS NOT NULL OR a.suppression IN ('shelved', 'out_of_service')
            ORDER BY a.suppression <> 'none',
                     CASE WHEN a.state IN ('B', 'D', 'E') THEN 0 WHEN a.state IN ('C', 'F') THEN 1 ELSE 2 END,
                     d.role = 'exercise', CASE d.priority WHEN 'life-safety' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END,
                     a.active DESC, a.changed_at DESC, a.definition_id
            LIMIT %s
            """,
        (MOST,),
        prepare=True,
    )


def ask_newest(connection: Connection[Any], rows: Sequence[OpenAlarm]) -> Cursor[tuple[int, float | None]]:
    """The newest value by definition of alarms that were listed a moment ago, still to be fetched."""
    return connection.execute(
        """
        SELECT listed.definition_id, newest.value
        FROM unnest(%s::int[]) AS listed (definition_id)
        CROSS JOIN LATERAL (
            SELECT value FROM v_alarm_value WHERE definition_id = listed.definition_id LIMIT 1
        ) newest
        """,
        ([row.definition_id for row in rows],),
    )


def count_open(connection: Connection[Any]) -> int:
    """How many there are, on the page or not."""
    row = connection.execute(
        "SELECT count(*) FROM v_alarm WHERE occurrence_id IS NOT NULL OR suppression IN ('shelved', 'out_of_service')"
    ).fetchone()
    return int(row[0]) if row else 0
