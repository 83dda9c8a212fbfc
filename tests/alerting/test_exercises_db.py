"""Exercises and roll calls in a real database: the real path, marked everywhere, counted nowhere, giving way to what is real."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from alerting import actions, exercises
from alerting.chain import verify
from alerting.exercises import keep_exercises
from alerting.ledger import AlarmKey
from alerting.store import alarms
from tests.alerting.plant import NOW, Plant

pytestmark = pytest.mark.db

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def start(plant: Plant, person: str = "officer", at: datetime = NOW, **more: Any) -> int:
    with plant.as_person(person) as connection:
        return exercises.ask(connection, site="a-1", by=plant.people[person], now=at, **more)


def keep(plant: Plant, at: datetime) -> int:
    with plant.as_service("alerting") as connection:
        return keep_exercises(connection, at)


def outcome(plant: Plant, number: int) -> tuple[Any, ...]:
    return plant.rows("SELECT outcome, occurrence_id, answered_by FROM exercise WHERE exercise_id = %s", number)[0]


def on_duty(plant: Plant, times: int = 0, *, of: tuple[str, ...] = ("officer",)) -> int:
    """A duty position of the officer, told first by the route; the deputy five minutes later."""
    with plant.database.connect("owner") as connection:
        row: Any = connection.execute(
            "INSERT INTO roster (company_id, site_id, key, name, name_zh, audience, time_zone, roll_calls)"
            " VALUES (%s, %s, 'gas-desk', 'Gas desk', '气体岗', 'client', 'Asia/Shanghai', %s) RETURNING roster_id",
            (plant.company, plant.site, times),
        ).fetchone()
        connection.execute(
            "INSERT INTO roster_layer (roster_id, company_id, layer, key, begins_on, hand_over, turn_days) VALUES (%s, %s, 0, 'week', %s, %s, 7)",
            (row[0], plant.company, date(2026, 2, 23), time(8)),
        )
        for number, person in enumerate(of):
            connection.execute(
                "INSERT INTO roster_member VALUES (%s, %s, 0, %s, %s)",
                (row[0], plant.company, number, plant.people[person]),
            )
        connection.execute("DELETE FROM route_step")
        connection.execute(
            "INSERT INTO route_step (route_id, company_id, position, after_s, person_id, roster_id, channel)"
            " SELECT r.route_id, r.company_id, v.position, v.after_s, v.person, v.roster, v.channel FROM route r,"
            " (VALUES (0, 0, NULL, %s, 'preferred'), (1, 300, %s, NULL, 'webhook')) v(position, after_s, person, roster, channel)"
            " WHERE r.key = 'urgent'",
            (row[0], plant.people["deputy"]),
        )
    return int(row[0])


def test_an_exercise_walks_the_real_path_and_an_acknowledgement_ends_it(plant: Plant) -> None:
    """The routes of the site, step by step; marked in the chain; resolved by itself as a drill; every chain verifies."""
    number = start(plant, limit="gas")
    assert keep(plant, NOW + SECOND) == 1
    assert plant.waiting() == [("officer", 0, "waiting"), ("deputy", 1, "waiting"), ("underwriter", 0, "waiting")]
    assert plant.rows("SELECT DISTINCT urgency FROM notification") == [(4,)]
    occurrence = outcome(plant, number)[1]
    assert plant.rows("SELECT exercise FROM occurrence WHERE occurrence_id = %s", occurrence) == [(True,)]
    with plant.as_person("officer") as connection:
        actions.acknowledge(connection, occurrence, person_id=plant.people["officer"], now=NOW + MINUTE)
    assert keep(plant, NOW + MINUTE + SECOND) == 1
    assert outcome(plant, number) == ("answered", occurrence, plant.people["officer"])
    assert {state for _, _, state in plant.waiting()} == {"cancelled"}
    assert plant.rows("SELECT resolution, resolved_by FROM occurrence WHERE exercise") == [("test_or_drill", None)]
    assert plant.rows("SELECT state::text, active, occurrence_id FROM alarm") == [("A", False, None)]
    key = AlarmKey(*plant.rows("SELECT definition_id, sensor_id FROM alarm")[0])
    with plant.as_service("alerting") as connection:
        links = alarms.transitions_of(connection, [key])
    assert [(link.event, link.reason) for link, _, _ in links] == [
        ("raise", f"exercise {number} / 演练 {number}"),
        ("acknowledge", None),
        ("exercise_over", f"exercise {number} / 演练 {number}"),
    ]
    assert verify(links) is None
    assert keep(plant, NOW + 2 * MINUTE) == 0
    assert start(plant, at=NOW + HOUR) == number + 1  # and another one walks by the same alarm
