"""What a back-test reads, as owner or as the role alerting: tables belong to others, readings come through their views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row, dict_row

from core.model import Sensor
from davy.backtest.columns import Stored, stored
from ingest.directory import DeviceRow


@dataclass(frozen=True, slots=True)
class Site:
    """Where it is tried."""

    site_id: int
    company_id: int
    key: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """An occurrence that people have resolved.

    Args:
        normal_at: None: it is not known when it was over.
    """

    occurrence_id: int
    definition_id: int
    key: str
    sensor_id: int
    zone_id: int | None
    began_at: datetime
    normal_at: datetime | None
    resolution: str


def site_of(connection: Connection[Any], key: str) -> Site | None:
    """The site called `key`."""
    with connection.cursor(row_factory=class_row(Site)) as cursor:
        return cursor.execute("SELECT site_id, company_id, key, time_zone FROM site WHERE key = %s", (key,)).fetchone()


def site_by_id(connection: Connection[Any], site_id: int) -> Site | None:
    """The site of a request."""
    with connection.cursor(row_factory=class_row(Site)) as cursor:
        return cursor.execute(
            "SELECT site_id, company_id, key, time_zone FROM site WHERE site_id = %s", (site_id,)
        ).fetchone()


def site_keys(connection: Connection[Any]) -> list[str]:
    """All sites."""
    return [str(row[0]) for row in connection.execute("SELECT key FROM site ORDER BY key").fetchall()]


def devices_of(connection: Connection[Any], site_id: int) -> list[DeviceRow]:
    """The devices of a site that are in use."""
    with connection.cursor(row_factory=class_row(DeviceRow)) as cursor:
        return cursor.execute(
            """
            SELECT d.device_id, d.company_id, d.site_id, s.key AS site_key, d.key
            FROM device d JOIN site s USING (site_id)
            WHERE d.site_id = %s AND d.retired_at IS NULL ORDER BY d.device_id
            """,
            (site_id,),
        ).fetchall()


def sensors_of(connection: Connection[Any], site_id: int) -> list[Sensor]:
    """The sensors of a site that are in use, virtual ones too."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """
            SELECT n.sensor_id, n.company_id, n.site_id, s.key AS site_key, n.device_id, d.key AS device_key, n.key, n.unit,
                   n.range_low, n.range_high, n.period_s, n.period_declared, n.mandatory, n.states, n.is_virtual
            FROM sensor n JOIN device d USING (device_id) JOIN site s ON s.site_id = n.site_id
            WHERE n.site_id = %s AND n.retired_at IS NULL AND d.retired_at IS NULL ORDER BY n.sensor_id
            """,
            (site_id,),
        )
        return [Sensor(**row) for row in rows]


def quantities_of(connection: Connection[Any], site_id: int) -> dict[int, str]:
    """Sensor -> what it measures, as its site file says."""
    return dict(connection.execute("SELECT sensor_id, quantity FROM sensor WHERE site_id = %s", (site_id,)).fetchall())


def realarms_of(connection: Connection[Any], site_id: int) -> dict[int, float | None]:
    """Definition -> after how many seconds it is heard again while it holds; None: never."""
    return dict(
        connection.execute(
            "SELECT definition_id, realarm_after_s FROM alarm_definition WHERE site_id = %s", (site_id,)
        ).fetchall()
    )


def zones_of(connection: Connection[Any], site_id: int) -> dict[int, int | None]:
    """Sensor -> its zone, or that of its asset."""
    rows = connection.execute(
        "SELECT n.sensor_id, coalesce(n.zone_id, a.zone_id) FROM sensor n LEFT JOIN asset a USING (asset_id) WHERE n.site_id = %s",
        (site_id,),
    ).fetchall()
    return dict(rows)


def resolved(
    connection: Connection[Any], site_id: int, since: datetime, until: datetime, resolutions: Sequence[str]
) -> list[Resolved]:
    """The site's occurrences that began in a stretch and that people resolved in one of these ways; no made-up ones."""
    with connection.cursor(row_factory=class_row(Resolved)) as cursor:
        return cursor.execute(
            """
            SELECT o.occurrence_id, o.definition_id, d.key, o.sensor_id, coalesce(n.zone_id, a.zone_id) AS zone_id,
                   o.began_at, o.normal_at, o.resolution
            FROM v_occurrence o JOIN alarm_definition d USING (definition_id) JOIN sensor n ON n.sensor_id = o.sensor_id
            LEFT JOIN asset a USING (asset_id)
            WHERE o.site_id = %s AND o.began_at >= %s AND o.began_at < %s AND o.resolution = ANY(%s) AND NOT o.simulated AND NOT o.exercise
            ORDER BY o.began_at, o.occurrence_id
            """,
            (site_id, since, until, list(resolutions)),
        ).fetchall()


def raises_of(
    connection: Connection[Any], site_id: int, since: datetime, until: datetime
) -> list[tuple[int, datetime]]:
    """(definition, instant) of each time an alarm of the site was raised and not suppressed."""
    rows = connection.execute(
        """
        SELECT t.definition_id, t.at FROM v_transition t JOIN alarm_definition d USING (definition_id)
        WHERE d.site_id = %s AND t.at >= %s AND t.at < %s AND t.event = 'raise' AND t.suppression = 'none' AND d.role <> 'exercise'
        """,
        (site_id, since, until),
    ).fetchall()
    return [(int(definition), at) for definition, at in rows]


def raw_since(connection: Connection[Any]) -> datetime | None:
    """From when on readings are kept one by one; None: there are none."""
    row = connection.execute("SELECT min(since) FROM davy_reading_chunks() WHERE filled").fetchone()
    return None if row is None else row[0]


