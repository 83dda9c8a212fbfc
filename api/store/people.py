"""Logins, sessions and people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from core.db import only


@dataclass(frozen=True, slots=True)
class Login:
    """A login name and what its password is checked against."""

    person_id: int
    password_hash: str


@dataclass(frozen=True, slots=True)
class Person:
    """A person, with the companies they may see: their own, or for the insurer's people those they look after."""

    person_id: int
    company_id: int | None
    name: str
    language: str
    role: str
    companies: list[int]


@dataclass(frozen=True, slots=True)
class Session:
    """A session that stands, and whose it is."""

    expires_at: datetime
    seen_at: datetime
    person: Person


@dataclass(frozen=True, slots=True)
class Listed:
    """A person as the operator's list shows them."""

    person_id: int
    key: str
    name: str
    role: str
    language: str
    active: bool
    company: str | None
    company_zh: str | None


def find_login(connection: Connection[Any], login: str) -> Login | None:
    """The login the principal names; any other is not to be seen."""
    with connection.cursor(row_factory=class_row(Login)) as cursor:
        return cursor.execute("SELECT person_id, password_hash FROM web_login WHERE login = %s", (login,)).fetchone()


def find_person(connection: Connection[Any], person_id: int) -> Person | None:
    """An active person; None for one who has left."""
    with connection.cursor(row_factory=class_row(Person)) as cursor:
        return cursor.execute(
            """
            SELECT p.person_id, p.company_id, p.name, p.language, p.role,
                   CASE WHEN p.company_id IS NOT NULL THEN ARRAY[p.company_id]
                        ELSE ARRAY(SELECT pc.company_id FROM person_company pc
                                   WHERE pc.person_id = p.person_id ORDER BY pc.company_id)
                   END AS companies
            FROM person p WHERE p.person_id = %s AND p.active
            """,
            (person_id,),
        ).fetchone()


def names_of(connection: Connection[Any], person_ids: Sequence[int]) -> dict[int, str]:
    """Names of persons, where the principal may see them."""
    rows = connection.execute("SELECT person_id, name FROM person WHERE person_id = ANY (%s)", (list(person_ids),))
    return {int(row[0]): str(row[1]) for row in rows.fetchall()}


def begin_session(
    connection: Connection[Any], session_hash: bytes, person_id: int, now: datetime, expires_at: datetime
) -> None:
    """Writes a new session down."""
    connection.execute(
        "INSERT INTO web_session (session_hash, person_id, created_at, seen_at, expires_at) VALUES (%s, %s, %s, %s, %s)",
        (session_hash, person_id, now, now, expires_at),
    )


def find_session(
    connection: Connection[Any], token: str, session_hash: bytes, person_id: int, now: datetime
) -> Session | None:
    """The session, while it has neither ended nor expired and its person is active; it is asked for with every page, so in one message.

    Args:
        connection: in no transaction.
        token: may see this one person.
    """
    row = only(
        connection,
        token,
        """
        SELECT s.expires_at, s.seen_at, p.person_id, p.company_id, p.name, p.language, p.role,
               CASE WHEN p.company_id IS NOT NULL THEN ARRAY[p.company_id]
                    ELSE ARRAY(SELECT pc.company_id FROM person_company pc
                               WHERE pc.person_id = p.person_id ORDER BY pc.company_id)
               END
        FROM web_session s JOIN person p ON p.person_id = s.person_id AND p.active
        WHERE s.session_hash = %s AND s.person_id = %s AND s.ended_at IS NULL AND s.expires_at > %s
        """,
        (session_hash, person_id, now),
    )
    if row is None:
        return None
    expires_at, seen_at, *person = row
    return Session(expires_at, seen_at, Person(*person))


def see_session(connection: Connection[Any], session_hash: bytes, now: datetime) -> None:
    """Notes that it was used."""
    connection.execute("UPDATE web_session SET seen_at = %s WHERE session_hash = %s", (now, session_hash))


def end_session(connection: Connection[Any], session_hash: bytes, now: datetime) -> None:
    """Ends it; a second time changes nothing."""
    connection.execute(
        "UPDATE web_session SET ended_at = %s WHERE session_hash = %s AND ended_at IS NULL", (now, session_hash)
    )


def list_people(connection: Connection[Any]) -> list[Listed]:
    """Everybody the principal may see, insurer's people first."""
    with connection.cursor(row_factory=class_row(Listed)) as cursor:
        return cursor.execute(
            """
            SELECT p.person_id, p.key, p.name, p.role, p.language, p.active, c.name AS company, c.name_zh AS company_zh
            FROM person p LEFT JOIN company c USING (company_id)
            ORDER BY c.key NULLS FIRST, p.key LIMIT 1000
            """
        ).fetchall()
