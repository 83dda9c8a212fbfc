"""Hours in which grave alarms were put aside, by what put them aside: read off the transitions, as of the end of a window of days."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from risk.score.facts import Aside


def put_aside(connection: Connection[Any], site_id: int, begins: datetime, ends: datetime) -> list[Aside]:
    """A row for each life-safety or high alarm and each way in which it was put aside.

    What a rule or an order suppressed by design is told apart by the end that its transition names: an order ends then. Who took
    an alarm off the shelf into a window need not have written that down. Where several orders end then, those of the person go
    first, and of them the one written down last before its begin: the worse.
    """
    with connection.cursor(row_factory=class_row(Aside)) as cursor:
        return cursor.execute(
            """
            SELECT t.definition_id AS alarm,
                   CASE WHEN t.suppression <> 'by_design' THEN t.suppression WHEN e.person_id IS NULL AND o.order_id IS NULL THEN 'rule' ELSE 'window' END AS kind,
                   sum(extract(epoch FROM least(n.at, %(ends)s) - greatest(t.at, %(begins)s)))::float8 / 3600 AS hours,
                   o.notice_h, o.lasts_h
            FROM v_alarm_definition d JOIN v_transition t ON t.definition_id = d.definition_id
            LEFT JOIN LATERAL (
                SELECT at FROM v_transition WHERE definition_id = t.definition_id AND sensor_id = t.sensor_id AND number = t.number + 1 LIMIT 1
            ) n ON true
            LEFT JOIN LATERAL (
                SELECT person_id, until FROM v_transition s
                WHERE s.definition_id = t.definition_id AND s.sensor_id = t.sensor_id AND s.number <= t.number AND s.event = 'suppress'
                ORDER BY s.number DESC LIMIT 1
            ) e ON t.suppression = 'by_design'
            LEFT JOIN LATERAL (
                SELECT order_id, extract(epoch FROM begins_at - recorded_at)::float8 / 3600 AS notice_h,
                       extract(epoch FROM ends_at - begins_at)::float8 / 3600 AS lasts_h
                FROM v_suppression_order
                WHERE site_id = d.site_id AND ends_at = e.until AND kind IN ('maintenance', 'shutdown')
                ORDER BY requested_by IS DISTINCT FROM e.person_id, begins_at - recorded_at, order_id LIMIT 1
            ) o ON true
            WHERE d.site_id = %(site)s AND d.priority IN ('life-safety', 'high') AND t.suppression <> 'none'
              AND t.at < %(ends)s AND coalesce(n.at > %(begins)s, true)
            GROUP BY t.definition_id, t.sensor_id, kind, o.notice_h, o.lasts_h
            HAVING sum(extract(epoch FROM least(n.at, %(ends)s) - greatest(t.at, %(begins)s))) > 0
            ORDER BY t.definition_id, kind, o.notice_h, o.lasts_h
            """,
            {"site": site_id, "begins": begins, "ends": ends},
        ).fetchall()
