"""Devices, sensors and definitions: read whole when they change."""

from __future__ import annotations

from typing import Any

import numpy as np
from psycopg import Connection
from psycopg.rows import class_row, dict_row

from alerting.store import load_definitions
from alerting.store.compounds import load_compounds
from core.db import transaction
from core.model import DefinitionSet, Sensor
from ingest.directory import NO_SLOT, DeviceRow, Directory


def load_portfolio(connection: Connection[Any], token: str) -> tuple[Directory, DefinitionSet]:
    """The directory and the definitions in force.

    The version is read first: a change that comes while the rest is read is notified and read again.
    """
    with transaction(connection, token):
        version = definitions_version(connection)
        sensors, devices = _sensors(connection), _devices(connection)
        compounds, own = load_compounds(connection)
        found = [*load_definitions(connection), *own]
    known = {device.device_id for device in devices}  # one may have gone between the two
    directory = Directory(version, devices, [sensor for sensor in sensors if sensor.device_id in known])
    slot = directory.slots_of(np.array([d.sensor_id for d in found], np.int32))
    kept = [d for d, s in zip(found, slot.tolist(), strict=True) if s != NO_SLOT]
    return directory, DefinitionSet(version, kept, slot[slot != NO_SLOT], len(directory), compounds)


def definitions_version(connection: Connection[Any]) -> int:
    """The version of sensors, definitions and routes in the database now."""
    row = connection.execute("SELECT last_value FROM definitions_version").fetchone()
    assert row is not None
    return int(row[0])


def _devices(connection: Connection[Any]) -> list[DeviceRow]:
    with connection.cursor(row_factory=class_row(DeviceRow)) as cursor:
        return cursor.execute(
            """
            SELECT d.device_id, d.company_id, d.site_id, s.key AS site_key, d.key
            FROM device d JOIN site s USING (site_id)
            WHERE d.retired_at IS NULL
            ORDER BY d.device_id
            """
        ).fetchall()


def _sensors(connection: Connection[Any]) -> list[Sensor]:
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """
            SELECT n.sensor_id, n.company_id, n.site_id, s.key AS site_key, n.device_id, d.key AS device_key, n.key, n.unit,
                   n.range_low, n.range_high, n.period_s, n.period_declared, n.mandatory, n.states, n.is_virtual
            FROM sensor n JOIN device d USING (device_id) JOIN site s ON s.site_id = n.site_id
            WHERE n.retired_at IS NULL AND d.retired_at IS NULL
            ORDER BY n.sensor_id
            """
        )
        return [Sensor(**row) for row in rows]
