"""Where Davy failed somebody is a finding against it: opened once with its evidence, ended by a person."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from alerting import actions
from alerting.exercises import draw_deliveries, keep_exercises
from alerting.store.exercises import deliveries
from core.failures import FailedTest, WalkedLadder
from davy.duties.failures import look_for_failures
from risk.own_finding import what_it_says
from tests.alerting.plant import NOW, Plant, make_plant
from tests.alerting.test_outbox import Clock, Sink, dispatcher, rounds
from tests.alerting.wire import Wire
from tests.database import TestDatabase

pytestmark = pytest.mark.db

SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
LAST = 300.0  # seconds after the onset, of the plant's last step


@pytest.fixture
def plant(database: TestDatabase) -> Plant:
    return make_plant(database)


def look(plant: Plant, now: datetime) -> int:
    with plant.as_service("alerting") as connection:
        return look_for_failures(connection, now)


def found(plant: Plant) -> list[FailedTest | WalkedLadder]:
    said = [
        what_it_says(kind, facts)
        for kind, facts in plant.rows("SELECT kind, facts FROM own_finding ORDER BY own_finding_id")
    ]
    return [each for each in said if isinstance(each, FailedTest | WalkedLadder)]


def settle(plant: Plant, at: datetime) -> None:
    plant.rows(
        "UPDATE own_finding SET closed_at = %s, closed_by = %s WHERE closed_at IS NULL RETURNING 1",
        at,
        plant.people["operator"],
    )


def delivery(plant: Plant, at: datetime, *, takes: timedelta | None) -> None:
    """A day's test, that takes so long or does not arrive."""
    with plant.as_service("alerting") as connection:
        draw_deliveries(connection, at, plant.people["underwriter"], deliveries(connection))
        keep_exercises(connection, at)
    if takes is not None:
        clock = Clock()
        clock.now = at + takes
        with dispatcher(plant, clock, smtp=Sink()) as subject:
            rounds(subject, clock.now)
    with plant.as_service("alerting") as connection:
        keep_exercises(connection, at + max(takes or MINUTE, MINUTE) + SECOND)


def walk(plant: Plant, at: datetime, *, until: float = LAST) -> None:
    """Gas, and its calls as they fall due."""
    plant.apply(plant.raised("gas", at), now=at)
    clock = Clock()
    with dispatcher(plant, clock, smtp=Sink(), webhook=Sink()) as subject:
        for after in (0.0, 120.0, LAST):
            if after <= until:
                clock.now = at + timedelta(seconds=after)
                rounds(subject, clock.now)


def test_a_delivery_test_that_did_not_arrive_is_a_finding_until_a_person_settles_it(plant: Plant) -> None:
    """Once, with what was tried; a second one opens none while it stands, one after the settling does, and a good one ends none."""
    delivery(plant, NOW, takes=None)
    assert (look(plant, NOW + 2 * MINUTE), look(plant, NOW + 3 * MINUTE)) == (1, 0)
    ((number, occurrence),) = plant.rows("SELECT exercise_id, occurrence_id FROM exercise")
    first = FailedTest(
        exercise_id=number,
        occurrence_id=occurrence,
        began_at=NOW,
        ended_at=NOW + MINUTE + SECOND,
        took_s=None,
        promised_s=60.0,
    )
    assert found(plant) == [first]
    delivery(plant, NOW + DAY, takes=None)
    delivery(plant, NOW + 2 * DAY, takes=SECOND)
    assert look(plant, NOW + 2 * DAY + 2 * MINUTE) == 0
    assert (found(plant), plant.rows("SELECT closed_at FROM own_finding")) == ([first], [(None,)])
    settle(plant, NOW + 2 * DAY + 3 * MINUTE)
    assert look(plant, NOW + 2 * DAY + 4 * MINUTE) == 0
    delivery(plant, NOW + 3 * DAY, takes=None)
    assert look(plant, NOW + 3 * DAY + 2 * MINUTE) == 1
    assert plant.rows("SELECT count(*) FROM finding") == [(0,)]


