"""What an explanation reads, and where it is kept. Tables belong to others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from psycopg import Connection
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from detectors.why.play import Readings


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One occurrence with its definition as it is now, and how its sensor speaks.

    Args:
        raised_at, recorded: of the transition that raised it; late: it was learnt of late.
        judged_version: of the definition, when it began; None: not known.
        in_force: what the definition judges by, now.
        heard_since: from which hour on the sensor is heard; None: never.
    """

    occurrence_id: int
    company_id: int
    definition_id: int
    sensor_id: int
    other_sensor_id: int | None
    raised_at: datetime
    recorded: float | None
    setpoint_then: float | None
    judged_version: int | None
    late: bool
    simulated: bool
    exercise: bool
    version: int
    valid_from: datetime
    in_force: Mapping[str, Any]
    period_s: float
    other_period_s: float | None
    heard_since: datetime | None
    time_zone: str


def unexplained(connection: Connection[Any], since: datetime, most: int) -> list[int]:
    """Occurrences that began since then and that nobody has worked out, the newest first; exercises are none."""
    rows = connection.execute(
        """
        SELECT o.occurrence_id FROM v_occurrence o
        WHERE o.began_at >= %s AND NOT o.exercise AND NOT EXISTS (SELECT FROM firing f WHERE f.occurrence_id = o.occurrence_id)
        ORDER BY o.occurrence_id DESC LIMIT %s
        """,
        (since, most),
    ).fetchall()
    return [int(row[0]) for row in rows]


def find_case(connection: Connection[Any], occurrence_id: int) -> Case | None:
    """The occurrence; None: there is none."""
    with connection.cursor(row_factory=class_row(Case)) as cursor:
        return cursor.execute(
            """
            SELECT o.occurrence_id, o.company_id, o.definition_id, o.sensor_id, d.other_sensor_id,
                   coalesce(t.at, o.began_at) AS raised_at, CASE WHEN t.at IS NULL THEN o.first_value ELSE t.value END AS recorded,
                   o.setpoint AS setpoint_then, o.definition_version AS judged_version, o.historic AS late, o.simulated, o.exercise,
                   d.version, d.valid_from,
                   jsonb_build_object('detector', d.detector, 'direction', d.direction, 'setpoint', d.setpoint, 'deadband', d.deadband,
                       'on_delay_s', d.on_delay_s, 'off_delay_s', d.off_delay_s, 'votes', d.votes, 'votes_of', d.votes_of,
                       'parameters', d.parameters) AS in_force,
                   s.period_s, other.period_s AS other_period_s, h.hour AS heard_since, z.time_zone
            FROM v_occurrence o JOIN alarm_definition d USING (definition_id) JOIN sensor s ON s.sensor_id = o.sensor_id
            JOIN site z ON z.site_id = o.site_id LEFT JOIN sensor other ON other.sensor_id = d.other_sensor_id
            LEFT JOIN LATERAL (SELECT at, value FROM v_transition WHERE occurrence_id = o.occurrence_id AND event = 'raise'
                               ORDER BY number LIMIT 1) t ON true
            LEFT JOIN LATERAL (SELECT hour FROM v_heard_since WHERE sensor_id = o.sensor_id LIMIT 1) h ON true
            WHERE o.occurrence_id = %s
            """,
            (occurrence_id,),
        ).fetchone()


def changes_since(connection: Connection[Any], definition_id: int, at: datetime) -> list[Mapping[str, Any]]:
    """What fields of the limit were before each change after that instant, the newest change first."""
    rows = connection.execute(
        "SELECT old FROM v_limit_history WHERE definition_id = %s AND at > %s AND old IS NOT NULL ORDER BY journal_id DESC",
        (definition_id, at),
    ).fetchall()
    return [row[0] for row in rows]


