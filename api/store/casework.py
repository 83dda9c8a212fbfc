"""What people have added to an occurrence: photos, the insurer's records, and a higher limit that stands beside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class PhotoLine:
    """A photo without its bytes."""

    photo_id: int
    at: datetime
    who: str | None
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class SeenByInsurer:
    """Somebody at the insurer has acknowledged it: the name they bore then, and their words."""

    person_id: int
    name: str
    at: datetime
    words: str | None


@dataclass(frozen=True, slots=True)
class HigherLimit:
    """An open occurrence of a higher limit on the same number."""

    occurrence_id: int
    title: str
    title_zh: str
    began_at: datetime


@dataclass(frozen=True, slots=True)
class SealedUntil:
    """The newest seal that has this alarm's chain, and how many transitions it covers."""

    number: int
    sealed_at: datetime
    transitions: int


def photos_of(connection: Connection[Any], occurrence_id: int) -> list[PhotoLine]:
    """Its photos, the oldest first; none for the insurer's people."""
    with connection.cursor(row_factory=class_row(PhotoLine)) as cursor:
        return cursor.execute(
            """
            SELECT photo_id, at, p.name AS who, width, height
            FROM occurrence_photo LEFT JOIN person p USING (person_id) WHERE occurrence_id = %s ORDER BY photo_id
            """,
            (occurrence_id,),
        ).fetchall()


def jpeg_of(connection: Connection[Any], occurrence_id: int, photo_id: int) -> bytes | None:
    """The bytes of one photo."""
    row = connection.execute(
        "SELECT jpeg FROM occurrence_photo WHERE occurrence_id = %s AND photo_id = %s", (occurrence_id, photo_id)
    ).fetchone()
    return None if row is None else bytes(row[0])


def seen_by_insurer(connection: Connection[Any], occurrence_id: int) -> list[SeenByInsurer]:
    """The insurer's records, the oldest first."""
    with connection.cursor(row_factory=class_row(SeenByInsurer)) as cursor:
        return cursor.execute(
            "SELECT person_id, name, at, words FROM insurer_acknowledgement WHERE occurrence_id = %s ORDER BY at, person_id",
            (occurrence_id,),
        ).fetchall()


def higher_limits(connection: Connection[Any], definition_id: int) -> list[HigherLimit]:
    """Open occurrences of higher limits on the same number, the mildest first."""
    with connection.cursor(row_factory=class_row(HigherLimit)) as cursor:
        return cursor.execute(
            """
            SELECT o.occurrence_id, h.title, h.title_zh, o.began_at FROM alarm_definition d
            JOIN alarm_definition h ON h.site_id = d.site_id AND h.sensor_id = d.sensor_id AND h.detector = d.detector
                 AND h.direction = d.direction AND h.parameters = d.parameters
                 AND h.other_sensor_id IS NOT DISTINCT FROM d.other_sensor_id
                 AND CASE d.direction WHEN 'high' THEN h.setpoint > d.setpoint ELSE h.setpoint < d.setpoint END
            JOIN occurrence o ON o.definition_id = h.definition_id AND o.sensor_id = h.sensor_id
                 AND o.resolved_at IS NULL AND o.normal_at IS NULL
            WHERE d.definition_id = %s ORDER BY abs(h.setpoint - d.setpoint)
            """,
            (definition_id,),
        ).fetchall()


def sealed_until(connection: Connection[Any], definition_id: int, sensor_id: int) -> SealedUntil | None:
    """How far the alarm's chain is sealed; None where no seal has it."""
    with connection.cursor(row_factory=class_row(SealedUntil)) as cursor:
        return cursor.execute(
            """
            SELECT h.number, s.sealed_at, h.transitions FROM seal_head h JOIN seal s USING (company_id, number)
            WHERE h.definition_id = %s AND h.sensor_id = %s ORDER BY h.transitions DESC LIMIT 1
            """,
            (definition_id, sensor_id),
        ).fetchone()
