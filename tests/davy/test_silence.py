"""A mandatory detector that is silent for long opens one suspected major finding."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from alerting import actions
from alerting.ledger import AlarmKey
from davy.duties.patient import PATIENT
from davy.duties.silence import look_for_silent_detectors
from risk import findings as acts
from risk import impairments
from risk.finding import Plan
from risk.impairment import Outage
from risk.patience import silent_detector
from tests.alerting.plant import NOW, Plant, make_plant
from tests.database import TestDatabase

pytestmark = pytest.mark.db

HOUR = timedelta(hours=1)
PATIENCE = silent_detector()


@pytest.fixture
def plant(database: TestDatabase) -> Plant:
    """The gas sensor is mandatory and its definition watches its silence; a gateway's virtual sensor stands beside it."""
    made = make_plant(database)
    gas = made.definitions["gas"]
    with database.connect("owner") as connection:
        connection.execute("UPDATE sensor SET mandatory = true WHERE sensor_id = %s", (gas.sensor_id,))
        connection.execute(
            "UPDATE alarm_definition SET detector = 'stale' WHERE definition_id = %s", (gas.definition_id,)
        )
        row: Any = connection.execute(
            "WITH d AS (INSERT INTO device (company_id, site_id, key, kind) VALUES (%(c)s, %(s)s, '_davy.a-1', 'virtual')"
            " RETURNING device_id), n AS (INSERT INTO sensor (company_id, site_id, device_id, key, name, name_zh, quantity, unit,"
            " is_virtual) SELECT %(c)s, %(s)s, device_id, '_gateway.dev-1', 'g', 'g', 'q', '1', true FROM d RETURNING sensor_id)"
            " INSERT INTO alarm_definition (company_id, site_id, sensor_id, key, detector, direction, setpoint, priority, title,"
            " title_zh, consequence, consequence_zh, response, response_zh, respond_within_s) SELECT %(c)s, %(s)s, sensor_id,"
            " 'lost', 'limit', 'high', 1, 'high', '', '', '', '', '', '', 1 FROM n RETURNING definition_id, sensor_id",
            {"c": made.company, "s": made.site},
        ).fetchone()
    made.definitions["gateway"] = AlarmKey(*row)
    return made


def look(plant: Plant, now: Any) -> None:
    with plant.as_service("alerting") as connection:
        look_for_silent_detectors(connection, now)


def found(plant: Plant) -> list[tuple[Any, ...]]:
    return plant.rows(
        "SELECT source, grade, graded_by, state, reported_by, title, title_zh FROM finding ORDER BY finding_id"
    )


def speaks(plant: Plant, at: Any, quality: int = 0) -> None:
    with plant.database.connect("owner") as connection:
        connection.execute(
            "INSERT INTO latest (company_id, sensor_id, measured_at, received_at, value, quality)"
            " SELECT company_id, sensor_id, %(at)s, %(at)s, 1, %(q)s FROM sensor WHERE sensor_id = %(s)s"
            " ON CONFLICT (sensor_id) DO UPDATE SET measured_at = excluded.measured_at, quality = excluded.quality",
            {"at": at, "q": quality, "s": plant.definitions["gas"].sensor_id},
        )


def told(plant: Plant) -> list[tuple[Any, ...]]:
    return plant.rows("SELECT event, (new ->> 'speaks')::boolean, person_id FROM finding_event ORDER BY event_id")


def test_the_duty_is_kept_by_the_risk_process() -> None:
    """Somebody does it, and the number has a reason."""
    assert [duty.run for duty in PATIENT if duty.name == "silent_detectors"] == [look_for_silent_detectors]
    assert timedelta(hours=1) <= PATIENCE <= timedelta(days=7)


def test_one_finding_for_one_silence(plant: Plant) -> None:
    """Not before its time, then one and not one an hour; when the detector speaks again it stays, with a note."""
    plant.apply(plant.raised("gas", NOW))
    look(plant, NOW + PATIENCE - HOUR)
    assert found(plant) == []
    for hours in range(5):
        look(plant, NOW + PATIENCE + hours * HOUR)
    assert found(plant) == [
        ("silent_detector", "major", None, "reported", None, "Detector silent for long: CH4 at pump 3", "探测器长时间无数据：3号泵甲烷")
    ]  # fmt: skip
    assert plant.rows("SELECT occurrence_id FROM finding") == [(plant.alarm("gas")[3],)]
    back = NOW + PATIENCE + 6 * HOUR
    plant.apply(plant.cleared("gas", back), now=back)
    speaks(plant, back)
    look(plant, back)
    look(plant, back + HOUR)
    assert [row[3] for row in found(plant)] == ["reported"]
    assert told(plant) == [("reported", False, None), ("noted", True, None)]
    plant.apply(plant.raised("gas", back + 2 * HOUR), now=back + 2 * HOUR)
    look(plant, back + 3 * HOUR)
    look(plant, back + 3 * HOUR + PATIENCE)
    look(plant, back + 4 * HOUR + PATIENCE)
    assert told(plant) == [("reported", False, None), ("noted", True, None), ("noted", False, None)]
    assert len(found(plant)) == 1


