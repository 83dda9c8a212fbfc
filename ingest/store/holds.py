"""Legal holds: what is kept beyond its time, for whom and why. Written by the owner, read by whoever forgets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from ingest.retention import Hold


def holds(connection: Connection[Any]) -> list[Hold]:
    """Those in force, in the order in which they were placed."""
    with connection.cursor(row_factory=class_row(Hold)) as cursor:
        return cursor.execute(
            """SELECT h.hold_id, s.key AS site, h.occurrence_id, h.since, h.until, h.held_at, h.held_by, h.reason
               FROM legal_hold h JOIN site s USING (site_id) WHERE h.released_at IS NULL ORDER BY h.hold_id"""
        ).fetchall()


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What an occurrence says of the hold that is about it.

    Args:
        ended_at: when it was back in normal, or resolved; None: not yet.
    """

    site: str
    began_at: datetime
    ended_at: datetime | None


def about(connection: Connection[Any], occurrence_id: int) -> Held | None:
    """Site and span of an occurrence; None where there is no such one."""
    with connection.cursor(row_factory=class_row(Held)) as cursor:
        return cursor.execute(
            """SELECT s.key AS site, o.began_at, coalesce(o.normal_at, o.resolved_at) AS ended_at
               FROM v_occurrence o JOIN site s ON s.site_id = o.site_id WHERE o.occurrence_id = %s""",
            (occurrence_id,),
        ).fetchone()


def company_of(connection: Connection[Any], site: str) -> str | None:
    """The key of a site's company; None where there is no such site."""
    row = connection.execute(
        "SELECT c.key FROM site s JOIN company c USING (company_id) WHERE s.key = %s", (site,)
    ).fetchone()
    return None if row is None else str(row[0])


def site_keys(connection: Connection[Any]) -> list[str]:
    """All sites there are."""
    return [row[0] for row in connection.execute("SELECT key FROM site ORDER BY key").fetchall()]


def place(
    connection: Connection[Any],
    *,
    site: str,
    occurrence_id: int | None,
    since: datetime,
    until: datetime | None,
    by: str,
    reason: str,
    now: datetime,
) -> int:
    """Places a hold on a site that is there; gives its number. A drop that is under way is waited for: what stands then is held."""
    connection.execute("SELECT pg_advisory_xact_lock(7251103)")  # as davy_reading_drop() takes it
    row = connection.execute(
        """INSERT INTO legal_hold (company_id, site_id, occurrence_id, since, until, held_at, held_by, reason)
           SELECT company_id, site_id, %(occurrence)s, %(since)s, %(until)s, %(now)s, %(by)s, %(reason)s FROM site WHERE key = %(site)s
           RETURNING hold_id""",
        {
            "site": site,
            "occurrence": occurrence_id,
            "since": since,
            "until": until,
            "by": by,
            "reason": reason,
            "now": now,
        },
    ).fetchone()
    assert row is not None
    return int(row[0])


def release(connection: Connection[Any], hold_id: int, *, by: str, now: datetime) -> bool:
    """Releases a hold; False where none of that number is in force."""
    done = connection.execute(
        "UPDATE legal_hold SET released_at = %s, released_by = %s WHERE hold_id = %s AND released_at IS NULL",
        (now, by, hold_id),
    )
    return done.rowcount == 1
