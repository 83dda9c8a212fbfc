"""Findings against Davy as pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFinding:
    """One of them.

    Args:
        kind, facts: what it is and says, see `risk.own_finding.what_it_says`.
        settled: one of the insurer's people ended it; else it stands, or ended by itself.
        settled_by: who, where the reader may know the insurer's people.
        cause, measure: the newest words on each; None: nobody has named it.
        cause_code: of `risk.own_findings.Cause`.
    """

    own_finding_id: int
    kind: str
    company_id: int
    site_key: str
    site: str
    site_zh: str
    company: str
    company_zh: str
    time_zone: str
    opened_at: datetime
    closed_at: datetime | None
    told_at: datetime
    facts: dict[str, Any]
    settled: bool
    settled_by: str | None
    cause_code: str | None
    cause: str | None
    measure: str | None


@dataclass(frozen=True, slots=True)
class Note:
    """What one of the insurer's people has written of it."""

    at: datetime
    event: str
    cause: str | None
    words: str
    who: str | None


def list_own_findings(connection: Connection[Any], own_finding_id: int | None = None) -> list[OwnFinding]:
    """Those that stand, then those that are over, the newest first; or one of them."""
    with connection.cursor(row_factory=class_row(OwnFinding)) as cursor:
        return cursor.execute(
            """
            SELECT f.own_finding_id, f.kind, f.company_id, s.key AS site_key, s.name AS site, s.name_zh AS site_zh, c.name AS company,
                   c.name_zh AS company_zh, s.time_zone, f.opened_at, f.closed_at, f.told_at, f.facts, f.closed_by IS NOT NULL AS settled, p.name AS settled_by,
                   cause.cause AS cause_code, cause.words AS cause, measure.words AS measure
            FROM own_finding f JOIN site s USING (site_id) JOIN company c ON c.company_id = f.company_id
            LEFT JOIN person p ON p.person_id = f.closed_by
            LEFT JOIN LATERAL (SELECT n.cause, n.words FROM own_finding_note n WHERE n.own_finding_id = f.own_finding_id
                               AND n.event = 'cause' ORDER BY n.note_id DESC LIMIT 1) cause ON true
            LEFT JOIN LATERAL (SELECT n.words FROM own_finding_note n WHERE n.own_finding_id = f.own_finding_id
                               AND n.event = 'measure' ORDER BY n.note_id DESC LIMIT 1) measure ON true
            WHERE %(number)s::bigint IS NULL OR f.own_finding_id = %(number)s
            ORDER BY f.closed_at IS NOT NULL, coalesce(f.closed_at, f.opened_at) DESC, f.own_finding_id LIMIT 100
            """,
            {"number": own_finding_id},
        ).fetchall()


def notes_of(connection: Connection[Any], own_finding_id: int) -> list[Note]:
    """What was written of it, the oldest first."""
    with connection.cursor(row_factory=class_row(Note)) as cursor:
        return cursor.execute(
            """
            SELECT n.at, n.event, n.cause, n.words, p.name AS who FROM own_finding_note n LEFT JOIN person p USING (person_id)
            WHERE n.own_finding_id = %s ORDER BY n.note_id
            """,
            (own_finding_id,),
        ).fetchall()
