"""`davy grafana allow|withdraw|scope`: which companies a Grafana sees, for whose people, until when.

Grafana cannot sign a principal, and whoever may open its query editor writes SQL of their own. So its database role
carries no token: `davy_principal()` looks up what the owner has written for it (docs/decisions/0014).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from core.db import connect
from core.errors import BadInput
from core.migrate import require_current
from core.store.grafana_scope import ScopeRow, read_scope, role_exists, unknown_companies, withdraw_scope, write_scope
from core.store.writes import JournalEntry, lock_portfolio, write_journal

ROLE: Final = "davy_grafana"
LONGEST_DAYS: Final = 400  # a year, and a month in which to renew it
_ROLE_NAME: Final = re.compile(r"davy_grafana(_[a-z0-9_]+)?")


def allow(
    owner_url: str,
    companies: Sequence[str],
    *,
    audience: str,
    days: int,
    reason: str,
    actor: str,
    now: datetime,
    role: str = ROLE,
) -> list[ScopeRow]:
    """From now on `role` sees these companies and no other, until `days` from now; each company's journal says so.

    Args:
        companies: keys.
        audience: "client": alarms and readings, for the company's own people; "insurer": no readings.

    Raises:
        BadInput: a company or the role does not exist, or something is out of bounds.
    """
    _check(companies, days, reason, role)
    with closing(connect(owner_url, application="grafana")) as connection:
        require_current(connection, "davy_owner")
        with connection.transaction():
            lock_portfolio(connection)
            if unknown := unknown_companies(connection, companies):
                raise BadInput(f"There is no company {', '.join(unknown)}; `davy site export` names those there are.")
            if not role_exists(connection, role):
                raise BadInput(
                    f"The database has no role {role}; make it first, as a superuser: "
                    f"CREATE ROLE {role} LOGIN PASSWORD '...' IN ROLE {ROLE}."
                )
            before = {row.company: row for row in read_scope(connection) if row.login_role == role}
            write_scope(connection, role, companies, audience, now + timedelta(days=days))
            after = {row.company: row for row in read_scope(connection) if row.login_role == role}
            _journal(connection, role, before, after, reason, actor, now)
            return list(after.values())


def withdraw(owner_url: str, *, reason: str, actor: str, now: datetime, role: str = ROLE) -> list[ScopeRow]:
    """From now on `role` sees nothing, in open connections too.

    Returns:
        What it saw before.

    Raises:
        BadInput: no reason, or no such name of a role.
    """
    _check(["-"], 1, reason, role)
    with closing(connect(owner_url, application="grafana")) as connection:
        require_current(connection, "davy_owner")
        with connection.transaction():
            lock_portfolio(connection)
            before = {row.company: row for row in read_scope(connection) if row.login_role == role}
            withdraw_scope(connection, role)
            _journal(connection, role, before, {}, reason, actor, now)
            return list(before.values())


def scope(owner_url: str) -> list[ScopeRow]:
    """Everything that any Grafana may see."""
    with closing(connect(owner_url, application="grafana")) as connection:
        require_current(connection, "davy_owner")
        return read_scope(connection)


def told(row: ScopeRow, now: datetime) -> str:
    """One row in words."""
    readings = "with readings" if row.audience == "client" else "without readings"
    end = "expired on" if row.expires_at <= now else "until"
    return f"{row.login_role} sees {row.company} {readings}, {end} {row.expires_at:%Y-%m-%d}."


def _check(companies: Sequence[str], days: int, reason: str, role: str) -> None:
    if not companies:
        raise BadInput("Name at least one company by its key: a Grafana sees none by itself.")
    if not 1 <= days <= LONGEST_DAYS:
        raise BadInput(f"{days} days are too many or too few; it must be from 1 to {LONGEST_DAYS}.")
    if not reason.strip():
        raise BadInput('Say why, with --reason "...": the company reads it in its journal.')
    if not _ROLE_NAME.fullmatch(role):
        raise BadInput(f"{role} is no role of Grafana's; it must be {ROLE}, or begin with {ROLE}_.")


def _journal(
    connection: Connection[Any],
    role: str,
    before: dict[str, ScopeRow],
    after: dict[str, ScopeRow],
    reason: str,
    actor: str,
    now: datetime,
) -> None:
    """An entry for each company whose readings or alarms are seen from now on, or no more."""
    entries = [
        JournalEntry(
            at=now,
            company=company,
            actor=actor,
            action="grafana_allowed" if company in after else "grafana_withdrawn",
            subject=f"grafana {role}",
            old=_fields(before.get(company)),
            new=_fields(after.get(company)),
            reason=reason,
        )
        for company in sorted(before.keys() | after.keys())
    ]
    write_journal(connection, entries)


def _fields(row: ScopeRow | None) -> dict[str, str] | None:
    return None if row is None else {"audience": row.audience, "expires_at": row.expires_at.isoformat()}
