"""What people may do to alarms, and what they may not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from alerting import actions
from alerting.apply import AppliedEvents
from core.errors import Refused
from tests.alerting.plant import NOW, Plant

pytestmark = pytest.mark.db

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
Act = Callable[..., AppliedEvents]


def does(plant: Plant, who: str, act: Act, key: str, *, now: Any = NOW + MINUTE, **words: Any) -> AppliedEvents:
    with plant.as_person(who) as connection:
        return act(connection, plant.definitions[key], person_id=plant.people[who], now=now, **words)


def test_an_acknowledgement_cancels_the_rest(plant: Plant) -> None:
    """Whoever takes it on, the others are left in peace; the transition says who and why."""
    plant.apply(plant.raised("gas"))
    does(plant, "officer", actions.acknowledge, "gas", reason=" on my way ")
    assert plant.alarm("gas")[0] == "C"
    assert [state for _, _, state in plant.waiting()] == ["cancelled"] * 3
    assert plant.rows("SELECT DISTINCT outcome, finished_at FROM notification") == [("acknowledged", NOW + MINUTE)]
    assert plant.rows("SELECT event, person_id, reason, value, batch_no FROM transition WHERE number = 2") == [
        ("acknowledge", plant.people["officer"], "on my way", None, None)
    ]
    with pytest.raises(Refused, match="nothing to acknowledge"):
        does(plant, "officer", actions.acknowledge, "gas")


def test_a_latched_alarm_is_reset_only_while_clear(plant: Plant) -> None:
    """GB/T 50493: gas alarms latch until a person resets them."""
    plant.apply(plant.raised("gas"))
    does(plant, "officer", actions.acknowledge, "gas")
    with pytest.raises(Refused, match="condition has cleared"):
        does(plant, "officer", actions.reset, "gas")
    plant.apply(plant.cleared("gas"))
    assert plant.alarm("gas")[0] == "F"
    does(plant, "officer", actions.reset, "gas")
    assert plant.alarm("gas")[0] == "A"


def test_a_shelf_silences_and_ends_by_itself(plant: Plant) -> None:
    """Raised under a shelf: lives on beneath, calls nobody; when the shelf ends and it is still active: B, and calls."""
    until = NOW + 8 * HOUR
    does(plant, "officer", actions.shelve, "heat", now=NOW, reason="Boiler test", until=until)
    plant.apply(plant.raised("heat", NOW + MINUTE), now=NOW + MINUTE)
    assert plant.alarm("heat")[:3] == ("B", True, "shelved")
    assert plant.waiting() == []
    with plant.as_service("alerting") as connection:
        assert actions.expire_shelves(connection, until - MINUTE).transitions == ()
        applied = actions.expire_shelves(connection, until + HOUR)
    assert [(link.event, link.from_state, link.to_state, link.until) for link in applied.transitions] == [
        ("shelf_expired", "B", "B", until)
    ]
    assert plant.waiting() == [("officer", 0, "waiting"), ("deputy", 1, "waiting")]
    assert plant.rows("SELECT suppressed_until, suppression_reason, suppressed_by FROM alarm") == [(None, None, None)]


def speaks(plant: Plant, key: str, at: datetime) -> None:
    """The newest reading of the sensor, as ingest writes it."""
    with plant.as_service("ingest") as connection:
        connection.execute(
            "INSERT INTO latest (sensor_id, company_id, measured_at, received_at, value, quality) VALUES (%s, %s, %s, %s, 30, 0)"
            " ON CONFLICT (sensor_id) DO UPDATE SET measured_at = excluded.measured_at",
            (plant.definitions[key].sensor_id, plant.company, at, at),
        )


def looks_again(plant: Plant, now: datetime) -> AppliedEvents:
    with plant.as_service("alerting") as connection:
        return actions.call_for_what_still_holds(connection, now)


@pytest.mark.parametrize(("key", "at_once"), [("heat", 0), ("gas", 1)])
def test_what_was_learnt_late_and_still_holds_calls_as_of_now(plant: Plant, key: str, at_once: int) -> None:
    """A live danger is never silent: once a fresh reading shows that it holds, it calls in full, and only once."""
    plant.apply(plant.raised(key, NOW - HOUR))
    assert len(plant.waiting()) == at_once  # life safety says once how late it is; nobody else hears of the past
    speaks(plant, key, NOW - 20 * MINUTE)
    assert looks_again(plant, NOW).transitions == ()
    speaks(plant, key, NOW)
    (link,) = looks_again(plant, NOW + MINUTE).transitions
    assert (link.event, link.from_state, link.to_state, link.at) == ("realarm", "B", "B", NOW + MINUTE)
    assert plant.rows("SELECT count(*) FROM occurrence") == [(1,)]
    called = [(who, step) for who, step, state in plant.waiting() if state == "waiting"][at_once:]
    assert called[:2] == [("officer", 0), ("deputy", 1)]
    assert plant.rows("SELECT min(due_at) FROM notification WHERE step = 1") == [(NOW + 3 * MINUTE,)]
    assert looks_again(plant, NOW + 2 * MINUTE).transitions == ()
    speaks(plant, key, NOW + HOUR)
    assert looks_again(plant, NOW + HOUR).transitions == ()  # unanswered, but called: the escalation's, not ours


def test_the_past_and_what_somebody_has_in_hand_call_nobody(plant: Plant) -> None:
    """Cleared, acknowledged, shelved, or learnt of in time: nothing to call for anew."""
    for key in plant.definitions:
        speaks(plant, key, NOW)
    plant.apply(plant.raised("heat", NOW - HOUR), plant.cleared("heat", NOW - HOUR + MINUTE))
    plant.apply(plant.raised("gas", NOW - HOUR))
    does(plant, "officer", actions.acknowledge, "gas", now=NOW)
    plant.apply(plant.raised("level", NOW - HOUR))
    does(plant, "officer", actions.shelve, "level", now=NOW, reason="Tank test", until=NOW + HOUR)
    assert looks_again(plant, NOW + MINUTE).transitions == ()
    plant.apply(plant.cleared("heat"), plant.raised("heat", NOW), now=NOW)
    speaks(plant, "heat", NOW + HOUR)
    assert looks_again(plant, NOW + HOUR).transitions == ()


def test_a_retired_definition_lets_go_and_can_be_put_away(plant: Plant) -> None:
    """Retired while active: ingest ends the condition without a number; people acknowledge and resolve as ever."""
    plant.apply(plant.raised("heat"))
    with plant.database.connect("owner") as connection:
        connection.execute("UPDATE alarm_definition SET retired_at = %s WHERE key = 'heat'", (NOW,))
    plant.apply(plant.cleared("heat", NOW + MINUTE, value=float("nan")), now=NOW + MINUTE)
    assert plant.alarm("heat")[:2] == ("D", False)
    does(plant, "officer", actions.acknowledge, "heat", now=NOW + 2 * MINUTE)
    does(
        plant,
        "officer",
        actions.resolve,
        "heat",
        now=NOW + 2 * MINUTE,
        resolution="nuisance",
        action_taken="Limit ended",
    )
    assert plant.alarm("heat") == ("A", False, "none", None)


def test_unshelving_while_active_calls_again(plant: Plant) -> None:
    """Acknowledged, shelved, taken off the shelf while active: unacknowledged again, never acknowledged."""
    plant.apply(plant.raised("heat"))
    does(plant, "officer", actions.acknowledge, "heat")
    does(plant, "officer", actions.shelve, "heat", reason="Noise", until=NOW + HOUR)
    assert plant.rows("SELECT suppression_reason, suppressed_by FROM alarm") == [("Noise", plant.people["officer"])]
    does(plant, "officer", actions.unshelve, "heat", now=NOW + 2 * MINUTE)
    assert plant.alarm("heat")[:3] == ("B", True, "none")
    assert [s for _, _, s in plant.waiting()].count("waiting") == 2


def test_a_shelf_of_an_alarm_that_never_happened(plant: Plant) -> None:
    """Shelved before anything came: there is no occurrence to hang it on, and the chain has it all the same."""
    does(plant, "officer", actions.shelve, "level", reason="Tank empty", until=NOW + HOUR)
    assert plant.alarm("level") == ("A", False, "shelved", None)
    does(plant, "officer", actions.unshelve, "level")
    assert plant.rows("SELECT event, occurrence_id FROM transition ORDER BY number") == [
        ("shelve", None),
        ("unshelve", None),
    ]


@pytest.mark.parametrize(
    ("who", "key", "reason", "until", "words"),
    [
        ("officer", "heat", "  ", HOUR, "needs a reason"),
        ("officer", "heat", "x", timedelta(0), "end in the future"),
        ("officer", "heat", "x", 9 * HOUR, "at most 8 h"),
        ("officer", "gas", "x", 2 * HOUR, "at most 1 h"),
        ("operator", "gas", "x", HOUR / 2, "Only a safety officer of the company"),
        ("deputy", "heat", "x", HOUR, "Only a safety officer of the company"),
        ("underwriter", "heat", "x", HOUR, "insurer's people do not act"),
        ("officer", "heat", "x" * 4001, HOUR, "it may have 4000"),
    ],
)
def test_shelves_that_are_refused(
    timescale_plant: Plant, who: str, key: str, reason: str, until: timedelta, words: str
) -> None:
    """Reason and end are mandatory, the longest time goes by priority, and life safety is the client's own."""
    plant = timescale_plant
    plant.apply(plant.raised(key))
    with pytest.raises(Refused, match=words):
        does(plant, who, actions.shelve, key, now=NOW, reason=reason, until=NOW + until)
    assert plant.alarm(key)[2] == "none"


