"""Keys of what was sent (api/once.py) that nobody sends again: for the risk process, which loads nothing of the pages for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from api.store import once as store

KEPT_FOR: Final = timedelta(hours=24)  # longer than a session lasts, and no form outlives its session (api/login.py)


def forget(connection: Connection[Any], now: datetime) -> int:
    """Deletes them; gives how many."""
    return store.forget(connection, now - KEPT_FOR)
