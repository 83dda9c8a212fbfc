"""How many messages about alarms went to each of the client's people, by day of the site."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from alerting.budget import DayOfPerson


def messages_by_day(
    connection: Connection[Any], site_id: int, since: datetime, until: datetime, time_zone: str
) -> list[DayOfPerson]:
    """A message that told of several alarms is one; a digest of a storm is one. Exercises, played and made-up history count for nothing."""
    with connection.cursor(row_factory=class_row(DayOfPerson)) as cursor:
        return cursor.execute(
            """
            SELECT person_id, (sent_at AT TIME ZONE %(zone)s)::date AS day, count(DISTINCT message)::int AS messages
            FROM (
                SELECT n.person_id, n.sent_at, coalesce(n.told_in, n.key) AS message
                FROM notification n JOIN occurrence o ON o.occurrence_id = n.occurrence_id
                WHERE n.company_id = (SELECT company_id FROM site WHERE site_id = %(site)s) -- by its index: no more is read than was sent then
                  AND n.audience = 'client' AND n.state = 'sent' AND n.sent_at >= %(since)s AND n.sent_at < %(until)s
                  AND o.site_id = %(site)s AND NOT o.simulated AND NOT o.replayed AND NOT o.exercise
                UNION ALL
                SELECT n.person_id, n.sent_at, n.key FROM storm t JOIN notification n ON n.storm_id = t.storm_id AND n.subject = 'storm'
                WHERE t.site_id = %(site)s AND n.audience = 'client' AND n.state = 'sent' AND n.sent_at >= %(since)s AND n.sent_at < %(until)s
            ) told
            GROUP BY 1, 2 ORDER BY 2, 1
            """,
            {
                "site": site_id,
                "since": since,
                "until": until,
                "zone": time_zone,
            },
        ).fetchall()