def test_a_delivery_test_that_came_late_is_one_and_in_time_is_none(plant: Plant) -> None:
    """It arrived before anybody had looked, but not within its promise."""
    delivery(plant, NOW, takes=SECOND)
    assert look(plant, NOW + 2 * MINUTE) == 0
    delivery(plant, NOW + DAY, takes=75 * SECOND)
    assert look(plant, NOW + DAY + 2 * MINUTE) == 1
    (late,) = found(plant)
    assert isinstance(late, FailedTest)
    assert (late.took_s, late.promised_s, late.missing) == (75.0, 60.0, None)


def test_the_leg_that_did_not_come_is_kept_where_the_test_knows_it(plant: Plant) -> None:
    """One that began on the wire does: the broker had its reading, and nobody stored it."""
    wire = Wire(plant.database, plant.people["underwriter"])
    wire.ask(NOW)
    wire.publish(NOW)
    wire.keep(NOW + MINUTE + SECOND)
    assert look(plant, NOW + 2 * MINUTE) == 1
    (facts,) = found(plant)
    assert isinstance(facts, FailedTest)
    assert (facts.missing, facts.took_s, facts.occurrence_id) == ("stored", None, None)


def test_a_test_from_the_wire_is_as_long_as_from_its_being_published(plant: Plant) -> None:
    """As the page of readiness has it: what it waited for its publisher before that is none of the path's time."""
    wire, published = Wire(plant.database, plant.people["underwriter"]), NOW + 50 * SECOND
    wire.ask(NOW)
    wire.publish(published)
    wire.judge(published)
    clock = Clock()
    clock.now = NOW + 75 * SECOND
    with dispatcher(plant, clock, smtp=Sink()) as subject:
        rounds(subject, clock.now)
    wire.keep(clock.now)
    assert plant.rows("SELECT outcome FROM exercise") == [("delivered",)]
    assert look(plant, NOW + 2 * MINUTE) == 0


def test_a_whole_ladder_that_nobody_answered_is_a_finding(plant: Plant) -> None:
    """Not before the last step's wait is over; the evidence is the occurrence and how it was called."""
    walk(plant, NOW)
    walked = NOW + timedelta(seconds=2 * LAST)
    assert (look(plant, walked - SECOND), look(plant, walked), look(plant, walked + MINUTE)) == (0, 1, 0)
    occurrence = plant.alarm("gas")[3]
    first = WalkedLadder(
        occurrence_id=occurrence, title="Gas at 25 % LEL", title_zh="可燃气体达25%LEL", onset=NOW, steps=3, calls=3, failed=0, people=3,
        last_at=NOW + timedelta(seconds=LAST), waited_s=LAST,
    )  # fmt: skip
    assert found(plant) == [first]
    settle(plant, walked + 2 * MINUTE)
    assert look(plant, walked + 3 * MINUTE) == 0


@pytest.mark.parametrize("case", ["answered", "answered too late", "not yet called", "not life safety", "an exercise"])
def test_what_is_no_such_finding(plant: Plant, case: str) -> None:
    """Somebody answered in time, calls still wait, or it was no life-safety alarm; who answers after the wait has not undone it."""
    walked = NOW + timedelta(seconds=2 * LAST)
    walk(plant, NOW, until=120.0 if case == "not yet called" else LAST)
    if case.startswith("answered"):
        at = walked + SECOND * (10 if case == "answered too late" else -10)
        with plant.as_person("officer") as connection:
            actions.acknowledge(connection, plant.definitions["gas"], person_id=plant.people["officer"], now=at)
    if case == "not life safety":
        plant.rows("UPDATE notification SET urgency = 1 RETURNING 1")
    if case == "an exercise":
        plant.rows("UPDATE occurrence SET exercise = true RETURNING 1")
    assert look(plant, walked + MINUTE) == (1 if case == "answered too late" else 0)
