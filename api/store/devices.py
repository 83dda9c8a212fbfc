"""Devices and their streams."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceLine:
    """A device and its stream.

    Args:
        missing: messages known lost; `repeated`: sent again.
        clock_offset_ms: the device's clock minus ours.
        clock_wrong_since: None where it is within tolerance; clock_right_since: None where it was never seen wrong, else
            clock_was_ms is how wrong it was last.
        restarts: how often it began to count again under the boot it had, the last time at restarted_at, after the number
            restarted_from with restarted_to.
        rejected: messages rejected in the last 24 hours and not taken in since.
    """

    device_id: int
    key: str
    kind: str
    site: str
    site_zh: str
    company: str
    company_zh: str
    time_zone: str
    sensors: int
    period_s: float | None
    online: bool | None
    last_received_at: datetime | None
    missing: int
    repeated: int
    clock_offset_ms: float | None
    clock_wrong_since: datetime | None
    clock_right_since: datetime | None
    clock_was_ms: float | None
    restarts: int
    restarted_at: datetime | None
    restarted_from: int | None
    restarted_to: int | None
    boot: int | None
    seq: int | None
    rejected: int


def list_devices(connection: Connection[Any], now: datetime, device_id: int | None = None) -> list[DeviceLine]:
    """All devices in use, or the one."""
    with connection.cursor(row_factory=class_row(DeviceLine)) as cursor:
        return cursor.execute(
            """
            SELECT d.device_id, d.key, d.kind, si.name AS site, si.name_zh AS site_zh, si.time_zone,
                   c.name AS company, c.name_zh AS company_zh,
                   coalesce(n.sensors, 0)::int AS sensors, n.period_s, ds.online, ds.last_received_at,
                   coalesce(ds.missing, 0) AS missing, coalesce(ds.repeated, 0) AS repeated,
                   ds.clock_offset_ms, ds.clock_wrong_since, ds.clock_right_since, ds.clock_was_ms,
                   coalesce(ds.restarts, 0) AS restarts, ds.restarted_at, ds.restarted_from, ds.restarted_to, ds.boot, ds.seq, coalesce(r.rejected, 0)::int AS rejected
            FROM device d JOIN site si ON si.site_id = d.site_id JOIN company c ON c.company_id = d.company_id
            LEFT JOIN device_stream ds ON ds.device_id = d.device_id
            LEFT JOIN (SELECT device_id, count(*) AS sensors, min(period_s) AS period_s FROM sensor
                       WHERE retired_at IS NULL AND NOT is_virtual GROUP BY device_id) n ON n.device_id = d.device_id
            LEFT JOIN (SELECT device_id, sum(count) AS rejected FROM rejected_message
                       WHERE received_at > %(now)s::timestamptz - interval '24 hours' AND taken_at IS NULL GROUP BY device_id) r
                   ON r.device_id = d.device_id
            WHERE d.retired_at IS NULL AND NOT starts_with(d.key, '_test.') AND (n.sensors IS NOT NULL OR ds.device_id IS NOT NULL)
              AND (%(device)s::int IS NULL OR d.device_id = %(device)s::int)
            ORDER BY si.key, d.key LIMIT 2000
            """,
            {"now": now, "device": device_id},
        ).fetchall()
