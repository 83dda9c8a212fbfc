"""Seals: what is due, what was sealed, and the chains beside them, read in the order of their links."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from alerting.chain import Link
from alerting.ledger import AlarmKey
from alerting.replaying import Row
from alerting.seal import Head, Sealed
from alerting.store.columns import columns
from alerting.verifying import Step

PAGE = 1000  # seals read at once


@dataclass(frozen=True, slots=True)
class Due:
    """A company that is to be sealed: its last seal, and how many of its alarms have a chain."""

    company_id: int
    number: int
    digest: bytes | None
    alarms: int


def due(connection: Connection[Any], hour: datetime) -> list[Due]:
    """Companies that have no seal since `hour`."""
    with connection.cursor(row_factory=class_row(Due)) as cursor:
        return cursor.execute(
            """
            SELECT c.company_id, coalesce(s.number, 0) AS number, s.digest, coalesce(a.alarms, 0) AS alarms
            FROM company c
            LEFT JOIN LATERAL (SELECT * FROM seal WHERE company_id = c.company_id ORDER BY number DESC LIMIT 1) s ON true
            LEFT JOIN (SELECT company_id, count(*)::int AS alarms FROM alarm WHERE transitions > 0 GROUP BY company_id) a
                ON a.company_id = c.company_id
            WHERE s.sealed_at IS NULL OR s.sealed_at < %s
            ORDER BY c.company_id
            """,
            (hour,),
        ).fetchall()


@dataclass(frozen=True, slots=True)
class Sealing:
    """How it stands with seals.

    Args:
        newest_at: the oldest of the companies' newest seals; None: there is none.
        unsealed_since: when the oldest transition of a company without a seal was written down.
    """

    seals: int
    newest_at: datetime | None
    unsealed_since: datetime | None


def sealing(connection: Connection[Any]) -> Sealing:
    """Whether what happens is sealed."""
    with connection.cursor(row_factory=class_row(Sealing)) as cursor:
        found = cursor.execute(
            """
            SELECT coalesce(sum(s.seals), 0)::int AS seals, min(s.newest_at) AS newest_at,
                   min(f.recorded_at) FILTER (WHERE s.seals IS NULL) AS unsealed_since
            FROM company c
            LEFT JOIN (SELECT company_id, count(*) AS seals, max(sealed_at) AS newest_at FROM seal GROUP BY company_id) s
                ON s.company_id = c.company_id
            LEFT JOIN LATERAL (
                SELECT recorded_at FROM transition t WHERE s.seals IS NULL AND t.company_id = c.company_id
                ORDER BY t.definition_id, t.sensor_id, t.number LIMIT 1
            ) f ON true
            """
        ).fetchone()
    assert found is not None
    return found


def moved(connection: Connection[Any], company_ids: Sequence[int]) -> dict[int, list[Head]]:
    """The heads that no seal has yet, by company, in the order of their alarms."""
    rows = connection.execute(
        """
        SELECT a.company_id, a.definition_id, a.sensor_id, a.transitions, a.chain FROM alarm a
        WHERE a.company_id = ANY (%s) AND a.transitions > 0 AND NOT EXISTS (
            SELECT FROM seal_head h
            WHERE h.definition_id = a.definition_id AND h.sensor_id = a.sensor_id AND h.transitions = a.transitions)
        ORDER BY a.company_id, a.definition_id, a.sensor_id
        """,
        (list(company_ids),),
    ).fetchall()
    return {company: [Head(*row[1:]) for row in heads] for company, heads in groupby(rows, itemgetter(0))}


def add(connection: Connection[Any], sealed: Sequence[tuple[Sealed, bytes]]) -> None:
    """Appends seals with their signatures."""
    connection.execute(
        """
        INSERT INTO seal (company_id, number, sealed_at, alarms, previous, digest, public_key, signature)
        SELECT * FROM unnest(%s::int[], %s::int[], %s::timestamptz[], %s::int[], %s::bytea[], %s::bytea[], %s::bytea[], %s::bytea[])
        """,
        columns(
            [
                (s.company_id, s.number, s.sealed_at, s.alarms, s.previous, s.digest(), s.public_key, signature)
                for s, signature in sealed
            ],
            8,
        ),
    )
    heads = [(s.company_id, s.number, *head) for s, _ in sealed for head in s.heads]
    connection.execute(
        """
        INSERT INTO seal_head (company_id, number, definition_id, sensor_id, transitions, chain)
        SELECT * FROM unnest(%s::int[], %s::int[], %s::int[], %s::int[], %s::int[], %s::bytea[])
        """,
        columns(heads, 6),
    )


@dataclass(frozen=True, slots=True)
class Kept:
    """A seal as the database has it."""

    sealed: Sealed
    digest: bytes
    signature: bytes


def of_company(connection: Connection[Any], company_id: int, after: int = 0) -> list[Kept]:
    """A company's seals after number `after`, in their order, at most `PAGE` of them."""
    seals = connection.execute(
        """
        SELECT number, sealed_at, alarms, previous, public_key, digest, signature FROM seal
        WHERE company_id = %s AND number > %s ORDER BY number LIMIT %s
        """,
        (company_id, after, PAGE),
    ).fetchall()
    numbers = [row[0] for row in seals]
    heads = connection.execute(
        """
        SELECT number, definition_id, sensor_id, transitions, chain FROM seal_head
        WHERE company_id = %s AND number = ANY (%s) ORDER BY number, definition_id, sensor_id
        """,
        (company_id, numbers),
    ).fetchall()
    by_seal = {number: [Head(*row[1:]) for row in rows] for number, rows in groupby(heads, itemgetter(0))}
    return [
        Kept(
            Sealed(
                company_id=company_id, number=number, sealed_at=sealed_at, alarms=alarms, previous=previous,
                heads=by_seal.get(number, []), public_key=public_key,
            ),
            digest,
            signature,
        )
        for number, sealed_at, alarms, previous, public_key, digest, signature in seals
    ]  # fmt: skip


