"""A small plant in a real database for the tests of alerting: two companies, people, routes, definitions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from alerting.apply import AppliedEvents, apply_events
from alerting.ledger import AlarmKey
from core.batch import Event
from core.db import transaction
from tests.database import TestDatabase

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def us(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Plant:
    """Ids of what was made.

    Args:
        definitions: key -> (definition, sensor).
        people: key -> person id.
    """

    database: TestDatabase
    company: int
    other_company: int
    site: int
    definitions: dict[str, AlarmKey]
    people: dict[str, int]

    def raised(self, key: str, at: datetime = NOW, *, value: float = 30.0, late: bool = False) -> Event:
        return Event(*self.definitions[key], active=True, at=us(at), value=value, row=0, late=late)

    def cleared(self, key: str, at: datetime = NOW, *, value: float = 1.0, late: bool = False) -> Event:
        return Event(*self.definitions[key], active=False, at=us(at), value=value, row=0, late=late)

    def apply(self, *events: Event, now: datetime = NOW) -> AppliedEvents:
        """The events as one batch, as ingest does."""
        with self.as_service("ingest") as connection:
            return apply_events(connection, events, now=now, batch_no=1)

    @contextmanager
    def as_service(self, role: str) -> Iterator[psycopg.Connection[Any]]:
        with self.database.connect(role) as connection, transaction(connection, self.database.service_token()):
            yield connection

    @contextmanager
    def as_person(self, key: str) -> Iterator[psycopg.Connection[Any]]:
        """One transaction of the web role under the person's principal."""
        person_id = self.people[key]
        role, companies = PEOPLE[key][2], [self.company] if PEOPLE[key][1] != "b" else [self.other_company]
        token = self.database.person_token(person_id, role, *companies)
        with self.database.connect("web") as connection, transaction(connection, token):
            yield connection

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """What the owner sees."""
        with self.database.connect("owner") as connection:
            return connection.execute(statement, values).fetchall()

    def alarm(self, key: str) -> tuple[Any, ...]:
        """(state, active, suppression, occurrence_id) of an alarm."""
        return self.rows(
            "SELECT state::text, active, suppression, occurrence_id FROM alarm WHERE definition_id = %s",
            self.definitions[key][0],
        )[0]

    def waiting(self) -> list[tuple[str, int, str]]:
        """(person, step, state) of all messages, in the order they were queued."""
        names = {person_id: key for key, person_id in self.people.items()}
        found = self.rows("SELECT person_id, step, state FROM notification ORDER BY due_at, notification_id")
        return [(names[person_id], step, state) for person_id, step, state in found]


# key -> (name, company, role, language)
PEOPLE = {
    "officer": ("陈安全", "a", "safety_officer", "zh"),
    "deputy": ("Li Deputy", "a", "integrator", "en"),
    "underwriter": ("Wu Underwriter", None, "underwriter", "en"),
    "operator": ("Otto Operator", None, "admin", "en"),
    "stranger": ("Shen Stranger", "b", "safety_officer", "en"),
}
DEFINITIONS = [("gas", "life-safety", True), ("heat", "high", False), ("level", "low", False)]


def play_time(connection: psycopg.Connection[Any]) -> None:
    """As the owner: people act on the days a test names, months back; the future stays closed to them."""
    connection.execute(
        "CREATE OR REPLACE FUNCTION davy_just_now(instant timestamptz) RETURNS boolean LANGUAGE sql STABLE"
        " RETURN instant <= now() + interval '1 minute'"
    )


