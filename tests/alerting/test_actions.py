"""What people may do to alarms, and what they may not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
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
        ("operator", "gas", "x", HOUR / 2, "client's own people only"),
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
