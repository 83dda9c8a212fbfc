"""What the insurer's people have looked at: written before they see it, read by the client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString

from psycopg import Connection
from psycopg.rows import class_row

PAGE: Final = 100
LOOKED: Final = "looked"

# What a parameter of a path names -> whose it is. A route with another parameter needs a line here (api/looks.py).
COMPANY_OF: Final[dict[str, LiteralString]] = {
    "occurrence": "SELECT company_id FROM v_occurrence WHERE occurrence_id = %s::bigint",
    "finding": "SELECT company_id FROM v_finding WHERE finding_id = %s::bigint",
    "own_finding": "SELECT company_id FROM own_finding WHERE own_finding_id = %s::bigint",
    "impairment": "SELECT company_id FROM v_impairment WHERE impairment_id = %s::bigint",
    "order": "SELECT company_id FROM v_suppression_order WHERE order_id = %s::bigint",
    "limit": "SELECT company_id FROM v_alarm_definition WHERE definition_id = %s::bigint",
    "complaint": "SELECT company_id FROM v_complaint WHERE complaint_id = %s::bigint",
    "service": "SELECT company_id FROM prevention_service WHERE service_id = %s::bigint",
    "site": "SELECT company_id FROM site WHERE key = %s",
    "model": "SELECT company_id FROM asset_model WHERE asset_id = %s::bigint",
    "roster": "SELECT company_id FROM roster WHERE roster_id = %s::bigint",
}


def company_of(connection: Connection[Any], kind: str, key: str) -> int | None:
    """The company of a subject that the principal may see; None where there is none."""
    row = connection.execute(COMPANY_OF[kind], (key,)).fetchone()
    return None if row is None else int(row[0])


def journal(
    connection: Connection[Any],
    *,
    companies: Sequence[int],
    subject: str,
    action: str,
    person_id: int,
    role: str,
    reason: str,
) -> None:
    """Writes down that one of the insurer's people looks at something; once an hour, person and subject is enough."""
    connection.execute(
        """
        INSERT INTO journal (company_id, person_id, actor, action, subject, reason)
        SELECT c, %(person)s, %(role)s, %(action)s, %(subject)s, %(reason)s FROM unnest(%(companies)s::int[]) AS u(c)
        WHERE NOT EXISTS (
            SELECT FROM journal j WHERE j.subject = %(subject)s AND j.action = %(action)s AND j.person_id = %(person)s
              AND j.company_id = c AND j.at > now() - interval '1 hour'
        )
        """,
        {
            "companies": list(companies),
            "person": person_id,
            "role": role,
            "action": action,
            "subject": subject,
            "reason": reason,
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look.

    Args:
        role: of who looked: the client learns no names of the insurer's people.
        title: of the occurrence or finding, or the name of the site, that was looked at.
    """

    journal_id: int
    at: datetime
    role: str
    action: str
    subject: str
    title: str | None
    title_zh: str | None
    company: str
    company_zh: str
    time_zone: str


def list_looks(connection: Connection[Any], before: int | None = None) -> list[Look]:
    """The newest first; `before` is the last id of the page above."""
    with connection.cursor(row_factory=class_row(Look)) as cursor:
        return cursor.execute(
            r"""
            SELECT j.journal_id, j.at, j.actor AS role, j.action, j.subject,
                   coalesce(d.title, f.title, i.what, s.name, a.name, v.said) AS title,
                   coalesce(d.title_zh, f.title_zh, i.what, s.name_zh, a.name_zh, v.said) AS title_zh,
                   c.name AS company, c.name_zh AS company_zh,
                   (SELECT time_zone FROM site WHERE company_id = j.company_id ORDER BY site_id LIMIT 1) AS time_zone
            FROM journal j JOIN company c ON c.company_id = j.company_id
            CROSS JOIN LATERAL (SELECT split_part(j.subject, '/', 1) AS kind, split_part(j.subject, '/', 2) AS key,
                CASE WHEN split_part(j.subject, '/', 2) ~ '^\d{1,18}$' THEN split_part(j.subject, '/', 2)::bigint END AS id) u
            LEFT JOIN LATERAL (SELECT definition_id FROM v_occurrence WHERE u.kind = 'occurrence' AND occurrence_id = u.id LIMIT 1) o ON true
            LEFT JOIN alarm_definition d ON d.definition_id = CASE WHEN u.kind = 'limit' THEN u.id ELSE o.definition_id END
            LEFT JOIN LATERAL (SELECT title, title_zh FROM v_finding WHERE u.kind = 'finding' AND finding_id = u.id LIMIT 1) f ON true
            LEFT JOIN LATERAL (SELECT what FROM v_impairment WHERE u.kind = 'impairment' AND impairment_id = u.id LIMIT 1) i ON true
            LEFT JOIN LATERAL (
                SELECT title AS said FROM v_complaint WHERE u.kind = 'complaint' AND complaint_id = u.id
                UNION ALL SELECT what FROM prevention_service WHERE u.kind = 'service' AND service_id = u.id
                UNION ALL SELECT number FROM v_suppression_order WHERE u.kind = 'order' AND order_id = u.id LIMIT 1
            ) v ON true
            LEFT JOIN site s ON u.kind = 'site' AND s.key = u.key
            LEFT JOIN asset a ON u.kind = 'model' AND a.asset_id = u.id
            WHERE j.action IN ('looked', 'evidence_read') AND (%(before)s::bigint IS NULL OR j.journal_id < %(before)s::bigint)
            ORDER BY j.journal_id DESC LIMIT %(most)s
            """,
            {"before": before, "most": PAGE},
        ).fetchall()
