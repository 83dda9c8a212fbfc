"""What the storage bench asks the database: readings in by ingest's COPY, sizes out. The tables belong to others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.abc import Buffer
from psycopg.rows import class_row


def copy_readings(connection: Connection[Any], rows: Buffer) -> None:
    """One batch, as ingest copies it: binary rows of `ingest.copy_rows.reading_rows`."""
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY reading (sensor_id, measured_at, value, quality, batch_no) FROM STDIN (FORMAT binary)"
        ) as copy,
    ):
        copy.write(rows)


def mark(connection: Connection[Any], worker: str, batch_no: int) -> None:
    """As if ingest had committed so far."""
    connection.execute(
        """INSERT INTO ingest_mark (worker, epoch, batch_no) VALUES (%s, 1, %s)
           ON CONFLICT (worker) DO UPDATE SET batch_no = excluded.batch_no""",
        (worker, batch_no),
    )


def sensor_ids(connection: Connection[Any]) -> list[int]:
    """All sensors of the bench, in the order in which devices carry them."""
    return [row[0] for row in connection.execute("SELECT sensor_id FROM sensor ORDER BY sensor_id").fetchall()]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes on disk.

    Args:
        heap: of the readings, without what is empty; key, batches: of its two indexes; total: all there is of `reading`.
        minute, hour: of the rollups with their keys; minutes, hours: how many rows those are.
    """

    heap: int
    key: int
    batches: int
    total: int
    minute: int
    minutes: int
    hour: int
    hours: int


def sizes(connection: Connection[Any]) -> Sizes:
    """Of all days of `reading`, whatever the kind, and of the rollups."""
    with connection.cursor(row_factory=class_row(Sizes)) as cursor:
        row = cursor.execute(
            """
            WITH days AS (SELECT chunk::regclass AS day FROM davy_reading_chunks()),
            indexes AS (SELECT i.indexrelid, i.indisunique FROM days JOIN pg_index i ON i.indrelid = day)
            SELECT (SELECT sum(pg_table_size(day)) FROM days)::bigint AS heap,
                   (SELECT sum(pg_relation_size(indexrelid)) FROM indexes WHERE indisunique)::bigint AS key,
                   (SELECT sum(pg_relation_size(indexrelid)) FROM indexes WHERE NOT indisunique)::bigint AS batches,
                   (SELECT sum(bytes) FROM davy_reading_chunks())::bigint AS total,
                   pg_total_relation_size('reading_minute') AS minute, (SELECT count(*) FROM reading_minute) AS minutes,
                   pg_total_relation_size('reading_hour') AS hour, (SELECT count(*) FROM reading_hour) AS hours
            """
        ).fetchone()
    assert row is not None
    return row


def fill_minutes(connection: Connection[Any], sensors: int, since: datetime, until: datetime) -> None:
    """Minutes of some sensors as weeks would leave them, for a chart to be drawn from."""
    connection.execute(
        """
        INSERT INTO reading_minute (sensor_id, minute, company_id, readings, good, minimum, maximum, mean)
        SELECT s.sensor_id, at, s.company_id, 60, 60, 20, 30, 25
        FROM generate_series(%s, %s, interval '1 minute') at
        CROSS JOIN (SELECT sensor_id, company_id FROM sensor ORDER BY sensor_id LIMIT %s) s
        ORDER BY at, s.sensor_id ON CONFLICT DO NOTHING
        """,
        (since, until, sensors),
    )
    connection.execute("ANALYZE reading_minute")


def settle(connection: Connection[Any]) -> None:
    """What autovacuum would do in time: the visibility map, and statistics."""
    connection.execute("VACUUM ANALYZE reading")
    connection.execute("VACUUM ANALYZE reading_minute")
    connection.execute("VACUUM ANALYZE reading_hour")


def company_of(connection: Connection[Any], sensor_id: int) -> int:
    """Whose sensor it is."""
    row = connection.execute("SELECT company_id FROM sensor WHERE sensor_id = %s", (sensor_id,)).fetchone()
    assert row is not None
    return int(row[0])


def fill_hours(connection: Connection[Any], since: datetime, until: datetime) -> None:
    """The hours of all sensors, as full as one reading a second makes them: how many there are is all that is asked of them."""
    connection.execute(
        """INSERT INTO reading_hour (sensor_id, hour, company_id, readings, good, minimum, maximum, mean)
           SELECT s.sensor_id, t.hour, s.company_id, 3600, 3600, 40, 80, 60
           FROM sensor s CROSS JOIN generate_series(%s, %s - interval '1 hour', interval '1 hour') AS t (hour)""",
        (since, until),
    )
