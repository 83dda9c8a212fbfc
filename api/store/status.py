"""What the pages say of Davy itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class IngestBeat:
    """The newest sign of life of one ingest worker."""

    worker: str
    beat_at: datetime
    state: str


def ingest_beats(connection: Connection[Any]) -> list[IngestBeat]:
    """All workers, the one that has been silent longest first."""
    with connection.cursor(row_factory=class_row(IngestBeat)) as cursor:
        return cursor.execute("SELECT worker, beat_at, state FROM v_ingest_beat ORDER BY beat_at").fetchall()


def answers(connection: Connection[Any]) -> bool:
    """Whether the database answers."""
    return connection.execute("SELECT true").fetchone() is not None


def oldest_unsent(connection: Connection[Any], now: datetime) -> datetime | None:
    """When the oldest call for an alarm of the principal's companies was due that is due and still waits."""
    row = connection.execute(
        "SELECT min(due_at) FROM v_notification WHERE state IN ('waiting', 'claimed') AND due_at <= %s AND subject = 'alarm'",
        (now,),
    ).fetchone()
    assert row is not None
    oldest: datetime | None = row[0]
    return oldest


@dataclass(frozen=True, slots=True)
class Heard:
    """How many sensors are heard from.

    Args:
        recent: heard within three of their periods, or a minute where that is longer.
        time_zone: of the first site the principal sees; None where there is none.
    """

    sensors: int
    recent: int
    time_zone: str | None


def sensors_heard(connection: Connection[Any], now: datetime) -> Heard:
    """Unknown is not safe: an empty alarm list means something only while sensors are heard."""
    with connection.cursor(row_factory=class_row(Heard)) as cursor:
        found = cursor.execute(
            """
            SELECT count(*)::int AS sensors,
                   count(*) FILTER (WHERE l.received_at > %(now)s::timestamptz
                       - make_interval(secs => greatest(60, 3 * s.period_s)))::int AS recent,
                   (SELECT time_zone FROM site ORDER BY site_id LIMIT 1) AS time_zone
            -- Whose they are is said once more, so that an index finds them: the walls alone are looked at row by row.
            FROM sensor s LEFT JOIN v_latest l ON l.sensor_id = s.sensor_id AND l.company_id = ANY (ARRAY(SELECT company_id FROM company))
            WHERE s.retired_at IS NULL AND NOT s.is_virtual AND s.company_id = ANY (ARRAY(SELECT company_id FROM company))
            """,
            {"now": now},
        ).fetchone()
    assert found is not None
    return found
