"""Addresses at which programs read without logging in: whose they are, of what, and when they were last read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

_SELDOM: Final = timedelta(minutes=1)  # so often is written down that it was read


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One address, with the names of what is read there.

    Args:
        kind: own_duty, roster or cap.
        name: of the duty position.
        site: None: all sites of the company, or of one's own duty wherever it is.
    """

    feed_id: int
    person_id: int
    kind: str
    company_id: int | None
    roster_id: int | None
    site_id: int | None
    made_at: datetime
    read_at: datetime | None
    name: str | None
    name_zh: str | None
    site_key: str | None
    site: str | None
    site_zh: str | None
    company: str | None
    company_zh: str | None


@dataclass(frozen=True, slots=True)
class SiteChoice:
    """A site whose alarms can be read by a program."""

    site_id: int
    company_id: int
    site: str
    site_zh: str
    company: str
    company_zh: str


def list_feeds(connection: Connection[Any], person_id: int) -> list[Feed]:
    """A person's addresses that stand, the newest first."""
    with connection.cursor(row_factory=class_row(Feed)) as cursor:
        return cursor.execute(
            """
            SELECT f.feed_id, f.person_id, f.kind, f.company_id, f.roster_id, f.site_id, f.made_at, f.read_at, r.name, r.name_zh,
                   s.key AS site_key, s.name AS site, s.name_zh AS site_zh, c.name AS company, c.name_zh AS company_zh
            FROM feed f LEFT JOIN roster r USING (roster_id) LEFT JOIN site s ON s.site_id = coalesce(f.site_id, r.site_id)
            LEFT JOIN company c ON c.company_id = f.company_id
            WHERE f.person_id = %s AND f.revoked_at IS NULL ORDER BY f.feed_id DESC
            """,
            (person_id,),
        ).fetchall()


def add_feed(
    connection: Connection[Any],
    *,
    person_id: int,
    kind: str,
    company_id: int | None,
    roster_id: int | None,
    site_id: int | None,
    now: datetime,
) -> int:
    """A new address; gives its number."""
    row = connection.execute(
        """
        INSERT INTO feed (person_id, kind, company_id, roster_id, site_id, made_at) VALUES (%s, %s, %s, %s, %s, %s) RETURNING feed_id
        """,
        (person_id, kind, company_id, roster_id, site_id, now),
    ).fetchone()
    assert row is not None
    return int(row[0])


def revoke(connection: Connection[Any], feed_id: int, person_id: int, now: datetime) -> bool:
    """Ends one of a person's own; whether there was one that stood."""
    done = connection.execute(
        "UPDATE feed SET revoked_at = %s WHERE feed_id = %s AND person_id = %s AND revoked_at IS NULL",
        (now, feed_id, person_id),
    )
    return done.rowcount > 0


def note_read(connection: Connection[Any], feed: Feed, now: datetime) -> None:
    """That it was read, to the minute."""
    if feed.read_at is None or now - feed.read_at > _SELDOM:
        connection.execute("UPDATE feed SET read_at = %s WHERE feed_id = %s", (now, feed.feed_id))


def list_sites(connection: Connection[Any]) -> list[SiteChoice]:
    """The sites that the transaction may see."""
    with connection.cursor(row_factory=class_row(SiteChoice)) as cursor:
        return cursor.execute(
            """
            SELECT s.site_id, s.company_id, s.name AS site, s.name_zh AS site_zh, c.name AS company, c.name_zh AS company_zh
            FROM site s JOIN company c USING (company_id) ORDER BY c.key, s.key LIMIT 1000
            """
        ).fetchall()
