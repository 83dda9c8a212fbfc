"""Calls of the queue that wait for whoever is on duty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

from alerting.store.columns import columns
from alerting.store.notifications import NewNotification

SOMEBODY_ELSE: Final = "somebody else is on duty"


@dataclass(frozen=True, slots=True)
class WaitingCall:
    """One that nobody is sending.

    Args:
        step_due_at: when its step is due; it may be put off beyond that.
        passed_on: it stands in the place of one to the same person over another channel.
    """

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
    step_due_at: datetime
    created_at: datetime
    urgency: int
    priority: str
    roster_id: int
    asked: str
    passed_on: bool

    @property
    def of_position(self) -> tuple[int, int, datetime, int]:
        """Which position of which call: several steps may stand there, and where nobody is on duty, several people wait for one."""
        return self.definition_id, self.sensor_id, self.onset, self.step

    @property
    def of_step(self) -> tuple[int, str]:
        """Which of the steps of its position it is a call of."""
        return self.roster_id, self.asked


@dataclass(frozen=True, slots=True)
class Booked:
    """A message of the books, as far as it decides whether a step is still to be told.

    Args:
        asked: what its step has in the place of a channel.
    """

    definition_id: int
    sensor_id: int
    onset: datetime
    step: int
    key: str
    roster_id: int | None
    asked: str
    state: str

    @property
    def of_position(self) -> tuple[int, int, datetime, int]:
        """As a waiting call has it."""
        return self.definition_id, self.sensor_id, self.onset, self.step


def lock_waiting(connection: Connection[Any]) -> list[WaitingCall]:
    """Those of the duty positions, position by position, ours until the end of the transaction: who claims passes them over."""
    with connection.cursor(row_factory=class_row(WaitingCall)) as cursor:
        found = cursor.execute(
            """
            SELECT n.notification_id, n.key, n.company_id, d.site_id, n.occurrence_id, n.definition_id, n.sensor_id, n.onset, n.step,
                   n.rule, n.person_id, n.channel, coalesce(n.step_due_at, n.due_at) AS step_due_at, n.created_at, n.urgency, d.priority, n.roster_id,
                   coalesce(n.wish, n.channel) AS asked, n.passed_on
            FROM notification n JOIN alarm_definition d USING (definition_id)
            WHERE n.state = 'waiting' AND n.roster_id IS NOT NULL
              AND NOT EXISTS (SELECT FROM exercise e WHERE e.occurrence_id = n.occurrence_id AND e.roster_id IS NOT NULL) -- of no route
            ORDER BY n.notification_id FOR NO KEY UPDATE OF n SKIP LOCKED
            """
        ).fetchall()
    return sorted(found, key=lambda call: (call.onset, *call.of_position))


def find_call(connection: Connection[Any], notification_id: int) -> WaitingCall | None:
    """One call of a duty position, whatever became of it; None where the message is none."""
    with connection.cursor(row_factory=class_row(WaitingCall)) as cursor:
        return cursor.execute(
            """
            SELECT n.notification_id, n.key, n.company_id, d.site_id, n.occurrence_id, n.definition_id, n.sensor_id, n.onset, n.step,
                   n.rule, n.person_id, n.channel, coalesce(n.step_due_at, n.due_at) AS step_due_at, n.created_at, n.urgency, d.priority, n.roster_id,
                   coalesce(n.wish, n.channel) AS asked, n.passed_on
            FROM notification n JOIN alarm_definition d USING (definition_id)
            WHERE n.notification_id = %s AND n.roster_id IS NOT NULL
              AND NOT EXISTS (SELECT FROM exercise e WHERE e.occurrence_id = n.occurrence_id AND e.roster_id IS NOT NULL)
            """,
            (notification_id,),
        ).fetchone()


def cancel(connection: Connection[Any], notification_ids: Sequence[int], now: datetime) -> None:
    """Takes calls from who is no longer on duty."""
    connection.execute(
        """
        UPDATE notification SET state = 'cancelled', finished_at = %s, outcome = %s
        WHERE notification_id = ANY(%s) AND state = 'waiting'
        """,
        (now, SOMEBODY_ELSE, list(notification_ids)),
    )


def books(connection: Connection[Any], occurrence_ids: Sequence[int]) -> list[Booked]:
    """Every message of the calls of these occurrences, whatever became of it."""
    with connection.cursor(row_factory=class_row(Booked)) as cursor:
        return cursor.execute(
            """
            SELECT definition_id, sensor_id, onset, step, key, roster_id, coalesce(wish, channel) AS asked, state
            FROM notification WHERE occurrence_id = ANY(%s)
            """,
            (list(occurrence_ids),),
        ).fetchall()


def revive(connection: Connection[Any], calls: Sequence[NewNotification]) -> set[str]:
    """Lets calls wait again that were taken from somebody who is on duty after all: their key is theirs. Gives the keys of those."""
    rows = connection.execute(
        """
        UPDATE notification n SET state = 'waiting', finished_at = NULL, outcome = NULL, due_at = c.due_at, step_due_at = c.step_due_at,
               lease_until = NULL, held_by = NULL, group_id = NULL, storm_id = NULL -- whatever it waited for then
        FROM unnest(%s::text[], %s::timestamptz[], %s::timestamptz[]) AS c(key, due_at, step_due_at)
        WHERE n.key = c.key AND n.state = 'cancelled' AND n.outcome = %s RETURNING n.key
        """,
        (*columns([(call.key, call.due_at, call.step_due_at) for call in calls], 3), SOMEBODY_ELSE),
    ).fetchall()
    return {str(row[0]) for row in rows}


def adopt(connection: Connection[Any], calls: Sequence[NewNotification]) -> None:
    """What waits for somebody by name is a call to the duty position too, now that they fill it: whoever takes over gets it."""
    connection.execute(
        """
        UPDATE notification n SET roster_id = c.roster_id, wish = c.wish
        FROM unnest(%s::text[], %s::int[], %s::text[]) AS c(key, roster_id, wish)
        WHERE n.key = c.key AND n.state = 'waiting' AND n.roster_id IS NULL
        """,
        columns([(call.key, call.roster_id, call.wish) for call in calls], 3),
    )
