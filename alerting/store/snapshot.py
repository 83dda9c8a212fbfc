"""Reads what is needed to call without the database: for ingest, while the database is there."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from alerting.alarm import Alarm, State, Suppression
from alerting.snapshot import Known, LifeSafety, Recipient, Snapshot
from alerting.store.definitions import load_routes
from core.model import Priority


def read_snapshot(connection: Connection[Any], now: datetime, old: Snapshot | None = None) -> Snapshot:
    """Everything; the version is read first, so what changes meanwhile is seen as a change.

    Args:
        now: what it calls the time it was taken.
        old: its definitions are kept, the very list, where their version still holds.
    """
    version = definitions_version(connection)
    definitions = old.definitions if old is not None and old.version == version else _definitions(connection)
    routes = load_routes(connection, sorted({each.site_id for each in definitions}), now)
    heard = {
        site: [route for route in found if Priority.LIFE_SAFETY in route.priorities] for site, found in routes.items()
    }
    people = sorted({person for found in heard.values() for route in found for person in route.everybody()})
    return Snapshot(
        taken_at=now,
        version=version,
        definitions=definitions,
        routes={site: found for site, found in heard.items() if found},
        recipients=_recipients(connection, people),
        alarms=read_alarms(connection),
    )


def definitions_version(connection: Connection[Any]) -> int:
    """The version of sensors, definitions and routes in the database now; 0 before the first change."""
    row = connection.execute("SELECT last_value * is_called::int FROM definitions_version").fetchone()
    assert row is not None
    return int(row[0])


def read_alarms(connection: Connection[Any]) -> list[Known]:
    """Life-safety alarms that are not normal, or suppressed."""
    rows = connection.execute(
        """
        SELECT a.definition_id, a.sensor_id, a.state::text, a.active, a.suppression, a.suppressed_until, a.onset, a.changed_at
        FROM (SELECT * FROM alarm WHERE state <> 'A'
              UNION ALL SELECT * FROM alarm WHERE state = 'A' AND suppression <> 'none') a
        JOIN alarm_definition d USING (definition_id)
        WHERE d.priority = 'life-safety' AND d.role <> 'exercise'
        ORDER BY a.definition_id, a.sensor_id
        """
    ).fetchall()
    return [
        Known(
            definition_id=definition_id,
            sensor_id=sensor_id,
            alarm=Alarm(State(state), active, Suppression(suppression), until, onset),
            changed_at=changed_at,
        )
        for definition_id, sensor_id, state, active, suppression, until, onset, changed_at in rows
    ]


def _definitions(connection: Connection[Any]) -> list[LifeSafety]:
    with connection.cursor(row_factory=class_row(LifeSafety)) as cursor:
        return cursor.execute(
            """
            SELECT d.definition_id, d.sensor_id, d.company_id, d.site_id, d.latch, d.key AS definition_key, d.detector,
                   d.direction, d.setpoint, d.title, d.title_zh, d.consequence, d.consequence_zh, d.response, d.response_zh,
                   d.respond_within_s, co.name AS company, co.name_zh AS company_zh, si.name AS site, si.name_zh AS site_zh,
                   si.time_zone, z.name AS zone, z.name_zh AS zone_zh, s.name AS sensor, s.name_zh AS sensor_zh, s.unit
            FROM alarm_definition d
            JOIN sensor s USING (sensor_id)
            JOIN company co ON co.company_id = d.company_id
            JOIN site si ON si.site_id = d.site_id
            LEFT JOIN zone z ON z.zone_id = s.zone_id
            WHERE d.priority = 'life-safety' AND d.role <> 'exercise' AND d.retired_at IS NULL AND s.retired_at IS NULL
            ORDER BY d.definition_id
            """
        ).fetchall()


def _recipients(connection: Connection[Any], person_ids: list[int]) -> list[Recipient]:
    with connection.cursor(row_factory=class_row(Recipient)) as cursor:
        return cursor.execute(
            """
            SELECT p.person_id, a.channel, p.language, a.address, a.secret_ref
            FROM person p JOIN channel_address a USING (person_id)
            WHERE p.active AND a.dead_at IS NULL AND p.person_id = ANY(%s)
            ORDER BY p.person_id, a.channel
            """,
            (person_ids,),
        ).fetchall()
