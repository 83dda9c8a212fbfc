"""What arrived from a site's devices, by the hour, and whose calibration is over."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from risk.report.counting import SensorRow
from risk.report.facts import CalibrationFacts


def sensors(connection: Connection[Any], site_id: int, since: datetime, until: datetime) -> list[SensorRow]:
    """Those that should have reported at some time from `since` to `until`."""
    with connection.cursor(row_factory=class_row(SensorRow)) as cursor:
        return cursor.execute(
            """
            SELECT s.sensor_id, d.key AS device, d.kind, s.period_s,
                   least(s.valid_from, h.hour) AS begins, s.retired_at AS ends
            FROM sensor s JOIN device d USING (device_id)
            CROSS JOIN LATERAL (SELECT hour FROM v_heard_since WHERE sensor_id = s.sensor_id LIMIT 1) h
            WHERE s.site_id = %(site)s AND NOT s.is_virtual AND coalesce(s.retired_at > %(since)s, true)
              AND least(s.valid_from, h.hour) < %(until)s
            ORDER BY d.key, s.key
            """,
            {"site": site_id, "since": since, "until": until},
        ).fetchall()


def received(
    connection: Connection[Any], site_id: int, since: datetime, until: datetime, zone: str
) -> dict[tuple[int, date], float]:
    """Readings of each sensor and day there. No hour counts for more than was expected of it: haste does not fill a gap."""
    found = connection.execute(
        """
        SELECT s.sensor_id, r.day, r.received
        FROM sensor s CROSS JOIN LATERAL (
            SELECT (hour AT TIME ZONE %(zone)s)::date AS day, sum(least(good, 3600 / s.period_s))::float8 AS received
            FROM v_reading_hour WHERE sensor_id = s.sensor_id AND hour >= %(since)s AND hour < %(until)s
            GROUP BY 1
        ) r
        WHERE s.site_id = %(site)s AND NOT s.is_virtual
        """,
        {"site": site_id, "since": since, "until": until, "zone": zone},
    )
    return {(row[0], row[1]): row[2] for row in found}


def any_simulated(connection: Connection[Any], site_id: int, since: datetime, until: datetime) -> bool:
    """Whether the demo made some of the readings."""
    row = connection.execute(
        """
        SELECT EXISTS (
            SELECT FROM sensor s CROSS JOIN LATERAL (
                SELECT 1 FROM v_reading_hour
                WHERE sensor_id = s.sensor_id AND simulated AND hour >= %(since)s AND hour < %(until)s LIMIT 1
            ) h
            WHERE s.site_id = %(site)s)
        """,
        {"site": site_id, "since": since, "until": until},
    ).fetchone()
    return bool(row and row[0])


def overdue_calibrations(connection: Connection[Any], site_id: int, on: date) -> list[CalibrationFacts]:
    """Sensors in use that were to be calibrated before that day, the longest overdue first."""
    with connection.cursor(row_factory=class_row(CalibrationFacts)) as cursor:
        return cursor.execute(
            """
            SELECT d.key AS device, s.name AS sensor, s.name_zh AS sensor_zh, s.calibrated_on + s.calibration_days AS due_on,
                   %(on)s::date - (s.calibrated_on + s.calibration_days) AS overdue_days, s.mandatory
            FROM sensor s JOIN device d USING (device_id)
            WHERE s.site_id = %(site)s AND s.retired_at IS NULL AND s.calibrated_on + s.calibration_days < %(on)s::date
            ORDER BY due_on, d.key, s.key
            """,
            {"site": site_id, "on": on},
        ).fetchall()


def calibrated(connection: Connection[Any], site_id: int) -> int:
    """Sensors in use of which it is known when they are to be calibrated again."""
    row = connection.execute(
        """
        SELECT count(*) FROM sensor
        WHERE site_id = %s AND retired_at IS NULL AND calibrated_on IS NOT NULL AND calibration_days IS NOT NULL
        """,
        (site_id,),
    ).fetchone()
    return int(row[0]) if row else 0


def first_record(connection: Connection[Any], site_id: int) -> datetime | None:
    """When the first reading or alarm of the site is from."""
    row = connection.execute(
        """
        SELECT least((SELECT min(o.began_at) FROM v_occurrence o WHERE o.site_id = %(site)s AND NOT o.exercise),
                     (SELECT min(first.hour) FROM sensor s CROSS JOIN LATERAL
                          (SELECT hour FROM v_heard_since WHERE sensor_id = s.sensor_id LIMIT 1) first
                      WHERE s.site_id = %(site)s AND NOT s.is_virtual))
        """,
        {"site": site_id},
    ).fetchone()
    return row[0] if row else None
