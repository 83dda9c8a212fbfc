"""Storms that go on, as the alarm page says them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection, Cursor
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class StormLine:
    """One site in a storm.

    Args:
        alarms: how many it has had.
        held: messages that wait for a digest; told: messages that one has told of.
    """

    site: str
    site_zh: str
    time_zone: str
    began_at: datetime
    alarms: int
    held: int
    told: int


def ask_storms(connection: Connection[Any]) -> Cursor[StormLine]:
    """Those at sites that the visitor may see, the longest first; still to be fetched."""
    return connection.cursor(row_factory=class_row(StormLine)).execute(
        """
        SELECT s.name AS site, s.name_zh AS site_zh, s.time_zone, t.began_at, t.alarms,
               count(n.key) FILTER (WHERE n.state = 'waiting')::int AS held, count(n.key) FILTER (WHERE n.state = 'sent')::int AS told
        FROM storm t JOIN site s USING (site_id)
        LEFT JOIN v_notification n ON n.storm_id = t.storm_id AND n.subject = 'alarm'
        WHERE t.ended_at IS NULL GROUP BY t.storm_id, s.site_id ORDER BY t.began_at
        """
    )