def counted(connection: Connection[Any], sensor_ids: Sequence[int], since: datetime, until: datetime) -> int:
    """About how many readings there are, by the hours that are counted already."""
    row = connection.execute(
        "SELECT coalesce(sum(readings), 0)::bigint FROM v_reading_hour WHERE sensor_id = ANY(%s) AND hour > %s AND hour < %s AND NOT simulated",
        (list(sensor_ids), since - timedelta(hours=1), until),
    ).fetchone()
    assert row is not None
    return int(row[0])


def fullest_hour(connection: Connection[Any], sensor_ids: Sequence[int], since: datetime, until: datetime) -> int:
    """How many readings came in the hour of a stretch in which most did, of those that are counted already."""
    row = connection.execute(
        """
        SELECT coalesce(max(h.readings), 0)::bigint
        FROM (SELECT sum(readings) AS readings FROM v_reading_hour
              WHERE sensor_id = ANY(%s) AND hour > %s AND hour < %s AND NOT simulated GROUP BY hour) h
        """,
        (list(sensor_ids), since - timedelta(hours=1), until),
    ).fetchone()
    assert row is not None
    return int(row[0])


def missing(connection: Connection[Any], device_ids: Sequence[int], since: datetime, until: datetime) -> int:
    """How many messages of these devices have never come, of those sent in a stretch."""
    row = connection.execute(
        "SELECT coalesce(sum(missing), 0)::bigint FROM v_stream_gap WHERE device_id = ANY(%s) AND left_until >= %s AND left_from < %s",
        (list(device_ids), since, until),
    ).fetchone()
    assert row is not None
    return int(row[0])


def heard_minutes(connection: Connection[Any], site_id: int, since: datetime, until: datetime) -> list[datetime]:
    """The minutes in which anything at all of a site is stored, in order: in the others nobody may have watched."""
    rows = connection.execute(
        """
        SELECT DISTINCT m.minute FROM reading_minute m JOIN sensor n USING (sensor_id)
        WHERE n.site_id = %s AND m.minute >= %s AND m.minute < %s ORDER BY 1
        """,
        (site_id, since, until),
    ).fetchall()
    return [row[0] for row in rows]


def readings(connection: Connection[Any], sensor_ids: Sequence[int], since: datetime, until: datetime) -> list[Stored]:
    """The readings of sensors in a stretch, by the device's stamps."""
    with connection.cursor(binary=True) as cursor:
        cursor.execute(
            """
            SELECT sensor_id, array_agg(measured_at), array_agg(coalesce(value, 'NaN')),
                   array_agg(measured_at) FILTER (WHERE quality <> 0), array_agg(quality) FILTER (WHERE quality <> 0),
                   array_agg(measured_at) FILTER (WHERE judged_at IS NOT NULL), array_agg(judged_at) FILTER (WHERE judged_at IS NOT NULL)
            FROM v_reading WHERE sensor_id = ANY(%s) AND measured_at >= %s AND measured_at < %s
            GROUP BY sensor_id ORDER BY sensor_id
            """,
            (list(sensor_ids), since, until),
        )
        raw = cursor.pgresult
        assert raw is not None
        return [
            stored(
                int.from_bytes(raw.get_value(row, 0) or b"", "big"),
                *(raw.get_value(row, column) for column in range(1, 7)),
            )
            for row in range(raw.ntuples)
        ]


def minutes(
    connection: Connection[Any], sensor_ids: Sequence[int], since: datetime, until: datetime
) -> list[tuple[bytes | None, ...]]:
    """(sensor, begin of each bucket, lowest, highest, mean) as binary arrays: the minutes that hold something usable."""
    return _buckets(
        connection,
        """
        SELECT sensor_id, array_agg(minute ORDER BY minute), array_agg(minimum ORDER BY minute), array_agg(maximum ORDER BY minute),
               array_agg(mean ORDER BY minute)
        FROM reading_minute WHERE sensor_id = ANY(%s) AND minute >= %s AND minute < %s AND good > 0 AND mean IS NOT NULL
        GROUP BY sensor_id ORDER BY sensor_id
        """,
        sensor_ids,
        since,
        until,
    )


def hours(
    connection: Connection[Any], sensor_ids: Sequence[int], since: datetime, until: datetime
) -> list[tuple[bytes | None, ...]]:
    """The same by the hour, where there are no minutes; made-up history is none."""
    return _buckets(
        connection,
        """
        SELECT h.sensor_id, array_agg(h.hour ORDER BY h.hour), array_agg(h.minimum ORDER BY h.hour),
               array_agg(h.maximum ORDER BY h.hour), array_agg(h.mean ORDER BY h.hour)
        FROM v_reading_hour h
        WHERE h.sensor_id = ANY(%s) AND h.hour >= %s AND h.hour < %s AND h.good > 0 AND h.mean IS NOT NULL AND NOT h.simulated
          AND NOT EXISTS (SELECT FROM reading_minute m WHERE m.sensor_id = h.sensor_id AND m.minute >= h.hour
                          AND m.minute < h.hour + interval '1 hour')
        GROUP BY h.sensor_id ORDER BY h.sensor_id
        """,
        sensor_ids,
        since,
        until,
    )


def _buckets(
    connection: Connection[Any], statement: Any, sensor_ids: Sequence[int], since: datetime, until: datetime
) -> list[tuple[bytes | None, ...]]:
    with connection.cursor(binary=True) as cursor:
        cursor.execute(statement, (list(sensor_ids), since, until))
        raw = cursor.pgresult
        assert raw is not None
        return [tuple(raw.get_value(row, column) for column in range(5)) for row in range(raw.ntuples)]
