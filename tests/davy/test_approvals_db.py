"""Who hears of what waits for a second person: once, once more before it lapses, and whoever asked hears what became of it."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from alerting import suppressions
from alerting.approval import said_again_at
from core.db import transaction
from davy.duties.notices import tell_occasions
from tests.alerting.plant import NOW, Plant, make_plant
from tests.alerting.test_outbox import Clock, Sink, dispatcher, rounds
from tests.alerting.test_suppressions_db import Works
from tests.database import TestDatabase

pytestmark = pytest.mark.db

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def plant(database: TestDatabase) -> Plant:
    """The small plant with a second safety officer, who reads mail."""
    made = make_plant(database)
    row = made.rows(
        "INSERT INTO person (company_id, key, name, language, role) VALUES (%s, 'second', 'Second Officer', 'en', 'safety_officer') RETURNING person_id",
        made.company,
    )
    made.people["second"] = int(row[0][0])
    made.rows(
        "INSERT INTO channel_address (person_id, company_id, channel, address) VALUES (%s, %s, 'smtp', 'second@example.com') RETURNING 1",
        made.people["second"], made.company,
    )  # fmt: skip
    return made


def tell(plant: Plant, now: datetime) -> int:
    with plant.as_service("alerting") as connection:
        return tell_occasions(connection, now)


def queued(plant: Plant) -> list[tuple[str, str, str, str]]:
    """(subject, event, person, channel) of what was queued, in order; nothing of it is urgent."""
    names = {person_id: key for key, person_id in plant.people.items()}
    rows = plant.rows(
        "SELECT subject, event, person_id, channel, urgency FROM notification WHERE approval_id IS NOT NULL ORDER BY notification_id"
    )
    assert all(row[4] == 3 for row in rows)
    return [(subject, event, names[person], channel) for subject, event, person, channel, _ in rows]


def sent(plant: Plant, now: datetime) -> list[Any]:
    """What goes out by then."""
    sink, clock = Sink(), Clock()
    clock.now = now
    with dispatcher(plant, clock, smtp=sink, webhook=sink) as subject:
        rounds(subject, now)
    return sink.sent


def works(plant: Plant) -> Works:
    return Works(plant, 0)


def propose_limit(plant: Plant, who: str, proposed: dict[str, Any], key: str = "gas", **more: Any) -> int:
    """An open change, as the page writes it; gives its number."""
    row = plant.rows(
        "INSERT INTO limit_change (company_id, site_id, definition_id, base_version, old, proposed, reason, overruling, proposed_by, proposed_at)"
        " SELECT d.company_id, d.site_id, d.definition_id, d.version, (SELECT jsonb_object_agg(k, davy_limit_named(d) -> k) FROM jsonb_object_keys(%s) k), %s,"
        " 'because', %s, %s, %s FROM alarm_definition d WHERE d.definition_id = %s RETURNING change_id",
        Jsonb(proposed), Jsonb(proposed), more.get("overruling"), plant.people[who], NOW, plant.definitions[key].definition_id,
    )  # fmt: skip
    return int(row[0][0])


def test_an_order_is_told_once_and_once_more_before_it_lapses(plant: Plant) -> None:
    """Only other safety officers may agree: the integrator and who asked hear nothing; at its end the asker hears that nobody did."""
    works(plant).out("gas", begins_at=NOW, ends_at=NOW + 12 * HOUR)
    assert tell(plant, NOW) == 1
    assert tell(plant, NOW + HOUR) == 0
    (message,) = sent(plant, NOW + HOUR)
    assert message.subject == "[Waits for a second person] alarms out of service, Tank farm"
    assert "陈安全" in message.text
    assert "/suppressions/" in message.text
    assert tell(plant, NOW + 8 * HOUR) == 1
    assert tell(plant, NOW + 9 * HOUR) == 0
    assert [m.subject for m in sent(plant, NOW + 9 * HOUR)] == [
        "[Lapses unanswered before long] alarms out of service, Tank farm"
    ]
    assert tell(plant, NOW + 13 * HOUR) == 1
    assert [m.subject for m in sent(plant, NOW + 13 * HOUR)] == ["【您的申请已失效：无人答复】报警停用，罐区"]
    assert tell(plant, NOW + 14 * HOUR) == 0
    assert queued(plant) == [
        ("order", "waits", "second", "smtp"),
        ("order", "lapses", "second", "smtp"),
        ("order", "lapsed", "officer", "smtp"),
    ]


def test_what_was_answered_is_asked_of_nobody_and_told_to_who_asked(plant: Plant) -> None:
    """A message that still waits to go out is called off; who withdrew it themselves hears nothing."""
    here = works(plant)
    order = here.out("gas", who="deputy")
    assert tell(plant, NOW) == 2  # both officers
    here.says("officer", suppressions.refuse, order, now=NOW + MINUTE, note="The pump runs")
    assert sent(plant, NOW + MINUTE) == []
    assert tell(plant, NOW + 2 * MINUTE) == 1
    (message,) = sent(plant, NOW + 2 * MINUTE)
    assert message.subject == "[What you asked for: refused] alarms out of service, Tank farm"
    assert "The pump runs" in message.text
    other = here.out("heat", who="deputy", now=NOW + 3 * MINUTE, begins_at=NOW + 3 * MINUTE)
    here.says("deputy", suppressions.end, other, now=NOW + 4 * MINUTE)
    assert tell(plant, NOW + 5 * MINUTE) == 0


def test_nobody_is_woken_for_what_changes_nothing_while_it_waits(plant: Plant) -> None:
    """In quiet hours an order waits for the morning; a limit that would call people sooner to save lives does not."""
    for who in ("officer", "second"):
        plant.rows(
            "INSERT INTO person_preference (person_id, company_id, time_zone, quiet_from, quiet_until, changed_at)"
            " VALUES (%s, %s, 'UTC', %s, %s, %s) RETURNING 1", plant.people[who], plant.company, time(7), time(10), NOW,
        )  # fmt: skip
    works(plant).out("gas", ends_at=NOW + 12 * HOUR)
    propose_limit(plant, "officer", {"setpoint": 26.0}, overruling="no history")
    propose_limit(plant, "deputy", {"setpoint": 20.0}, key="heat", overruling="no history")
    assert tell(plant, NOW) == 5
    due = plant.rows(
        "SELECT DISTINCT subject, due_at FROM notification WHERE approval_id IS NOT NULL AND channel = 'smtp' ORDER BY 1"
    )
    assert due == [("limit_change", NOW + 2 * HOUR), ("order", NOW + 2 * HOUR)]
    plant.rows(
        "UPDATE limit_change SET state = 'withdrawn', settled_at = %s, settled_by = proposed_by RETURNING 1", NOW
    )
    propose_limit(plant, "officer", {"setpoint": 20.0})
    assert tell(plant, NOW + MINUTE) == 2
    rows = plant.rows("SELECT due_at FROM notification WHERE created_at = %s", NOW + MINUTE)
    assert rows == [(NOW + MINUTE,)] * 2


def test_words_and_a_later_re_alarm_wake_nobody(plant: Plant) -> None:
    """They wait for a second person, and for the morning: only what would call people sooner, or sooner again, does not."""
    plant.rows("UPDATE alarm_definition SET realarm_after_s = 3600 RETURNING 1")
    propose_limit(plant, "officer", {"title": "Gas at the pump"})
    propose_limit(plant, "officer", {"realarm_after_s": 7200.0}, key="heat")
    looked = "SELECT waits, guards_life FROM v_approval WHERE settled_at IS NULL ORDER BY number"
    assert plant.rows(looked) == [(True, False), (True, False)]
    plant.rows(
        "UPDATE limit_change SET state = 'withdrawn', settled_at = %s, settled_by = proposed_by RETURNING 1", NOW
    )
    propose_limit(plant, "officer", {"realarm_after_s": 1800.0})
    propose_limit(plant, "officer", {"realarm_after_s": None, "setpoint": 20.0}, key="heat")
    assert plant.rows(looked) == [(True, True), (True, False)]


def test_who_may_approve_a_limit(plant: Plant) -> None:
    """One of the two is a safety officer: what an integrator proposes waits for officers, what an officer proposes for an integrator too."""
    propose_limit(plant, "deputy", {"setpoint": 20.0})
    tell(plant, NOW)
    assert queued(plant) == [("limit_change", "waits", who, "smtp") for who in ("officer", "second")]
    plant.rows("DELETE FROM notification RETURNING 1")
    plant.rows(
        "UPDATE limit_change SET state = 'withdrawn', settled_at = %s, settled_by = proposed_by RETURNING 1", NOW
    )
    number = propose_limit(plant, "officer", {"setpoint": 20.0})
    tell(plant, NOW)
    assert queued(plant) == [
        ("limit_change", "waits", "deputy", "webhook"),
        ("limit_change", "waits", "second", "smtp"),
    ]
    plant.rows(
        "UPDATE limit_change SET state = 'refused', settled_at = %s, settled_by = %s, answer = 'no' WHERE change_id = %s RETURNING 1",
        NOW + MINUTE, plant.people["second"], number,
    )  # fmt: skip
    tell(plant, NOW + 2 * MINUTE)
    assert queued(plant)[-1] == ("limit_change", "refused", "officer", "smtp")


def test_another_sensor_to_compare_with_waits_like_a_number(plant: Plant) -> None:
    """Whoever may approve it is told, as long as the limit is compared with what its proposer saw."""
    plant.rows(
        "UPDATE alarm_definition SET detector = 'difference', other_sensor_id = %s WHERE key = 'gas' RETURNING 1",
        plant.definitions["heat"].sensor_id,
    )
    propose_limit(plant, "officer", {"other": "dev-1/level"})
    assert tell(plant, NOW) == 2
    assert queued(plant) == [
        ("limit_change", "waits", "deputy", "webhook"),
        ("limit_change", "waits", "second", "smtp"),
    ]
    plant.rows(
        "UPDATE alarm_definition SET other_sensor_id = %s WHERE key = 'gas' RETURNING 1",
        plant.definitions["level"].sensor_id,
    )
    assert plant.rows("SELECT waits FROM v_approval") == [(False,)]


def test_what_waits_for_something_else_is_told_to_nobody(plant: Plant) -> None:
    """One person is enough, its back-test is still to come, or the limit has changed meanwhile: no second person can answer."""
    propose_limit(plant, "officer", {"title": "Heat"}, key="heat")
    plant.rows(
        "INSERT INTO reading_hour (sensor_id, company_id, hour, readings, good) VALUES (%s, %s, %s, 1, 1) RETURNING 1",
        plant.definitions["gas"].sensor_id, plant.company, datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 24 * HOUR,
    )  # fmt: skip
    number = propose_limit(plant, "officer", {"setpoint": 30.0})
    assert tell(plant, NOW) == 0
    plant.rows("UPDATE limit_change SET overruling = 'we know' WHERE change_id = %s RETURNING 1", number)
    assert tell(plant, NOW + MINUTE) == 2
    plant.rows("UPDATE alarm_definition SET version = version + 1 WHERE key = 'gas' RETURNING 1")
    assert sent(plant, NOW + MINUTE) == []


def test_a_route_waits_like_a_limit(plant: Plant) -> None:
    """Told to those who may approve it, with the page where they answer; whoever proposed it hears that it is in force."""
    steps = plant.rows("SELECT davy_route_steps(route_id), route_id FROM route WHERE key = 'urgent'")
    old, route = steps[0]
    later = [{**each, "after_s": each["after_s"] * 2} for each in old]
    number = plant.rows(
        "INSERT INTO route_change (company_id, site_id, route_id, old, proposed, reason, proposed_by, proposed_at)"
        " VALUES (%s, %s, %s, %s, %s, 'holidays', %s, %s) RETURNING change_id",
        plant.company, plant.site, route, Jsonb(old), Jsonb(later), plant.people["officer"], NOW,
    )[0][0]  # fmt: skip
    assert tell(plant, NOW) == 2
    assert queued(plant) == [
        ("route_change", "waits", "deputy", "webhook"),
        ("route_change", "waits", "second", "smtp"),
    ]
    assert all(f"/duty/routes/{route}" in message.text for message in sent(plant, NOW))
    plant.rows(
        "UPDATE route_change SET state = 'refused', settled_at = %s, settled_by = %s WHERE change_id = %s RETURNING 1",
        NOW + MINUTE, plant.people["second"], number,
    )  # fmt: skip
    tell(plant, NOW + 2 * MINUTE)
    assert queued(plant)[-1] == ("route_change", "refused", "officer", "smtp")


def test_the_insurer_and_strangers_see_none_of_it(plant: Plant) -> None:
    """Reasons and names are the client's people's; another company sees nothing."""
    works(plant).out("gas")
    for who, seen in (("officer", 1), ("second", 1), ("underwriter", 0), ("stranger", 0)):
        token = plant.database.person_token(
            plant.people[who],
            {"second": "safety_officer", "officer": "safety_officer", "stranger": "safety_officer"}.get(who, who),
            plant.other_company if who == "stranger" else plant.company,
        )
        with plant.database.connect("web") as connection, transaction(connection, token):
            found = connection.execute("SELECT count(*) FROM v_approval").fetchone()
        assert found == (seen,), who


def test_a_short_order_is_said_again_at_half_of_its_time() -> None:
    """Four hours before its end it would not have been asked for yet."""
    assert said_again_at(NOW, NOW + 2 * HOUR) == NOW + HOUR
