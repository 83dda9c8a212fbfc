"""Addresses of people as they stand, and messages about those who have none that works."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from alerting.unreachable import Telling, Way


def ways(connection: Connection[Any]) -> list[Way]:
    """Each address of each active person, and one row for who has none."""
    with connection.cursor(row_factory=class_row(Way)) as cursor:
        return cursor.execute(
            """
            SELECT p.person_id, p.name, p.role, EXISTS (SELECT FROM v_route_person v WHERE v.person_id = p.person_id) AS routed,
                   p.company_id, c.name AS company, c.name_zh AS company_zh, a.channel, a.address, a.dead_why
            FROM person p LEFT JOIN company c ON c.company_id = p.company_id LEFT JOIN channel_address a USING (person_id)
            WHERE p.active ORDER BY p.person_id, a.channel
            """
        ).fetchall()


def tell(connection: Connection[Any], found: Iterable[Telling], now: datetime) -> int:
    """Queues messages, one a person, day and reader; gives how many were new."""
    added = 0
    for each in found:
        whom, to = each.cut_off.way, each.to
        own = to.company_id is not None or whom.company_id is None
        tally = {
            "person": whom.name if own else None,  # the insurer's people read no client's name
            "company": whom.company,
            "company_zh": whom.company_zh,
            "broken": [[broken.channel, broken.why] for broken in each.cut_off.broken],
        }
        added += connection.execute(
            """
            INSERT INTO notification (key, company_id, subject, tally, onset, step, rule, audience, person_id, channel, due_at, urgency,
                                      created_at)
            VALUES (%(key)s, %(company)s, 'unreachable', %(tally)s, %(now)s, 0, %(rule)s, %(audience)s, %(person)s, %(channel)s, %(now)s, 1,
                    %(now)s)
            ON CONFLICT (key) DO NOTHING
            """,
            {
                "key": f"unreachable-{whom.person_id}-{now.date().isoformat()}-{to.person_id}-{each.channel}",
                "company": whom.company_id if to.company_id is not None else None,
                "tally": Jsonb(tally),
                "now": now,
                "rule": "somebody whom a route names can no longer be reached",
                "audience": "insurer" if to.company_id is None else "client",
                "person": to.person_id,
                "channel": each.channel,
            },
        ).rowcount
    return added
