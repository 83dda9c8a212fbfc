"""What models ask of what their siblings keep: occurrences, orders and limits (alerting), minutes (ingest). Read as alerting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from psycopg import Connection
from psycopg.rows import class_row

from core.batch import Float64
from detectors.store.models import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetOccurrence:
    """An alarm of an asset, or of a signal of its model.

    Args:
        of_model: on a score of the asset's own model.
        normal_at: None: not back to normal yet.
    """

    occurrence_id: int
    title: str
    of_model: bool
    began_at: datetime
    normal_at: datetime | None
    resolved_at: datetime | None
    resolution: str | None
    evidence_from: datetime
    evidence_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A maintenance window, permit or alarms out of service that covered the asset."""

    order_id: int
    kind: str
    begins_at: datetime
    over_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreLimit:
    """The limit on one score of a model."""

    kind: str
    setpoint: float
    deadband: float
    on_delay_s: float
    off_delay_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Minutes:
    """What one member did lately.

    Args:
        minutes: that had usable readings.
        outside: of them outside its range in training.
        middle: median of its hourly means.
        spread: standard deviation of its minutes within the hour, the median of all hours; None: no hour had enough.
    """

    member: str
    minutes: int
    outside: int
    middle: float
    spread: float | None


def occurrences(connection: Connection[Any], plan: Plan, since: datetime, until: datetime) -> list[AssetOccurrence]:
    """Those that touch the interval; not what says that a model cannot judge or no longer fits, and not what a demo made up."""
    with connection.cursor(row_factory=class_row(AssetOccurrence)) as cursor:
        return cursor.execute(
            """
            SELECT o.occurrence_id, f.title, d.key = '_model.' || %(key)s::text AND x.key <> '_ahead' AS of_model, o.began_at, o.normal_at, o.resolved_at,
                   o.resolution, o.evidence_from, o.evidence_until
            FROM v_occurrence o JOIN alarm_definition f USING (definition_id)
            JOIN sensor x ON x.sensor_id = o.sensor_id JOIN device d ON d.device_id = x.device_id
            WHERE (x.asset_id = %(asset)s OR o.sensor_id = ANY (%(members)s)) AND f.role = 'alarm' AND NOT o.simulated
              AND NOT (d.key = '_model.' || %(key)s::text AND x.key IN ('_missing', '_drift', '_unseen'))
              AND least(o.began_at, o.evidence_from) < %(until)s
              AND greatest(o.evidence_until, coalesce(o.resolved_at, 'infinity')) > %(since)s
            ORDER BY o.began_at, o.occurrence_id
            """,
            {
                "key": plan.key,
                "asset": plan.asset_id,
                "members": [member.sensor_id for member in plan.members],
                "since": since,
                "until": until,
            },
        ).fetchall()


def orders(connection: Connection[Any], plan: Plan, since: datetime, until: datetime) -> list[Order]:
    """Orders in force within the interval that cover the asset, or limits of its model's signals. A drill changes no machine."""
    with connection.cursor(row_factory=class_row(Order)) as cursor:
        return cursor.execute(
            """
            SELECT DISTINCT o.order_id, o.kind, o.begins_at, o.over_at
            FROM v_suppression_order o JOIN suppression_scope c USING (order_id)
            JOIN asset a ON a.asset_id = %(asset)s JOIN zone z ON z.zone_id = a.zone_id AND z.site_id = o.site_id
            WHERE o.kind <> 'drill' AND o.refused_at IS NULL AND (o.kind <> 'out_of_service' OR o.authorised_at IS NOT NULL)
              AND o.begins_at < %(until)s AND o.over_at > %(since)s
              AND CASE WHEN c.definition_id IS NULL THEN coalesce(c.zone_id, a.zone_id) = a.zone_id AND coalesce(c.asset_id, a.asset_id) = a.asset_id
                  ELSE c.definition_id IN (SELECT f.definition_id FROM alarm_definition f WHERE f.sensor_id = ANY (%(members)s)) END
            ORDER BY o.begins_at, o.order_id
            """,
            {
                "asset": plan.asset_id,
                "members": [member.sensor_id for member in plan.members],
                "since": since,
                "until": until,
            },
        ).fetchall()


