"""Who is told of a week, and that each week is decided once for each of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from alerting.hearing import DIGEST_URGENCY
from alerting.store import alarms
from alerting.weekly import Week


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekReader:
    """A duty position: who is called first at some sites; or one of the insurer's people who gets digests.

    Args:
        company_id: of the client; None: the insurer's.
        time_zone: of the first of the sites.
        sites: their keys.
        decided_until: the end of the newest week written down for them; None: there was none.
    """

    person_id: int
    company_id: int | None
    audience: str
    channel: str
    route: str
    time_zone: str
    sites: list[str]
    decided_until: datetime | None


def week_readers(connection: Connection[Any]) -> list[WeekReader]:
    """Everybody who is to be told, over the channel by which they read; mail before others, as it does not hurry."""
    with connection.cursor(row_factory=class_row(WeekReader)) as cursor:
        return cursor.execute(
            """
            SELECT n.*, (SELECT max(onset) FROM notification w WHERE w.person_id = n.person_id AND w.subject = 'weekly') AS decided_until
            FROM (
                SELECT p.person_id, p.company_id, r.audience, (array_agg(t.channel ORDER BY t.channel <> 'smtp', t.channel))[1] AS channel,
                       min(r.key) AS route, (array_agg(s.time_zone ORDER BY s.site_id))[1] AS time_zone,
                       array_agg(DISTINCT s.key ORDER BY s.key) AS sites
                FROM route r JOIN v_route_person t USING (route_id) JOIN site s ON s.site_id = r.site_id JOIN person p USING (person_id)
                WHERE p.active AND t.position = 0 AND (
                    (r.audience = 'client' AND p.company_id = r.company_id AND r.priorities <> '{}')
                    OR (r.audience = 'insurer' AND p.company_id IS NULL AND 'digest' = ANY(r.hears) AND EXISTS (
                        SELECT FROM person_company o WHERE o.person_id = p.person_id AND o.company_id = r.company_id)))
                GROUP BY p.person_id, p.company_id, r.audience
            ) n ORDER BY n.person_id
            """
        ).fetchall()


def write_weeks(connection: Connection[Any], weeks: Iterable[tuple[WeekReader, Week]], now: datetime) -> int:
    """Queues each week, one a person and week; gives how many are to be sent.

    One that says nothing is written down too, and never sent: a week is decided once.
    """
    queued = 0
    for reader, week in weeks:
        telling = week.says_something
        added = connection.execute(
            """
            INSERT INTO notification (key, company_id, subject, tally, onset, step, rule, audience, person_id, channel, due_at, urgency,
                                      created_at, state, finished_at, outcome)
            VALUES (%(key)s, %(company)s, 'weekly', %(tally)s, %(until)s, 0, %(rule)s, %(audience)s, %(person)s, %(channel)s, %(now)s,
                    %(urgency)s, %(now)s, %(state)s, %(finished)s, %(outcome)s)
            ON CONFLICT (key) DO NOTHING
            """,
            {
                "key": f"weekly-{week.until.date().isoformat()}-{reader.person_id}",
                "company": reader.company_id,
                "tally": Jsonb(week.as_json()),
                "until": week.until,
                "rule": f"route {reader.route} ({reader.audience}): the week",
                "audience": reader.audience,
                "person": reader.person_id,
                "channel": reader.channel,
                "now": now,
                "urgency": DIGEST_URGENCY,
                "state": "waiting" if telling else "cancelled",
                "finished": None if telling else now,
                "outcome": None if telling else "nothing to say",
            },
        ).rowcount
        queued += added * telling
    alarms.notify(connection, (), outbox=queued > 0)
    return queued
