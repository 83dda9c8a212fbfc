"""What somebody may still rate, what their word changed, and what the insurer's people may count of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

MOST: Final = 50  # of each list on the page
OPEN_FOR: Final = timedelta(
    days=14
)  # what is over for longer is not put before anybody; its own page still takes a rating


@dataclass(frozen=True, slots=True)
class ToRate:
    """Something that is over, and what the visitor has said of it.

    Args:
        thing: occurrence, finding, impairment or service.
        useful, reason: None while they have said nothing.
    """

    thing: str
    number: int
    title: str
    title_zh: str
    site: str
    site_zh: str
    time_zone: str
    over_at: datetime
    useful: bool | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Changed:
    """A change because of the visitor's word."""

    told_back_id: int
    change: str
    title: str | None
    title_zh: str | None
    said_at: datetime
    said_reason: str | None
    said_title: str | None
    complaint_id: int | None
    definition_id: int | None
    finding_id: int | None
    changed_at: datetime
    site: str
    site_zh: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Counted:
    """A cell of what the company's people said; a site or hazard of None is the rest that is too few by itself."""

    quarter: date
    company: str
    company_zh: str
    site: str | None
    site_zh: str | None
    hazard: str | None
    people: int
    answers: int
    useful: int
    reasons: dict[str, int]


@dataclass(frozen=True, slots=True)
class Recommended:
    """The recommendation of a quarter at a site, or at all sites of the company that are too few by themselves."""

    quarter: date
    company: str
    company_zh: str
    site: str | None
    site_zh: str | None
    people: int
    promoters: int
    detractors: int


@dataclass(frozen=True, slots=True)
class GivenService:
    """A prevention service that was given."""

    service_id: int
    company_id: int
    site_id: int
    item: str
    what: str
    served_by: str
    given_on: date
    noted_at: datetime
    site: str
    site_zh: str
    time_zone: str
    company: str
    company_zh: str


def to_rate(connection: Connection[Any], person_id: int, company_id: int, now: datetime) -> list[ToRate]:
    """What came to its end lately, the newest first; nothing that is an exercise or made up."""
    with connection.cursor(row_factory=class_row(ToRate)) as cursor:
        return cursor.execute(
            """
            SELECT x.thing, x.number, x.title, x.title_zh, s.name AS site, s.name_zh AS site_zh, s.time_zone, x.over_at, r.useful, r.reason
            FROM (
                SELECT 'occurrence' AS thing, o.occurrence_id AS number, d.title, d.title_zh, o.site_id, o.resolved_at AS over_at
                FROM v_occurrence o JOIN alarm_definition d USING (definition_id)
                WHERE o.company_id = %(company)s AND o.resolved_at > %(since)s AND o.resolution <> 'test_or_drill' AND NOT o.exercise
                  AND NOT o.simulated AND NOT o.replayed
                UNION ALL
                SELECT 'finding', f.finding_id, f.title, f.title_zh, f.site_id, f.closed_at
                FROM v_finding f WHERE f.company_id = %(company)s AND f.state = 'closed' AND f.closed_at > %(since)s AND NOT f.simulated
                UNION ALL
                SELECT 'impairment', i.impairment_id, i.what, i.what, i.site_id, i.restored_at
                FROM v_impairment i WHERE i.company_id = %(company)s AND i.restored_at > %(since)s AND NOT i.simulated
                UNION ALL
                SELECT 'service', v.service_id, v.what, v.what, v.site_id, v.noted_at
                FROM prevention_service v WHERE v.company_id = %(company)s AND v.noted_at > %(since)s
            ) x
            JOIN site s ON s.site_id = x.site_id
            LEFT JOIN rating r ON r.person_id = %(person)s AND CASE x.thing WHEN 'occurrence' THEN r.occurrence_id WHEN 'finding' THEN r.finding_id
                WHEN 'impairment' THEN r.impairment_id ELSE r.service_id END = x.number
            ORDER BY r.rating_id IS NOT NULL, x.over_at DESC LIMIT %(most)s
            """,
            {"company": company_id, "person": person_id, "since": now - OPEN_FOR, "most": MOST},
        ).fetchall()


