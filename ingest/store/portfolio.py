"""Devices, sensors and definitions: read whole when they change."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from psycopg import Connection
from psycopg.rows import class_row

from alerting.store import load_definitions
from alerting.store.compounds import load_compounds
from core.db import read_rows, transaction
from core.model import DefinitionSet, Sensor
from core.row_table import RowTable
from ingest.directory import NO_SLOT, DeviceRow, Directory


def load_portfolio(connection: Connection[Any], token: str) -> tuple[Directory, DefinitionSet]:
    """The directory and the definitions in force.

    The version is read first: a change that comes while the rest is read is notified and read again.
    """
    with transaction(connection, token):
        version = definitions_version(connection)
        sensors, devices = _sensors(connection), _devices(connection)
        compounds, own = load_compounds(connection)
        found = load_definitions(connection, own)
    known = np.array([device.device_id for device in devices], np.int64)  # one may have gone between the two
    directory = Directory(version, devices, sensors.take(np.isin(sensors.integers("device_id"), known)))
    slot = directory.slots_of(found.integers("sensor_id").astype(np.int32))
    other = directory.slots_of(found.integers("other_sensor_id").astype(np.int32))
    kept = slot != NO_SLOT
    return directory, DefinitionSet(version, found.take(kept), slot[kept], len(directory), compounds, other[kept])


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


def _sensors(connection: Connection[Any]) -> RowTable[Sensor]:
    with connection.cursor("sensors") as cursor:
        cursor.execute(
            """
            SELECT n.sensor_id, n.company_id, n.site_id, s.key AS site_key, n.device_id, d.key AS device_key, n.key, n.unit,
                   n.range_low, n.range_high, n.period_s, n.period_declared, n.mandatory, n.states::text AS states, n.is_virtual
            FROM sensor n JOIN device d USING (device_id) JOIN site s ON s.site_id = n.site_id
            WHERE n.retired_at IS NULL AND d.retired_at IS NULL
            ORDER BY n.sensor_id
            """
        )
        return read_rows(Sensor, cursor, convert={"states": lambda text: None if text is None else json.loads(text)})
