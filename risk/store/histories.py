"""Findings of a site with their steps, as risk/overdue.py reads them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import Connection

from risk.overdue import Change, History


def histories(connection: Connection[Any], site_id: int, until: datetime) -> dict[int, History]:
    """Every finding reported by then, by its number; its steps whole, later ones too: they say what was before them."""
    rows = connection.execute(
        """
        SELECT f.finding_id, f.reported_at, f.grade, f.due_at, f.closed_at,
               e.at, e.to_state, e.due_at, e.due_was, e.grade, e.grade_was
        FROM finding f LEFT JOIN v_finding_step e ON e.finding_id = f.finding_id AND e.company_id = f.company_id
        WHERE f.site_id = %(site)s AND f.reported_at < %(until)s
        ORDER BY f.finding_id, e.event_id
        """,
        {"site": site_id, "until": until},
    ).fetchall()
    changes: dict[int, list[Change]] = {row[0]: [] for row in rows}
    for row in rows:
        if row[5] is not None:
            at, state, due_at, due_was, grade, grade_was = row[5:]
            changes[row[0]].append(
                Change(at=at, state=state, due_at=due_at, due_was=due_was, grade=grade, grade_was=grade_was)
            )
    return {
        row[0]: History(
            reported_at=row[1], grade=row[2], due_at=row[3], closed_at=row[4], changes=tuple(changes[row[0]])
        )
        for row in rows
    }


def made_by_the_demo(connection: Connection[Any], finding_ids: list[int]) -> bool:
    """Whether one of them is of the demo's history."""
    row = connection.execute(
        "SELECT coalesce(bool_or(simulated), false) FROM finding WHERE finding_id = ANY (%s)", (finding_ids,)
    ).fetchone()
    return bool(row and row[0])
