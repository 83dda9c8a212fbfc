"""The journal of calls made without the database: durable before a call counts as made, kept until it is in the books."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alerting.store.bookings import SentCall

_INSTANTS = tuple(
    field.name for field in fields(SentCall) if field.name in {"onset", "due_at", "created_at", "sent_at"}
)


class Journal:
    """A file of its own in the worker's folder. Any thread may use it.

    Raises:
        sqlite3.Error: as it comes, from every method.
    """

    def __init__(self, path: Path) -> None:
        path.touch(mode=0o600, exist_ok=True)
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(
            """
            CREATE TABLE IF NOT EXISTS sent_call (
                key TEXT PRIMARY KEY, company_id INTEGER NOT NULL, definition_id INTEGER NOT NULL, sensor_id INTEGER NOT NULL,
                onset TEXT NOT NULL, step INTEGER NOT NULL, rule TEXT NOT NULL, audience TEXT NOT NULL, person_id INTEGER NOT NULL,
                channel TEXT NOT NULL, due_at TEXT NOT NULL, created_at TEXT NOT NULL, sent_at TEXT NOT NULL, receipt TEXT NOT NULL
            ) STRICT
            """
        )

    def keep(self, call: SentCall) -> None:
        """Durable when this returns; the same call again changes nothing."""
        with self._lock:
            self._connection.execute(
                """
                INSERT INTO sent_call (key, company_id, definition_id, sensor_id, onset, step, rule, audience, person_id, channel,
                                       due_at, created_at, sent_at, receipt)
                VALUES (:key, :company_id, :definition_id, :sensor_id, :onset, :step, :rule, :audience, :person_id, :channel,
                        :due_at, :created_at, :sent_at, :receipt)
                ON CONFLICT (key) DO NOTHING
                """,
                {field.name: _plain(getattr(call, field.name)) for field in fields(SentCall)},
            )

    def calls(self) -> list[SentCall]:
        """All that are not in the books, the oldest first."""
        with self._lock:
            cursor = self._connection.execute("SELECT * FROM sent_call ORDER BY sent_at, key")
            names = [column[0] for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor]
        return [SentCall(**{**row, **{name: datetime.fromisoformat(row[name]) for name in _INSTANTS}}) for row in rows]

    def forget(self, keys: Iterable[str]) -> None:
        """They are in the books."""
        with self._lock:
            self._connection.executemany("DELETE FROM sent_call WHERE key = ?", [(key,) for key in keys])

    def close(self) -> None:
        """Gives the file back."""
        with self._lock:
            self._connection.close()


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
