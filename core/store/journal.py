"""The journal of what people change: who, why, and what it was before. Written in the person's own transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb


def write(
    connection: Connection[Any],
    *,
    at: datetime,
    company_id: int,
    person_id: int,
    actor: str,
    action: str,
    subject: str,
    old: Mapping[str, Any] | None,
    new: Mapping[str, Any] | None,
    reason: str,
) -> None:
    """Writes one entry down.

    Args:
        actor: the person's role then.
        subject: what it is about, such as `impairment/7`.
        old, new: fields as they were and are; None: there was, or is, nothing.
    """
    connection.execute(
        """
        INSERT INTO journal (at, company_id, person_id, actor, action, subject, old, new, reason)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        (
            at,
            company_id,
            person_id,
            actor,
            action,
            subject,
            None if old is None else Jsonb(old),
            None if new is None else Jsonb(new),
            reason,
        ),
    )
