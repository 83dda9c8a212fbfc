"""What stands at the other end of channels, as all dispatchers know it together: its bucket of tokens and its circuit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from alerting.circuit import Circuit, after_failure
from alerting.pace import Bucket, Leave, Pace, ask, full


def circuit(connection: Connection[Any], channel: str, mark: str) -> Circuit:
    """How it has gone lately."""
    with connection.cursor(row_factory=class_row(Circuit)) as cursor:
        found = cursor.execute(
            "SELECT failures, failed_at, opened_at, probe_at, why FROM channel_peer WHERE channel = %s AND mark = %s",
            (channel, mark),
        ).fetchone()
    return found or Circuit()


def take_probe(connection: Connection[Any], channel: str, mark: str, now: datetime, next_at: datetime) -> bool:
    """Whether this one is the probe: of several at once only the first."""
    return (
        connection.execute(
            "UPDATE channel_peer SET probe_at = %s WHERE channel = %s AND mark = %s AND probe_at <= %s",
            (next_at, channel, mark, now),
        ).rowcount
        == 1
    )


def failed(connection: Connection[Any], channel: str, mark: str, now: datetime, why: str) -> Circuit:
    """Counts a failure; the circuit as it is then."""
    connection.execute(
        "INSERT INTO channel_peer (channel, mark) VALUES (%s, %s) ON CONFLICT (channel, mark) DO NOTHING",
        (channel, mark),
    )
    with connection.cursor(row_factory=class_row(Circuit)) as cursor:
        found = cursor.execute(
            "SELECT failures, failed_at, opened_at, probe_at, why FROM channel_peer WHERE channel = %s AND mark = %s FOR UPDATE",
            (channel, mark),
        ).fetchone()
    after = after_failure(found or Circuit(), now, why)
    connection.execute(
        """
        UPDATE channel_peer SET failures = %s, failed_at = %s, opened_at = %s, probe_at = %s, why = %s
        WHERE channel = %s AND mark = %s
        """,
        (after.failures, after.failed_at, after.opened_at, after.probe_at, after.why, channel, mark),
    )
    return after


def arrived(connection: Connection[Any], channel: str, mark: str) -> None:
    """Something went through: it is well again."""
    connection.execute(
        """
        UPDATE channel_peer SET failures = 0, failed_at = NULL, opened_at = NULL, probe_at = NULL, why = NULL
        WHERE channel = %s AND mark = %s AND failures > 0
        """,
        (channel, mark),
    )


def ask_leave(
    connection: Connection[Any], channel: str, mark: str, pace: Pace, now: datetime, *, urgent: bool, others: int
) -> Leave:
    """Takes a token of an address, or says when there is one; the row is locked, so two dispatchers never take the same."""
    connection.execute(
        """
        INSERT INTO channel_peer (channel, mark, tokens, filled_at) VALUES (%s, %s, %s, %s)
        ON CONFLICT (channel, mark) DO UPDATE SET tokens = excluded.tokens, filled_at = excluded.filled_at
        WHERE channel_peer.tokens IS NULL
        """,
        (channel, mark, full(pace, now).tokens, now),
    )
    row = connection.execute(
        "SELECT tokens, filled_at FROM channel_peer WHERE channel = %s AND mark = %s FOR UPDATE", (channel, mark)
    ).fetchone()
    assert row is not None
    leave = ask(pace, Bucket(*row), now, urgent=urgent, others=others)
    connection.execute(
        "UPDATE channel_peer SET tokens = %s, filled_at = %s WHERE channel = %s AND mark = %s",
        (leave.bucket.tokens, leave.bucket.as_of, channel, mark),
    )
    return leave


def open_circuits(connection: Connection[Any]) -> dict[tuple[str, str], Circuit]:
    """What is left alone at this moment, by channel and mark."""
    rows: Sequence[tuple[Any, ...]] = connection.execute(
        "SELECT channel, mark, failures, failed_at, opened_at, probe_at, why FROM channel_peer WHERE opened_at IS NOT NULL"
    ).fetchall()
    return {(row[0], row[1]): Circuit(*row[2:]) for row in rows}


def address_died(connection: Connection[Any], person_id: int, channel: str, kept: str, now: datetime, why: str) -> bool:
    """Marks an address as dead, unless somebody has corrected it meanwhile or it was dead already."""
    return (
        connection.execute(
            """
            UPDATE channel_address SET dead_at = %s, dead_why = %s
            WHERE person_id = %s AND channel = %s AND address = %s AND dead_at IS NULL
            """,
            (now, why, person_id, channel, kept),
        ).rowcount
        == 1
    )
