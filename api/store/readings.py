"""Curves: the readings of one sensor in a window, thinned so that no peak is lost, and where they are missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class Bucket:
    """The readings of one stretch of time.

    Args:
        at: of its first reading; `until` of its last.
        low, high: extremes among the usable values; None where there was none (bad quality or NaN).
    """

    at: datetime
    until: datetime
    low: float | None
    high: float | None
    readings: int


@dataclass(frozen=True, slots=True)
class Loss:
    """A stretch in which messages of the device are known to be missing, and how many."""

    since: datetime
    until: datetime
    messages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorLine:
    """A sensor as lists show it."""

    sensor_id: int
    device_id: int
    device: str
    key: str
    name: str
    name_zh: str
    quantity: str
    unit: str
    period_s: float
    mandatory: bool
    is_virtual: bool
    zone: str | None
    zone_zh: str | None
    site: str
    site_zh: str
    time_zone: str
    value: float | None
    quality: int | None
    measured_at: datetime | None


def curve(
    connection: Connection[Any], sensor_id: int, since: datetime, until: datetime, bucket_s: float
) -> list[Bucket]:
    """The sensor's readings from `since` to `until`, one row a bucket, in time order; of days that are dropped, their evidence."""
    with connection.cursor(row_factory=class_row(Bucket)) as cursor:
        return cursor.execute(
            """
            SELECT min(measured_at) AS at, max(measured_at) AS until,
                   min(value) FILTER (WHERE value <> 'NaN' AND quality & 3 <> 2) AS low,
                   max(value) FILTER (WHERE value <> 'NaN' AND quality & 3 <> 2) AS high, count(*)::int AS readings
            FROM (SELECT measured_at, value, quality FROM v_reading
                  WHERE sensor_id = %(sensor)s AND measured_at BETWEEN %(since)s AND %(until)s
                  UNION ALL
                  SELECT e.measured_at, e.value, e.quality FROM evidence_reading e
                  WHERE e.sensor_id = %(sensor)s AND e.measured_at BETWEEN %(since)s AND %(until)s
                    AND NOT EXISTS (SELECT FROM v_reading r WHERE r.sensor_id = %(sensor)s AND r.measured_at = e.measured_at)) r
            GROUP BY floor(extract(epoch FROM measured_at) / %(bucket)s) ORDER BY 1
            """,
            {"sensor": sensor_id, "since": since, "until": until, "bucket": bucket_s},
        ).fetchall()


def minutes_curve(
    connection: Connection[Any], sensor_id: int, since: datetime, until: datetime, bucket_s: float
) -> list[Bucket]:
    """The same from minutes, and from hours where minutes do not reach back: extremes are kept, no peak is lost."""
    with connection.cursor(row_factory=class_row(Bucket)) as cursor:
        return cursor.execute(
            """
            SELECT min(begins) AS at, max(ends) AS until, min(minimum) AS low, max(maximum) AS high, sum(readings)::int AS readings
            FROM (SELECT minute AS begins, minute + interval '1 minute' AS ends, minimum, maximum, readings FROM reading_minute
                  WHERE sensor_id = %(sensor)s AND minute > %(since)s - interval '1 minute' AND minute < %(until)s
                  UNION ALL
                  SELECT hour, hour + interval '1 hour', minimum, maximum, readings FROM reading_hour
                  WHERE sensor_id = %(sensor)s AND hour > %(since)s - interval '1 hour' AND hour < %(until)s
                    AND hour < date_trunc('hour', coalesce((SELECT min(minute) FROM reading_minute WHERE sensor_id = %(sensor)s), 'infinity'))) r
            GROUP BY floor(extract(epoch FROM begins) / %(bucket)s) ORDER BY 1
            """,
            {"sensor": sensor_id, "since": since, "until": until, "bucket": bucket_s},
        ).fetchall()


def hours_curve(
    connection: Connection[Any], sensor_id: int, since: datetime, until: datetime, bucket_s: float
) -> list[Bucket]:
    """The same from hours alone: for spans of months."""
    with connection.cursor(row_factory=class_row(Bucket)) as cursor:
        return cursor.execute(
            """
            SELECT min(hour) AS at, max(hour) + interval '1 hour' AS until, min(minimum) AS low, max(maximum) AS high,
                   sum(readings)::int AS readings
            FROM reading_hour WHERE sensor_id = %(sensor)s AND hour > %(since)s - interval '1 hour' AND hour < %(until)s
            GROUP BY floor(extract(epoch FROM hour) / %(bucket)s) ORDER BY 1
            """,
            {"sensor": sensor_id, "since": since, "until": until, "bucket": bucket_s},
        ).fetchall()


