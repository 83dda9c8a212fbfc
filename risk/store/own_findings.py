"""Findings against ourselves, in the books."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb


def open_or_say(
    connection: Connection[Any], company_id: int, site_id: int, kind: str, now: datetime, facts: Mapping[str, Any]
) -> None:
    """One of a kind stands at a site; what it says is as of now."""
    connection.execute(
        """
        INSERT INTO own_finding (company_id, site_id, kind, opened_at, told_at, facts) VALUES (%s, %s, %s, %s, %s, %s)
        ON CONFLICT (site_id, kind) WHERE closed_at IS NULL DO UPDATE SET told_at = excluded.told_at, facts = excluded.facts
        """,
        (company_id, site_id, kind, now, now, Jsonb(dict(facts))),
    )


def close(connection: Connection[Any], site_id: int, kind: str, now: datetime) -> None:
    """Ends the one that stands, if there is one."""
    connection.execute(
        "UPDATE own_finding SET closed_at = %s WHERE site_id = %s AND kind = %s AND closed_at IS NULL",
        (now, site_id, kind),
    )


def standing(
    connection: Connection[Any], site_ids: Sequence[int], kind: str
) -> list[tuple[int, datetime, dict[str, Any]]]:
    """(site, since when, what it says) of those that stand."""
    return connection.execute(
        "SELECT site_id, opened_at, facts FROM own_finding WHERE site_id = ANY(%s) AND kind = %s AND closed_at IS NULL ORDER BY site_id",
        (list(site_ids), kind),
    ).fetchall()


def sites(connection: Connection[Any]) -> list[tuple[int, int, str, str]]:
    """(site, company, key, time zone) of every site."""
    return connection.execute("SELECT site_id, company_id, key, time_zone FROM site ORDER BY site_id").fetchall()
