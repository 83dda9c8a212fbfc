"""An acknowledgement does not hold for ever: the re-alarm timer, and a higher limit on the same number."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from alerting import actions
from alerting.apply import AppliedEvents
from alerting.chain import verify
from alerting.delivery import Claimed
from alerting.ledger import AlarmKey
from alerting.store.alarms import transitions_of
from alerting.store.claims import claim
from core.errors import Refused
from tests.alerting.plant import NOW, Plant

pytestmark = pytest.mark.db

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def acknowledge(plant: Plant, key: str, now: datetime) -> AppliedEvents:
    with plant.as_person("officer") as connection:
        return actions.acknowledge(
            connection, plant.definitions[key], person_id=plant.people["officer"], now=now, reason="seen"
        )


def duty(plant: Plant, now: datetime) -> AppliedEvents:
    with plant.as_service("alerting") as connection:
        return actions.realarm(connection, now)


def higher(plant: Plant, key: str, of: str, setpoint: float, priority: str = "life-safety", **other: Any) -> None:
    """A second definition on the sensor of `of`."""
    row = plant.rows(
        "INSERT INTO alarm_definition (company_id, site_id, sensor_id, key, detector, direction, setpoint, priority, latch, title,"
        " title_zh, consequence, consequence_zh, response, response_zh, respond_within_s) SELECT company_id, site_id, sensor_id, %s,"
        " %s, %s, %s, %s, false, title, title_zh, consequence, consequence_zh, response, response_zh, 60 FROM alarm_definition"
        " WHERE key = %s RETURNING definition_id, sensor_id",
        key, other.get("detector", "limit"), other.get("direction", "high"), setpoint, priority, of,
    )[0]  # fmt: skip
    plant.definitions[key] = AlarmKey(*row)


def realarms(plant: Plant, key: str, after_s: float | None) -> None:
    plant.rows("UPDATE alarm_definition SET realarm_after_s = %s WHERE key = %s RETURNING 1", after_s, key)


def calls(plant: Plant, key: str) -> list[tuple[Any, ...]]:
    return plant.rows(
        "SELECT DISTINCT onset, state FROM notification WHERE definition_id = %s ORDER BY 1, 2",
        plant.definitions[key].definition_id,
    )


def test_an_acknowledged_alarm_that_holds_is_heard_again(plant: Plant) -> None:
    """After the definition's time, once, as of now, in full; a new acknowledgement begins a new time."""
    realarms(plant, "heat", 3600.0)
    plant.apply(plant.raised("heat"))
    acknowledge(plant, "heat", NOW + MINUTE)
    assert duty(plant, NOW + HOUR).transitions == ()
    (link,) = duty(plant, NOW + HOUR + MINUTE).transitions
    assert (link.event, link.from_state, link.to_state) == ("realarm", "C", "B")
    assert (link.at, link.person_id) == (NOW + HOUR + MINUTE, None)
    assert calls(plant, "heat") == [(NOW, "cancelled"), (NOW + HOUR + MINUTE, "waiting")]
    with plant.as_service("alerting") as connection:
        message = claim(connection, NOW + HOUR + 2 * MINUTE, NOW + 2 * HOUR)
    assert isinstance(message, Claimed)
    assert (message.again, message.untold) == (True, False)  # nobody says that the database was away
    assert duty(plant, NOW + 5 * HOUR).transitions == ()
    acknowledge(plant, "heat", NOW + 2 * HOUR)
    assert duty(plant, NOW + 3 * HOUR - MINUTE).transitions == ()
    assert len(duty(plant, NOW + 3 * HOUR).transitions) == 1


def test_what_needs_no_second_call_is_left_alone(plant: Plant) -> None:
    """Never by definition, cleared, put aside, retired, made up: the timer calls nobody."""
    realarms(plant, "heat", None)
    realarms(plant, "gas", 3600.0)
    realarms(plant, "level", 3600.0)
    plant.apply(plant.raised("heat"), plant.raised("gas"), plant.raised("level"))
    for key in ("heat", "gas", "level"):
        acknowledge(plant, key, NOW)
    plant.apply(plant.cleared("gas"))
    with plant.as_person("officer") as connection:
        actions.shelve(
            connection, plant.definitions["level"], person_id=plant.people["officer"], now=NOW, reason="Tank test",
            until=NOW + 24 * HOUR,
        )  # fmt: skip
    assert duty(plant, NOW + 9 * HOUR).transitions == ()
    realarms(plant, "heat", 3600.0)
    plant.rows("UPDATE alarm_definition SET retired_at = now() WHERE key = 'heat' RETURNING 1")
    assert duty(plant, NOW + 9 * HOUR).transitions == ()
    plant.rows("UPDATE alarm_definition SET retired_at = NULL WHERE key = 'heat' RETURNING 1")
    plant.rows("UPDATE occurrence SET simulated = true RETURNING 1")
    assert duty(plant, NOW + 9 * HOUR).transitions == ()


