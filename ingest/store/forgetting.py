"""Old rows of what has no chunks: minutes, hours, evidence, rejected messages, and on plain PostgreSQL what has no day of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from psycopg import Connection

AT_ONCE: Final = 200_000  # rows of one kind in one transaction: a second or two of work

What = Literal["other", "minute", "hour", "evidence"]


def forget_rejected(connection: Connection[Any], older_than: datetime, most_a_device: int, most: int = AT_ONCE) -> int:
    """Deletes rejected messages that are older, and of each device what is beyond its newest; gives how many."""
    row = connection.execute("SELECT davy_rejected_forget(%s, %s, %s)", (older_than, most_a_device, most)).fetchone()
    assert row is not None
    return int(row[0])


def forget(connection: Connection[Any], what: What, older_than: datetime, most: int = AT_ONCE) -> int:
    """Deletes rows that are older and that nothing holds; gives how many. What is beyond `most` waits for the next time."""
    row = connection.execute("SELECT davy_reading_forget(%s, %s, %s)", (what, older_than, most)).fetchone()
    assert row is not None
    return int(row[0])