def digest_of(connection: Connection[Any], company_id: int, number: int) -> bytes | None:
    """The digest of one seal; None where the database has none of that number."""
    row = connection.execute(
        "SELECT digest FROM seal WHERE company_id = %s AND number = %s", (company_id, number)
    ).fetchone()
    return None if row is None else row[0]


def look_at_one_moment(connection: Connection[Any]) -> None:
    """All that this transaction reads is as of one instant: what is written meanwhile is not taken for a mistake."""
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")


def companies(connection: Connection[Any]) -> list[tuple[int, str]]:
    """Every company that can be seen, with its key."""
    return [(row[0], row[1]) for row in connection.execute("SELECT company_id, key FROM company ORDER BY key")]


_LINK = tuple(Link.__slots__)
_ROW = 9  # columns of `replaying.Row`


def steps(connection: Connection[Any], company_id: int | None, key: AlarmKey | None) -> Iterator[Step]:
    """The chains of all alarms, of a company's or one alarm's, read as they are walked; inside a transaction."""
    definition_id, sensor_id = key or (None, None)
    with connection.cursor(name="steps") as cursor:
        cursor.itersize = 5000
        cursor.execute(
            """
            SELECT t.company_id, t.definition_id, t.sensor_id, t.number, t.occurrence_id, t.at, t.recorded_at, t.event,
                   t.from_state::text, t.to_state::text, t.suppression, t.value, t.person_id, t.reason, t.until, t.batch_no,
                   t.replayed,
                   a.state::text, a.active, a.suppression, a.suppressed_until, a.suppression_reason, a.suppressed_by,
                   a.occurrence_id, a.changed_at, a.transitions,
                   t.previous, t.hash, h.chain, h.number, s.sealed_at, a.chain
            FROM transition t
            LEFT JOIN alarm a ON a.definition_id = t.definition_id AND a.sensor_id = t.sensor_id
            LEFT JOIN seal_head h ON h.definition_id = t.definition_id AND h.sensor_id = t.sensor_id AND h.transitions = t.number
            LEFT JOIN seal s ON s.company_id = h.company_id AND s.number = h.number
            WHERE (%(company)s::int IS NULL OR t.company_id = %(company)s)
              AND (%(definition)s::int IS NULL OR (t.definition_id = %(definition)s AND t.sensor_id = %(sensor)s))
            ORDER BY t.definition_id, t.sensor_id, t.number
            """,
            {"company": company_id, "definition": definition_id, "sensor": sensor_id},
        )
        for row in cursor:
            link, beside, rest = row[: len(_LINK)], row[len(_LINK) : len(_LINK) + _ROW], row[len(_LINK) + _ROW :]
            previous, hashed, sealed, seal, sealed_at, chain = rest
            yield Step(
                Link(**dict(zip(_LINK, link, strict=True))),
                previous,
                hashed,
                sealed,
                seal,
                sealed_at,
                None if beside[0] is None else Row(*beside),
                chain,
            )


@dataclass(frozen=True, slots=True)
class Missing:
    """A transition that a seal or an alarm's row knows of, and that is not there."""

    company_id: int
    definition_id: int
    sensor_id: int
    number: int
    words: str


