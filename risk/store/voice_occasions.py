"""Complaints, questions and changes that somebody may have to be told of."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from risk.voice_occasions import ComplaintPoint, PersonPoint


def complaints_at_a_point(connection: Connection[Any]) -> list[ComplaintPoint]:
    """All that are not closed, each with whom it concerns."""
    with connection.cursor(row_factory=class_row(ComplaintPoint)) as cursor:
        return cursor.execute(
            """
            SELECT c.complaint_id, c.company_id, c.site_id, c.state, c.filed_at, o.person_id AS owner_id, c.acknowledged_at, c.answer_due_at,
                   c.answered_at, c.conclude_due_at, c.solved_at, j.extended_at, j.reopened_at,
                   array(SELECT p.person_id FROM person p WHERE p.active AND p.company_id = c.company_id
                           AND CASE WHEN EXISTS (SELECT FROM person f WHERE f.person_id = c.filed_by AND f.active) THEN p.person_id = c.filed_by
                                    ELSE p.role = 'safety_officer' END ORDER BY p.person_id) AS complainants,
                   array(SELECT p.person_id FROM person p JOIN person_company l USING (person_id)
                         WHERE p.active AND l.company_id = c.company_id AND p.role = 'risk_engineer' ORDER BY p.person_id) AS handlers,
                   array(SELECT p.person_id FROM person p JOIN person_company l USING (person_id)
                         WHERE p.active AND l.company_id = c.company_id AND p.company_id IS NULL ORDER BY p.person_id) AS insurers
            FROM complaint c
            LEFT JOIN person o ON o.person_id = c.owner_id AND o.active
            CROSS JOIN LATERAL (
                SELECT max(e.at) FILTER (WHERE e.action = 'complaint_extended') AS extended_at,
                       max(e.at) FILTER (WHERE e.action = 'complaint_reopened') AS reopened_at
                FROM journal e WHERE e.subject = 'complaint/' || c.complaint_id
            ) j
            WHERE c.state <> 'closed' ORDER BY c.complaint_id
            """
        ).fetchall()


def requests_since(connection: Connection[Any], since: datetime) -> list[PersonPoint]:
    """Who was asked for a rating lately and has not given it."""
    with connection.cursor(row_factory=class_row(PersonPoint)) as cursor:
        return cursor.execute(
            """
            SELECT request_id AS number, company_id, site_id, person_id, asked_at AS at FROM v_rating_request
            WHERE asked_at > %s AND NOT rated ORDER BY request_id
            """,
            (since,),
        ).fetchall()


def told_back_since(connection: Connection[Any], since: datetime) -> list[PersonPoint]:
    """Who is told lately what their word changed."""
    with connection.cursor(row_factory=class_row(PersonPoint)) as cursor:
        return cursor.execute(
            "SELECT told_back_id AS number, company_id, site_id, person_id, told_at AS at FROM told_back WHERE told_at > %s ORDER BY told_back_id",
            (since,),
        ).fetchall()
