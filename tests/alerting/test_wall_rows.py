"""What no statement smuggled into the web process can write: rows that whoever works for all companies could not read."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from alerting.ledger import notification_key
from alerting.reassigning import reassign
from alerting.store.definitions import load_routes
from tests.alerting.plant import NOW, Plant

pytestmark = pytest.mark.db

REFUSED = (
    psycopg.errors.CheckViolation,
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.FeatureNotSupported,
)
CALL: dict[str, object] = {
    "step": 1, "rule": "r", "audience": "client", "channel": "webhook", "urgency": 0, "onset": NOW, "due_at": NOW, "created_at": NOW,
}  # fmt: skip


def call_of(plant: Plant, **changes: object) -> None:
    """A call to the deputy for the raised gas alarm, as the officer's session plans one."""
    alarm = plant.definitions["gas"]
    deputy = plant.people["deputy"]
    row: dict[str, Any] = {
        "key": notification_key(alarm, NOW, 9, deputy, "webhook"), "company_id": plant.company, "occurrence_id": plant.alarm("gas")[3],
        "definition_id": alarm.definition_id, "sensor_id": alarm.sensor_id, "person_id": deputy, "roster_id": None, **CALL, **changes,
    }  # fmt: skip
    columns, values = ", ".join(row), ", ".join(f"%({name})s" for name in row)
    with plant.as_person("officer") as connection:
        connection.execute(f"INSERT INTO notification ({columns}) VALUES ({values})".encode(), row)  # noqa: S608 - names of columns