def missing(connection: Connection[Any], company_id: int | None, key: AlarmKey | None) -> list[Missing]:
    """Of each alarm the first sealed transition that is gone, or its first one where none is left."""
    definition_id, sensor_id = key or (None, None)
    with connection.cursor(row_factory=class_row(Missing)) as cursor:
        return cursor.execute(
            """
            SELECT DISTINCT ON (m.definition_id, m.sensor_id) m.company_id, m.definition_id, m.sensor_id, m.number, m.words FROM (
                SELECT h.company_id, h.definition_id, h.sensor_id, h.transitions AS number,
                       format('transition %%s is missing: seal %%s of %%s UTC has it', h.transitions, h.number,
                              to_char(s.sealed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')) AS words
                FROM seal_head h JOIN seal s USING (company_id, number)
                WHERE NOT EXISTS (SELECT FROM transition t WHERE t.definition_id = h.definition_id
                                  AND t.sensor_id = h.sensor_id AND t.number = h.transitions)
                UNION ALL
                SELECT a.company_id, a.definition_id, a.sensor_id, 1,
                       format('all its transitions are missing: the alarm has had %%s', a.transitions)
                FROM alarm a
                WHERE a.transitions > 0 AND NOT EXISTS (SELECT FROM transition t WHERE t.definition_id = a.definition_id
                                                        AND t.sensor_id = a.sensor_id)
            ) m
            WHERE (%(company)s::int IS NULL OR m.company_id = %(company)s)
              AND (%(definition)s::int IS NULL OR (m.definition_id = %(definition)s AND m.sensor_id = %(sensor)s))
            ORDER BY m.definition_id, m.sensor_id, m.number
            """,
            {"company": company_id, "definition": definition_id, "sensor": sensor_id},
        ).fetchall()


def resolved_otherwise(connection: Connection[Any], company_id: int | None, key: AlarmKey | None) -> list[Missing]:
    """Occurrences that say of their end something else than the transition that ended them."""
    definition_id, sensor_id = key or (None, None)
    with connection.cursor(row_factory=class_row(Missing)) as cursor:
        return cursor.execute(
            """
            SELECT o.company_id, o.definition_id, o.sensor_id, coalesce(t.number, 0) AS number,
                   CASE WHEN t.number IS NULL THEN format('occurrence %%s is resolved, and no transition says so', o.occurrence_id)
                        ELSE format('occurrence %%s says of its end something else than transition %%s', o.occurrence_id, t.number)
                   END AS words
            FROM occurrence o
            LEFT JOIN transition t ON t.occurrence_id = o.occurrence_id AND t.event IN ('resolve', 'exercise_over')
            WHERE (%(company)s::int IS NULL OR o.company_id = %(company)s)
              AND (%(definition)s::int IS NULL OR (o.definition_id = %(definition)s AND o.sensor_id = %(sensor)s))
              AND (o.resolved_at IS NOT NULL OR t.number IS NOT NULL)
              AND (t.at, t.person_id, CASE t.event WHEN 'exercise_over' THEN 'test_or_drill' ELSE t.reason END) IS DISTINCT FROM
                  (o.resolved_at, o.resolved_by, CASE t.event WHEN 'exercise_over' THEN o.resolution ELSE o.resolution || ': ' || o.action_taken END)
            ORDER BY o.occurrence_id
            """,
            {"company": company_id, "definition": definition_id, "sensor": sensor_id},
        ).fetchall()


def alarm_of(connection: Connection[Any], occurrence_id: int) -> tuple[int, AlarmKey] | None:
    """(company, alarm) of an occurrence; None where there is none."""
    row = connection.execute(
        "SELECT company_id, definition_id, sensor_id FROM occurrence WHERE occurrence_id = %s", (occurrence_id,)
    ).fetchone()
    return None if row is None else (row[0], AlarmKey(row[1], row[2]))


def names(connection: Connection[Any], key: AlarmKey) -> tuple[str, str, str, str]:
    """(company, site, limit, sensor) of an alarm, by their keys; empty where they are gone."""
    row = connection.execute(
        """
        SELECT c.key, t.key, d.key, s.key FROM alarm_definition d
        JOIN company c ON c.company_id = d.company_id JOIN site t ON t.site_id = d.site_id
        JOIN sensor s ON s.sensor_id = %s WHERE d.definition_id = %s
        """,
        (key.sensor_id, key.definition_id),
    ).fetchone()
    return ("", "", "", "") if row is None else (row[0], row[1], row[2], row[3])
