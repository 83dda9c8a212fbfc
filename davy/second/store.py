"""What the second opinion reads of a site: its signals, their minutes, waveforms of vibrations, and what is flagged. It writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class Site:
    """Where a night is judged."""

    site_id: int
    company_id: int
    key: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Signal:
    """A sensor that is looked at."""

    sensor_id: int
    asset_id: int | None
    unit: str
    quantity: str


class Flagged(NamedTuple):
    """A stretch in which a sensor did not run as usual, so that nothing is learnt from it."""

    sensor_id: int
    since: datetime
    until: datetime


class Minute(NamedTuple):
    """A minute with usable readings."""

    minute: int  # since 1970
    mean: float
    low: float
    high: float
    readings: int
    good: int


def sites(connection: Connection[Any]) -> list[Site]:
    """Every site, the one first that was judged longest ago: so each has its turn, however many there are and whenever a process began anew."""
    with connection.cursor(row_factory=class_row(Site)) as cursor:
        return cursor.execute(
            """
            SELECT s.site_id, s.company_id, s.key, s.time_zone FROM site s
            LEFT JOIN LATERAL (SELECT max(n.day) AS day FROM second_opinion_night n WHERE n.site_id = s.site_id AND n.state <> 'begun') l ON true
            ORDER BY l.day NULLS FIRST, s.key
            """
        ).fetchall()


def signals(connection: Connection[Any], site_id: int) -> list[Signal]:
    """Sensors in use of a site that measure something: those whose values are numbers, and not Davy's own."""
    with connection.cursor(row_factory=class_row(Signal)) as cursor:
        return cursor.execute(
            """
            SELECT sensor_id, asset_id, unit, quantity FROM sensor
            WHERE site_id = %s AND retired_at IS NULL AND NOT is_virtual AND states IS NULL ORDER BY asset_id NULLS LAST, sensor_id
            """,
            (site_id,),
        ).fetchall()


def minutes(connection: Connection[Any], sensor_id: int, since: datetime, until: datetime) -> list[Minute]:
    """The minutes of a sensor that hold something usable, in no order. The bounds are instants of full minutes."""
    rows = connection.execute(
        """
        SELECT extract(epoch FROM minute)::bigint / 60, mean, minimum, maximum, readings, good FROM reading_minute
        WHERE sensor_id = %s AND minute >= %s AND minute < %s AND good > 0 AND abs(mean) < 1e150 AND mean <> 'NaN'
        """,
        (sensor_id, since, until),
    ).fetchall()
    return [Minute(*row) for row in rows]


def flagged(connection: Connection[Any], site_id: int, since: datetime, until: datetime) -> list[Flagged]:
    """What is known not to have been usual: occurrences that were a danger, a fault or a test, or that nobody has judged yet, on every signal of
    their machine; and what was put aside for maintenance, a permit or a drill, wherever that held."""
    rows = connection.execute(
        """
        SELECT DISTINCT s.sensor_id, o.began_at - interval '15 minutes', coalesce(o.normal_at, o.resolved_at, %(until)s) + interval '15 minutes'
        FROM v_occurrence o JOIN sensor n ON n.sensor_id = o.sensor_id
        JOIN sensor s ON s.sensor_id = n.sensor_id OR s.asset_id = n.asset_id
        WHERE o.site_id = %(site)s AND o.began_at < %(until)s AND coalesce(o.normal_at, o.resolved_at, %(until)s) >= %(since)s
          AND coalesce(o.resolution, 'unknown') NOT IN ('nuisance') AND (o.resolution IS DISTINCT FROM 'unknown' OR o.resolved_at IS NULL)
        UNION
        SELECT s.sensor_id, w.begins_at, w.over_at
        FROM v_suppression_order w JOIN suppression_scope c ON c.order_id = w.order_id JOIN sensor s ON s.site_id = w.site_id
        LEFT JOIN v_alarm_definition d ON d.definition_id = c.definition_id
        WHERE w.site_id = %(site)s AND w.begins_at < %(until)s AND w.over_at >= %(since)s AND w.refused_at IS NULL
          AND (c.zone_id IS NULL OR c.zone_id = s.zone_id) AND (c.asset_id IS NULL OR c.asset_id = s.asset_id)
          AND (c.definition_id IS NULL OR d.sensor_id = s.sensor_id)
        """,
        {"site": site_id, "since": since, "until": until},
    ).fetchall()
    return [Flagged(*row) for row in rows]


def snapshots(
    connection: Connection[Any],
    sensor_id: int,
    since: datetime,
    until: datetime,
    *,
    every_s: int,
    lasts_s: float,
    most: int,
) -> list[tuple[int, float, float]]:
    """The first readings of each window: (number of the window from `since` on, seconds from its begin, value), in the order of time.

    Args:
        every_s: how long a window is.
        lasts_s, most: how much of its beginning is read.
    """
    rows: list[tuple[int, float, float]] = connection.execute(
        """
        SELECT w.n, extract(epoch FROM r.measured_at - w.at)::float8, r.value
        FROM (SELECT n, %(since)s + n * %(every)s * interval '1 second' AS at
              FROM generate_series(0, (extract(epoch FROM %(until)s - %(since)s) / %(every)s)::int - 1) n) w
        CROSS JOIN LATERAL (
            SELECT measured_at, value FROM v_reading
            WHERE sensor_id = %(sensor)s AND measured_at >= w.at AND measured_at < w.at + %(lasts)s * interval '1 second'
              AND abs(value) < 1e150 AND value <> 'NaN' AND quality & 3 <> 2
            ORDER BY measured_at LIMIT %(most)s) r
        ORDER BY 1, 2
        """,
        {"sensor": sensor_id, "since": since, "until": until, "every": every_s, "lasts": lasts_s, "most": most},
    ).fetchall()
    return rows
