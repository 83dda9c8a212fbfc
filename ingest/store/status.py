"""What is not in a batch's transaction: newest values, what is known of devices' streams, how ingest is doing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from core.batch import Float64, Int32, Int64


@dataclass(frozen=True, slots=True)
class Newest:
    """Newest readings of some sensors, as columns; instants in microseconds UTC."""

    sensor_id: Int32
    company_id: Int32
    measured_us: Int64
    received_us: Int64
    value: Float64
    quality: Int32

    def __len__(self) -> int:
        return len(self.sensor_id)


@dataclass(frozen=True, slots=True)
class StreamRow:
    """What changed of one device's stream; None: as before."""

    device_id: int
    company_id: int
    boot: int | None
    seq: int | None
    missing: int
    repeated: int
    clock_offset_ms: float | None
    online: bool | None
    last_received_at: datetime | None
    clock_wrong_since: datetime | None = None
    clock_right_since: datetime | None = None
    clock_was_ms: float | None = None
    restarts: int = 0
    restarted_at: datetime | None = None
    restarted_from: int | None = None
    restarted_to: int | None = None


def write_latest(connection: Connection[Any], newest: Newest) -> None:
    """Moves `latest` forward; a value that is older than the one there changes nothing."""
    connection.execute(
        """
        INSERT INTO latest (sensor_id, company_id, measured_at, received_at, value, quality)
        SELECT t.sensor_id, t.company_id, timestamptz 'epoch' + t.measured_at * interval '1 microsecond',
               timestamptz 'epoch' + t.received_at * interval '1 microsecond', t.value, t.quality
        FROM unnest(%s, %s, %s, %s, %s, %s) AS t(sensor_id, company_id, measured_at, received_at, value, quality)
        ORDER BY t.sensor_id
        ON CONFLICT (sensor_id) DO UPDATE SET measured_at = excluded.measured_at, received_at = excluded.received_at,
            value = excluded.value, quality = excluded.quality
        WHERE latest.measured_at <= excluded.measured_at
        """,
        (
            newest.sensor_id,
            newest.company_id,
            newest.measured_us,
            newest.received_us,
            newest.value,
            newest.quality,
        ),
    )


def write_streams(connection: Connection[Any], rows: Sequence[StreamRow]) -> None:
    """Brings `device_stream` up to date; `repeated` adds to what is there."""
    connection.execute(
        """
        INSERT INTO device_stream AS d
            (device_id, company_id, boot, seq, missing, repeated, clock_offset_ms, online, last_received_at, clock_wrong_since,
             clock_right_since, clock_was_ms, restarts, restarted_at, restarted_from, restarted_to)
        SELECT * FROM unnest(%s::int[], %s::int[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
                             %s::double precision[], %s::boolean[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[],
                             %s::double precision[], %s::bigint[], %s::timestamptz[], %s::bigint[], %s::bigint[])
        ON CONFLICT (device_id) DO UPDATE SET
            boot = coalesce(excluded.boot, d.boot),
            seq = coalesce(excluded.seq, d.seq),
            missing = excluded.missing,
            repeated = d.repeated + excluded.repeated,
            clock_offset_ms = coalesce(excluded.clock_offset_ms, d.clock_offset_ms),
            clock_wrong_since = CASE WHEN excluded.clock_offset_ms IS NULL THEN d.clock_wrong_since ELSE excluded.clock_wrong_since END,
            clock_right_since = coalesce(excluded.clock_right_since, d.clock_right_since),
            clock_was_ms = coalesce(excluded.clock_was_ms, d.clock_was_ms),
            restarts = greatest(excluded.restarts, d.restarts),
            restarted_at = coalesce(excluded.restarted_at, d.restarted_at),
            restarted_from = coalesce(excluded.restarted_from, d.restarted_from),
            restarted_to = coalesce(excluded.restarted_to, d.restarted_to),
            online = coalesce(excluded.online, d.online),
            last_received_at = coalesce(excluded.last_received_at, d.last_received_at)
        """,
        (
            [r.device_id for r in rows],
            [r.company_id for r in rows],
            [r.boot for r in rows],
            [r.seq for r in rows],
            [r.missing for r in rows],
            [r.repeated for r in rows],
            [r.clock_offset_ms for r in rows],
            [r.online for r in rows],
            [r.last_received_at for r in rows],
            [r.clock_wrong_since for r in rows],
            [r.clock_right_since for r in rows],
            [r.clock_was_ms for r in rows],
            [r.restarts for r in rows],
            [r.restarted_at for r in rows],
            [r.restarted_from for r in rows],
            [r.restarted_to for r in rows],
        ),
    )


def write_status(connection: Connection[Any], worker: str, state: str, report: dict[str, object]) -> None:
    """The beat that says ingest is alive, and what it has to say; by the database's own clock."""
    connection.execute(
        """
        INSERT INTO ingest_status (worker, beat_at, state, report) VALUES (%s, clock_timestamp(), %s, %s)
        ON CONFLICT (worker) DO UPDATE SET beat_at = excluded.beat_at, state = excluded.state, report = excluded.report
        """,
        (worker, state, Jsonb(report)),
    )
