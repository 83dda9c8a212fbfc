"""Alarms that were learnt of too late to call anybody, by gateway; and that each backlog is told of once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from alerting.backlog import Backlog
from alerting.hearing import DIGEST_URGENCY
from alerting.store import alarms


@dataclass(frozen=True, slots=True, kw_only=True)
class LateKind:
    """One definition's alarms behind one gateway that nobody was told of yet.

    Args:
        began_at, learnt_at: when the first and the last were written down.
        first_id, until_id: their transitions.
    """

    device_id: int
    device: str
    company_id: int
    site_id: int
    site: str
    site_zh: str
    time_zone: str
    title: str
    title_zh: str
    priority: str
    times: int
    first_at: datetime
    last_at: datetime
    began_at: datetime
    learnt_at: datetime
    first_id: int
    until_id: int


def late_kinds(connection: Connection[Any], since: datetime) -> list[LateKind]:
    """What was written down since then, more than a quarter of an hour after it was so, and is not played or made up."""
    with connection.cursor(row_factory=class_row(LateKind)) as cursor:
        return cursor.execute(
            """
            SELECT d.device_id, d.key AS device, d.company_id, d.site_id, s.name AS site, s.name_zh AS site_zh, s.time_zone,
                   a.title, a.title_zh, a.priority, count(*)::int AS times, min(t.at) AS first_at, max(t.at) AS last_at,
                   min(t.recorded_at) AS began_at, max(t.recorded_at) AS learnt_at, min(t.transition_id) AS first_id,
                   max(t.transition_id) AS until_id
            FROM transition t JOIN alarm_definition a USING (definition_id) JOIN sensor e ON e.sensor_id = t.sensor_id
            JOIN device b ON b.device_id = e.device_id JOIN device d ON d.device_id = coalesce(b.gateway_id, b.device_id) JOIN site s ON s.site_id = d.site_id
            LEFT JOIN occurrence o ON o.occurrence_id = t.occurrence_id
            WHERE t.event = 'raise' AND t.recorded_at - t.at > interval '15 minutes' AND t.recorded_at > %(since)s AND NOT t.replayed AND t.suppression = 'none'
              AND t.batch_no IS NOT NULL AND NOT e.is_virtual AND NOT coalesce(o.simulated, false)
              AND t.transition_id > coalesce((
                  SELECT max((n.tally ->> 'until_id')::bigint) FROM notification n
                  WHERE n.subject = 'backlog' AND (n.tally ->> 'device_id')::int = d.device_id), 0)
            GROUP BY d.device_id, s.site_id, a.definition_id ORDER BY d.device_id
            """,
            {"since": since},
        ).fetchall()


@dataclass(frozen=True, slots=True)
class BacklogReader:
    """Who would have been called first.

    Args:
        route: which names them.
    """

    person_id: int
    channel: str
    route: str


def backlog_readers(connection: Connection[Any], site_id: int, priorities: Sequence[str]) -> list[BacklogReader]:
    """The client's people in the first steps of the site's routes that carry one of these priorities, by name or on duty, each once; mail before others."""
    with connection.cursor(row_factory=class_row(BacklogReader)) as cursor:
        return cursor.execute(
            """
            SELECT p.person_id, (array_agg(t.channel ORDER BY t.channel <> 'smtp', t.channel))[1] AS channel, min(r.key) AS route
            FROM route r JOIN v_route_person t USING (route_id) JOIN person p USING (person_id)
            WHERE r.site_id = %s AND r.audience = 'client' AND r.priorities && %s::text[] AND t.position = 0 AND p.active
              AND p.company_id = r.company_id
            GROUP BY p.person_id ORDER BY p.person_id
            """,
            (site_id, list(priorities)),
        ).fetchall()


def write_backlog(
    connection: Connection[Any], backlog: Backlog, company_id: int, readers: Sequence[BacklogReader], now: datetime
) -> int:
    """Queues a backlog, one message a person; gives how many were new. Two processes that begin at the same transition write the same."""
    queued = 0
    for reader in readers:
        queued += connection.execute(
            """
            INSERT INTO notification (key, company_id, subject, tally, onset, step, rule, audience, person_id, channel, due_at, urgency,
                                      created_at)
            VALUES (%(key)s, %(company)s, 'backlog', %(tally)s, %(learnt)s, 0, %(rule)s, 'client', %(person)s, %(channel)s, %(now)s,
                    %(urgency)s, %(now)s)
            ON CONFLICT (key) DO NOTHING
            """,
            {
                "key": f"backlog-{backlog.device_id}-{backlog.first_id}-{reader.person_id}",
                "company": company_id,
                "tally": Jsonb(backlog.as_json()),
                "learnt": backlog.learnt_at,
                "rule": f"route {reader.route} (client): what was learnt late, by day",
                "person": reader.person_id,
                "channel": reader.channel,
                "now": now,
                "urgency": DIGEST_URGENCY,
            },
        ).rowcount
    alarms.notify(connection, (), outbox=queued > 0)
    return queued