def make_plant(database: TestDatabase) -> Plant:
    """Company a with three definitions, routes and people; company b with one person."""
    with database.connect("owner") as connection:
        play_time(connection)
        one = _Insert(connection)
        company = one(
            "INSERT INTO company (key, name, name_zh) VALUES ('a', 'Alpha Petro', '甲石化') RETURNING company_id"
        )
        other = one("INSERT INTO company (key, name, name_zh) VALUES ('b', 'Beta Coal', '乙煤矿') RETURNING company_id")
        site = one(
            "INSERT INTO site (company_id, key, name, name_zh, time_zone) VALUES (%s, 'a-1', 'Tank farm', '罐区', 'Asia/Shanghai')"
            " RETURNING site_id", company,
        )  # fmt: skip
        # One message an alarm, unless a test wants otherwise (tests/alerting/test_calm_db.py).
        one(
            "INSERT INTO site_calm (site_id, company_id, window_s, grouped, storms, storm_begins, storm_ends, digest_every_s)"
            " VALUES (%s, %s, 600, '{}', false, 10, 5, 600) RETURNING site_id", site, company,
        )  # fmt: skip
        device = one(
            "INSERT INTO device (company_id, site_id, key, kind) VALUES (%s, %s, 'dev-1', 'gas') RETURNING device_id",
            company,
            site,
        )
        definitions = {
            key: _definition(one, company, site, device, key, priority, latch) for key, priority, latch in DEFINITIONS
        }
        people = {
            key: one(
                "INSERT INTO person (company_id, key, name, language, role) VALUES (%s, %s, %s, %s, %s) RETURNING person_id",
                {"a": company, "b": other, None: None}[of], key, name, language, role,
            )
            for key, (name, of, role, language) in PEOPLE.items()
        }  # fmt: skip
        _routes(one, company, site, people)
    return Plant(database, company, other, site, definitions, people)


class _Insert:
    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def __call__(self, statement: str, *values: object) -> int:
        row = self._connection.execute(statement, values).fetchone()
        assert row is not None
        return int(row[0])


def _definition(one: _Insert, company: int, site: int, device: int, key: str, priority: str, latch: bool) -> AlarmKey:
    sensor = one(
        "INSERT INTO sensor (company_id, site_id, device_id, key, name, name_zh, quantity, unit)"
        " VALUES (%s, %s, %s, %s, 'CH4 at pump 3', '3号泵甲烷', 'lel', '%%{LEL}') RETURNING sensor_id",
        company, site, device, key,
    )  # fmt: skip
    definition = one(
        "INSERT INTO alarm_definition (company_id, site_id, sensor_id, key, detector, direction, setpoint, deadband, on_delay_s,"
        " priority, latch, title, title_zh, consequence, consequence_zh, response, response_zh, respond_within_s)"
        " VALUES (%s, %s, %s, %s, 'limit', 'high', 25, 5, 1.5, %s, %s, 'Gas at 25 %% LEL', '可燃气体达25%%LEL', 'Explosion', '爆炸',"
        " 'Leave the area', '撤离现场', 120) RETURNING definition_id",
        company, site, sensor, key, priority, latch,
    )  # fmt: skip
    return AlarmKey(definition, sensor)


def _routes(one: _Insert, company: int, site: int, people: dict[str, int]) -> None:
    route = "INSERT INTO route (company_id, site_id, key, audience, priorities) VALUES (%s, %s, %s, %s, %s) RETURNING route_id"
    step = (
        "INSERT INTO route_step (route_id, company_id, position, after_s, person_id, channel) VALUES (%s, %s, %s, %s, %s, %s)"
        " RETURNING route_id"
    )
    urgent = one(route, company, site, "urgent", "client", ["life-safety", "high"])
    one(step, urgent, company, 0, 0, people["officer"], "smtp")
    one(step, urgent, company, 1, 120, people["deputy"], "webhook")
    insurer = one(route, company, site, "duty", "insurer", ["life-safety"])
    one(step, insurer, company, 0, 300, people["underwriter"], "smtp")
    address = "INSERT INTO channel_address (person_id, company_id, channel, address, secret_ref) VALUES (%s, %s, %s, %s, %s) RETURNING 1"
    one(address, people["officer"], company, "smtp", "chen@example.com", None)
    one(address, people["deputy"], company, "webhook", "http://127.0.0.1:1/hook", "deputy-hook")
    one(address, people["underwriter"], None, "smtp", "wu@insurer.example", None)
