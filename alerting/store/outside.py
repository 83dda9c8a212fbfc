"""What the sign of life to somebody outside depends on, in one look."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import Connection

from alerting.outside import Signs, Worker


def signs(connection: Connection[Any], now: datetime) -> Signs:
    """How ingest, alerting and the queue stand."""
    workers = connection.execute("SELECT worker, beat_at, state FROM v_ingest_beat ORDER BY worker").fetchall()
    beat = connection.execute("SELECT beat_at, turned_at FROM process_status WHERE process = 'alerting'").fetchone()
    due = connection.execute(
        """
        SELECT min(due_at) FILTER (WHERE urgency = 0), min(CASE WHEN held_by IS NULL THEN due_at ELSE greatest(due_at, lease_until) END)
        FROM notification
        WHERE state = 'waiting' AND attempt = 0 AND due_at <= %(now)s AND (lease_until IS NULL OR lease_until <= %(now)s)
        """,
        {"now": now},
    ).fetchone()
    assert due is not None
    beat_at, turned_at = beat if beat is not None else (None, None)
    return Signs([Worker(*row) for row in workers], beat_at, turned_at, due[0], due[1])
