"""What devices did not send: holes in their numbers, and clocks that are wrong, of a device and of a site."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

SHOWN: Final = 50  # holes on one page
SEEN_BEFORE: Final = timedelta(minutes=2)  # a loss is an alarm 30 s after it is seen, and its page names it


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """Messages that did not come when they should have.

    Args:
        since, until: between them they were sent, by the device's clock.
        messages: how many, as it was seen; missing: how many of them have not come by now.
        closed_at: when the last of them came.
    """

    device_id: int
    device: str
    boot: int
    first_seq: int
    last_seq: int
    since: datetime
    until: datetime
    messages: int
    missing: int
    seen_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongClock:
    """A device whose clock is out of tolerance.

    Args:
        offset_ms: the device's clock minus ours.
    """

    device_id: int
    device: str
    offset_ms: float
    since: datetime


def holes_of_device(connection: Connection[Any], device_id: int) -> list[Hole]:
    """The newest first, those that are open before those that closed."""
    with connection.cursor(row_factory=class_row(Hole)) as cursor:
        return cursor.execute(
            """
            SELECT g.device_id, d.key AS device, g.boot, g.first_seq, g.last_seq, g.missing_from AS since, g.missing_until AS until,
                   g.last_seq - g.first_seq + 1 AS messages, g.missing, g.seen_at, g.closed_at
            FROM stream_gap g JOIN device d USING (device_id)
            WHERE g.device_id = %s ORDER BY g.closed_at IS NOT NULL, g.seen_at DESC, g.gap_id DESC LIMIT %s
            """,
            (device_id, SHOWN),
        ).fetchall()


def holes_of_site(connection: Connection[Any], device_id: int, since: datetime, until: datetime) -> list[Hole]:
    """Holes seen in a stretch of time at the site of a device, by device, the newest first."""
    with connection.cursor(row_factory=class_row(Hole)) as cursor:
        return cursor.execute(
            """
            SELECT g.device_id, d.key AS device, g.boot, g.first_seq, g.last_seq, g.missing_from AS since, g.missing_until AS until,
                   g.last_seq - g.first_seq + 1 AS messages, g.missing, g.seen_at, g.closed_at
            FROM device own JOIN device d USING (site_id) JOIN stream_gap g ON g.device_id = d.device_id
            WHERE own.device_id = %s AND g.seen_at BETWEEN %s AND %s ORDER BY d.key, g.seen_at DESC, g.gap_id DESC LIMIT %s
            """,
            (device_id, since - SEEN_BEFORE, until, SHOWN),
        ).fetchall()


def wrong_clocks_of_site(connection: Connection[Any], device_id: int) -> list[WrongClock]:
    """Devices with a wrong clock at the site of a device, the worst first."""
    with connection.cursor(row_factory=class_row(WrongClock)) as cursor:
        return cursor.execute(
            """
            SELECT d.device_id, d.key AS device, t.clock_offset_ms AS offset_ms, t.clock_wrong_since AS since
            FROM device own JOIN device d USING (site_id) JOIN device_stream t ON t.device_id = d.device_id
            WHERE own.device_id = %s AND t.clock_wrong_since IS NOT NULL AND d.retired_at IS NULL
            ORDER BY abs(t.clock_offset_ms) DESC, d.key LIMIT %s
            """,
            (device_id, SHOWN),
        ).fetchall()