def raw_reaches(connection: Connection[Any], sensor_id: int, since: datetime) -> bool:
    """Whether raw readings reach back to `since`, or nothing older is known either."""
    row = connection.execute(
        """
        WITH first AS (SELECT coalesce((SELECT measured_at FROM v_reading WHERE sensor_id = %(sensor)s ORDER BY measured_at LIMIT 1),
                                       'infinity') AS at)
        SELECT NOT EXISTS (SELECT FROM reading_minute, first WHERE sensor_id = %(sensor)s
                           AND minute >= %(since)s AND minute <= first.at - interval '1 minute')
           AND NOT EXISTS (SELECT FROM reading_hour, first WHERE sensor_id = %(sensor)s
                           AND hour >= %(since)s AND hour <= first.at - interval '1 hour')
        """,
        {"sensor": sensor_id, "since": since},
    ).fetchone()
    assert row is not None
    return bool(row[0])


def evidence_curve(
    connection: Connection[Any], occurrence_id: int, sensor_id: int, since: datetime, until: datetime, bucket_s: float
) -> list[Bucket]:
    """The same for the insurer's people, who see the evidence of a resolved or shared occurrence only."""
    with connection.cursor(row_factory=class_row(Bucket)) as cursor:
        return cursor.execute(
            """
            SELECT min(measured_at) AS at, max(measured_at) AS until,
                   min(value) FILTER (WHERE value <> 'NaN' AND quality & 3 <> 2) AS low,
                   max(value) FILTER (WHERE value <> 'NaN' AND quality & 3 <> 2) AS high, count(*)::int AS readings
            FROM v_evidence WHERE occurrence_id = %(occurrence)s AND sensor_id = %(sensor)s AND measured_at BETWEEN %(since)s AND %(until)s
            GROUP BY floor(extract(epoch FROM measured_at) / %(bucket)s) ORDER BY 1
            """,
            {"occurrence": occurrence_id, "sensor": sensor_id, "since": since, "until": until, "bucket": bucket_s},
        ).fetchall()


def losses(connection: Connection[Any], device_id: int, since: datetime, until: datetime) -> list[Loss]:
    """Messages of a device that have not come by now, in a window; what was sent again later is missing no more."""
    with connection.cursor(row_factory=class_row(Loss)) as cursor:
        return cursor.execute(
            """
            SELECT left_from AS since, left_until AS until, missing AS messages FROM stream_gap
            WHERE device_id = %s AND closed_at IS NULL AND left_until >= %s AND left_from <= %s
            ORDER BY 1 LIMIT 500
            """,
            (device_id, since, until),
        ).fetchall()


def list_sensors(connection: Connection[Any], sensor_id: int | None = None) -> list[SensorLine]:
    """All sensors in use, or the one."""
    with connection.cursor(row_factory=class_row(SensorLine)) as cursor:
        return cursor.execute(
            """
            SELECT s.sensor_id, s.device_id, d.key AS device, s.key, s.name, s.name_zh, s.quantity, s.unit, s.period_s,
                   s.mandatory, s.is_virtual, z.name AS zone, z.name_zh AS zone_zh, si.name AS site,
                   si.name_zh AS site_zh, si.time_zone, l.value, l.quality, l.measured_at
            FROM sensor s JOIN device d USING (device_id) JOIN site si ON si.site_id = s.site_id
            LEFT JOIN zone z ON z.zone_id = s.zone_id
            LEFT JOIN LATERAL (SELECT value, quality, measured_at FROM v_latest WHERE sensor_id = s.sensor_id LIMIT 1) l ON true
            WHERE s.retired_at IS NULL AND NOT starts_with(d.key, '_test.') AND (%(sensor)s::int IS NULL OR s.sensor_id = %(sensor)s::int)
            ORDER BY si.key, d.key, s.key LIMIT 5000
            """,
            {"sensor": sensor_id},
        ).fetchall()