def score_limits(connection: Connection[Any], plan: Plan) -> dict[str, ScoreLimit]:
    """The limits on the scores of a model, by kind; as they are now."""
    with connection.cursor(row_factory=class_row(ScoreLimit)) as cursor:
        rows = cursor.execute(
            """
            SELECT substr(x.key, 2) AS kind, f.setpoint, f.deadband, f.on_delay_s, f.off_delay_s
            FROM device d JOIN sensor x USING (device_id) JOIN alarm_definition f USING (sensor_id)
            WHERE d.key = '_model.' || %s::text AND f.retired_at IS NULL AND f.detector = 'limit' AND f.direction = 'high'
              AND x.key NOT IN ('_missing', '_drift', '_unseen', '_ahead')
            ORDER BY f.definition_id
            """,
            (plan.key,),
        ).fetchall()
    return {row.kind: row for row in rows}


def scores_beyond(
    connection: Connection[Any], plan: Plan, kind: str, setpoint: float, since: datetime, until: datetime
) -> tuple[int, int]:
    """Of the windows that were judged and published, how many there are and how many were at or beyond the setpoint."""
    row = connection.execute(
        """
        SELECT count(*), count(*) FILTER (WHERE r.value >= %(setpoint)s)
        FROM device d JOIN sensor x ON x.device_id = d.device_id AND x.key = '_' || %(kind)s::text
        CROSS JOIN LATERAL (SELECT v.value FROM v_reading v WHERE v.sensor_id = x.sensor_id AND v.measured_at > %(since)s
                            AND v.measured_at <= %(until)s AND v.quality & 3 <> 2 AND v.value >= 0) r
        WHERE d.key = '_model.' || %(key)s::text
        """,
        {"key": plan.key, "kind": kind, "setpoint": setpoint, "since": since, "until": until},
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def scores_of(
    connection: Connection[Any], plan: Plan, kind: str, since: datetime, until: datetime
) -> tuple[Float64, Float64]:
    """Of the windows that were judged and published, when each ended, in seconds since 1970, and its number; in the order of time."""
    row = connection.execute(
        """
        SELECT array_agg(extract(epoch FROM r.measured_at)::float8 ORDER BY r.measured_at), array_agg(r.value ORDER BY r.measured_at)
        FROM device d JOIN sensor x ON x.device_id = d.device_id AND x.key = '_' || %(kind)s::text
        CROSS JOIN LATERAL (SELECT v.measured_at, v.value FROM v_reading v WHERE v.sensor_id = x.sensor_id AND v.measured_at > %(since)s
                            AND v.measured_at <= %(until)s AND v.quality & 3 <> 2 AND v.value >= 0) r
        WHERE d.key = '_model.' || %(key)s::text
        """,
        {"key": plan.key, "kind": kind, "since": since, "until": until},
    ).fetchone()
    ended_s, numbers = row if row is not None and row[0] is not None else ([], [])
    return np.array(ended_s, np.float64), np.array(numbers, np.float64)


def minutes_of(
    connection: Connection[Any],
    plan: Plan,
    ranges: Sequence[tuple[int, str, float, float]],
    since: datetime,
    until: datetime,
) -> list[Minutes]:
    """What each member did by the minute, beside between which values it was in training.

    Args:
        ranges: sensor, name, low and high of each.
    """
    if not ranges:
        return []
    sensors, names, lows, highs = (list(column) for column in zip(*ranges, strict=True))
    with connection.cursor(row_factory=class_row(Minutes)) as cursor:
        return cursor.execute(
            """
            WITH hours AS (
                SELECT g.place, g.name, date_trunc('hour', m.minute) AS hour, count(*) AS minutes,
                       count(*) FILTER (WHERE m.mean < g.low OR m.mean > g.high) AS outside, stddev_samp(m.mean) AS spread, avg(m.mean) AS level
                FROM unnest(%s::int[], %s::text[], %s::float8[], %s::float8[]) WITH ORDINALITY AS g (sensor_id, name, low, high, place)
                JOIN reading_minute m ON m.sensor_id = g.sensor_id AND m.minute >= %s AND m.minute < %s
                    AND m.mean IS NOT NULL AND abs(m.mean) < 1e150
                GROUP BY 1, 2, 3
            )
            SELECT name AS member, sum(minutes)::int AS minutes, sum(outside)::int AS outside,
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY level) AS middle,
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY spread) FILTER (WHERE minutes >= 10) AS spread
            FROM hours GROUP BY place, name ORDER BY place
            """,
            (sensors, names, lows, highs, since, until),
        ).fetchall()
