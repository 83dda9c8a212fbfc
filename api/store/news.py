"""Listening for "your scope changed"."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import Connection
from psycopg.rows import TupleRow

CHANNEL = "davy_scope"


def listen(connection: Connection[TupleRow]) -> None:
    """From here on the connection hears which companies changed."""
    connection.execute("LISTEN davy_scope")


def stands(connection: Connection[TupleRow]) -> None:
    """Waits for any answer: one that is cut off gives none, and what was sent before has been heard once it comes."""
    connection.execute("SELECT true")


def heard(connection: Connection[TupleRow], timeout_s: float) -> Iterator[frozenset[int]]:
    """The companies of each notification, for at most `timeout_s` seconds. Payloads hold ids only: `3` or `3,7`."""
    for notice in connection.notifies(timeout=timeout_s):
        if notice.channel == CHANNEL:
            yield frozenset(int(part) for part in notice.payload.split(",") if part.strip().isdigit())
