"""A small plant for the tests of ingest: in memory for the pure ones, in a database for the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from core.model import AlarmDefinition, DefinitionSet, Priority, Sensor
from ingest.directory import DeviceRow, Directory
from ingest.source import RawMessage
from tests.database import TestDatabase

START_US = 1_790_000_000_000_000  # September 2026, for pure tests: now is an argument
SITE = "north"


def device_row(number: int, site: int = 1) -> DeviceRow:
    """Device `d{number}` of site `north` (1) or `south` (2)."""
    return DeviceRow(
        device_id=number, company_id=site, site_id=site, site_key=SITE if site == 1 else "south", key=f"d{number}"
    )


def sensor(sensor_id: int, device: DeviceRow, key: str, **more: object) -> Sensor:
    """A sensor of `device`."""
    return msgspec_sensor(
        {
            "sensor_id": sensor_id,
            "company_id": device.company_id,
            "site_id": device.site_id,
            "site_key": device.site_key,
            "device_id": device.device_id,
            "device_key": device.key,
            "key": key,
            "unit": "%",
            **more,
        }
    )


def msgspec_sensor(fields: Mapping[str, object]) -> Sensor:
    """A sensor of fields whose types are checked."""
    return msgspec.convert(fields, Sensor)


def small_directory(devices: int = 3, sensors: int = 4) -> Directory:
    """Devices d1.. with sensors s1.. each; d3 and later stand at the site south. One enumeration, one contact."""
    rows = [device_row(n, 1 if n <= 2 else 2) for n in range(1, devices + 1)]
    found = [
        sensor(100 * row.device_id + k, row, f"s{k}", **({"states": {"open": 1.0, "shut": 0.0}} if k == 4 else {}))
        for row in rows
        for k in range(1, sensors + 1)
    ]
    return Directory(7, rows, found)


def definition(definition_id: int, sensor_id: int, **more: object) -> AlarmDefinition:
    """A limit of 50, high, on one sensor."""
    fields: dict[str, object] = {
        "definition_id": definition_id,
        "company_id": 1,
        "site_id": 1,
        "sensor_id": sensor_id,
        "key": f"a{definition_id}",
        "detector": "limit",
        "direction": "high",
        "setpoint": 50.0,
        "priority": Priority.HIGH,
        **more,
    }
    return AlarmDefinition(**fields)  # type: ignore[arg-type]


def definition_set(directory: Directory, definitions: Sequence[AlarmDefinition]) -> DefinitionSet:
    """Definitions with the slots of `directory`."""
    slot = directory.slots_of(np.array([d.sensor_id for d in definitions], np.int32))
    return DefinitionSet(directory.version, definitions, slot, len(directory))


def payload(seq: int, sent_us: int, readings: Sequence[Mapping[str, object]], boot: int = 1) -> bytes:
    """A message of wire version 1."""
    return msgspec.json.encode({"boot": boot, "seq": seq, "sent_at": sent_us // 1000, "readings": list(readings)})


def message(
    device: str,
    body: bytes,
    received_us: int,
    *,
    site: str = SITE,
    kind: str = "readings",
    mid: int = 1,
    retained: bool = False,
    repeated: bool = False,
) -> RawMessage:
    """As the broker delivers it."""
    return RawMessage(f"davy/v1/{site}/{device}/{kind}", body, mid, retained, repeated, received_us, 1)


@dataclass(slots=True)
class Installed:
    """Ids of what `install` put into a database."""

    sensor: dict[str, int] = field(default_factory=dict)  # "d1/s1" -> sensor_id
    definition: dict[str, int] = field(default_factory=dict)  # key -> definition_id
    person: int = 0


def install(
    database: TestDatabase,
    *,
    devices: int = 3,
    sensors: int = 4,
    limits: Sequence[Mapping[str, object]] = (),
    virtual: bool = True,
    own: Sequence[str] = ("_broker", "_spool"),
) -> Installed:
    """Site north: devices d1.. with sensors s1.., a limit of 50 on each s1, `limits` beside, one officer to be told.

    Args:
        limits: columns of further definitions; `sensor` is "d1/s1".
        virtual: with `own` and `_gateway` sensors and their definitions.
    """
    found = Installed()
    with database.connect("owner") as db:
        company = _id(
            db.execute("INSERT INTO company (key, name, name_zh) VALUES ('c', 'C', 'C') RETURNING company_id")
        )
        site = _id(
            db.execute(
                "INSERT INTO site (company_id, key, name, name_zh, time_zone)"
                " VALUES (%s, %s, 'N', 'N', 'Asia/Shanghai') RETURNING site_id",
                (company, SITE),
            )
        )
        found.person = _id(
            db.execute(
                "INSERT INTO person (company_id, key, name, role) VALUES (%s, 'wang', 'Wang', 'safety_officer')"
                " RETURNING person_id",
                (company,),
            )
        )
        route = _id(
            db.execute(
                "INSERT INTO route (company_id, site_id, key, audience, priorities)"
                " VALUES (%s, %s, 'all', 'client', '{life-safety,high,medium,low}') RETURNING route_id",
                (company, site),
            )
        )
        db.execute(
            "INSERT INTO route_step (route_id, company_id, position, after_s, person_id, channel)"
            " VALUES (%s, %s, 0, 0, %s, 'smtp')",
            (route, company, found.person),
        )

        def add_device(key: str) -> int:
            return _id(
                db.execute(
                    "INSERT INTO device (company_id, site_id, key, kind) VALUES (%s, %s, %s, 'gateway') RETURNING device_id",
                    (company, site, key),
                )
            )

        def add_sensor(device: int, device_key: str, key: str, is_virtual: bool = False) -> None:
            found.sensor[f"{device_key}/{key}"] = _id(
                db.execute(
                    "INSERT INTO sensor (company_id, site_id, device_id, key, name, name_zh, quantity, unit, is_virtual)"
                    " VALUES (%s, %s, %s, %s, %s, %s, 'q', '%%', %s) RETURNING sensor_id",
                    (company, site, device, key, key, key, is_virtual),
                )
            )

        def add_limit(columns: Mapping[str, object]) -> None:
            values: dict[str, object] = {
                "detector": "limit", "direction": "high", "setpoint": 50.0, "deadband": 0.0, "on_delay_s": 0.0,
                "off_delay_s": 0.0, "priority": "high", "parameters": "{}", **columns,
            }  # fmt: skip
            values["sensor_id"] = found.sensor[str(values.pop("sensor"))]
            found.definition[str(values["key"])] = _id(
                db.execute(
                    """
                    INSERT INTO alarm_definition (company_id, site_id, sensor_id, key, detector, parameters, direction, setpoint,
                        deadband, on_delay_s, off_delay_s, priority, title, title_zh, consequence, consequence_zh, response,
                        response_zh, respond_within_s)
                    VALUES (%(company)s, %(site)s, %(sensor_id)s, %(key)s, %(detector)s, %(parameters)s, %(direction)s,
                        %(setpoint)s, %(deadband)s, %(on_delay_s)s, %(off_delay_s)s, %(priority)s, 't', 't', 'c', 'c', 'r',
                        'r', 600) RETURNING definition_id
                    """,
                    {**values, "company": company, "site": site},
                )
            )

        for number in range(1, devices + 1):
            device = add_device(f"d{number}")
            for k in range(1, sensors + 1):
                add_sensor(device, f"d{number}", f"s{k}")
            add_limit({"key": f"high-d{number}", "sensor": f"d{number}/s1"})
        if virtual:
            carrier = add_device(f"_davy.{SITE}")
            for key in (*own, *(f"_gateway.d{n}" for n in range(1, devices + 1))):
                add_sensor(carrier, "_davy", key, is_virtual=True)
                add_limit({"key": key, "sensor": f"_davy/{key}", "setpoint": 80.0 if key == "_spool" else 1.0})
        for limit in limits:
            add_limit(limit)
        db.execute("SELECT davy_definitions_changed()")
    return found


def _id(cursor: object) -> int:
    row = cursor.fetchone()  # type: ignore[attr-defined]
    return int(row[0])
