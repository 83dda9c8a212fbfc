"""The person in whose name something is done: what alarms and findings alike ask before they let it happen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from core.errors import Refused


@dataclass(frozen=True, slots=True)
class Actor:
    """A person who acts, or who is made responsible.

    Args:
        company_id: None for the insurer's own people.
    """

    person_id: int
    company_id: int | None
    role: str
    active: bool


def actor(connection: Connection[Any], person_id: int) -> Actor | None:
    """The person, where the transaction may see them."""
    with connection.cursor(row_factory=class_row(Actor)) as cursor:
        return cursor.execute(
            "SELECT person_id, company_id, role, active FROM person WHERE person_id = %s", (person_id,)
        ).fetchone()


def acting(connection: Connection[Any], person_id: int) -> Actor:
    """The person in whose name something is to be done.

    Raises:
        Refused: unknown to the transaction, or no longer active.
    """
    who = actor(connection, person_id)
    if who is None or not who.active:
        raise Refused("This person may not act: unknown to this session, or no longer active.")
    return who
