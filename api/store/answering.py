"""How an alarm stands for whoever comes by the link of a message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from alerting.ledger import AlarmKey


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Somebody has taken it on; `who` where the reader may see them."""

    at: datetime
    person_id: int | None
    who: str | None
    reason: str | None


def last_acknowledgement(connection: Connection[Any], occurrence_id: int) -> Acknowledgement | None:
    """The last one of an occurrence."""
    with connection.cursor(row_factory=class_row(Acknowledgement)) as cursor:
        return cursor.execute(
            """
            SELECT t.at, t.person_id, p.name AS who, t.reason FROM v_transition t LEFT JOIN person p ON p.person_id = t.person_id
            WHERE t.occurrence_id = %s AND t.event = 'acknowledge' ORDER BY t.number DESC LIMIT 1
            """,
            (occurrence_id,),
        ).fetchone()


def called_since(connection: Connection[Any], alarm: AlarmKey) -> datetime | None:
    """As of when people are being called for an alarm; None: nobody is."""
    row = connection.execute(
        "SELECT onset FROM v_alarm WHERE definition_id = %s AND sensor_id = %s", (alarm.definition_id, alarm.sensor_id)
    ).fetchone()
    return row[0] if row is not None else None
