"""Where Davy itself failed somebody: delivery tests that did not arrive in time, and life-safety ladders that nobody answered."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from core.failures import FailedTest, WalkedLadder


def failed_test(connection: Connection[Any], site_id: int, since: datetime, until: datetime) -> FailedTest | None:
    """The first delivery test that ended in that stretch without having arrived in time."""
    with connection.cursor(row_factory=class_row(FailedTest)) as cursor:
        return cursor.execute(
            """
            SELECT e.exercise_id, e.occurrence_id, e.began_at, e.ended_at, b.took_s, e.lasts_s AS promised_s, e.missing
            FROM v_exercise e
            CROSS JOIN LATERAL (SELECT extract(epoch FROM e.delivered_at - coalesce(e.published_at, e.began_at))::float8 AS took_s) b
            WHERE e.site_id = %s AND e.kind = 'delivery' AND e.began_at IS NOT NULL AND e.ended_at > %s AND e.ended_at <= %s
              AND (e.outcome = 'undelivered' OR b.took_s > e.lasts_s)
            ORDER BY e.ended_at, e.exercise_id LIMIT 1
            """,
            (site_id, since, until),
        ).fetchone()


def walked_ladder(connection: Connection[Any], site_id: int, since: datetime, until: datetime) -> WalkedLadder | None:
    """The first life-safety ladder whose wait after its last call ended in that stretch with nobody having answered.

    An answer is whatever a person does with the alarm: acknowledge, shelve, take out of service, resolve. A ladder that was called off before
    its last step, for the alarm returned to normal, was not walked. Exercises, played and made-up history call nobody and are none.
    """
    with connection.cursor(row_factory=class_row(WalkedLadder)) as cursor:
        return cursor.execute(
            """
            WITH call AS (
                SELECT n.occurrence_id, n.definition_id, n.onset, n.audience, n.step, n.person_id, n.state, n.due_at, coalesce(n.sent_at, n.finished_at) AS at
                FROM occurrence o JOIN notification n ON n.occurrence_id = o.occurrence_id
                WHERE o.site_id = %(site)s AND o.began_at > %(since)s - interval '7 days' AND o.began_at <= %(until)s
                  AND NOT o.simulated AND NOT o.replayed AND NOT o.historic AND NOT o.exercise AND n.urgency = 0
            ), step AS (
                SELECT occurrence_id, onset, audience, step, min(due_at) AS due_at, bool_or(state IN ('sent', 'failed')) AS out FROM call GROUP BY 1, 2, 3, 4
            ), ladder AS (
                SELECT occurrence_id, onset, count(*)::int AS steps, max(due_at) AS due_at,
                       (array_agg(out ORDER BY due_at DESC, out DESC))[1] AS whole -- its last step went out
                FROM step GROUP BY 1, 2
            ), walked AS (
                SELECT l.occurrence_id, l.onset, c.definition_id, l.steps, l.due_at, count(*) FILTER (WHERE c.state IN ('sent', 'failed'))::int AS calls,
                       count(*) FILTER (WHERE c.state = 'failed')::int AS failed, max(c.at) FILTER (WHERE c.state IN ('sent', 'failed')) AS last_at,
                       count(DISTINCT c.person_id) FILTER (WHERE c.state IN ('sent', 'failed'))::int AS people
                FROM ladder l JOIN call c USING (occurrence_id, onset)
                WHERE l.whole GROUP BY 1, 2, 3, 4, 5 HAVING bool_and(c.state NOT IN ('waiting', 'claimed'))
            ), silent AS (
                SELECT w.*, d.title, d.title_zh, greatest(extract(epoch FROM w.due_at - w.onset), d.respond_within_s)::float8 AS waited_s
                FROM walked w JOIN alarm_definition d USING (definition_id)
            )
            SELECT s.occurrence_id, s.title, s.title_zh, s.onset, s.steps, s.calls, s.failed, s.people, s.last_at, s.waited_s
            FROM silent s JOIN occurrence o USING (occurrence_id)
            CROSS JOIN LATERAL (SELECT s.last_at + make_interval(secs => s.waited_s) AS at) patient
            WHERE patient.at > %(since)s AND patient.at <= %(until)s AND (o.resolved_at IS NULL OR o.resolved_at > patient.at)
              AND NOT EXISTS (SELECT FROM transition t WHERE t.occurrence_id = s.occurrence_id AND t.person_id IS NOT NULL
                              AND t.at >= s.onset AND t.at <= patient.at)
            ORDER BY patient.at, s.occurrence_id LIMIT 1
            """,
            {"site": site_id, "since": since, "until": until},
        ).fetchone()
