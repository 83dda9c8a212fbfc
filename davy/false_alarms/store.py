"""Readings as columns, for the statistics of false alarms; read through the view of readings."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from core.batch import Float64, Int64

MOST: Final = 700_000  # readings of one sensor: a week of one a second, and some


def version_in_force(connection: Connection[Any], asset_id: int) -> tuple[int, datetime] | None:
    """The version of an asset's models that was put in force last, and when; None: none was."""
    row = connection.execute(
        "SELECT version, promoted_at FROM model_promotion WHERE asset_id = %s ORDER BY promoted_at DESC LIMIT 1",
        (asset_id,),
    ).fetchone()
    return None if row is None else (int(row[0]), row[1])


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
