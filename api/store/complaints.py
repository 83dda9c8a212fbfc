"""Complaints as their pages show them, and their clocks for whoever may read no word of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

MOST_CLOSED: Final = 50


@dataclass(frozen=True, slots=True)
class Complaint:
    """One complaint, with its place.

    Args:
        thing, number, about, about_zh: what it is about, where that has a page.
    """

    complaint_id: int
    company_id: int
    site_id: int
    title: str
    body: str
    road: str
    state: str
    filed_at: datetime
    filed_by: int | None
    complainant: str
    follows_id: int | None
    owner_id: int | None
    owner_name: str | None
    acknowledged_at: datetime | None
    cause: str | None
    facts: str | None
    further: bool
    measures: str | None
    answer_due_at: datetime
    answered_at: datetime | None
    conclude_due_at: datetime
    extended: bool
    solved_at: datetime | None
    closed_at: datetime | None
    reopened: int
    complainant_active: bool
    thing: str | None
    number: int | None
    about: str | None
    about_zh: str | None
    site: str
    site_zh: str
    jurisdiction: str
    time_zone: str
    company: str
    company_zh: str


@dataclass(frozen=True, slots=True)
class ComplaintChange:
    """An entry of the journal about a complaint.

    Args:
        who: None where the reader may not know the name.
        role: of who did it.
    """

    at: datetime
    action: str
    who: str | None
    role: str
    reason: str


@dataclass(frozen=True, slots=True)
class Clock:
    """The clocks of one complaint: no persons and no words."""

    complaint_id: int
    site: str
    site_zh: str
    time_zone: str
    state: str
    filed_at: datetime
    cause: str | None
    further: bool
    extended: bool
    answer_due_at: datetime
    answered_at: datetime | None
    conclude_due_at: datetime
    solved_at: datetime | None
    closed_at: datetime | None
    reopened: int


def list_complaints(connection: Connection[Any]) -> list[Complaint]:
    """Those that are not closed, the nearest deadline first, then the newest closed."""
    with connection.cursor(row_factory=class_row(Complaint)) as cursor:
        return cursor.execute(
            """
            SELECT c.complaint_id, c.company_id, c.site_id, c.title, c.body, c.road, c.state, c.filed_at, c.filed_by, c.complainant, c.follows_id, c.owner_id,
                   c.owner_name, c.acknowledged_at, c.cause, c.facts, c.further, c.measures, c.answer_due_at, c.answered_at,
                   c.conclude_due_at, c.extended, c.solved_at, c.closed_at, c.reopened,
                   EXISTS (SELECT FROM person p WHERE p.person_id = c.filed_by AND p.active) AS complainant_active,
                   NULL::text AS thing, NULL::bigint AS number, NULL::text AS about, NULL::text AS about_zh, c.site, c.site_zh,
                   '' AS jurisdiction, c.time_zone, c.company, c.company_zh
            FROM ((SELECT * FROM v_complaint WHERE state <> 'closed')
                  UNION ALL (SELECT * FROM v_complaint WHERE state = 'closed' ORDER BY closed_at DESC LIMIT %s)) c
            ORDER BY c.closed_at DESC NULLS FIRST, c.state = 'solved', CASE WHEN c.answered_at IS NULL THEN c.answer_due_at ELSE c.conclude_due_at END,
                     c.complaint_id
            """,
            (MOST_CLOSED,),
        ).fetchall()


def find_complaint(connection: Connection[Any], complaint_id: int) -> Complaint | None:
    """None where there is none, or none that the principal may see."""
    with connection.cursor(row_factory=class_row(Complaint)) as cursor:
        return cursor.execute(
            """
            SELECT c.complaint_id, c.company_id, c.site_id, c.title, c.body, c.road, c.state, c.filed_at, c.filed_by, c.complainant, c.follows_id, c.owner_id,
                   c.owner_name, c.acknowledged_at, c.cause, c.facts, c.further, c.measures, c.answer_due_at, c.answered_at,
                   c.conclude_due_at, c.extended, c.solved_at, c.closed_at, c.reopened,
                   EXISTS (SELECT FROM person p WHERE p.person_id = c.filed_by AND p.active) AS complainant_active,
                   CASE WHEN c.occurrence_id IS NOT NULL THEN 'occurrence' WHEN c.finding_id IS NOT NULL THEN 'finding'
                        WHEN c.impairment_id IS NOT NULL THEN 'impairment' WHEN c.service_id IS NOT NULL THEN 'service' END AS thing,
                   coalesce(c.occurrence_id, c.finding_id, c.impairment_id, c.service_id) AS number,
                   coalesce(d.title, f.title, i.what, p.what) AS about, coalesce(d.title_zh, f.title_zh, i.what, p.what) AS about_zh,
                   c.site, c.site_zh, s.jurisdiction, c.time_zone, c.company, c.company_zh
            FROM v_complaint c JOIN site s ON s.site_id = c.site_id
            LEFT JOIN LATERAL (SELECT definition_id FROM v_occurrence WHERE occurrence_id = c.occurrence_id LIMIT 1) o ON true
            LEFT JOIN alarm_definition d ON d.definition_id = o.definition_id
            LEFT JOIN LATERAL (SELECT title, title_zh FROM v_finding WHERE finding_id = c.finding_id LIMIT 1) f ON true
            LEFT JOIN LATERAL (SELECT what FROM v_impairment WHERE impairment_id = c.impairment_id LIMIT 1) i ON true
            LEFT JOIN prevention_service p ON p.service_id = c.service_id
            WHERE c.complaint_id = %s
            """,
            (complaint_id,),
        ).fetchone()


def changes_of(connection: Connection[Any], complaint_id: int) -> list[ComplaintChange]:
    """What the journal says of it, the newest first."""
    with connection.cursor(row_factory=class_row(ComplaintChange)) as cursor:
        return cursor.execute(
            """
            SELECT j.at, j.action, p.name AS who, j.actor AS role, j.reason
            FROM journal j LEFT JOIN person p USING (person_id)
            WHERE j.subject = %s AND j.action LIKE 'complaint\\_%%' ORDER BY j.journal_id DESC
            """,
            (f"complaint/{complaint_id}",),
        ).fetchall()


def clocks(connection: Connection[Any]) -> list[Clock]:
    """Of all complaints of two years, the newest first."""
    with connection.cursor(row_factory=class_row(Clock)) as cursor:
        return cursor.execute(
            """
            SELECT complaint_id, site, site_zh, time_zone, state, filed_at, cause, further, extended, answer_due_at, answered_at,
                   conclude_due_at, solved_at, closed_at, reopened
            FROM v_complaint_clock WHERE filed_at > now() - interval '2 years' ORDER BY filed_at DESC, complaint_id DESC
            """
        ).fetchall()
