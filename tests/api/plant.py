"""Two companies with sites, devices, readings, alarms and people, for tests of the web."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from argon2 import PasswordHasher
from psycopg.types.json import Jsonb

from alerting.apply import apply_events
from core.batch import Event
from core.db import transaction
from tests.database import TestDatabase

PASSWORD = "correct horse battery staple"
_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)  # cheap: what is tested is not argon2


@dataclass(slots=True)
class Company:
    """One company's rows, by name."""

    company_id: int
    key: str
    site_id: int
    people: dict[str, int] = field(default_factory=dict)
    devices: dict[str, int] = field(default_factory=dict)
    sensors: dict[str, int] = field(default_factory=dict)
    definitions: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Plant:
    """The whole of it."""

    database: TestDatabase
    a: Company
    b: Company
    insurer: dict[str, int]
    began: datetime

    @contextmanager
    def owner(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection that sees all."""
        with psycopg.connect(self.database.url("owner"), autocommit=True) as connection:
            yield connection

    def happen(
        self, company: Company, definition: str, at: datetime, *, active: bool = True, value: float = 55.2
    ) -> int | None:
        """An event as ingest would apply it; gives the open occurrence."""
        sensor = definition.rsplit(".", 1)[0]
        event = Event(
            company.definitions[definition],
            company.sensors[sensor],
            active,
            int(at.timestamp() * 1_000_000),
            value,
        )
        with psycopg.connect(self.database.url("ingest"), autocommit=True) as connection:
            with transaction(connection, self.database.service_token()):
                apply_events(connection, [event], now=at + timedelta(seconds=1), batch_no=1)
            with transaction(connection, self.database.service_token()):
                row = connection.execute(
                    "SELECT occurrence_id FROM alarm WHERE definition_id = %s", (event.definition_id,)
                ).fetchone()
        return row[0] if row else None

    def beat(self, at: datetime, state: str = "judging") -> None:
        """The processes' signs of life."""
        with self.owner() as connection:
            connection.execute(
                "INSERT INTO ingest_status (worker, beat_at, state) VALUES ('ingest-0', %s, %s)"
                " ON CONFLICT (worker) DO UPDATE SET beat_at = excluded.beat_at, state = excluded.state",
                (at, state),
            )
            connection.execute(
                "INSERT INTO process_status (process, beat_at, turned_at) SELECT p, %(at)s, %(at)s FROM unnest('{alerting,risk}'::text[]) p"
                " ON CONFLICT (process) DO UPDATE SET beat_at = excluded.beat_at, turned_at = excluded.turned_at",
                {"at": at},
            )


def plant(database: TestDatabase, now: datetime | None = None) -> Plant:
    """Fills a fresh database."""
    now = now or datetime.now(UTC).replace(microsecond=0)
    with psycopg.connect(database.url("owner"), autocommit=True) as c:
        a = _company(c, "huaihai-petro", "Huaihai Petrochemical", "淮海石化", "tank-farm", "Tank farm", "罐区", now)
        b = _company(c, "qinling-coal", "Qinling Coal", "秦岭煤业", "mine", "Mine", "矿井", now)
        insurer = {}
        for key, name, role, companies in (
            ("underwriter", "Wei Ting", "underwriter", [a.company_id, b.company_id]),
            ("risk", "Luo Min", "risk_engineer", [a.company_id]),
            ("operator", "Operator", "admin", []),
        ):
            insurer[key] = _person(c, None, f"insurer-{key}", name, role)
            c.execute("INSERT INTO person_company SELECT %s, c FROM unnest(%s::int[]) c", (insurer[key], companies))
    made = Plant(database, a, b, insurer, now)
    made.beat(now)
    return made


def _one(connection: psycopg.Connection[Any], query: str, *values: Any) -> int:
    row = connection.execute(query, values).fetchone()
    assert row is not None
    return int(row[0])


def _person(c: psycopg.Connection[Any], company_id: int | None, login: str, name: str, role: str) -> int:
    person = _one(
        c,
        "INSERT INTO person (company_id, key, name, email, role, language) VALUES (%s, %s, %s, %s, %s, 'zh') RETURNING person_id",
        company_id,
        login,
        name,
        f"{login}@example.invalid",
        role,
    )
    c.execute("INSERT INTO web_login VALUES (%s, %s, %s, now())", (login, person, _HASH))
    return person


def _company(
    c: psycopg.Connection[Any], key: str, name: str, name_zh: str, site_key: str, site: str, site_zh: str, now: datetime
) -> Company:
    company_id = _one(
        c, "INSERT INTO company (key, name, name_zh) VALUES (%s, %s, %s) RETURNING company_id", key, name, name_zh
    )
    site_id = _one(
        c,
        "INSERT INTO site (company_id, key, name, name_zh, time_zone) VALUES (%s, %s, %s, %s, 'Asia/Shanghai') RETURNING site_id",
        company_id,
        site_key,
        site,
        site_zh,
    )
    made = Company(company_id, key, site_id)
    zone = _one(
        c,
        "INSERT INTO zone (company_id, site_id, key, name, name_zh) VALUES (%s, %s, 'pump', 'Pump house', '泵房') RETURNING zone_id",
        company_id,
        site_id,
    )
    made.people["officer"] = _person(c, company_id, f"{key}-officer", f"Officer of {name}", "safety_officer")
    made.people["integrator"] = _person(c, company_id, f"{key}-integrator", f"Integrator of {name}", "integrator")
    device = _one(
        c,
        "INSERT INTO device (company_id, site_id, key, kind) VALUES (%s, %s, %s, 'gas-gateway') RETURNING device_id",
        company_id,
        site_id,
        f"{site_key}-gas",
    )
    made.devices["gas"] = device
    c.execute(
        "INSERT INTO device_stream (device_id, company_id, boot, seq, missing, repeated, clock_offset_ms, online, last_received_at)"
        " VALUES (%s, %s, 4711, 1800, 2, 5, 120, true, %s)",
        (device, company_id, now),
    )
    for sensor, title, title_zh, unit in (
        ("lel-pump", "Gas detector pump house", "泵房可燃气体探测器", "%{LEL}"),
        ("temp-pump", "Bearing temperature pump 1", "1号泵轴承温度", "Cel"),
    ):
        made.sensors[sensor] = _one(
            c,
            "INSERT INTO sensor (company_id, site_id, zone_id, device_id, key, name, name_zh, quantity, unit)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, 'gas', %s) RETURNING sensor_id",
            company_id,
            site_id,
            zone,
            device,
            sensor,
            title,
            title_zh,
            unit,
        )
    for definition, sensor, detector, setpoint, priority, latch, title, title_zh in (
        ("lel-pump.lel-2", "lel-pump", "limit", 40.0, "life-safety", True, f"Gas above 40 %LEL at {name}", f"{name_zh}可燃气体超过40 %LEL"),
        ("lel-pump.lel-1", "lel-pump", "limit", 20.0, "high", False, f"Gas above 20 %LEL at {name}", f"{name_zh}可燃气体超过20 %LEL"),
        ("temp-pump.high", "temp-pump", "limit", 80.0, "medium", False, f"Pump bearing hot at {name}", f"{name_zh}泵轴承过热"),
        ("temp-pump.stale", "temp-pump", "stale", 60.0, "low", False, f"Bearing sensor silent at {name}", f"{name_zh}轴承传感器无数据"),
    ):  # fmt: skip
        made.definitions[definition] = _one(
            c,
            "INSERT INTO alarm_definition (company_id, site_id, sensor_id, key, detector, parameters, direction, setpoint, priority,"
            " latch, title, title_zh, consequence, consequence_zh, response, response_zh, respond_within_s, standard, edition, clause)"
            " VALUES (%s, %s, %s, %s, %s, %s, 'high', %s, %s, %s, %s, %s, 'An ignition source would explode the cloud.',"
            " '遇点火源会发生爆炸。', 'Stop the pump, ventilate, keep people away, call the shift leader.',"
            " '停泵，通风，人员撤离，通知值班长。', 300, 'GB/T 50493', '2019', '5.5.2') RETURNING definition_id",
            company_id,
            site_id,
            made.sensors[sensor],
            definition,
            detector,
            Jsonb({}),
            setpoint,
            priority,
            latch,
            title,
            title_zh,
        )
    _readings(c, made, now)
    c.execute(
        "INSERT INTO rejected_message (company_id, site_id, device_id, received_at, topic, payload, length, sha256, reason, sentence)"
        " VALUES (%s, %s, %s, %s, %s, %s, 23, sha256('x'), 'not_json', %s)",
        (
            company_id,
            site_id,
            device,
            now,
            f"davy/v1/{site_key}/{site_key}-gas/readings",
            b"<script>alert(1)</script>",
            f"The payload of {name} is not JSON: it begins with <script>; send one JSON object.",
        ),
    )
    c.execute(
        "INSERT INTO stream_gap (company_id, device_id, boot, first_seq, last_seq, missing_from, missing_until, missing, left_from,"
        " left_until, seen_at) VALUES (%s, %s, 4711, 900, 901, %s, %s, 2, %s, %s, %s)",
        (company_id, device, *2 * (now - timedelta(minutes=9), now - timedelta(minutes=8)), now),
    )
    return made


def _readings(c: psycopg.Connection[Any], made: Company, now: datetime) -> None:
    """Twenty minutes of a leak, once a second, with a minute missing."""
    with c.cursor().copy("COPY reading (sensor_id, measured_at, value, quality, batch_no) FROM STDIN") as copy:
        for second in range(1200):
            at = now - timedelta(seconds=1200 - second)
            if timedelta(minutes=8) <= now - at <= timedelta(minutes=9):
                continue
            leak = 55.0 / (1 + math.exp(-(second - 900) / 45))
            copy.write_row((made.sensors["lel-pump"], at, 1.5 + leak + 0.8 * math.sin(second * 1.7), 0, 1))
            copy.write_row((made.sensors["temp-pump"], at, 61 + 2 * math.sin(second / 90), 0, 1))
    for sensor, value in (("lel-pump", 55.2), ("temp-pump", 61.4)):
        c.execute(
            "INSERT INTO latest (sensor_id, company_id, measured_at, received_at, value, quality) VALUES (%s, %s, %s, %s, %s, 0)",
            (made.sensors[sensor], made.company_id, now, now, value),
        )
