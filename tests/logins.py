"""People who have logged in: whom an import may name as one of two (docs/decisions/0060)."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.database import TestDatabase


def let_in(database: TestDatabase, after: datetime) -> None:
    """Everybody logs in, an hour after `after`; once."""
    at = after + timedelta(hours=1)
    with database.connect("owner") as owner:
        owner.execute(
            "INSERT INTO web_session (session_hash, person_id, created_at, seen_at, expires_at)"
            " SELECT sha256(key::bytea), person_id, %(at)s, %(at)s, %(at)s FROM person ON CONFLICT DO NOTHING",
            {"at": at},
        )