UNREADABLE: dict[str, dict[str, object]] = {
    "an urgency that is none": {"urgency": 7},
    "an urgency below zero": {"urgency": -1},
    "due never": {"due_at": "infinity"},
    "due before everything": {"due_at": "-infinity"},
    "due in a year that no program writes": {"due_at": "20000-01-01 00:00+00"},
    "an onset that is no instant": {"onset": "infinity"},
    "made at no instant": {"created_at": "infinity"},
    "the key of another alarm's message": {"key": "999-999-0-0-1-smtp"},
    "a channel that no step of the route names": {"channel": "voice"},
    "a lease": {"lease_until": NOW},
    "an audience that is none": {"audience": "everybody"},
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_call_says_nothing_that_a_sender_cannot_read(timescale_plant: Plant, what: str) -> None:
    """One such row of one company would end the work for all, every second."""
    plant = timescale_plant
    plant.apply(plant.raised("gas"))
    with pytest.raises(REFUSED):
        call_of(plant, **UNREADABLE[what])


def test_an_alarm_and_its_occurrence_keep_instants_that_can_be_read(timescale_plant: Plant) -> None:
    """The snapshot of ingest and the senders of alerting read them for all companies."""
    plant = timescale_plant
    plant.apply(plant.raised("gas"))
    for statement in (
        "UPDATE alarm SET changed_at = 'infinity'",
        "UPDATE alarm SET onset = '20000-01-01 00:00+00'",
        "UPDATE occurrence SET normal_at = 'infinity'",
        "UPDATE occurrence SET resolved_at = '-infinity'",
        "UPDATE notification SET state = 'cancelled', finished_at = 'infinity'",
    ):
        with pytest.raises(REFUSED), plant.as_person("officer") as connection:
            connection.execute(statement.encode())


def test_a_call_as_a_session_plans_it_is_taken(timescale_plant: Plant) -> None:
    """Over any channel of the route, since in quiet hours the next is told over the channel of the step before."""
    plant = timescale_plant
    plant.apply(plant.raised("gas"))
    call_of(plant)
    alarm = plant.definitions["gas"]
    call_of(plant, channel="smtp", key=notification_key(alarm, NOW, 9, plant.people["deputy"], "smtp"))


OVERRIDE = (
    "INSERT INTO roster_override (roster_id, company_id, person_id, begins_at, ends_at, made_at, made_by)"
    " VALUES (%(roster)s, %(company)s, %(officer)s, %(begins)s, %(begins)s::timestamptz + interval '1 h', now(), %(officer)s)"
)


def roster_of(plant: Plant) -> int:
    """A duty position in the place of the officer."""
    (found,) = plant.rows(
        "WITH r AS (INSERT INTO roster (company_id, site_id, key, name, name_zh, audience, time_zone)"
        "  VALUES (%s, %s, 'duty', 'Duty', '值班', 'client', 'Asia/Shanghai') RETURNING roster_id)"
        " UPDATE route_step SET person_id = NULL, roster_id = r.roster_id FROM r WHERE person_id = %s RETURNING r.roster_id",
        plant.company,
        plant.site,
        plant.people["officer"],
    )
    return int(found[0])


def test_nobody_takes_over_in_a_year_that_cannot_be_read(timescale_plant: Plant) -> None:
    """A year ahead is the furthest, in the database too: ingest reads the overrides within each batch."""
    plant = timescale_plant
    ids = {"roster": roster_of(plant), "company": plant.company, "officer": plant.people["officer"]}

    def take_over(begins: str) -> None:
        with plant.as_person("officer") as connection:
            connection.execute(OVERRIDE, {**ids, "begins": begins})

    ((year_ahead,),) = plant.rows("SELECT (now() + interval '367 days')::text")
    for begins in ("20000-01-01 00:00+00", "infinity", "-infinity", year_ahead):
        with pytest.raises((*REFUSED, psycopg.errors.DatetimeFieldOverflow)):
            take_over(begins)
    ((soon,),) = plant.rows("SELECT (now() + interval '300 days')::text")
    take_over(soon)
    with plant.as_service("ingest") as connection:
        (urgent, *_) = load_routes(connection, [plant.site], NOW)[plant.site]
    assert [len(roster.overrides) for roster in urgent.rosters.values()] == [1]
    with plant.as_service("alerting") as connection:
        assert reassign(connection, NOW) == 0


LAYER = (
    "INSERT INTO roster_layer (roster_id, company_id, layer, key, begins_on, hand_over, turn_days, hours_from, hours_until)"
    " VALUES (%(roster)s, %(company)s, 1, 'week', %(begins_on)s::text::date, %(hand_over)s::text::time, 7,"
    " '08:00', %(hours_until)s::text::time)"
)
UNREADABLE_LAYERS: dict[str, dict[str, object]] = {
    "an hour after the last, of the hand-over": {"hand_over": "24:00"},
    "an hour after the last, of its hours": {"hours_until": "24:00"},
    "a day that is none": {"begins_on": "infinity"},
    "a day in a year that no program writes": {"begins_on": "20000-01-01"},
    "a day before Christ": {"begins_on": "0044-03-15 BC"},
}
UNREADABLE_HOLIDAYS = (
    "{infinity}",
    "{-infinity}",
    "{20000-01-01}",
    "{0044-03-15 BC}",
    "{NULL}",
    "{{2026-10-01},{2026-10-02}}",
)


@pytest.mark.parametrize("what", UNREADABLE_LAYERS)
def test_a_rotation_can_be_read_by_whoever_plans_a_call(timescale_plant: Plant, what: str) -> None:
    """A person's session writes rotations; ingest reads them in each batch, alerting every second: for all companies."""
    plant = timescale_plant
    good = {
        "roster": roster_of(plant), "company": plant.company, "begins_on": "2026-01-05", "hand_over": "08:00", "hours_until": "20:00",
    }  # fmt: skip
    with pytest.raises(REFUSED), plant.as_person("officer") as connection:
        connection.execute(LAYER, {**good, **UNREADABLE_LAYERS[what]})
    with plant.as_person("officer") as connection:
        connection.execute(LAYER, good)


@pytest.mark.parametrize("days", UNREADABLE_HOLIDAYS)
def test_holidays_can_be_read_by_whoever_plans_a_call(timescale_plant: Plant, days: str) -> None:
    """The same of the days on which another layer comes first."""
    plant = timescale_plant
    roster = roster_of(plant)
    with pytest.raises(REFUSED), plant.as_person("officer") as connection:
        connection.execute("UPDATE roster SET holidays = %s::text::date[] WHERE roster_id = %s", (days, roster))
    with plant.as_person("officer") as connection:
        changed = connection.execute("UPDATE roster SET holidays = '{2026-10-01}' WHERE roster_id = %s", (roster,))
        assert changed.rowcount == 1


WISH = (
    "INSERT INTO person_preference (person_id, company_id, urgent, time_zone, quiet_from, quiet_until, changed_at)"
    " VALUES (%(person)s, %(company)s, %(urgent)s, %(zone)s, %(quiet)s, '07:00', %(at)s)"
)
UNREADABLE_WISHES: dict[str, dict[str, object]] = {
    "a zone that is not there": {"zone": "Mars/Olympus"},
    "a zone by its rule": {"zone": "FOO+3"},
    "no zone": {"zone": ""},
    "an hour after the last": {"quiet": "24:00"},
    "a channel that is nothing": {"urgent": [None]},
    "lists in a list": {"urgent": [["smtp"], ["webhook"]]},
    "a thousand channels": {"urgent": ["smtp"] * 1000},
    "changed at no instant": {"at": "infinity"},
}


@pytest.mark.parametrize("what", UNREADABLE_WISHES)
def test_a_wish_can_be_read_by_whoever_plans_a_call(timescale_plant: Plant, what: str) -> None:
    """An insurer's person's wishes are read for every company that they hear of."""
    plant = timescale_plant
    good: dict[str, object] = {
        "person": plant.people["underwriter"], "company": None, "urgent": ["smtp"], "zone": "Asia/Shanghai", "quiet": "22:00", "at": NOW,
    }  # fmt: skip
    with pytest.raises(REFUSED), plant.as_person("underwriter") as connection:
        connection.execute(WISH, {**good, **UNREADABLE_WISHES[what]})
    with plant.as_person("underwriter") as connection:
        connection.execute(WISH, good)
    with pytest.raises(REFUSED), plant.as_person("underwriter") as connection:
        connection.execute("UPDATE person_preference SET time_zone = 'Mars/Olympus'")
    with pytest.raises(REFUSED), plant.as_person("underwriter") as connection:
        connection.execute("UPDATE person_preference SET company_id = %s", (plant.company,))
    with plant.as_service("ingest") as connection:
        found = load_routes(connection, [plant.site], NOW)[plant.site]
    assert {route.people[plant.people["underwriter"]].time_zone for route in found if route.audience == "insurer"} == {
        "Asia/Shanghai"
    }


def test_a_zone_that_this_machine_does_not_know_holds_nobody_back(
    timescale_plant: Plant, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server may know more zones than the program: then there are no quiet hours, it is said, and the batch goes on."""
    plant = timescale_plant
    late = plant.people["deputy"]
    with plant.database.connect("owner") as owner:
        owner.execute("ALTER TABLE person_preference DISABLE TRIGGER zone_is_named")
        owner.execute(
            WISH,
            {
                "person": late,
                "company": plant.company,
                "urgent": [],
                "zone": "Mars/Olympus",
                "quiet": "00:00",
                "at": NOW,
            },
        )
        owner.execute("UPDATE route SET priorities = ARRAY['low'] WHERE key = 'urgent'")
    plant.apply(plant.raised("level", NOW + timedelta(seconds=1)), now=NOW + timedelta(seconds=1))
    assert [row[0] for row in plant.waiting()] == ["officer", "deputy"]
    assert "time_zone_unknown" in capsys.readouterr().out
