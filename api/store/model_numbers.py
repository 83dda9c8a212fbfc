"""A model's numbers for its card: how often they were how large, how they ran lately, and what shadows said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

STEPS_A_ONE = 20  # bins a unit of the number: 0.05 each


@dataclass(frozen=True, slots=True)
class Binned:
    """How many windows had a number in one bin; the bin begins at step / STEPS_A_ONE. left_out: during what was no normal operation."""

    step: int
    windows: int
    left_out: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """The extremes of a number within an hour or a minute."""

    at: datetime
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Shadow:
    """What one version and kind said of windows that came: how many it judged, could not judge, and how many were beyond its limit.

    Args:
        beyond: None of a kind that has no such limit: a forecast is a value of its signal, no oddness.
    """

    version: int
    kind: str
    windows: int
    unjudged: int
    beyond: int | None
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Blindness:
    """How many windows there were, and in how many a signal was missing."""

    windows: int
    blind: int


def binned(
    connection: Connection[Any], asset_id: int, sensor_id: int, since: datetime, until: datetime
) -> list[Binned]:
    """The numbers since then, those of good quality; those during an alarm that people resolved as something real are counted apart."""
    with connection.cursor(row_factory=class_row(Binned)) as cursor:
        return cursor.execute(
            """
            WITH real AS MATERIALIZED (
                SELECT o.began_at - make_interval(secs => a.on_delay_s) AS since, coalesce(o.normal_at, o.resolved_at) AS until
                FROM asset_model m JOIN device d ON d.key = '_model.' || m.key AND d.company_id = m.company_id
                JOIN sensor s USING (device_id) JOIN v_occurrence o ON o.sensor_id = s.sensor_id
                JOIN alarm_definition a USING (definition_id)
                WHERE m.asset_id = %(asset)s AND o.resolution IN ('true_danger', 'near_miss', 'test_or_drill')
            )
            SELECT floor(r.value * %(steps)s)::int AS step, (count(*) FILTER (WHERE NOT in_real))::int AS windows,
                   (count(*) FILTER (WHERE in_real))::int AS left_out
            FROM v_reading r
            CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM real WHERE r.measured_at BETWEEN real.since AND real.until) AS in_real) e
            WHERE r.sensor_id = %(sensor)s AND r.measured_at >= %(since)s AND r.measured_at <= %(until)s
              AND r.quality & 3 <> 2 AND r.quality & 64 = 0 AND r.value BETWEEN 0 AND 100
            GROUP BY 1 ORDER BY 1
            """,
            {"asset": asset_id, "sensor": sensor_id, "steps": STEPS_A_ONE, "since": since, "until": until},
        ).fetchall()


def hours_of(connection: Connection[Any], sensor_id: int, since: datetime) -> list[Stretch]:
    """The extremes of each hour."""
    with connection.cursor(row_factory=class_row(Stretch)) as cursor:
        return cursor.execute(
            "SELECT hour AS at, minimum AS low, maximum AS high FROM reading_hour WHERE sensor_id = %s AND hour >= %s ORDER BY hour",
            (sensor_id, since),
        ).fetchall()


def minutes_of(connection: Connection[Any], sensor_id: int, since: datetime) -> list[Stretch]:
    """The extremes of each minute."""
    with connection.cursor(row_factory=class_row(Stretch)) as cursor:
        return cursor.execute(
            "SELECT minute AS at, minimum AS low, maximum AS high FROM reading_minute WHERE sensor_id = %s AND minute >= %s ORDER BY minute",
            (sensor_id, since),
        ).fetchall()


def shadows_of(
    connection: Connection[Any], asset_id: int, since: datetime, setpoints: Mapping[str, float]
) -> list[Shadow]:
    """What each version said beside the one in force since then, the newest version first.

    Args:
        setpoints: by kind.
    """
    with connection.cursor(row_factory=class_row(Shadow)) as cursor:
        return cursor.execute(
            """
            SELECT version, kind, count(*)::int AS windows, (count(*) FILTER (WHERE number IS NULL))::int AS unjudged,
                   CASE WHEN %(setpoints)s::jsonb ? kind
                       THEN (count(*) FILTER (WHERE number >= (%(setpoints)s::jsonb ->> kind)::double precision))::int END AS beyond,
                   min(until) AS since, max(until) AS until
            FROM shadow_score WHERE asset_id = %(asset)s AND until >= %(since)s
            GROUP BY version, kind ORDER BY version DESC, kind
            """,
            {"asset": asset_id, "since": since, "setpoints": Jsonb(dict(setpoints))},
        ).fetchall()


def blindness(connection: Connection[Any], sensor_id: int, since: datetime) -> Blindness:
    """In how many windows since then signals were missing."""
    with connection.cursor(row_factory=class_row(Blindness)) as cursor:
        row = cursor.execute(
            """
            SELECT count(*)::int AS windows, (count(*) FILTER (WHERE value > 0))::int AS blind
            FROM v_reading WHERE sensor_id = %s AND measured_at >= %s AND value <> 'NaN'
            """,
            (sensor_id, since),
        ).fetchone()
    assert row is not None
    return row
