"""What the books say of who was called for an occurrence: for whoever explains it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from core.model import Priority


@dataclass(frozen=True, slots=True)
class Called:
    """What a call is about."""

    site_id: int
    priority: Priority
    began_at: datetime


@dataclass(frozen=True, slots=True)
class Booked:
    """One message of the queue.

    Args:
        held_by, told_in: see `alerting.held`.
    """

    onset: datetime
    due_at: datetime
    sent_at: datetime | None
    who: str
    channel: str
    rule: str
    state: str
    outcome: str | None
    held_by: str | None = None
    told_in: str | None = None


def find_call(connection: Connection[Any], occurrence_id: int, at: datetime) -> Called | None:
    """The occurrence, and when it began to wait for a person, last before an instant."""
    row = connection.execute(
        """
        SELECT o.site_id, d.priority, coalesce(
            (SELECT max(t.at) FROM transition t
             WHERE t.occurrence_id = o.occurrence_id AND t.to_state IN ('B', 'E') AND t.from_state <> t.to_state AND t.at <= %s), o.began_at)
        FROM occurrence o JOIN alarm_definition d USING (definition_id) WHERE o.occurrence_id = %s
        """,
        (at, occurrence_id),
    ).fetchone()
    return None if row is None else Called(int(row[0]), Priority(row[1]), row[2])


def booked(connection: Connection[Any], occurrence_id: int, at: datetime) -> list[Booked]:
    """The messages of the call that ran at an instant, in the order in which they were due."""
    with connection.cursor(row_factory=class_row(Booked)) as cursor:
        return cursor.execute(
            """
            SELECT n.onset, n.due_at, n.sent_at, p.key AS who, n.channel, n.rule, n.state, n.outcome, n.held_by, n.told_in
            FROM notification n JOIN person p USING (person_id)
            WHERE n.occurrence_id = %(id)s
              AND n.onset = (SELECT max(m.onset) FROM notification m WHERE m.occurrence_id = %(id)s AND m.onset <= %(at)s)
            ORDER BY n.due_at, n.step, n.notification_id
            """,
            {"id": occurrence_id, "at": at},
        ).fetchall()


def keys_of(connection: Connection[Any], person_ids: Sequence[int]) -> dict[int, str]:
    """The keys of people."""
    found = connection.execute("SELECT person_id, key FROM person WHERE person_id = ANY(%s)", (list(person_ids),))
    return {int(person_id): str(key) for person_id, key in found.fetchall()}
