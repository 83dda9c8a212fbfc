"""Readings as columns, for the statistics of false alarms; read through the view of readings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import class_row

from core.batch import Float64, Int64
from core.site_false_alarms import SCORES

MOST: Final = 700_000  # readings of one sensor: a week of one a second, and some


def version_in_force(connection: Connection[Any], asset_id: int) -> tuple[int, datetime] | None:
    """The version of an asset's models that was put in force last, and when; None: none was."""
    row = connection.execute(
        "SELECT version, promoted_at FROM model_promotion WHERE asset_id = %s ORDER BY promoted_at DESC LIMIT 1",
        (asset_id,),
    ).fetchone()
    return None if row is None else (int(row[0]), row[1])


def judged_anew(connection: Connection[Any], asset_id: int, since: datetime) -> bool:
    """Whether an asset's models were fitted, or another version put in force, since then: their numbers may end elsewhere."""
    row = connection.execute(
        """
        SELECT EXISTS (SELECT FROM detector_model WHERE asset_id = %(asset)s AND fitted_at > %(since)s)
            OR EXISTS (SELECT FROM model_promotion WHERE asset_id = %(asset)s AND promoted_at > %(since)s)
        """,
        {"asset": asset_id, "since": since},
    ).fetchone()
    return row is not None and bool(row[0])


@dataclass(frozen=True, slots=True)
class OutOfReach:
    """An alarm on a model's number that can never come: the number of the version in force ends below its setpoint."""

    site: str
    limit: str
    setpoint: float
    highest: float


def out_of_reach(connection: Connection[Any], site: str = "") -> list[OutOfReach]:
    """Those of one site or of all, whoever set them, by site and key."""
    with connection.cursor(row_factory=class_row(OutOfReach)) as cursor:
        return cursor.execute(
            """
            SELECT s.key AS site, d.key AS limit, d.setpoint, m.highest
            FROM alarm_definition d JOIN site s USING (site_id) JOIN sensor n ON n.sensor_id = d.sensor_id
            JOIN device v ON v.device_id = n.device_id
            JOIN LATERAL (
                SELECT f.highest FROM detector_model f WHERE f.asset_id = n.asset_id AND '_' || f.kind = n.key
                  AND f.version = coalesce(
                      (SELECT p.version FROM model_promotion p WHERE p.asset_id = f.asset_id ORDER BY p.promoted_at DESC LIMIT 1),
                      (SELECT max(w.version) FROM detector_model w WHERE w.asset_id = f.asset_id))
            ) m ON true
            WHERE d.detector = 'limit' AND d.role = 'alarm' AND d.direction = 'high' AND d.retired_at IS NULL AND n.retired_at IS NULL
              AND v.key LIKE '\\_model.%%' AND n.key = ANY (%(scores)s) AND d.setpoint > m.highest AND (%(site)s = '' OR s.key = %(site)s)
            ORDER BY s.key, d.key
            """,
            {"scores": sorted(SCORES), "site": site},
        ).fetchall()


def published(connection: Connection[Any], sensor_id: int, since: datetime, until: datetime) -> tuple[Int64, Float64]:
    """(instant in microseconds, number) of what a model has published and could judge, in the order of time."""
    at, value, _ = _columns(connection, sensor_id, since, until, worst=0)
    return at, value


def readings(
    connection: Connection[Any], sensor_id: int, since: datetime, until: datetime
) -> tuple[Int64, Float64, NDArray[np.uint8]]:
    """(instant in microseconds, value, quality) of a sensor's readings, in the order of time; the newest of them where there are too many."""
    return _columns(connection, sensor_id, since, until, worst=3)


def _columns(
    connection: Connection[Any], sensor_id: int, since: datetime, until: datetime, *, worst: int
) -> tuple[Int64, Float64, NDArray[np.uint8]]:
    row = connection.execute(
        """
        SELECT array_agg(at ORDER BY at), array_agg(value ORDER BY at), array_agg(quality ORDER BY at) FROM (
            SELECT (extract(epoch FROM measured_at) * 1000000)::bigint AS at, value, (quality & 3)::int AS quality FROM v_reading
            WHERE sensor_id = %s AND measured_at > %s AND measured_at <= %s AND quality & 3 <= %s ORDER BY measured_at DESC LIMIT %s) r
        """,
        (sensor_id, since, until, worst, MOST),
    ).fetchone()
    at, value, quality = row if row is not None and row[0] is not None else ([], [], [])
    return np.array(at, np.int64), np.array(value, np.float64), np.array(quality, np.uint8)