def readings(connection: Connection[Any], sensor_id: int, since: datetime, until: datetime, most: int) -> Readings:
    """What was judged in a stretch, the newest `most` of it; of days that are dropped, their evidence."""
    rows = connection.execute(
        """
        SELECT (extract(epoch FROM coalesce(judged_at, measured_at)) * 1000000)::bigint AS at, coalesce(value, 'NaN'), quality
        FROM (SELECT measured_at, judged_at, value, quality FROM v_reading
              WHERE sensor_id = %(sensor)s AND measured_at BETWEEN %(since)s AND %(until)s
              UNION ALL
              SELECT e.measured_at, e.judged_at, e.value, e.quality FROM evidence_reading e
              WHERE e.sensor_id = %(sensor)s AND e.measured_at BETWEEN %(since)s AND %(until)s
                AND NOT EXISTS (SELECT FROM v_reading r WHERE r.sensor_id = %(sensor)s AND r.measured_at = e.measured_at)
              ORDER BY measured_at DESC LIMIT %(most)s) r
        ORDER BY at
        """,
        {"sensor": sensor_id, "since": since, "until": until, "most": most},
    ).fetchall()
    if not rows:
        return Readings.none()
    at, value, quality = zip(*rows, strict=True)
    return Readings(np.array(at, np.int64), np.array(value, np.float64), np.array(quality, np.uint8))


def find_kept(connection: Connection[Any], occurrence_id: int) -> tuple[dict[str, Any], list[Any] | None] | None:
    """What was worked out, and what is drawn, if that is kept still; None: nothing yet."""
    row = connection.execute("SELECT told, series FROM v_firing WHERE occurrence_id = %s", (occurrence_id,)).fetchone()
    return None if row is None else (row[0], row[1])


def keep(connection: Connection[Any], case: Case, told: Mapping[str, Any], series: list[Any], now: datetime) -> None:
    """Writes it down once."""
    connection.execute(
        """
        INSERT INTO firing (occurrence_id, company_id, told, series, worked_at) VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT (occurrence_id) DO NOTHING
        """,
        (case.occurrence_id, case.company_id, Jsonb(dict(told)), Jsonb(series), now),
    )


def forget_drawn(connection: Connection[Any], older_than: datetime, most: int) -> int:
    """Lets go of what is drawn of occurrences whose evidence is older and that nothing holds; gives of how many."""
    row = connection.execute("SELECT davy_firing_forget(%s, %s)", (older_than, most)).fetchone()
    assert row is not None
    return int(row[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What an explanation is told of, for a command."""

    definition_key: str
    title: str
    title_zh: str
    sensor: str
    sensor_name: str
    sensor_name_zh: str
    sensor_key: str
    unit: str
    other_name: str | None
    other_name_zh: str | None
    asset: str | None
    asset_zh: str | None
    time_zone: str
    members: list[dict[str, Any]] | None


def find_subject(connection: Connection[Any], occurrence_id: int) -> Subject | None:
    """Names and units beside an occurrence; None: there is none."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            """
            SELECT d.key AS definition_key, d.title, d.title_zh, v.key || '/' || s.key AS sensor, s.name AS sensor_name,
                   s.name_zh AS sensor_name_zh, s.key AS sensor_key, s.unit, other.name AS other_name, other.name_zh AS other_name_zh,
                   a.name AS asset, a.name_zh AS asset_zh, t.time_zone, e.members
            FROM v_occurrence o JOIN alarm_definition d USING (definition_id) JOIN sensor s ON s.sensor_id = o.sensor_id
            JOIN device v ON v.device_id = s.device_id JOIN site t ON t.site_id = o.site_id
            LEFT JOIN sensor other ON other.sensor_id = d.other_sensor_id LEFT JOIN asset a ON a.asset_id = s.asset_id
            LEFT JOIN model_evidence e ON e.occurrence_id = o.occurrence_id
            WHERE o.occurrence_id = %s
            """,
            (occurrence_id,),
        ).fetchone()
    return None if row is None else Subject(**row)