def test_a_shelf_silences_calls_not_the_hazard(plant: Plant) -> None:
    """Shelved or acknowledged: the zone is unwatched all the same."""
    plant.apply(plant.raised("gas", NOW))
    with plant.as_person("officer") as connection:
        who = plant.people["officer"]
        actions.acknowledge(connection, plant.definitions["gas"], person_id=who, now=NOW)
        actions.shelve(connection, plant.definitions["gas"], person_id=who, now=NOW, reason="r", until=NOW + HOUR / 2)
    look(plant, NOW + PATIENCE)
    assert len(found(plant)) == 1


def test_sensors_behind_a_dead_gateway_count_by_its_alarm(plant: Plant) -> None:
    """The gateway's alarm mutes theirs, so it stands for them; only the mandatory ones are hazards."""
    plant.apply(plant.raised("gateway", NOW, value=1.0))
    look(plant, NOW + PATIENCE)
    assert [row[5] for row in found(plant)] == ["Detector silent for long: CH4 at pump 3"]
    assert plant.rows("SELECT sensor_id FROM finding") == [(plant.definitions["gas"].sensor_id,)]


def test_a_gateway_that_is_back_is_not_its_sensors_speaking(plant: Plant) -> None:
    """No alarm stands and nothing came: only a usable reading made since is the detector speaking, and silence is said at
    once."""
    plant.apply(plant.raised("gateway", NOW, value=1.0))
    speaks(plant, NOW - HOUR)
    now = NOW + PATIENCE
    look(plant, now)
    plant.apply(plant.cleared("gateway", now + HOUR), now=now + HOUR)
    look(plant, now + HOUR)
    speaks(plant, now + HOUR, quality=2)
    look(plant, now + HOUR)
    assert told(plant) == [("reported", False, None)]
    speaks(plant, now + 2 * HOUR)
    look(plant, now + 2 * HOUR)
    assert told(plant) == [("reported", False, None), ("noted", True, None)]
    plant.apply(plant.raised("gas", now + 3 * HOUR), now=now + 3 * HOUR)
    look(plant, now + 3 * HOUR)
    assert told(plant)[2:] == [("noted", False, None)]


def test_what_is_not_mandatory_or_retired_is_no_finding(plant: Plant) -> None:
    """A wish is not a duty."""
    plant.apply(plant.raised("gas", NOW))
    with plant.database.connect("owner") as connection:
        connection.execute("UPDATE sensor SET retired_at = now() WHERE mandatory")
    look(plant, NOW + PATIENCE)
    assert found(plant) == []


def test_a_bypass_within_its_time_excuses(plant: Plant) -> None:
    """It is known and watched over by other means; once it has overrun, it is a hazard."""
    plant.apply(plant.raised("gas", NOW))
    outage = Outage(
        kind="detector_bypass", what="CH4", reason="r", interim_measures="i", began_at=NOW,
        expected_until=NOW + PATIENCE + HOUR, sensor_id=plant.definitions["gas"].sensor_id,
    )  # fmt: skip
    with plant.as_person("officer") as connection:
        impairments.begin(
            connection, person_id=plant.people["officer"], now=NOW, site_id=plant.site, zone_id=None, outage=outage
        )
    look(plant, NOW + PATIENCE)
    assert found(plant) == []
    look(plant, NOW + PATIENCE + 2 * HOUR)
    assert len(found(plant)) == 1


def test_it_speaks_again_while_somebody_works_on_it(plant: Plant) -> None:
    """Davy's note says nothing of the state: it stays where the people have brought it."""
    plant.apply(plant.raised("gas", NOW))
    now = NOW + PATIENCE
    look(plant, now)
    ((finding,),) = plant.rows("SELECT finding_id FROM finding")
    plan = Plan(owner_id=plant.people["deputy"], measures="m", funds="f", due_at=now + HOUR, contingency="c")
    with plant.as_person("officer") as connection:
        acts.plan(connection, finding, person_id=plant.people["officer"], now=now, plan=plan, grade="major")
    plant.apply(plant.cleared("gas", now + HOUR), now=now + HOUR)
    speaks(plant, now + HOUR)
    look(plant, now + HOUR)
    last = plant.rows("SELECT event, from_state, to_state FROM finding_event ORDER BY event_id DESC LIMIT 1")
    assert last == [("noted", "rectifying", "rectifying")]


def test_closed_while_silent_it_comes_back_only_after_as_long_again(plant: Plant) -> None:
    """A person has looked; the next minute it must not stand there anew. A day later it must."""
    plant.apply(plant.raised("gas", NOW))
    now = NOW + PATIENCE
    look(plant, now)
    ((finding,),) = plant.rows("SELECT finding_id FROM finding")
    plan = Plan(owner_id=plant.people["deputy"], measures="m", funds="f", due_at=now + HOUR, contingency="c")
    for who, act, words in (
        ("officer", acts.plan, {"plan": plan, "grade": "major"}),
        ("deputy", acts.claim, {"note": "n"}),
        ("officer", acts.verify, {"note": "n"}),
    ):
        with plant.as_person(who) as connection:
            act(connection, finding, person_id=plant.people[who], now=now, **words)
    look(plant, now + HOUR)
    assert [row[3] for row in found(plant)] == ["closed"]
    look(plant, now + PATIENCE + HOUR)
    assert [row[3] for row in found(plant)] == ["closed", "reported"]
