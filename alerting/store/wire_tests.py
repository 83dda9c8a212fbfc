"""Daily delivery tests that begin on the wire: asked for, published, raised; and which leg of one did not come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from alerting.ledger import AlarmKey

LEGS = ("published", "stored", "alarm", "sent", "receipt")  # of a delivery test that begins on the wire, in their order


@dataclass(frozen=True, slots=True)
class ToPublish:
    """A delivery test that is to begin on the wire.

    Args:
        published_at: the stamp of its reading: when it was first sent.
    """

    exercise_id: int
    site: str
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Raised:
    """Whose receiver the test that an occurrence belongs to goes to; None: no test waits for it any more."""

    sink: int | None


def make_test_device(connection: Connection[Any], site_id: int) -> bool:
    """Makes the test device of a site where there is none; whether it did: then ingest has yet to hear of it."""
    row = connection.execute("SELECT davy_test_device(%s)", (site_id,)).fetchone()
    return row is not None and bool(row[0])


def asked_to_publish(connection: Connection[Any], exercise_id: int, now: datetime) -> None:
    """Its promise runs from here on."""
    connection.execute("UPDATE exercise SET began_at = %s WHERE exercise_id = %s", (now, exercise_id))


def begin_publishing(connection: Connection[Any], now: datetime) -> list[ToPublish]:
    """What is to be published, again too where the broker has not acknowledged it yet; a stamp stays what it was."""
    with connection.cursor(row_factory=class_row(ToPublish)) as cursor:
        return cursor.execute(
            """
            UPDATE exercise e SET published_at = coalesce(e.published_at, %s) FROM site s
            WHERE s.site_id = e.site_id AND e.on_wire AND e.began_at IS NOT NULL AND e.taken_at IS NULL AND e.ended_at IS NULL
            RETURNING e.exercise_id, s.key AS site, e.published_at
            """,
            (now,),
        ).fetchall()


def taken_by_broker(connection: Connection[Any], exercise_id: int) -> None:
    """The broker has acknowledged it."""
    connection.execute("UPDATE exercise SET taken_at = clock_timestamp() WHERE exercise_id = %s", (exercise_id,))


def test_raised(connection: Connection[Any], occurrence_id: int) -> Raised | None:
    """Of an exercise's occurrence that has just begun: None where it is no test from the wire."""
    row = connection.execute("SELECT * FROM davy_test_raised(%s)", (occurrence_id,)).fetchone()
    return Raised(row[1]) if row is not None and row[0] else None


def missing_leg(connection: Connection[Any], exercise_id: int) -> str:
    """The first leg of a test from the wire that did not come: one of `LEGS`."""
    row = connection.execute(
        """
        SELECT CASE WHEN e.occurrence_id IS NULL AND NOT x.stored THEN CASE WHEN e.taken_at IS NULL THEN 'published' ELSE 'stored' END
                    WHEN e.occurrence_id IS NULL THEN 'alarm'
                    WHEN NOT EXISTS (SELECT FROM notification n WHERE n.occurrence_id = e.occurrence_id AND n.attempt > 0) THEN 'sent'
                    ELSE 'receipt' END
        FROM exercise e JOIN site s USING (site_id) CROSS JOIN LATERAL (
            SELECT EXISTS (SELECT FROM device d JOIN sensor n USING (device_id) JOIN v_reading r USING (sensor_id)
                           WHERE d.key = '_test.' || s.key AND r.measured_at BETWEEN e.published_at - interval '1 second' AND e.published_at) AS stored) x
        WHERE e.exercise_id = %s
        """,
        (exercise_id,),
    ).fetchone()
    assert row is not None
    return str(row[0])


def missed(connection: Connection[Any], exercise_id: int, leg: str) -> None:
    """Writes down at which leg it stayed away."""
    connection.execute("UPDATE exercise SET missing = %s WHERE exercise_id = %s", (leg, exercise_id))


def alarm_of_occurrence(connection: Connection[Any], occurrence_id: int) -> AlarmKey:
    """The alarm that an occurrence is of."""
    row = connection.execute(
        "SELECT definition_id, sensor_id FROM occurrence WHERE occurrence_id = %s", (occurrence_id,)
    ).fetchone()
    assert row is not None
    return AlarmKey(int(row[0]), int(row[1]))


def strays(connection: Connection[Any]) -> list[tuple[AlarmKey, int]]:
    """Alarms of tests from the wire, with their occurrences, that no running test waits for: their reading came too late."""
    rows = connection.execute(
        """
        SELECT a.definition_id, a.sensor_id, a.occurrence_id FROM alarm a JOIN alarm_definition d USING (definition_id)
        WHERE d.key = '_exercise.wire' AND d.role = 'exercise' AND a.state <> 'A' AND a.occurrence_id IS NOT NULL
          AND NOT EXISTS (SELECT FROM exercise e WHERE e.occurrence_id = a.occurrence_id AND e.ended_at IS NULL)
        """
    ).fetchall()
    return [(AlarmKey(row[0], row[1]), int(row[2])) for row in rows]


def resolve_stray(connection: Connection[Any], occurrence_id: int, now: datetime) -> None:
    """It is over, as any exercise is."""
    connection.execute(
        "UPDATE occurrence SET resolved_at = %s, resolution = 'test_or_drill' WHERE occurrence_id = %s AND exercise",
        (now, occurrence_id),
    )
