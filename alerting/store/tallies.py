"""Alarms and sensors of each company, counted for a digest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class AlarmTally:
    """One company; see `alerting.digest.CompanyTally`."""

    company_id: int
    company: str
    company_zh: str
    occurrences: int
    life_safety: int
    unacknowledged: int
    answered_p50_s: float | None
    answered_p90_s: float | None
    sensors: int
    heard: int
    fell_silent: int


def alarm_tallies(
    connection: Connection[Any], company_ids: Sequence[int], since: datetime, until: datetime, now: datetime
) -> list[AlarmTally]:
    """Each of the companies, in the order of their ids."""
    with connection.cursor(row_factory=class_row(AlarmTally)) as cursor:
        return cursor.execute(
            """
            SELECT c.company_id, c.name AS company, c.name_zh AS company_zh, o.occurrences, o.life_safety,
                   o.answered_p50_s, o.answered_p90_s, a.unacknowledged, s.sensors, s.heard, s.fell_silent
            FROM company c
            CROSS JOIN LATERAL (
                SELECT count(*)::int AS occurrences, count(*) FILTER (WHERE d.priority = 'life-safety')::int AS life_safety,
                       percentile_cont(0.5) WITHIN GROUP (ORDER BY t.answered_s) AS answered_p50_s,
                       percentile_cont(0.9) WITHIN GROUP (ORDER BY t.answered_s) AS answered_p90_s
                FROM occurrence o JOIN alarm_definition d USING (definition_id)
                LEFT JOIN LATERAL (
                    SELECT greatest(0, extract(epoch FROM min(at) - o.began_at))::float8 AS answered_s
                    FROM transition WHERE occurrence_id = o.occurrence_id AND event = 'acknowledge'
                ) t ON true
                WHERE o.company_id = c.company_id AND o.began_at >= %(since)s AND o.began_at < %(until)s AND NOT o.simulated
            ) o
            CROSS JOIN LATERAL (
                SELECT count(*)::int AS unacknowledged FROM alarm
                WHERE company_id = c.company_id AND state IN ('B', 'D', 'E') AND suppression = 'none'
            ) a
            CROSS JOIN LATERAL (
                SELECT count(*)::int AS sensors, count(*) FILTER (WHERE lately)::int AS heard,
                       count(*) FILTER (WHERE NOT lately)::int AS fell_silent  -- null: never heard
                FROM (
                    SELECT l.received_at > %(now)s::timestamptz - make_interval(secs => greatest(60, 3 * s.period_s)) AS lately
                    FROM sensor s LEFT JOIN v_latest l USING (sensor_id)
                    WHERE s.company_id = c.company_id AND s.retired_at IS NULL AND NOT s.is_virtual
                ) h
            ) s
            WHERE c.company_id = ANY(%(companies)s)
            ORDER BY c.company_id
            """,
            {"companies": list(company_ids), "since": since, "until": until, "now": now},
        ).fetchall()
