"""What waits for a second person, as the front page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection, Cursor
from psycopg.rows import class_row

MOST = 20  # lines; more than that waits nowhere for long


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One of them.

    Args:
        subject: "order", "limit_change" or "route_change".
        page: number in the address of its page.
        priorities: whose alarms the route carries, which says more than its key; None where it is no route, empty where it carries none.
        asked: name of whoever asked; None: not known any more.
        mine: its reader asked for it, so another person answers.
    """

    subject: str
    page: int
    title: str
    title_zh: str
    alarms: int
    priorities: list[str] | None
    site: str
    site_zh: str
    time_zone: str
    asked: str | None
    asked_at: datetime
    lapses_at: datetime | None
    mine: bool


def ask_waiting(connection: Connection[Any], person_id: int, now: datetime) -> Cursor[Waiting]:
    """All that the visitor may see, the oldest first; still to be fetched."""
    return connection.cursor(row_factory=class_row(Waiting)).execute(
        """
        SELECT a.subject, a.page, a.title, a.title_zh, a.alarms, r.priorities, s.name AS site, s.name_zh AS site_zh, s.time_zone, p.name AS asked, a.asked_at,
               a.lapses_at, a.asked_by = %(me)s AS mine
        FROM v_approval a JOIN site s USING (site_id) LEFT JOIN person p ON p.person_id = a.asked_by
        LEFT JOIN route r ON a.subject = 'route_change' AND r.route_id = a.page
        WHERE a.settled_at IS NULL AND (a.lapses_at IS NULL OR a.lapses_at > %(now)s) AND a.waits
        ORDER BY a.asked_at, a.subject, a.number LIMIT %(most)s
        """,
        {"me": person_id, "now": now, "most": MOST},
    )
