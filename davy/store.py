"""What the command line itself asks the database, as owner: counts for its answers. Tables belong to others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class Counts:
    """What an instance has done so far; what the demo's past made up is left out.

    Args:
        of_limits, of_models: of the alarms, how many come from one sensor's limit, and from a model over several.
        notified: roles of the persons to whom something was delivered.
    """

    readings_stored: int
    alarms_raised: int
    of_limits: int
    of_models: int
    notifications_delivered: int
    notified: list[str]
    first_alarm_at: datetime | None


def counts(connection: Connection[Any]) -> Counts:
    """Readings, occurrences, notifications sent and to whom, and when the first alarm was recorded."""
    with connection.cursor(row_factory=class_row(Counts)) as cursor:
        row = cursor.execute(
            """SELECT (SELECT count(*) FROM reading WHERE batch_no > 0) AS readings_stored,
                      o.alarms_raised, o.alarms_raised - o.of_models AS of_limits, o.of_models, o.first_alarm_at,
                      (SELECT count(*) FROM notification WHERE state = 'sent') AS notifications_delivered,
                      (SELECT coalesce(array_agg(DISTINCT p.role), '{}') FROM notification n JOIN person p USING (person_id)
                       WHERE n.state = 'sent') AS notified
               FROM (SELECT count(*) AS alarms_raised, count(*) FILTER (WHERE s.quantity = 'model') AS of_models,
                            min((SELECT min(t.recorded_at) FROM transition t WHERE t.occurrence_id = o.occurrence_id)) AS first_alarm_at
                     FROM occurrence o JOIN sensor s ON s.sensor_id = o.sensor_id WHERE NOT o.simulated AND NOT o.exercise) o"""
        ).fetchone()
    assert row is not None
    return row


@dataclass(frozen=True, slots=True)
class Raised:
    """One occurrence, as a scenario's truth is compared with: instants of its first transition."""

    occurrence_id: int
    definition: str
    sensor: str
    at: datetime


def raised(connection: Connection[Any]) -> Sequence[Raised]:
    """All occurrences, earliest first."""
    with connection.cursor(row_factory=class_row(Raised)) as cursor:
        return cursor.execute(
            """SELECT o.occurrence_id, d.key AS definition, s.key AS sensor, o.began_at AS at
               FROM occurrence o
               JOIN alarm_definition d USING (definition_id)
               JOIN sensor s ON s.sensor_id = o.sensor_id
               WHERE NOT o.simulated AND NOT o.exercise
               ORDER BY o.began_at, o.occurrence_id"""
        ).fetchall()


def stored_readings(connection: Connection[Any]) -> int:
    """Readings that devices sent and that are stored; what Davy says of itself (virtual sensors) is left out."""
    row = connection.execute(
        "SELECT count(*) FROM reading r JOIN sensor s USING (sensor_id) WHERE NOT s.is_virtual"
    ).fetchone()
    assert row is not None
    return int(row[0])


def principal_holds(connection: Connection[Any]) -> bool:
    """Whether the database takes the token of this transaction for that of one of Davy's own processes."""
    row = connection.execute("SELECT davy_everything()").fetchone()
    return bool(row and row[0])


def has_beaten(connection: Connection[Any], process: str) -> bool:
    """Whether alerting or risk has ever given a sign of life."""
    return connection.execute("SELECT 1 FROM process_status WHERE process = %s", (process,)).fetchone() is not None


def ingest_connected(connection: Connection[Any]) -> bool:
    """Whether ingest says that it judges and is connected: from then on nothing that is published passes it by."""
    row = connection.execute(
        "SELECT bool_or(state = 'judging' AND (report #>> '{broker,connected}')::boolean) FROM ingest_status"
    ).fetchone()
    return bool(row and row[0])