def test_an_occurrence_is_resolved_only_when_back_in_normal(plant: Plant) -> None:
    """Resolution says what it was and what was done; the next raise opens a new occurrence."""
    (occurrence,) = plant.apply(plant.raised("heat")).opened
    words = {"resolution": "true_danger", "action_taken": "Closed valve V-3"}
    with pytest.raises(Refused, match="back to normal"):
        does(plant, "officer", actions.resolve, "heat", **words)
    does(plant, "officer", actions.acknowledge, "heat")
    plant.apply(plant.cleared("heat"))
    with pytest.raises(Refused, match="one of true_danger"):
        does(plant, "officer", actions.resolve, "heat", resolution="whatever", action_taken="x")
    does(plant, "officer", actions.resolve, "heat", **words)
    assert plant.rows("SELECT resolved_by, resolution, action_taken, resolved_at FROM occurrence") == [
        (plant.people["officer"], "true_danger", "Closed valve V-3", NOW + MINUTE)
    ]
    assert plant.alarm("heat") == ("A", False, "none", None)
    with plant.as_person("officer") as connection, pytest.raises(Refused, match="resolved already"):
        actions.acknowledge(connection, occurrence, person_id=plant.people["officer"], now=NOW)
    assert plant.apply(plant.raised("heat", NOW + HOUR), now=NOW + HOUR).opened != (occurrence,)


