"""Findings and impairments that somebody may have to be told of. Those of the demo's simulated history call nobody."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from risk.occasions import FindingRow, ImpairmentRow
from risk.patience import put_in_hand


def findings_at_a_point(connection: Connection[Any], now: datetime, since: datetime) -> list[FindingRow]:
    """Findings that are not closed and overdue at `now`, or were assigned after `since`; `due_at`: of `risk.finding.deadline`."""
    with connection.cursor(row_factory=class_row(FindingRow)) as cursor:
        return cursor.execute(
            """
            SELECT f.finding_id, f.company_id, f.site_id, f.grade, d.due_at, f.owner_id, a.at AS assigned_at,
                   a.person_id AS assigned_by
            FROM finding f
            CROSS JOIN LATERAL (
                SELECT coalesce(f.due_at, CASE f.grade WHEN 'major' THEN f.reported_at + %(put_in_hand)s::interval END) AS due_at
            ) d
            LEFT JOIN LATERAL (
                SELECT at, person_id FROM finding_event e
                WHERE e.finding_id = f.finding_id AND e.event = 'assigned' ORDER BY e.event_id DESC LIMIT 1
            ) a ON true
            WHERE f.state <> 'closed' AND NOT f.simulated AND (d.due_at <= %(now)s OR a.at > %(since)s)
            ORDER BY f.finding_id
            """,
            {"now": now, "since": since, "put_in_hand": put_in_hand()},
        ).fetchall()


def impairments_at_a_point(connection: Connection[Any], now: datetime, since: datetime) -> list[ImpairmentRow]:
    """Impairments that have begun by `now` and stand, or were restored after `since`."""
    with connection.cursor(row_factory=class_row(ImpairmentRow)) as cursor:
        return cursor.execute(
            """
            SELECT impairment_id, company_id, site_id, began_at, expected_until, restored_at
            FROM impairment
            WHERE began_at <= %(now)s AND (restored_at IS NULL OR restored_at > %(since)s) AND NOT simulated
            ORDER BY impairment_id
            """,
            {"now": now, "since": since},
        ).fetchall()
