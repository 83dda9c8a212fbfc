"""Whom life safety does not reach on duty: refused by the database where they take over, told beforehand where a calendar names them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from alerting.calendar_reach import unreached_turns
from alerting.store import calendars
from alerting.store.rosters import load_rosters
from alerting.vault import Vault
from core.i18n import translations
from core.settings import Settings
from davy.doctor.duty import duty
from davy.doctor.examination import Examination
from davy.duties.unreachable import tell_of_the_cut_off
from tests.alerting.plant import NOW, Plant
from tests.alerting.test_duty_db import on_duty, takes_over
from tests.alerting.test_outbox import Sink

pytestmark = pytest.mark.db

__all__ = ["on_duty"]

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
INSERT = (
    "INSERT INTO roster_override (roster_id, company_id, person_id, begins_at, ends_at, made_at, made_by, reason)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
)


def smuggled(plant: Plant, roster: int, who: str, reason: str) -> None:
    """Somebody takes over by a statement of its own, past what Python looks at."""
    values = (roster, plant.company, plant.people[who], NOW, NOW + HOUR, NOW, plant.people["officer"], reason)
    with plant.as_person("officer") as connection:
        connection.execute(INSERT, values)


def test_the_database_lets_nobody_take_over_whom_life_safety_does_not_reach(on_duty: tuple[Plant, int]) -> None:
    """No address for the channel of its step: a reason must say so; none at all that works: no reason helps."""
    plant, roster = on_duty
    smuggled(plant, roster, "officer", "")
    for reason in ("", "  "):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            smuggled(plant, roster, "deputy", reason)
    smuggled(plant, roster, "deputy", "the officer is ill")
    plant.rows(
        "UPDATE channel_address SET dead_at = %s, dead_why = 'gone' WHERE person_id = %s RETURNING 1",
        NOW,
        plant.people["deputy"],
    )
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        smuggled(plant, roster, "deputy", "the officer is ill")
    plant.rows("UPDATE route SET priorities = '{high}' RETURNING 1")  # no life hangs on it
    smuggled(plant, roster, "deputy", "")


def calendar(plant: Plant, roster: int, who: str) -> None:
    """The position follows a calendar, by which somebody is on duty from tomorrow on for a day."""
    plant.rows(
        "INSERT INTO roster_calendar (roster_id, company_id, url, host, set_by, set_at)"
        " VALUES (%s, %s, 'https://c.invalid/d.ics', 'c.invalid', %s, %s) RETURNING 1",
        roster, plant.company, plant.people["officer"], NOW,
    )  # fmt: skip
    plant.rows(
        "INSERT INTO roster_turn (roster_id, company_id, number, begins_at, ends_at, person_id) VALUES (%s, %s, 0, %s, %s, %s) RETURNING 1",
        roster, plant.company, NOW + DAY, NOW + 2 * DAY, plant.people[who],
    )  # fmt: skip


def told(plant: Plant, roster: int) -> list[Any]:
    """What the page tells of it, as the company's person."""
    with plant.as_person("officer") as connection:
        unreached = calendars.unreached(connection, [roster])
        found = unreached_turns(load_rosters(connection, [roster], NOW)[roster], unreached, NOW)
    return [(each.begins_at, each.of.person_id, each.of.channel, each.of.others) for each in found]


def examined(plant: Plant) -> tuple[bool, str]:
    """What doctor says of duty, in the words that need no clock."""
    on = Examination(Settings.read({}), NOW, translations("en").gettext)
    with plant.database.connect("owner") as connection:
        check = duty(on, connection)
    return check.ok, check.found


def test_a_calendars_turn_of_somebody_without_an_address_is_told_before_it_begins(on_duty: tuple[Plant, int]) -> None:
    """To the page and to doctor at once, and by message each day to the company's own people; until somebody else takes over."""
    plant, roster = on_duty
    plant.rows("DELETE FROM roster_member WHERE person_id = %s RETURNING 1", plant.people["deputy"])
    calendar(plant, roster, "deputy")
    assert told(plant, roster) == [(NOW + DAY, plant.people["deputy"], "smtp", ["webhook"])]
    assert examined(plant)[0]  # it goes another way
    plant.rows("DELETE FROM channel_address WHERE person_id = %s RETURNING 1", plant.people["deputy"])
    assert told(plant, roster) == [(NOW + DAY, plant.people["deputy"], "preferred", [])]
    assert examined(plant) == (
        False, "A calendar puts somebody on duty whom life safety cannot reach, first at: a-1/duty 2026-03-02 08:00 (1 people).",
    )  # fmt: skip
    with plant.as_service("alerting") as connection:
        assert tell_of_the_cut_off({"smtp": Sink(), "webhook": Sink()}, Vault(), connection, NOW) == 1
    assert plant.rows("SELECT p.key, n.due_at <= %s FROM notification n JOIN person p USING (person_id)", NOW) == [
        ("officer", True)
    ]
    takes_over(plant, roster, "officer", begins=NOW + DAY, ends=NOW + 2 * DAY)
    assert told(plant, roster) == []
    assert examined(plant)[0]
