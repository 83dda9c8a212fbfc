"""Calls of the queue that wait for whoever is on duty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

SOMEBODY_ELSE: Final = "somebody else is on duty"


@dataclass(frozen=True, slots=True)
class WaitingCall:
    """One that nobody is sending."""

    notification_id: int
    key: str
    company_id: int
    site_id: int
    occurrence_id: int
    definition_id: int
    sensor_id: int
    onset: datetime
    step: int
    rule: str
    person_id: int
    channel: str
    due_at: datetime
    urgency: int
    roster_id: int
    wish: str | None

    @property
    def of_step(self) -> tuple[object, ...]:
        """Which step of which call; where nobody is on duty, several people wait for one."""
        asked = self.wish or self.channel
        return self.definition_id, self.sensor_id, self.onset, self.step, self.roster_id, asked


def lock_waiting(connection: Connection[Any]) -> list[WaitingCall]:
    """Those of the duty positions, step by step, ours until the end of the transaction: who claims passes them over."""
    with connection.cursor(row_factory=class_row(WaitingCall)) as cursor:
        found = cursor.execute(
            """
            SELECT n.notification_id, n.key, n.company_id, d.site_id, n.occurrence_id, n.definition_id, n.sensor_id, n.onset, n.step,
                   n.rule, n.person_id, n.channel, n.due_at, n.urgency, n.roster_id, n.wish
            FROM notification n JOIN alarm_definition d USING (definition_id)
            WHERE n.state = 'waiting' AND n.roster_id IS NOT NULL
            ORDER BY n.notification_id FOR NO KEY UPDATE OF n SKIP LOCKED
            """
        ).fetchall()
    return sorted(found, key=lambda call: (call.onset, *map(str, call.of_step)))


def cancel(connection: Connection[Any], notification_ids: Sequence[int], now: datetime) -> None:
    """Takes calls from who is no longer on duty."""
    connection.execute(
        """
        UPDATE notification SET state = 'cancelled', finished_at = %s, outcome = %s
        WHERE notification_id = ANY(%s) AND state = 'waiting'
        """,
        (now, SOMEBODY_ELSE, list(notification_ids)),
    )


def in_the_books(connection: Connection[Any], keys: Sequence[str]) -> bool:
    """Whether one of these messages is there already, whatever became of it."""
    row = connection.execute("SELECT EXISTS (SELECT FROM notification WHERE key = ANY(%s))", (list(keys),)).fetchone()
    return bool(row and row[0])


def revive(connection: Connection[Any], calls: Sequence[tuple[str, datetime]]) -> None:
    """Lets calls wait again that were taken from somebody who is on duty after all: their key is theirs."""
    connection.execute(
        """
        UPDATE notification n SET state = 'waiting', finished_at = NULL, outcome = NULL, due_at = c.due_at
        FROM unnest(%s::text[], %s::timestamptz[]) AS c(key, due_at)
        WHERE n.key = c.key AND n.state = 'cancelled' AND n.outcome = %s
        """,
        ([key for key, _ in calls], [due_at for _, due_at in calls], SOMEBODY_ELSE),
    )
