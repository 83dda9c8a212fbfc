"""Keys of what was sent, with what it made; written in the transaction that makes it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import Connection


def take_turns(connection: Connection[Any], person_id: int, key: str) -> None:
    """Until this transaction ends nobody else sends under this key of this person."""
    connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('sent by ' || %s || ' ' || %s, 0))", (str(person_id), key)
    )


def made_under(connection: Connection[Any], person_id: int, key: str) -> dict[bytes, int]:
    """What was made under a key, by the hash of what was asked for."""
    rows = connection.execute(
        "SELECT content, made FROM web_once WHERE person_id = %s AND key = %s", (person_id, key)
    ).fetchall()
    return {bytes(content): int(made) for content, made in rows}


def keep(connection: Connection[Any], person_id: int, key: str, content: bytes, *, made: int, now: datetime) -> None:
    """Writes down what was made."""
    connection.execute(
        "INSERT INTO web_once (person_id, key, content, made, at) VALUES (%s, %s, %s, %s, %s)",
        (person_id, key, content, made, now),
    )


def forget(connection: Connection[Any], before: datetime) -> int:
    """Deletes what was sent before `before`; gives how many rows."""
    return connection.execute("DELETE FROM web_once WHERE at < %s", (before,)).rowcount
