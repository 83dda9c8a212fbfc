"""Calendars that duty positions follow: which to look at, what came, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from alerting.calendar_reach import Unreached
from alerting.roster import CalendarTurn


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A calendar that is followed, with what came last."""

    roster_id: int
    company_id: int
    audience: str
    time_zone: str
    url: str
    etag: str | None
    last_modified: str | None
    content: bytes | None


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody who can be on duty, with the mail address that their messages go to, as it is kept."""

    person_id: int
    key: str
    name: str
    mail: str | None


def due(connection: Connection[Any], now: datetime, every: timedelta) -> Followed | None:
    """The one that was looked at longest ago, where that is long enough."""
    with connection.cursor(row_factory=class_row(Followed)) as cursor:
        return cursor.execute(
            """
            SELECT c.roster_id, c.company_id, r.audience, r.time_zone, c.url, c.etag, c.last_modified, c.content
            FROM roster_calendar c JOIN roster r USING (roster_id)
            WHERE r.retired_at IS NULL AND (c.tried_at IS NULL OR c.tried_at <= %s)
            ORDER BY c.tried_at NULLS FIRST, c.roster_id LIMIT 1
            """,
            (now - every,),
        ).fetchone()


def people_of(connection: Connection[Any], followed: Followed) -> list[Named]:
    """The active people of the position's own side."""
    with connection.cursor(row_factory=class_row(Named)) as cursor:
        return cursor.execute(
            """
            SELECT p.person_id, p.key, p.name, c.address AS mail
            FROM person p LEFT JOIN channel_address c ON c.person_id = p.person_id AND c.channel = 'smtp'
            WHERE p.active AND p.company_id IS NOT DISTINCT FROM CASE WHEN %(audience)s = 'client' THEN %(company)s::int END
              AND (%(audience)s = 'client' OR EXISTS (
                  SELECT FROM person_company k WHERE k.person_id = p.person_id AND k.company_id = %(company)s))
            ORDER BY p.person_id
            """,
            {"audience": followed.audience, "company": followed.company_id},
        ).fetchall()


def keep_turns(
    connection: Connection[Any],
    followed: Followed,
    turns: Sequence[CalendarTurn],
    *,
    remarks: Sequence[str],
    content: bytes,
    etag: str | None,
    last_modified: str | None,
    now: datetime,
) -> None:
    """What it says from now on; nothing where the position has come to follow another, or none, since it was looked at."""
    if not _still(connection, followed):
        return
    connection.execute("DELETE FROM roster_turn WHERE roster_id = %s", (followed.roster_id,))
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO roster_turn (roster_id, company_id, number, begins_at, ends_at, person_id) VALUES (%s, %s, %s, %s, %s, %s)",
            [
                (followed.roster_id, followed.company_id, number, turn.begins_at, turn.ends_at, turn.person_id)
                for number, turn in enumerate(turns)
            ],
        )
    connection.execute(
        """
        UPDATE roster_calendar SET tried_at = %s, problem = NULL, failing_since = NULL, read_at = %s, remarks = %s, content = %s,
            etag = %s, last_modified = %s
        WHERE roster_id = %s
        """,
        (now, now, list(remarks), content, etag, last_modified, followed.roster_id),
    )


def keep_problem(connection: Connection[Any], followed: Followed, problem: str, now: datetime) -> None:
    """That it could not be read; what it said last holds."""
    connection.execute(
        """
        UPDATE roster_calendar SET tried_at = %s, problem = %s, failing_since = coalesce(failing_since, %s) WHERE roster_id = %s AND url = %s
        """,
        (now, problem, now, followed.roster_id, followed.url),
    )


def _still(connection: Connection[Any], followed: Followed) -> bool:
    """Whether it is followed yet; ours until the end of the transaction. To fetch it took a while."""
    row = connection.execute(
        "SELECT 1 FROM roster_calendar WHERE roster_id = %s AND url = %s FOR NO KEY UPDATE",
        (followed.roster_id, followed.url),
    ).fetchone()
    return row is not None


def failing(connection: Connection[Any]) -> list[tuple[str, str, datetime]]:
    """(site/position, host, since when) of calendars that cannot be read, the longest first."""
    rows = connection.execute(
        """
        SELECT s.key || '/' || r.key, c.host, c.failing_since
        FROM roster_calendar c JOIN roster r USING (roster_id) JOIN site s USING (site_id)
        WHERE r.retired_at IS NULL AND c.failing_since IS NOT NULL ORDER BY c.failing_since, 1
        """
    ).fetchall()
    return [(str(position), str(host), since) for position, host, since in rows]


def unreached(connection: Connection[Any], roster_ids: Sequence[int] | None = None) -> list[Unreached]:
    """Whom calendars name although a step of life safety has no way to them, each once a position.

    Args:
        roster_ids: None: of all duty positions.
    """
    with connection.cursor(row_factory=class_row(Unreached)) as cursor:
        return cursor.execute(
            """
            SELECT DISTINCT ON (t.roster_id, t.person_id) t.roster_id, z.key || '/' || d.key AS position, t.person_id, s.channel, w.others
            FROM (SELECT DISTINCT roster_id, person_id FROM roster_turn WHERE person_id IS NOT NULL) t
            JOIN roster d ON d.roster_id = t.roster_id AND d.retired_at IS NULL JOIN site z ON z.site_id = d.site_id
            JOIN route_step s ON s.roster_id = t.roster_id JOIN route r USING (route_id)
            CROSS JOIN LATERAL (SELECT coalesce(array_agg(v.channel ORDER BY v.channel <> 'smtp', v.channel), '{}') AS others
                FROM v_reachable v WHERE v.person_id = t.person_id AND NOT v.dead) w
            WHERE (%(ids)s::int[] IS NULL OR t.roster_id = ANY(%(ids)s)) AND 'life-safety' = ANY (r.priorities)
              AND CASE WHEN s.channel LIKE 'preferred%%' THEN w.others = '{}' ELSE s.channel <> ALL (w.others) END
            ORDER BY t.roster_id, t.person_id, s.position, s.channel
            """,
            {"ids": None if roster_ids is None else list(roster_ids)},
        ).fetchall()