def test_comments(plant: Plant) -> None:
    """The insurer's people comment too; an empty comment is refused."""
    (occurrence,) = plant.apply(plant.raised("heat")).opened
    with plant.as_person("underwriter") as connection:
        actions.comment(connection, occurrence, person_id=plant.people["underwriter"], now=NOW, body=" seen \n")
    assert plant.rows("SELECT person_id, body, company_id FROM occurrence_comment") == [
        (plant.people["underwriter"], "seen", plant.company)
    ]
    with plant.as_person("officer") as connection, pytest.raises(Refused, match="needs a text"):
        actions.comment(connection, plant.definitions["heat"], person_id=plant.people["officer"], now=NOW, body="")


def test_another_company_finds_nothing(plant: Plant) -> None:
    """What the principal may not see does not exist, and cannot be acted on."""
    (occurrence,) = plant.apply(plant.raised("heat")).opened
    person = plant.people["stranger"]
    with plant.as_person("stranger") as connection, pytest.raises(Refused, match="There is no occurrence"):
        actions.acknowledge(connection, occurrence, person_id=person, now=NOW)
    with plant.as_person("stranger") as connection, pytest.raises(Refused, match="There is no alarm"):
        actions.acknowledge(connection, plant.definitions["heat"], person_id=person, now=NOW)
    with plant.as_person("stranger") as connection, pytest.raises(Refused, match="may not act"):
        actions.acknowledge(connection, plant.definitions["heat"], person_id=plant.people["officer"], now=NOW)
    assert plant.alarm("heat")[0] == "B"


def test_without_a_principal_nothing_is_there(timescale_plant: Plant) -> None:
    """No token, no rows: the wall stands below the actions."""
    plant = timescale_plant
    plant.apply(plant.raised("heat"))
    with (
        psycopg.connect(plant.database.url("web"), autocommit=True) as connection,
        pytest.raises(Refused, match="may not act"),
    ):
        actions.acknowledge(connection, plant.definitions["heat"], person_id=plant.people["officer"], now=NOW)
