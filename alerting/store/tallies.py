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
    sensors: int
    heard: int
    fell_silent: int


def alarm_tallies(
    connection: Connection[Any], company_ids: Sequence[int], since: datetime, until: datetime
) -> list[AlarmTally]:
    """Each of the companies, in the order of their ids, as things stood at `until`: what has happened since is the next day's.

    A sensor counts as heard from where something came lately before `until`, or since.
    """
    with connection.cursor(row_factory=class_row(AlarmTally)) as cursor:
        return cursor.execute(
            """
            SELECT c.company_id, c.name AS company, c.name_zh AS company_zh, o.occurrences, o.life_safety,
                   a.unacknowledged, s.sensors, s.heard, s.fell_silent
            FROM company c
            CROSS JOIN LATERAL (
                SELECT count(*)::int AS occurrences, count(*) FILTER (WHERE d.priority = 'life-safety')::int AS life_safety
                FROM occurrence o JOIN alarm_definition d USING (definition_id)
                WHERE o.company_id = c.company_id AND o.began_at >= %(since)s AND o.began_at < %(until)s AND NOT o.simulated AND NOT o.exercise
            ) o
            CROSS JOIN LATERAL (
                SELECT count(*)::int AS unacknowledged FROM alarm w
                CROSS JOIN LATERAL (
                    SELECT to_state, suppression FROM transition t
                    WHERE t.definition_id = w.definition_id AND t.sensor_id = w.sensor_id AND t.at < %(until)s
                    ORDER BY t.number DESC LIMIT 1
                ) stood
                JOIN alarm_definition v ON v.definition_id = w.definition_id AND v.role <> 'exercise'
                WHERE w.company_id = c.company_id AND (w.state IN ('B', 'D', 'E') OR w.changed_at >= %(until)s)
                  AND stood.to_state IN ('B', 'D', 'E') AND stood.suppression = 'none'
            ) a
            CROSS JOIN LATERAL (
                SELECT count(*)::int AS sensors, count(*) FILTER (WHERE lately)::int AS heard,
                       count(*) FILTER (WHERE NOT lately)::int AS fell_silent  -- null: never heard
                FROM (
                    SELECT l.received_at > %(until)s::timestamptz - make_interval(secs => greatest(60, 3 * s.period_s)) AS lately
                    FROM sensor s LEFT JOIN v_latest l USING (sensor_id)
                    WHERE s.company_id = c.company_id AND coalesce(s.retired_at > %(until)s, true) AND NOT s.is_virtual
                ) h
            ) s
            WHERE c.company_id = ANY(%(companies)s)
            ORDER BY c.company_id
            """,
            {"companies": list(company_ids), "since": since, "until": until},
        ).fetchall()
