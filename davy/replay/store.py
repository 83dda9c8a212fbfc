"""What a replay asks the database, as owner: what became of what it published. Tables belong to others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class Since:
    """Where a database stood before a replay."""

    transition_id: int
    rejected_id: int
    batch_no: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What a replay published, as the store can find it.

    Args:
        devices, sensors: of one length: the sensors it spoke for.
        replayed: they carry the mark of history; beside them the plant itself may have sent.
        since: before the play began: another play may have left readings at the same sensors.
    """

    site: str
    devices: Sequence[str]
    sensors: Sequence[str]
    begins_at: datetime
    ends_at: datetime
    replayed: bool
    since: Since


@dataclass(frozen=True, slots=True)
class Raise:
    """One time a condition raised an alarm."""

    definition: str
    device: str
    sensor: str
    at: datetime
    occurrence_id: int


def now_there(connection: Connection[Any]) -> Since:
    """Where the database stands."""
    with connection.cursor(row_factory=class_row(Since)) as cursor:
        row = cursor.execute(
            """SELECT (SELECT coalesce(max(transition_id), 0) FROM transition) AS transition_id,
                      (SELECT coalesce(max(rejected_id), 0) FROM rejected_message) AS rejected_id,
                      (SELECT coalesce(max(batch_no), 0) FROM ingest_mark) AS batch_no"""
        ).fetchone()
    assert row is not None
    return row


def _parameters(played: Played) -> tuple[object, ...]:
    return (
        played.site, played.devices, played.sensors, played.begins_at, played.ends_at, played.since.batch_no, played.replayed
    )  # fmt: skip


def stored_of(connection: Connection[Any], played: Played) -> int:
    """How many readings of a replay are stored."""
    row = connection.execute(
        """SELECT count(*)
           FROM reading r JOIN sensor s USING (sensor_id) JOIN device d USING (device_id) JOIN site si ON si.site_id = s.site_id
           WHERE si.key = %s AND (d.key, s.key) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
             AND r.measured_at BETWEEN %s AND %s AND r.batch_no > %s AND (NOT %s OR r.quality & 64 <> 0)""",
        _parameters(played),
    ).fetchone()
    assert row is not None
    return int(row[0])


def keys_of(connection: Connection[Any], played: Played) -> set[tuple[str, str, int]]:
    """(device, sensor, milliseconds UTC) of every stored reading of a replay."""
    rows = connection.execute(
        """SELECT d.key, s.key, round(extract(epoch FROM r.measured_at) * 1000)::bigint
           FROM reading r JOIN sensor s USING (sensor_id) JOIN device d USING (device_id) JOIN site si ON si.site_id = s.site_id
           WHERE si.key = %s AND (d.key, s.key) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
             AND r.measured_at BETWEEN %s AND %s AND r.batch_no > %s AND (NOT %s OR r.quality & 64 <> 0)""",
        _parameters(played),
    ).fetchall()
    return {(device, sensor, at) for device, sensor, at in rows}


def rejected_of(
    connection: Connection[Any], topics: Sequence[str], since: Since
) -> list[tuple[str, bytes, str, str, int]]:
    """(topic, payload, reason, sentence, count) of every message that was rejected meanwhile on these topics."""
    return connection.execute(
        """SELECT topic, payload, reason, sentence, count FROM rejected_message
           WHERE rejected_id > %s AND topic = ANY (%s) ORDER BY rejected_id""",
        (since.rejected_id, topics),
    ).fetchall()


def raises_of(connection: Connection[Any], played: Played) -> list[Raise]:
    """Every raise since then: into a live system of the sensors played, else of the whole site, Davy's own sensors too."""
    with connection.cursor(row_factory=class_row(Raise)) as cursor:
        return cursor.execute(
            """SELECT a.key AS definition, d.key AS device, s.key AS sensor, t.at, t.occurrence_id
               FROM transition t JOIN alarm_definition a USING (definition_id) JOIN sensor s ON s.sensor_id = t.sensor_id
               JOIN device d ON d.device_id = s.device_id JOIN site si ON si.site_id = s.site_id
               WHERE t.event = 'raise' AND t.transition_id > %s AND si.key = %s
                 AND (NOT %s OR (d.key, s.key) IN (SELECT * FROM unnest(%s::text[], %s::text[])))
               ORDER BY t.at, t.transition_id""",
            (played.since.transition_id, played.site, played.replayed, played.devices, played.sensors),
        ).fetchall()
