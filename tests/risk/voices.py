"""The plant of risk's tests with the insurer's risk engineers, occurrences that are over, and complaints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg

from core.db import transaction
from risk import complaints
from risk.rating import Thing
from tests.alerting.plant import NOW
from tests.risk.conftest import Works


@dataclass(frozen=True, slots=True)
class Voices:
    """What a test of the voice does and asks.

    Args:
        engineers: the insurer's people who answer complaints: "luo" and "shi".
    """

    works: Works
    engineers: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def as_person(self, who: str) -> Iterator[psycopg.Connection[Any]]:
        if who not in self.engineers:
            with self.works.as_person(who) as connection:
                yield connection
            return
        database, plant = self.works.plant.database, self.works.plant
        token = database.person_token(self.engineers[who], "risk_engineer", plant.company)
        with database.connect("web") as connection, transaction(connection, token):
            yield connection

    def id_of(self, who: str) -> int:
        return self.engineers[who] if who in self.engineers else self.works.id_of(who)

    def does(self, who: str, act: Any, *arguments: Any, now: datetime = NOW, **words: Any) -> Any:
        """One act, in a transaction of its own."""
        with self.as_person(who) as connection:
            return act(connection, *arguments, person_id=self.id_of(who), now=now, **words)

    def occurrence(
        self,
        definition: str = "gas",
        *,
        resolution: str | None = "nuisance",
        resolved_at: datetime = NOW,
        simulated: bool = False,
        exercise: bool = False,
    ) -> int:
        """One that is over; unresolved where there is no resolution."""
        plant = self.works.plant
        found = plant.rows(
            "INSERT INTO occurrence (company_id, site_id, definition_id, sensor_id, began_at, normal_at, resolved_at, resolved_by, resolution,"
            " evidence_from, simulated, exercise) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING occurrence_id",
            plant.company, plant.site, plant.definitions[definition].definition_id, plant.definitions[definition].sensor_id,
            resolved_at, resolved_at, resolved_at if resolution else None, plant.people["officer"] if resolution else None,
            resolution, resolved_at, simulated, exercise,
        )  # fmt: skip
        return int(found[0][0])

    def filed(self, who: str = "officer", *, now: datetime = NOW, **words: Any) -> int:
        told = {"site_id": self.works.plant.site, "title": "夜间误报太多", "body": "一周三次，无任何泄漏。", **words}
        return int(self.does(who, complaints.file, now=now, **told))

    def answered(self, complaint: int, *, now: datetime = NOW) -> None:
        """Taken on and analysed."""
        self.does("luo", complaints.take, complaint, now=now)
        self.does("luo", complaints.analyse, complaint, now=now, cause="limit", facts="回差过小。")

    def solved(self, *, now: datetime = NOW, **words: Any) -> int:
        made = self.filed(now=now, **words)
        self.answered(made, now=now)
        self.does("luo", complaints.solve, made, now=now, measures="回差由 0 改为 2 %LEL。")
        return made

    def state(self, complaint: int) -> str:
        return str(self.works.plant.rows("SELECT state FROM complaint WHERE complaint_id = %s", complaint)[0][0])


def voices(works: Works) -> Voices:
    """Two risk engineers look after the company."""
    made = {}
    for key, name in (("luo", "罗敏"), ("shi", "石磊")):
        row = works.plant.rows(
            "WITH p AS (INSERT INTO person (key, name, role, language) VALUES (%s, %s, 'risk_engineer', 'zh') RETURNING person_id)"
            " INSERT INTO person_company SELECT person_id, %s FROM p RETURNING person_id",
            key, name, works.plant.company,
        )  # fmt: skip
        made[key] = int(row[0][0])
    return Voices(works, made)


OCCURRENCE = Thing.OCCURRENCE
