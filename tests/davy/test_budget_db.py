"""Too many messages are a finding against ourselves: opened by whole days, ended by itself, and of no score."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from davy.duties.budget import look_at_the_budget
from risk.own_finding import facts_of
from tests.alerting.plant import NOW, Plant, make_plant
from tests.alerting.test_outbox import Clock, Sink, dispatcher, rounds
from tests.database import TestDatabase

pytestmark = pytest.mark.db

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


def day_of(plant: Plant, at: datetime, times: int) -> None:
    """So many messages to the officer on one day, one after the other."""
    for n in range(times):
        begun = at + n * MINUTE
        plant.apply(plant.raised("heat", begun), now=begun)
        plant.apply(plant.cleared("heat", begun + MINUTE / 2), now=begun + MINUTE / 2)
        clock = Clock()
        clock.now = begun + MINUTE / 4
        with dispatcher(plant, clock, smtp=Sink()) as subject:
            rounds(subject, clock.now)
        plant.rows("UPDATE alarm SET state = 'A', onset = NULL, occurrence_id = NULL RETURNING 1")
        plant.rows("UPDATE occurrence SET resolved_at = %s, resolution = 'nuisance' RETURNING 1", begun + MINUTE / 2)


def look(plant: Plant, now: datetime) -> int:
    with plant.as_service("alerting") as connection:
        return look_at_the_budget(connection, now)


def test_three_days_too_many_are_a_finding_and_calm_ends_it(timescale_database: TestDatabase) -> None:
    """It names the worst alarm, opens once, is no finding of the site's, and ends when the days are behind."""
    plant = make_plant(timescale_database)
    for days in (4, 3, 2):
        day_of(plant, NOW - days * DAY, 6 if days == 4 else 7)
    assert look(plant, NOW) == look(plant, NOW + MINUTE) == 1
    ((facts, closed_at),) = plant.rows("SELECT facts, closed_at FROM own_finding")
    found = facts_of(facts)
    assert (found.days_over, found.most, found.people, found.budget, closed_at) == (3, 7, 1, 5, None)
    assert [each.limit for each in found.proposed] == ["heat"]
    assert plant.rows("SELECT count(*) FROM finding") == [(0,)]
    assert look(plant, NOW + 3 * DAY) == 1  # two days of it are left: it stands
    assert look(plant, NOW + 5 * DAY) == 0
    assert plant.rows("SELECT closed_at FROM own_finding") == [(NOW + 5 * DAY,)]


def test_what_a_person_has_settled_is_not_opened_by_the_same_days(timescale_database: TestDatabase) -> None:
    """The risk engineer has answered for the days before; new ones open a new one."""
    plant = make_plant(timescale_database)
    for days in (4, 3, 2):
        day_of(plant, NOW - days * DAY, 7)
    assert look(plant, NOW) == 1
    plant.rows(
        "UPDATE own_finding SET closed_at = %s, closed_by = %s RETURNING 1", NOW + MINUTE, plant.people["operator"]
    )
    assert look(plant, NOW + 2 * MINUTE) == 0
    assert look(plant, NOW + 12 * 60 * MINUTE) == 0
    for days in (1, 2, 3):
        day_of(plant, NOW + days * DAY, 7)
    assert look(plant, NOW + 4 * DAY) == 1
    assert plant.rows("SELECT count(*) FROM own_finding") == [(2,)]


def test_two_bad_days_are_no_finding(timescale_database: TestDatabase) -> None:
    """One bad day is an event, not a habit; and a message that told of many alarms is one."""
    plant = make_plant(timescale_database)
    for days in (3, 2):
        day_of(plant, NOW - days * DAY, 6)
    plant.rows("UPDATE notification SET told_in = 'one' WHERE sent_at > %s RETURNING 1", NOW - 2 * DAY - MINUTE)
    assert look(plant, NOW) == 0
    assert plant.rows("SELECT 1 FROM own_finding") == []
