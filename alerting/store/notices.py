"""The queue's rows about findings, impairments and days: who may hear of them, and that each is there once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from alerting.routing import Route, RouteStep
from alerting.store.columns import columns
from core.model import Priority


@dataclass(frozen=True, slots=True)
class NewNotice:
    """A message about a finding, an impairment, who sees to an occurrence or what is told by name, as it enters the queue; the order of
    fields is that of the statement.

    Args:
        number: of what it is about: finding, impairment, occurrence, complaint, request for a rating, word that is told back, what waits
            for a second person.
        urgency: see `alerting.hearing`.
    """

    key: str
    company_id: int
    subject: str
    event: str
    number: int
    onset: datetime
    step: int
    rule: str
    audience: str
    person_id: int
    channel: str
    due_at: datetime
    urgency: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewDigest:
    """A digest, as it enters the queue.

    Args:
        onset: its end.
        tally: see `alerting.digest`.
    """

    key: str
    onset: datetime
    rule: str
    person_id: int
    channel: str
    due_at: datetime
    urgency: int
    tally: dict[str, Any]
    says_something: bool


@dataclass(frozen=True, slots=True)
class DigestReader:
    """One of the insurer's people who is to get a digest.

    Args:
        route: which names them.
        time_zone: of the site of that route.
        companies: those they look after.
        decided_until: the newest end for which one was written, or found to have nothing to say; None: there was none.
        told_until: the newest end for which one was written.
    """

    person_id: int
    channel: str
    route: str
    time_zone: str
    companies: list[int]
    decided_until: datetime | None
    told_until: datetime | None


@dataclass(frozen=True, slots=True)
class _Step:
    site_id: int
    key: str
    audience: str
    priorities: list[str]
    hears: list[str]
    position: int
    after_s: float
    person_id: int
    channel: str


def load_hearing_routes(connection: Connection[Any], site_ids: Sequence[int]) -> dict[int, list[Route]]:
    """The routes of each site that carry more than alarms; of their people those who are active and still of its company
    or looking after it.
    """
    with connection.cursor(row_factory=class_row(_Step)) as cursor:
        rows = cursor.execute(
            """
            SELECT r.site_id, r.key, r.audience, r.priorities, r.hears, t.position, t.after_s, t.person_id, t.channel
            FROM route r JOIN v_route_person t USING (route_id) JOIN person p USING (person_id)
            WHERE r.site_id = ANY(%s) AND r.hears <> '{}' AND p.active
              AND (p.company_id = r.company_id OR EXISTS (
                  SELECT FROM person_company c WHERE c.person_id = p.person_id AND c.company_id = r.company_id))
            ORDER BY r.site_id, r.audience, r.key, t.position, t.person_id, t.channel
            """,
            (list(site_ids),),
        ).fetchall()
    found: dict[int, dict[str, Route]] = {}
    for row in rows:
        priorities, hears = frozenset(map(Priority, row.priorities)), frozenset(row.hears)
        route = found.setdefault(row.site_id, {}).setdefault(
            row.key, Route(row.key, row.audience, priorities, [], hears)
        )
        route.steps.append(RouteStep(row.position, row.after_s, row.person_id, row.channel))
    return {site: list(routes.values()) for site, routes in found.items()}


def channels_of(connection: Connection[Any], person_ids: Sequence[int]) -> dict[int, list[str]]:
    """Over which channels each of some people can be reached."""
    rows = connection.execute(
        """
        SELECT person_id, array_agg(channel ORDER BY channel) FROM channel_address
        WHERE person_id = ANY(%s) GROUP BY person_id
        """,
        (list(person_ids),),
    ).fetchall()
    return {row[0]: row[1] for row in rows}


def keys_there(connection: Connection[Any], keys: Sequence[str]) -> set[str]:
    """Which of some messages are in the queue, sent or not."""
    rows = connection.execute("SELECT key FROM notification WHERE key = ANY(%s)", (list(keys),)).fetchall()
    return {row[0] for row in rows}


def add(connection: Connection[Any], rows: Sequence[NewNotice]) -> int:
    """Queues messages; a key that is there already stays as it is. Gives how many were new."""
    if not rows:
        return 0
    return connection.execute(
        """
        INSERT INTO notification (key, company_id, subject, event, finding_id, impairment_id, assigned_id, complaint_id, request_id, told_back_id,
                                  approval_id, onset, step, rule, audience, person_id, channel, due_at, urgency, created_at)
        SELECT key, company_id, subject, event, CASE subject WHEN 'finding' THEN number END,
               CASE subject WHEN 'impairment' THEN number END, CASE subject WHEN 'occurrence' THEN number END,
               CASE subject WHEN 'complaint' THEN number END, CASE subject WHEN 'rating_request' THEN number END,
               CASE subject WHEN 'told_back' THEN number END,
               CASE WHEN subject IN ('order', 'limit_change', 'route_change') THEN number END, onset, step, rule, audience, person_id, channel, due_at, urgency, created_at
        FROM unnest(%s::text[], %s::int[], %s::text[], %s::text[], %s::bigint[], %s::timestamptz[], %s::int[], %s::text[],
                    %s::text[], %s::int[], %s::text[], %s::timestamptz[], %s::smallint[], %s::timestamptz[])
            AS n(key, company_id, subject, event, number, onset, step, rule, audience, person_id, channel, due_at, urgency,
                 created_at)
        ON CONFLICT (key) DO NOTHING
        """,
        columns([tuple(getattr(row, name) for name in NewNotice.__slots__) for row in rows], 14),
    ).rowcount


def digest_readers(connection: Connection[Any]) -> list[DigestReader]:
    """Active people of the insurer whom a route for digests names, once each: by mail where one says so."""
    with connection.cursor(row_factory=class_row(DigestReader)) as cursor:
        return cursor.execute(
            """
            SELECT DISTINCT ON (t.person_id) t.person_id, t.channel, r.key AS route, s.time_zone,
                   (SELECT array_agg(c.company_id ORDER BY c.company_id) FROM person_company c
                    WHERE c.person_id = t.person_id) AS companies,
                   d.decided_until, d.told_until
            FROM route r JOIN route_step t USING (route_id) JOIN site s ON s.site_id = r.site_id
            JOIN person p USING (person_id) JOIN person_company o ON o.person_id = p.person_id AND o.company_id = r.company_id
            CROSS JOIN LATERAL (
                SELECT max(n.onset) AS decided_until, max(n.onset) FILTER (WHERE n.outcome IS DISTINCT FROM 'nothing to say') AS told_until
                FROM notification n WHERE n.person_id = t.person_id AND n.subject = 'digest'
            ) d
            WHERE 'digest' = ANY(r.hears) AND r.audience = 'insurer' AND p.active AND p.company_id IS NULL
            ORDER BY t.person_id, t.channel <> 'smtp', s.site_id, t.position, r.key, t.channel
            """
        ).fetchall()


def add_digests(connection: Connection[Any], rows: Sequence[NewDigest], now: datetime) -> int:
    """Queues digests; one that is there already stays as it is. Gives how many were new."""
    added = 0
    for row in rows:
        added += connection.execute(
            """
            INSERT INTO notification (key, subject, tally, onset, step, rule, audience, person_id, channel, due_at, urgency, created_at)
            VALUES (%s, 'digest', %s, %s, 0, %s, 'insurer', %s, %s, %s, %s, %s)
            ON CONFLICT (key) DO NOTHING
            """,
            (row.key, Jsonb(row.tally), row.onset, row.rule, row.person_id, row.channel, row.due_at, row.urgency, now),
        ).rowcount
    return added


def add_quiet_digests(connection: Connection[Any], rows: Sequence[NewDigest], now: datetime) -> None:
    """Writes down, with their numbers, that digests have nothing to say: cancelled from the first, so that none is ever claimed."""
    for row in rows:
        connection.execute(
            """
            INSERT INTO notification (key, subject, tally, onset, step, rule, audience, person_id, channel, due_at, urgency, created_at,
                                      state, finished_at, outcome)
            VALUES (%(key)s, 'digest', %(tally)s, %(onset)s, 0, %(rule)s, 'insurer', %(person)s, %(channel)s, %(due)s, %(urgency)s,
                    %(now)s, 'cancelled', %(now)s, 'nothing to say')
            ON CONFLICT (key) DO NOTHING
            """,
            {
                "key": row.key, "tally": Jsonb(row.tally), "onset": row.onset, "rule": row.rule, "person": row.person_id,
                "channel": row.channel, "due": row.due_at, "urgency": row.urgency, "now": now,
            },
        )  # fmt: skip
