"""The lock of a worker in the database, and the news that its definitions changed."""

from __future__ import annotations

import zlib
from typing import Any, Final

from psycopg import Connection

LOCK_CLASS: Final = 7251102  # first key of our advisory locks for workers; core/migrate.py uses 7251101 by itself


def try_lock(connection: Connection[Any], worker: str) -> str | None:
    """Takes the worker's lock for as long as `connection` stands.

    Returns:
        None when it is ours, else who holds it.
    """
    key = zlib.crc32(worker.encode()) - 2**31
    row = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (LOCK_CLASS, key)).fetchone()
    if row is not None and row[0]:
        return None
    holder = connection.execute(
        """
        SELECT a.pid, a.application_name, a.client_addr, a.backend_start
        FROM pg_locks l JOIN pg_stat_activity a USING (pid)
        WHERE l.locktype = 'advisory' AND l.classid = %s AND l.objid::bigint = %s AND l.granted
        """,
        (LOCK_CLASS, key % 2**32),
    ).fetchone()
    if holder is None:
        return "a process that has just gone"
    return f"{holder[1]} from {holder[2] or 'this machine'}, connected since {holder[3]:%Y-%m-%d %H:%M:%S%z}"


def listen(connection: Connection[Any]) -> None:
    """Asks to be told when definitions change."""
    connection.execute("LISTEN davy_definitions")
