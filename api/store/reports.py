"""Sites that reports can be made of, and that one of the insurer's people has read one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteLine:
    """A site that the principal may see."""

    key: str
    name: str
    name_zh: str
    company: str
    company_zh: str


def list_sites(connection: Connection[Any]) -> list[SiteLine]:
    """All of them, by company."""
    with connection.cursor(row_factory=class_row(SiteLine)) as cursor:
        return cursor.execute(
            """
            SELECT si.key, si.name, si.name_zh, c.name AS company, c.name_zh AS company_zh
            FROM site si JOIN company c USING (company_id) ORDER BY c.name, si.name, si.key
            """
        ).fetchall()


def journal_report_read(
    connection: Connection[Any], *, company_id: int, subject: str, person_id: int, role: str
) -> None:
    """Writes down that one of the insurer's people has read a report; once an hour and person is enough.

    Args:
        subject: report/SITE/MONTH.
    """
    connection.execute(
        """
        INSERT INTO journal (company_id, person_id, actor, action, subject, reason)
        SELECT %(company)s, %(person)s, %(role)s, 'report_read', %(subject)s, 'read the report of a site'
        WHERE NOT EXISTS (
            SELECT FROM journal WHERE subject = %(subject)s AND action = 'report_read' AND person_id = %(person)s
              AND at > now() - interval '1 hour'
        )
        """,
        {"company": company_id, "person": person_id, "role": role, "subject": subject},
    )