def changed(connection: Connection[Any], person_id: int) -> list[Changed]:
    """What this person's word changed, the newest first."""
    with connection.cursor(row_factory=class_row(Changed)) as cursor:
        return cursor.execute(
            """
            SELECT told_back_id, change, title, title_zh, said_at, said_reason, said_title, complaint_id, definition_id, finding_id,
                   changed_at, site, site_zh, time_zone
            FROM v_told_back WHERE person_id = %s ORDER BY changed_at DESC LIMIT %s
            """,
            (person_id, MOST),
        ).fetchall()


def counted(connection: Connection[Any]) -> list[Counted]:
    """What the companies' people said, in quarters that are over: nothing that could name one of them."""
    with connection.cursor(row_factory=class_row(Counted)) as cursor:
        return cursor.execute(
            """
            SELECT v.quarter, c.name AS company, c.name_zh AS company_zh, s.name AS site, s.name_zh AS site_zh, v.hazard, v.people, v.answers,
                   v.useful, v.reasons
            FROM davy_voice() v JOIN company c USING (company_id) LEFT JOIN site s ON s.site_id = v.site_id
            ORDER BY v.quarter DESC, c.name, s.name NULLS LAST, v.hazard NULLS LAST
            """
        ).fetchall()


def recommended(connection: Connection[Any]) -> list[Recommended]:
    """The recommendation, likewise."""
    with connection.cursor(row_factory=class_row(Recommended)) as cursor:
        return cursor.execute(
            """
            SELECT v.quarter, c.name AS company, c.name_zh AS company_zh, s.name AS site, s.name_zh AS site_zh, v.people, v.promoters, v.detractors
            FROM davy_voice_nps() v JOIN company c USING (company_id) LEFT JOIN site s ON s.site_id = v.site_id
            ORDER BY v.quarter DESC, c.name, s.name NULLS LAST
            """
        ).fetchall()


def find_service(connection: Connection[Any], service_id: int) -> GivenService | None:
    """None where there is none, or none that the principal may see."""
    with connection.cursor(row_factory=class_row(GivenService)) as cursor:
        return cursor.execute(
            """
            SELECT p.service_id, p.company_id, p.site_id, p.item, p.what, p.served_by, p.given_on, p.noted_at, s.name AS site,
                   s.name_zh AS site_zh, s.time_zone, c.name AS company, c.name_zh AS company_zh
            FROM prevention_service p JOIN site s USING (site_id, company_id) JOIN company c USING (company_id) WHERE p.service_id = %s
            """,
            (service_id,),
        ).fetchone()


def list_services(connection: Connection[Any]) -> list[GivenService]:
    """The newest first."""
    with connection.cursor(row_factory=class_row(GivenService)) as cursor:
        return cursor.execute(
            """
            SELECT p.service_id, p.company_id, p.site_id, p.item, p.what, p.served_by, p.given_on, p.noted_at, s.name AS site,
                   s.name_zh AS site_zh, s.time_zone, c.name AS company, c.name_zh AS company_zh
            FROM prevention_service p JOIN site s USING (site_id, company_id) JOIN company c USING (company_id)
            ORDER BY p.given_on DESC, p.service_id DESC LIMIT %s
            """,
            (MOST,),
        ).fetchall()


def nuisance_by_limit(
    connection: Connection[Any], site_id: int, since: datetime, until: datetime
) -> dict[int, tuple[int, int]]:
    """How many people said of each limit's alarms that they disturb, and how many said anything; empty for who sees no ratings."""
    rows = connection.execute(
        """
        SELECT o.definition_id, count(DISTINCT r.person_id) FILTER (WHERE NOT r.useful AND r.reason IN ('no_danger', 'too_often')),
               count(DISTINCT r.person_id)
        FROM rating r CROSS JOIN LATERAL (SELECT definition_id FROM v_occurrence WHERE occurrence_id = r.occurrence_id LIMIT 1) o
        WHERE r.site_id = %s AND r.occurrence_id IS NOT NULL AND r.changed_at >= %s AND r.changed_at < %s
        GROUP BY o.definition_id
        """,
        (site_id, since, until),
    ).fetchall()
    return {int(row[0]): (int(row[1]), int(row[2])) for row in rows}
