"""Fixtures of the tests of risk: the small plant of alerting's tests, with a third colleague and a zone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from typing import Any

import psycopg
import pytest
from PIL import Image

from core.db import transaction
from risk import findings as acts
from risk.finding import Plan
from tests.alerting.plant import NOW, Plant, make_plant
from tests.database import TestDatabase

DAY = timedelta(days=1)


def picture(width: int = 640, height: int = 480, form: str = "JPEG", **words: Any) -> bytes:
    """A photo as a camera might send it."""
    out = BytesIO()
    Image.effect_noise((width, height), 40).convert("RGB").save(out, form, **words)
    return out.getvalue()


@dataclass(frozen=True, slots=True)
class Works:
    """A plant whose people work on findings.

    Args:
        zone: of the plant's site.
        third: another of the company's people.
    """

    plant: Plant
    zone: int
    third: int

    def id_of(self, who: str) -> int:
        return self.third if who == "third" else self.plant.people[who]

    @contextmanager
    def as_person(self, who: str) -> Iterator[psycopg.Connection[Any]]:
        if who != "third":
            with self.plant.as_person(who) as connection:
                yield connection
            return
        token = self.plant.database.person_token(self.third, "safety_officer", self.plant.company)
        with self.plant.database.connect("web") as connection, transaction(connection, token):
            yield connection

    def does(self, who: str, act: Any, *arguments: Any, now: Any = NOW, **words: Any) -> Any:
        """One act, in a transaction of its own."""
        with self.as_person(who) as connection:
            return act(connection, *arguments, person_id=self.id_of(who), now=now, **words)

    def report(self, who: str = "officer", **words: Any) -> int:
        given = {"site_id": self.plant.site, "zone_id": self.zone, "title": "法兰渗漏", "grade": "general", **words}
        return int(self.does(who, acts.report, **given))

    def plan(self, owner: str = "deputy", **words: Any) -> Plan:
        given = {
            "measures": "换垫片",
            "funds": "200元，维修费",
            "due_at": NOW + 7 * DAY,
            "contingency": "禁火，巡检",
            **words,
        }
        return Plan(owner_id=self.id_of(owner), **given)

    def in_hand(self, owner: str = "deputy") -> int:
        """A finding that is being put right."""
        finding = self.report()
        self.does("officer", acts.plan, finding, plan=self.plan(owner), grade="general")
        return finding

    def claimed(self, owner: str = "deputy", by: str = "deputy") -> int:
        """A finding that is said to be done."""
        finding = self.in_hand(owner)
        self.does(by, acts.claim, finding, note="已更换", now=NOW + DAY)
        return finding

    def state(self, finding: int) -> str:
        return str(self.plant.rows("SELECT state FROM finding WHERE finding_id = %s", finding)[0][0])

    def events(self, finding: int) -> list[tuple[Any, ...]]:
        return self.plant.rows(
            "SELECT event, person_id, from_state, to_state FROM finding_event WHERE finding_id = %s ORDER BY event_id",
            finding,
        )


def _works(database: TestDatabase) -> Works:
    plant = make_plant(database)
    with database.connect("owner") as connection:
        zone = connection.execute(
            "INSERT INTO zone (company_id, site_id, key, name, name_zh) VALUES (%s, %s, 'pump', 'Pump house', '泵房') RETURNING zone_id",
            (plant.company, plant.site),
        ).fetchone()
        third = connection.execute(
            "INSERT INTO person (company_id, key, name, role) VALUES (%s, 'third', '王三', 'safety_officer') RETURNING person_id",
            (plant.company,),
        ).fetchone()
    assert zone is not None
    assert third is not None
    return Works(plant, int(str(zone[0])), int(str(third[0])))


@pytest.fixture
def works(database: TestDatabase) -> Works:
    """On each kind of database in turn."""
    return _works(database)


@pytest.fixture
def timescale_works(timescale_database: TestDatabase) -> Works:
    """On TimescaleDB only: for what is about Davy, not about the kind of database."""
    return _works(timescale_database)
