"""Log-ins given on the command line, as the owner of the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody who may have a log-in.

    Args:
        company: key; None: the insurer's own.
        login: what they have now; None: none yet.
    """

    person_id: int
    key: str
    role: str
    company: str | None
    active: bool
    login: str | None


def holders(connection: Connection[Any]) -> list[Holder]:
    """All people, in the order they came."""
    with connection.cursor(row_factory=class_row(Holder)) as cursor:
        return cursor.execute(
            """
            SELECT p.person_id, p.key, p.role, c.key AS company, p.active, w.login
            FROM person p LEFT JOIN company c USING (company_id) LEFT JOIN web_login w USING (person_id)
            ORDER BY p.person_id
            """
        ).fetchall()


def holder_of(connection: Connection[Any], login: str) -> str | None:
    """Key of the person a login belongs to."""
    row = connection.execute(
        "SELECT p.key FROM web_login w JOIN person p USING (person_id) WHERE w.login = %s", (login,)
    ).fetchone()
    return None if row is None else str(row[0])


def never_there(connection: Connection[Any], keys: Sequence[str]) -> set[str]:
    """Whoever of these people has not logged in since an import last added them, or changed what they may: nobody but the file says that
    they are there.
    """
    rows = connection.execute(
        """
        SELECT p.key FROM person p WHERE p.key = ANY (%s) AND NOT EXISTS (
            SELECT FROM web_session s WHERE s.person_id = p.person_id AND s.created_at > ALL (
                SELECT j.at FROM journal j WHERE j.subject = 'person ' || p.key AND (j.action = 'person_added'
                    OR (j.action = 'person_changed' AND j.new ?| ARRAY['role', 'active', 'looks_after']))))
        """,
        (list(keys),),
    ).fetchall()
    return {str(key) for (key,) in rows}


def set_login(connection: Connection[Any], person_id: int, login: str, password_hash: str, now: datetime) -> int:
    """Gives a person this login and password, and ends the sessions of the old one.

    Returns:
        How many sessions were ended.
    """
    connection.execute(
        """
        INSERT INTO web_login (login, person_id, password_hash, changed_at) VALUES (%s, %s, %s, %s)
        ON CONFLICT (person_id) DO UPDATE SET login = excluded.login, password_hash = excluded.password_hash,
            changed_at = excluded.changed_at
        """,
        (login, person_id, password_hash, now),
    )
    ended = connection.execute(
        "UPDATE web_session SET ended_at = %s WHERE person_id = %s AND ended_at IS NULL", (now, person_id)
    )
    return ended.rowcount
