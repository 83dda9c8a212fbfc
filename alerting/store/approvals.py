"""What waits for a second person, in the books: for the duty that tells of it, and for the message that was claimed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from alerting.approval import ApprovalNotice, ApprovalRow


def approvals_at_a_point(connection: Connection[Any], since: datetime) -> list[ApprovalRow]:
    """What waits, and what was settled or has lapsed after `since`; with those who may approve it.

    One of the two is a safety officer, so where an integrator asked, only those may.
    """
    with connection.cursor(row_factory=class_row(ApprovalRow)) as cursor:
        return cursor.execute(
            """
            SELECT a.subject, a.number, a.company_id, a.site_id, a.asked_by, a.asked_at, a.lapses_at, a.waits, a.guards_life, a.outcome, a.settled_at,
                   a.settled_by, ARRAY(SELECT p.person_id FROM person p
                                       WHERE p.company_id = a.company_id AND p.active AND p.person_id <> a.asked_by
                                         AND (p.role = 'safety_officer' OR (p.role = 'integrator' AND NOT a.needs_officer))
                                       ORDER BY p.person_id) AS approvers
            FROM v_approval a
            WHERE (a.settled_at IS NULL AND (a.lapses_at IS NULL OR a.lapses_at > %(since)s)) OR a.settled_at > %(since)s
            ORDER BY a.subject, a.number
            """,
            {"since": since},
        ).fetchall()


def approval(connection: Connection[Any], notification_id: int) -> ApprovalNotice | None:
    """A message about one of them."""
    with connection.cursor(row_factory=class_row(ApprovalNotice)) as cursor:
        return cursor.execute(
            """
            SELECT n.notification_id, n.key, n.attempt, n.created_at, n.due_at, n.onset, n.step, n.audience, n.channel,
                   n.person_id, p.active AS person_active, p.language, c.address, c.secret_ref, c.dead_why,
                   n.event, a.subject, a.number, a.page, a.title, a.title_zh, a.alarms, g.name AS asked, a.asked_at, a.reason, a.lapses_at, a.waits,
                   h.name AS settled_by, a.settled_at, a.answer, co.name AS company, co.name_zh AS company_zh, si.name AS site,
                   si.name_zh AS site_zh, si.time_zone, NULL::text AS zone, NULL::text AS zone_zh
            FROM notification n
            JOIN person p USING (person_id)
            LEFT JOIN channel_address c ON c.person_id = n.person_id AND c.channel = n.channel
            CROSS JOIN LATERAL (SELECT * FROM v_approval v WHERE v.subject = n.subject AND v.number = n.approval_id LIMIT 1) a
            JOIN company co ON co.company_id = a.company_id JOIN site si ON si.site_id = a.site_id
            LEFT JOIN person g ON g.person_id = a.asked_by LEFT JOIN person h ON h.person_id = a.settled_by
            WHERE n.notification_id = %s
            """,
            (notification_id,),
        ).fetchone()
