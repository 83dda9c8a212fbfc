"""Readings as windows: one mean a member and window, read through the view of readings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from psycopg import Connection

from core.batch import Float64, Mark

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def window_of(at: datetime, window_s: float) -> int:
    """The number of the window that `at` lies in; window n begins n * window_s after 1970.

    >>> window_of(datetime(1970, 1, 1, 0, 1, tzinfo=UTC), 10.0)
    6
    """
    return (at - _EPOCH) // timedelta(seconds=window_s)


def begin_of(window: int, window_s: float) -> datetime:
    """When a window begins."""
    return _EPOCH + window * timedelta(seconds=window_s)


def means(connection: Connection[Any], sensors: Sequence[int], *, first: int, count: int, window_s: float) -> Float64:
    """The mean of each member's usable readings in `count` windows from `first` on.

    Returns:
        float64, shape (count, sensors), in the sensors' units; NaN where a sensor has no usable reading in the window.
        Values of 1e150 and beyond are no measurement, and their squares no number: they count as missing. Added up in the
        order of time, so that the same readings give the same bits whoever stores them how.
    """
    rows = np.full((count, len(sensors)), np.nan)
    place = {sensor: column for column, sensor in enumerate(sensors)}
    found = connection.execute(
        """
        SELECT sensor_id, floor(extract(epoch FROM measured_at - %(since)s) / %(window)s::float8::numeric)::int AS row, avg(value ORDER BY measured_at)
        FROM v_reading
        WHERE sensor_id = ANY (%(sensors)s) AND measured_at >= %(since)s AND measured_at < %(until)s
          AND abs(value) < 1e150 AND quality & 3 <> 2
        GROUP BY 1, 2
        """,
        {
            "sensors": list(sensors),
            "since": begin_of(first, window_s),
            "until": begin_of(first + count, window_s),
            "window": window_s,
        },
    )
    for sensor, row, mean in found:
        rows[row, place[sensor]] = mean
    return rows


def member_ids(connection: Connection[Any], company_id: int, names: Sequence[str]) -> list[int]:
    """The sensors of a company called `device/sensor`, in that order; 0, which no sensor is, for one that is not there."""
    found = dict(
        connection.execute(
            """
            SELECT d.key || '/' || s.key, s.sensor_id FROM sensor s JOIN device d USING (device_id)
            WHERE s.company_id = %s AND d.key || '/' || s.key = ANY (%s)
            """,
            (company_id, list(names)),
        ).fetchall()
    )
    return [found.get(name, 0) for name in names]


def played(connection: Connection[Any], sensors: Sequence[int], *, first: int, count: int, window_s: float) -> set[int]:
    """Those of `count` windows from `first` on that hold a reading marked as history that is played."""
    found = connection.execute(
        """
        SELECT DISTINCT floor(extract(epoch FROM measured_at - %(since)s) / %(window)s::float8::numeric)::int
        FROM v_reading
        WHERE sensor_id = ANY (%(sensors)s) AND measured_at >= %(since)s AND measured_at < %(until)s AND quality & %(mark)s <> 0
        """,
        {
            "sensors": list(sensors),
            "since": begin_of(first, window_s),
            "until": begin_of(first + count, window_s),
            "window": window_s,
            "mark": int(Mark.REPLAYED),
        },
    )
    return {first + int(row[0]) for row in found}


def doubtful(
    connection: Connection[Any], sensors: Sequence[int], *, first: int, count: int, window_s: float
) -> set[int]:
    """Those of `count` windows from `first` on that hold a usable reading which its device was not sure of or made up, or whose clock was wrong."""
    found = connection.execute(
        """
        SELECT DISTINCT floor(extract(epoch FROM measured_at - %(since)s) / %(window)s::float8::numeric)::int
        FROM v_reading
        WHERE sensor_id = ANY (%(sensors)s) AND measured_at >= %(since)s AND measured_at < %(until)s
          AND (quality & 1 <> 0 OR quality & %(mark)s <> 0)
        """,
        {
            "sensors": list(sensors),
            "since": begin_of(first, window_s),
            "until": begin_of(first + count, window_s),
            "window": window_s,
            "mark": int(Mark.CLOCK),
        },
    )
    return {first + int(row[0]) for row in found}


def passed(connection: Connection[Any], sensors: Sequence[int], end: datetime) -> bool:
    """Whether every member has a reading at or after `end`: then nothing more comes for the windows before it."""
    row = connection.execute(
        """
        SELECT count(*) FROM unnest(%(sensors)s::int[]) AS member (sensor_id)
        WHERE EXISTS (SELECT FROM v_reading r WHERE r.sensor_id = member.sensor_id AND r.measured_at >= %(end)s)
        """,
        {"sensors": list(sensors), "end": end},
    ).fetchone()
    assert row is not None
    return int(row[0]) == len(sensors)
