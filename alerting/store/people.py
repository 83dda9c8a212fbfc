"""What actions need of an occurrence, and what a person writes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from alerting.ledger import AlarmKey


@dataclass(frozen=True, slots=True)
class OccurrenceRow:
    """What an action needs of an occurrence."""

    occurrence_id: int
    company_id: int
    definition_id: int
    sensor_id: int
    resolved_at: datetime | None

    @property
    def alarm(self) -> AlarmKey:
        """Whose occurrence it is."""
        return AlarmKey(self.definition_id, self.sensor_id)


def occurrence(connection: Connection[Any], occurrence_id: int) -> OccurrenceRow | None:
    """The occurrence, where the transaction may see it."""
    with connection.cursor(row_factory=class_row(OccurrenceRow)) as cursor:
        return cursor.execute(
            "SELECT occurrence_id, company_id, definition_id, sensor_id, resolved_at FROM occurrence WHERE occurrence_id = %s",
            (occurrence_id,),
        ).fetchone()


def write_resolution(
    connection: Connection[Any],
    occurrence_id: int,
    *,
    person_id: int,
    now: datetime,
    resolution: str,
    action_taken: str,
) -> None:
    """Closes an occurrence: what it was and what was done."""
    connection.execute(
        """
        UPDATE occurrence SET resolved_at = %s, resolved_by = %s, resolution = %s, action_taken = %s WHERE occurrence_id = %s
        """,
        (now, person_id, resolution, action_taken, occurrence_id),
    )


def add_comment(connection: Connection[Any], found: OccurrenceRow, *, person_id: int, now: datetime, body: str) -> int:
    """Appends a comment; gives its id."""
    row = connection.execute(
        """
        INSERT INTO occurrence_comment (company_id, occurrence_id, person_id, at, body) VALUES (%s, %s, %s, %s, %s)
        RETURNING comment_id
        """,
        (found.company_id, found.occurrence_id, person_id, now, body),
    ).fetchone()
    assert row is not None
    return int(row[0])