def test_a_higher_limit_announces_the_acknowledged_lower_one_again(plant: Plant) -> None:
    """H acknowledged, HH reached: HH calls, H is unacknowledged again under that one call, and the chain holds."""
    higher(plant, "heat-hh", "heat", 40.0)
    plant.apply(plant.raised("heat"))
    acknowledge(plant, "heat", NOW + MINUTE)
    applied = plant.apply(plant.raised("heat-hh", NOW + 2 * MINUTE, value=41.0), now=NOW + 2 * MINUTE)
    told = [(link.event, link.from_state, link.to_state, link.value) for link in applied.transitions]
    assert told == [("escalate", "C", "B", 41.0), ("raise", "A", "B", 41.0)]
    assert calls(plant, "heat") == [(NOW, "cancelled")]
    assert calls(plant, "heat-hh") == [(NOW + 2 * MINUTE, "waiting")]
    assert plant.rows("SELECT onset FROM alarm WHERE definition_id = %s", plant.definitions["heat"][0]) == [
        (NOW + 2 * MINUTE,)
    ]
    with plant.as_service("ingest") as connection:
        assert actions.call_for_the_untold(connection, NOW + 3 * MINUTE).transitions == ()
    again = plant.apply(plant.raised("heat-hh", NOW + 3 * MINUTE), now=NOW + 3 * MINUTE)
    assert again.transitions == ()  # said twice by a restarted ingest: no news
    with plant.as_service("alerting") as connection:
        assert verify(transitions_of(connection, [plant.definitions["heat"], plant.definitions["heat-hh"]])) is None


def test_one_call_takes_one_answer(plant: Plant) -> None:
    """Acknowledging HH takes on what it announced again; acknowledging H never answers for HH."""
    higher(plant, "heat-hh", "heat", 40.0)
    plant.apply(plant.raised("heat"))
    acknowledge(plant, "heat", NOW + MINUTE)
    plant.apply(plant.raised("heat-hh", NOW + 2 * MINUTE), now=NOW + 2 * MINUTE)
    acknowledge(plant, "heat", NOW + 3 * MINUTE)
    assert (plant.alarm("heat")[0], plant.alarm("heat-hh")[0]) == ("C", "B")
    assert (NOW + 2 * MINUTE, "waiting") in calls(plant, "heat-hh")
    plant.apply(plant.cleared("heat-hh", NOW + 4 * MINUTE), now=NOW + 4 * MINUTE)
    plant.apply(plant.raised("heat-hh", NOW + 5 * MINUTE), now=NOW + 5 * MINUTE)
    assert plant.alarm("heat")[0] == "B"
    applied = acknowledge(plant, "heat-hh", NOW + 6 * MINUTE)
    assert [(link.event, link.person_id, link.reason) for link in applied.transitions] == [
        ("acknowledge", plant.people["officer"], "seen")
    ] * 2
    assert (plant.alarm("heat")[0], plant.alarm("heat-hh")[0]) == ("C", "C")


@pytest.mark.parametrize(
    ("setpoint", "other"), [(20.0, {}), (40.0, {"detector": "rate"}), (5.0, {"direction": "low"}), (25.0, {})]
)
def test_only_a_higher_limit_on_the_same_number_does(plant: Plant, setpoint: float, other: dict[str, str]) -> None:
    """A milder one, another number, the other direction, or the same setpoint announces nothing again."""
    higher(plant, "other", "heat", setpoint, **other)
    plant.apply(plant.raised("heat"))
    acknowledge(plant, "heat", NOW + MINUTE)
    plant.apply(plant.raised("other", NOW + 2 * MINUTE), now=NOW + 2 * MINUTE)
    assert plant.alarm("heat")[0] == "C"


def test_a_higher_limit_that_is_put_aside_announces_nothing(plant: Plant) -> None:
    """Nobody would be called, so nothing is marked; when the shelf ends HH is heard for itself."""
    higher(plant, "heat-hh", "heat", 40.0, "high")
    plant.apply(plant.raised("heat"))
    acknowledge(plant, "heat", NOW + MINUTE)
    with plant.as_person("officer") as connection:
        actions.shelve(
            connection, plant.definitions["heat-hh"], person_id=plant.people["officer"], now=NOW, reason="Burner test",
            until=NOW + HOUR,
        )  # fmt: skip
    plant.apply(plant.raised("heat-hh", NOW + 2 * MINUTE), now=NOW + 2 * MINUTE)
    assert (plant.alarm("heat")[0], plant.alarm("heat-hh")[0], calls(plant, "heat-hh")) == ("C", "B", [])


def test_in_one_batch_the_order_of_events_decides(plant: Plant) -> None:
    """H clears before HH is raised: nothing to announce. HH is raised first: H goes C, B, D."""
    higher(plant, "heat-hh", "heat", 40.0)
    plant.apply(plant.raised("heat"))
    acknowledge(plant, "heat", NOW + MINUTE)
    at = NOW + 2 * MINUTE
    plant.apply(plant.raised("heat-hh", at), plant.cleared("heat-hh", at + MINUTE), plant.cleared("heat", at + MINUTE))
    assert plant.alarm("heat")[0] == "D"
    acknowledge(plant, "heat-hh", at + 2 * MINUTE)
    assert plant.alarm("heat")[0] == "D"  # it has ended since: that is told by itself
    with pytest.raises(Refused):
        acknowledge(plant, "heat-hh", at + 3 * MINUTE)
