"""What each of Grafana's roles may see: rows that the owner writes and `davy_principal()` reads."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class ScopeRow:
    """One company that one role of Grafana's sees.

    Args:
        login_role: the database role, such as davy_grafana.
        company: its key.
        audience: "client" sees readings; "insurer" sees none.
    """

    login_role: str
    company: str
    audience: str
    expires_at: datetime


def read_scope(connection: Connection[Any]) -> list[ScopeRow]:
    """All that is written, expired rows too: whoever looks wants to know of them."""
    with connection.cursor(row_factory=class_row(ScopeRow)) as cursor:
        return cursor.execute(
            """SELECT g.login_role, c.key AS company, g.audience, g.expires_at
               FROM grafana_scope g JOIN company c USING (company_id) ORDER BY g.login_role, c.key"""
        ).fetchall()


def unknown_companies(connection: Connection[Any], keys: Collection[str]) -> list[str]:
    """Those of `keys` that no company has."""
    rows = connection.execute(
        "SELECT k FROM unnest(%s::text[]) k WHERE NOT EXISTS (SELECT FROM company c WHERE c.key = k) ORDER BY 1",
        (list(keys),),
    ).fetchall()
    return [row[0] for row in rows]


def withdraw_scope(connection: Connection[Any], login_role: str) -> None:
    """From here on the role sees nothing."""
    connection.execute("DELETE FROM grafana_scope WHERE login_role = %s", (login_role,))


def write_scope(
    connection: Connection[Any], login_role: str, companies: Collection[str], audience: str, expires_at: datetime
) -> None:
    """From here on the role sees these companies and no other."""
    withdraw_scope(connection, login_role)
    connection.execute(
        """INSERT INTO grafana_scope (login_role, company_id, audience, expires_at)
           SELECT %s, company_id, %s, %s FROM company WHERE key = ANY (%s)""",
        (login_role, audience, expires_at, list(companies)),
    )


def role_exists(connection: Connection[Any], login_role: str) -> bool:
    """Whether the server has such a role that may log in."""
    row = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s AND rolcanlogin", (login_role,)).fetchone()
    return row is not None


def companies_seen(connection: Connection[Any]) -> list[str]:
    """What the role of this connection sees: keys of companies."""
    return [row[0] for row in connection.execute("SELECT key FROM company ORDER BY key").fetchall()]
