"""Ratings and recommendations, as the acts of risk/ratings.py write them, and the services that are rated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, LiteralString

from psycopg import Connection
from psycopg.rows import class_row

from risk.rating import Ask, Over, Tap, Thing

# What is rated -> whose it is and where, once it is over; the same as davy_is_over().
_OVER: Final[dict[Thing, LiteralString]] = {
    Thing.OCCURRENCE: """
        SELECT company_id, site_id, resolved_at IS NOT NULL, coalesce(resolution = 'test_or_drill', false) OR exercise OR simulated OR replayed
        FROM v_occurrence WHERE occurrence_id = %s
        """,
    Thing.FINDING: "SELECT company_id, site_id, state = 'closed', simulated FROM v_finding WHERE finding_id = %s",
    Thing.IMPAIRMENT: "SELECT company_id, site_id, restored_at IS NOT NULL, simulated FROM v_impairment WHERE impairment_id = %s",
    Thing.GIVEN: "SELECT company_id, site_id, true, false FROM prevention_service WHERE service_id = %s",
}


@dataclass(frozen=True, slots=True)
class Rated:
    """What is to be rated.

    Args:
        exercise: an exercise, a test, or history that was made up: nobody's judgement of the real thing.
    """

    company_id: int
    site_id: int
    over: bool
    exercise: bool


@dataclass(frozen=True, slots=True)
class RatingRow:
    """A rating that is there."""

    rating_id: int
    useful: bool
    reason: str
    words: str


def find(connection: Connection[Any], thing: Thing, number: int) -> Rated | None:
    """What is to be rated, where the transaction may see it."""
    row = connection.execute(_OVER[thing], (number,)).fetchone()
    return None if row is None else Rated(*row)


def take_turns(connection: Connection[Any], person_id: int) -> None:
    """Two taps of one person, of one thing or of several, come one after the other."""
    connection.execute("SELECT pg_advisory_xact_lock(7251126, %s)", (person_id,))


def of_person(connection: Connection[Any], person_id: int, thing: Thing, number: int) -> RatingRow | None:
    """What this person has said of it."""
    with connection.cursor(row_factory=class_row(RatingRow)) as cursor:
        return cursor.execute(
            """
            SELECT rating_id, useful, reason, words FROM rating
            WHERE person_id = %s AND CASE %s WHEN 'occurrence' THEN occurrence_id WHEN 'finding' THEN finding_id
                                             WHEN 'impairment' THEN impairment_id ELSE service_id END = %s
            """,
            (person_id, thing.value, number),
        ).fetchone()


def insert(
    connection: Connection[Any], of: Rated, thing: Thing, number: int, tap: Tap, person_id: int, now: datetime
) -> int:
    """Writes a new rating down; gives its id."""
    row = connection.execute(
        """
        INSERT INTO rating (company_id, site_id, occurrence_id, finding_id, impairment_id, service_id, person_id, useful, reason, words,
                            rated_at, changed_at)
        SELECT %(company)s, %(site)s, CASE t WHEN 'occurrence' THEN n END, CASE t WHEN 'finding' THEN n END,
               CASE t WHEN 'impairment' THEN n END, CASE t WHEN 'service' THEN n END, %(person)s, %(useful)s, %(reason)s, %(words)s,
               %(now)s, %(now)s
        FROM (SELECT %(thing)s::text AS t, %(number)s::bigint AS n) x RETURNING rating_id
        """,
        {
            "company": of.company_id, "site": of.site_id, "thing": thing.value, "number": number, "person": person_id,
            "useful": tap.useful, "reason": tap.reason, "words": tap.words, "now": now,
        },
    ).fetchone()  # fmt: skip
    assert row is not None
    return int(row[0])


def change(connection: Connection[Any], rating_id: int, tap: Tap, now: datetime) -> None:
    """Says it anew."""
    connection.execute(
        "UPDATE rating SET useful = %s, reason = %s, words = %s, changed_at = %s WHERE rating_id = %s",
        (tap.useful, tap.reason, tap.words, now, rating_id),
    )


def last_nps(connection: Connection[Any], person_id: int) -> datetime | None:
    """When this person last said how likely they would recommend it."""
    row = connection.execute("SELECT max(answered_at) FROM nps_answer WHERE person_id = %s", (person_id,)).fetchone()
    return None if row is None else row[0]


def insert_nps(
    connection: Connection[Any], *, company_id: int, site_id: int, person_id: int, score: int, words: str, now: datetime
) -> int:
    """Writes an answer down; gives its id."""
    row = connection.execute(
        """
        INSERT INTO nps_answer (company_id, site_id, person_id, score, words, answered_at)
        VALUES (%s, %s, %s, %s, %s, %s) RETURNING nps_id
        """,
        (company_id, site_id, person_id, score, words, now),
    ).fetchone()
    assert row is not None
    return int(row[0])


def insert_service(
    connection: Connection[Any],
    *,
    company_id: int,
    site_id: int,
    item: str,
    what: str,
    served_by: str,
    given_on: date,
    person_id: int,
    now: datetime,
) -> int:
    """Writes a service down; gives its id."""
    row = connection.execute(
        """
        INSERT INTO prevention_service (company_id, site_id, item, what, served_by, given_on, noted_at, noted_by)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING service_id
        """,
        (company_id, site_id, item, what, served_by, given_on, now, person_id),
    ).fetchone()
    assert row is not None
    return int(row[0])


def site_facts(connection: Connection[Any], site_id: int) -> tuple[int, str, str] | None:
    """Company, time zone and jurisdiction of a site that the transaction may see."""
    row = connection.execute(
        "SELECT company_id, time_zone, jurisdiction FROM site WHERE site_id = %s", (site_id,)
    ).fetchone()
    return None if row is None else (int(row[0]), str(row[1]), str(row[2]))


@dataclass(frozen=True, slots=True)
class _OverRow:
    thing: str
    number: int
    company_id: int
    site_id: int
    time_zone: str
    over_at: datetime
    people: list[int]


def over_since(connection: Connection[Any], since: datetime) -> list[Over]:
    """What came to its end lately and nobody was asked about, with who dealt with it: of a service all who work there."""
    with connection.cursor(row_factory=class_row(_OverRow)) as cursor:
        rows = cursor.execute(
            """
            SELECT x.thing, x.number, x.company_id, x.site_id, s.time_zone, x.over_at,
                   array(SELECT p.person_id FROM person p
                         WHERE p.company_id = x.company_id AND p.active AND p.role IN ('safety_officer', 'integrator')
                           AND (x.who IS NULL OR p.person_id = ANY(x.who))
                           AND NOT EXISTS (SELECT FROM rating r WHERE r.person_id = p.person_id AND CASE x.thing WHEN 'occurrence' THEN r.occurrence_id
                               WHEN 'finding' THEN r.finding_id WHEN 'impairment' THEN r.impairment_id ELSE r.service_id END = x.number)
                         ORDER BY array_position(x.who, p.person_id), p.role DESC, p.person_id) AS people
            FROM (
                SELECT 'occurrence' AS thing, o.occurrence_id AS number, o.company_id, o.site_id, o.resolved_at AS over_at,
                       array_remove(ARRAY[o.assignee_id, o.resolved_by], NULL) AS who
                FROM v_occurrence o
                WHERE o.resolved_at > %(since)s AND o.resolution <> 'test_or_drill' AND NOT o.exercise AND NOT o.simulated AND NOT o.replayed AND NOT o.historic
                UNION ALL
                SELECT 'finding', f.finding_id, f.company_id, f.site_id, f.closed_at, array_remove(ARRAY[f.owner_id, f.reported_by], NULL)
                FROM finding f WHERE f.closed_at > %(since)s AND NOT f.simulated
                UNION ALL
                SELECT 'impairment', i.impairment_id, i.company_id, i.site_id, i.restored_at, ARRAY[i.reported_by]
                FROM impairment i WHERE i.restored_at > %(since)s AND NOT i.simulated
                UNION ALL
                SELECT 'service', v.service_id, v.company_id, v.site_id, v.noted_at, NULL FROM prevention_service v WHERE v.noted_at > %(since)s
            ) x
            JOIN site s ON s.site_id = x.site_id
            WHERE NOT EXISTS (
                SELECT FROM rating_request q WHERE q.company_id = x.company_id AND CASE x.thing WHEN 'occurrence' THEN q.occurrence_id
                    WHEN 'finding' THEN q.finding_id WHEN 'impairment' THEN q.impairment_id ELSE q.service_id END = x.number)
            ORDER BY x.over_at
            """,
            {"since": since},
        ).fetchall()
    return [
        Over(Thing(row.thing), row.number, row.company_id, row.site_id, row.time_zone, row.over_at, tuple(row.people))
        for row in rows
    ]


def asked_since(connection: Connection[Any], since: datetime) -> dict[int, int]:
    """How often each person was asked since then."""
    rows = connection.execute(
        "SELECT person_id, count(*) FROM rating_request WHERE asked_at > %s GROUP BY person_id", (since,)
    ).fetchall()
    return {int(row[0]): int(row[1]) for row in rows}


def insert_requests(connection: Connection[Any], asks: Sequence[Ask], now: datetime) -> None:
    """Writes down who is asked of what; of what somebody was asked meanwhile, nobody is asked again."""
    for each in asks:
        connection.execute(
            """
            INSERT INTO rating_request (company_id, site_id, occurrence_id, finding_id, impairment_id, service_id, person_id, asked_at)
            SELECT %(company)s, %(site)s, CASE t WHEN 'occurrence' THEN n END, CASE t WHEN 'finding' THEN n END,
                   CASE t WHEN 'impairment' THEN n END, CASE t WHEN 'service' THEN n END, %(person)s, %(now)s
            FROM (SELECT %(thing)s::text AS t, %(number)s::bigint AS n) x
            ON CONFLICT DO NOTHING
            """,
            {
                "company": each.of.company_id, "site": each.of.site_id, "thing": each.of.thing.value, "number": each.of.number,
                "person": each.person_id, "now": now,
            },
        )  # fmt: skip
