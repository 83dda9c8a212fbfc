"""Complaints, as the acts of risk/complaints.py write them; what was said at each step stands in the journal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from risk.complaint import Clocks
from risk.rating import Thing


@dataclass(frozen=True, slots=True, kw_only=True)
class NewComplaint:
    """A complaint as it is filed.

    Args:
        about: what it is about, where that has a page.
        filed_by: None: it came by telephone, and `noted_by` took the call.
        complainant: their name.
    """

    company_id: int
    site_id: int
    about: tuple[Thing, int] | None
    follows_id: int | None
    title: str
    body: str
    filed_by: int | None
    noted_by: int | None
    complainant: str


@dataclass(frozen=True, slots=True)
class ComplaintRow:
    """What an act needs of a complaint, locked."""

    complaint_id: int
    company_id: int
    site_id: int
    state: str
    filed_at: datetime
    filed_by: int | None
    owner_id: int | None
    further: bool
    answered_at: datetime | None
    conclude_due_at: datetime
    extended: bool
    reopened: int
    began_at: datetime
    time_zone: str
    jurisdiction: str


def insert(connection: Connection[Any], row: NewComplaint, due: Clocks, now: datetime) -> int:
    """Writes a new complaint down; gives its id."""
    thing, number = row.about if row.about is not None else (None, None)
    made = connection.execute(
        """
        INSERT INTO complaint (company_id, site_id, occurrence_id, finding_id, impairment_id, service_id, follows_id, title, body, road,
                               filed_at, filed_by, noted_by, complainant, answer_due_at, conclude_due_at)
        SELECT %(company)s, %(site)s, CASE t WHEN 'occurrence' THEN n END, CASE t WHEN 'finding' THEN n END,
               CASE t WHEN 'impairment' THEN n END, CASE t WHEN 'service' THEN n END, %(follows)s, %(title)s, %(body)s, %(road)s,
               %(now)s, %(filed)s, %(noted)s, %(complainant)s, %(answer)s, %(conclude)s
        FROM (SELECT %(thing)s::text AS t, %(number)s::bigint AS n) x RETURNING complaint_id
        """,
        {
            "company": row.company_id, "site": row.site_id, "thing": None if thing is None else thing.value, "number": number,
            "follows": row.follows_id, "title": row.title, "body": row.body, "road": "page" if row.filed_by is not None else "phone",
            "now": now, "filed": row.filed_by, "noted": row.noted_by, "complainant": row.complainant,
            "answer": due.answer_due_at, "conclude": due.conclude_due_at,
        },
    ).fetchone()  # fmt: skip
    assert made is not None
    return int(made[0])


def lock(connection: Connection[Any], complaint_id: int) -> ComplaintRow | None:
    """The complaint, locked until the transaction ends; `began_at`: from when its conclusion's clock counts. None where the principal sees none."""
    with connection.cursor(row_factory=class_row(ComplaintRow)) as cursor:
        return cursor.execute(
            """
            SELECT c.complaint_id, c.company_id, c.site_id, c.state, c.filed_at, c.filed_by, c.owner_id, c.further, c.answered_at,
                   c.conclude_due_at, c.extended, c.reopened, CASE WHEN c.reopened = 0 THEN c.filed_at ELSE coalesce((
                       SELECT max(j.at) FROM journal j WHERE j.subject = 'complaint/' || c.complaint_id AND j.action = 'complaint_reopened'),
                       c.filed_at) END AS began_at,
                   s.time_zone, s.jurisdiction
            FROM complaint c JOIN site s USING (site_id) WHERE c.complaint_id = %s FOR UPDATE OF c
            """,
            (complaint_id,),
        ).fetchone()


def state_of(connection: Connection[Any], complaint_id: int, company_id: int) -> str | None:
    """How a complaint of that company stands; None where there is none."""
    row = connection.execute(
        "SELECT state FROM complaint WHERE complaint_id = %s AND company_id = %s", (complaint_id, company_id)
    ).fetchone()
    return None if row is None else str(row[0])


def person_name(connection: Connection[Any], person_id: int) -> str:
    """The name of somebody whom the transaction may see."""
    row = connection.execute("SELECT name FROM person WHERE person_id = %s", (person_id,)).fetchone()
    return str(row[0]) if row else ""


def is_active(connection: Connection[Any], person_id: int) -> bool:
    """Whether somebody still works there, as far as the transaction may see."""
    return (
        connection.execute("SELECT 1 FROM person WHERE person_id = %s AND active", (person_id,)).fetchone() is not None
    )


def write_owner(
    connection: Connection[Any], complaint_id: int, state: str, person_id: int, name: str, now: datetime
) -> None:
    """Somebody takes it on."""
    connection.execute(
        """
        UPDATE complaint SET state = %s, owner_id = %s, owner_name = %s, acknowledged_at = coalesce(acknowledged_at, %s)
        WHERE complaint_id = %s
        """,
        (state, person_id, name, now, complaint_id),
    )


def write_analysis(
    connection: Connection[Any],
    complaint_id: int,
    *,
    state: str,
    cause: str,
    facts: str,
    further: bool,
    conclude_due_at: datetime,
    now: datetime,
) -> None:
    """The cause and the facts: the first answer."""
    connection.execute(
        """
        UPDATE complaint SET state = %s, cause = %s, facts = %s, further = %s, conclude_due_at = %s, answered_at = coalesce(answered_at, %s)
        WHERE complaint_id = %s
        """,
        (state, cause, facts, further, conclude_due_at, now, complaint_id),
    )


def write_extension(connection: Connection[Any], complaint_id: int, until: datetime) -> None:
    """The conclusion may take longer."""
    connection.execute(
        "UPDATE complaint SET conclude_due_at = %s, extended = true WHERE complaint_id = %s", (until, complaint_id)
    )


def write_solution(connection: Connection[Any], complaint_id: int, state: str, measures: str, now: datetime) -> None:
    """What was changed."""
    connection.execute(
        "UPDATE complaint SET state = %s, measures = %s, solved_at = %s WHERE complaint_id = %s",
        (state, measures, now, complaint_id),
    )


def write_closing(connection: Connection[Any], complaint_id: int, state: str, person_id: int, now: datetime) -> None:
    """Who complained says that it is settled."""
    connection.execute(
        "UPDATE complaint SET state = %s, closed_at = %s, closed_by = %s WHERE complaint_id = %s",
        (state, now, person_id, complaint_id),
    )


def write_reopening(connection: Connection[Any], complaint_id: int, state: str, conclude_due_at: datetime) -> None:
    """It is not settled: a new conclusion is owed."""
    connection.execute(
        """
        UPDATE complaint SET state = %s, conclude_due_at = %s, solved_at = NULL, further = false, extended = false, reopened = reopened + 1
        WHERE complaint_id = %s
        """,
        (state, conclude_due_at, complaint_id),
    )
