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


def open_once(
    connection: Connection[Any], company_id: int, site_id: int, kind: str, now: datetime, facts: Mapping[str, Any]
) -> bool:
    """Whether it is new: while one of a kind stands at a site, it keeps what it was opened with."""
    return (
        connection.execute(
            """
            INSERT INTO own_finding (company_id, site_id, kind, opened_at, told_at, facts) VALUES (%s, %s, %s, %s, %s, %s)
            ON CONFLICT (site_id, kind) WHERE closed_at IS NULL DO NOTHING
            """,
            (company_id, site_id, kind, now, now, Jsonb(dict(facts))),
        ).rowcount
        == 1
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


def settled_at(connection: Connection[Any], site_ids: Sequence[int], kind: str) -> dict[int, datetime]:
    """When a person last settled one of each site: the days before are spoken for."""
    rows = connection.execute(
        "SELECT site_id, max(closed_at) FROM own_finding WHERE site_id = ANY(%s) AND kind = %s AND closed_by IS NOT NULL GROUP BY site_id",
        (list(site_ids), kind),
    ).fetchall()
    return {int(site_id): at for site_id, at in rows}


def find(connection: Connection[Any], own_finding_id: int) -> tuple[int, str, datetime | None] | None:
    """(company, kind, when it was over) of one."""
    row = connection.execute(
        "SELECT company_id, kind, closed_at FROM own_finding WHERE own_finding_id = %s", (own_finding_id,)
    ).fetchone()
    return None if row is None else (int(row[0]), str(row[1]), row[2])


def events_of(connection: Connection[Any], own_finding_id: int) -> set[str]:
    """What has been said of it so far."""
    rows = connection.execute(
        "SELECT DISTINCT event FROM own_finding_note WHERE own_finding_id = %s", (own_finding_id,)
    ).fetchall()
    return {str(row[0]) for row in rows}


def add_note(
    connection: Connection[Any],
    company_id: int,
    own_finding_id: int,
    *,
    person_id: int,
    now: datetime,
    event: str,
    cause: str | None,
    words: str,
) -> None:
    """Keeps what somebody says of it."""
    connection.execute(
        """
        INSERT INTO own_finding_note (company_id, own_finding_id, person_id, at, event, cause, words) VALUES (%s, %s, %s, %s, %s, %s, %s)
        """,
        (company_id, own_finding_id, person_id, now, event, cause, words),
    )


def settle(connection: Connection[Any], own_finding_id: int, *, person_id: int, now: datetime) -> bool:
    """Ends it in somebody's name; False where it is over already."""
    return (
        connection.execute(
            "UPDATE own_finding SET closed_at = %s, closed_by = %s WHERE own_finding_id = %s AND closed_at IS NULL",
            (now, person_id, own_finding_id),
        ).rowcount
        == 1
    )


def sites(connection: Connection[Any]) -> list[tuple[int, int, str, str]]:
    """(site, company, key, time zone) of every site."""
    return connection.execute("SELECT site_id, company_id, key, time_zone FROM site ORDER BY site_id").fetchall()
