"""What a gateway's backlog brought: one message a gateway and backlog, by day, to who would have been called first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from alerting.backlogs import tell_backlogs
from alerting.message import compose
from alerting.store.claims import claim
from tests.alerting.plant import NOW, Plant, make_plant
from tests.database import TestDatabase

pytestmark = pytest.mark.db

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
EVENING = NOW  # four in the afternoon at the site


@pytest.fixture
def plant(database: TestDatabase) -> Plant:
    """Nothing has happened."""
    return make_plant(database)


def tell(plant: Plant, now: Any) -> int:
    """As the risk process does."""
    with plant.as_service("alerting") as connection:
        return tell_backlogs(connection, now)


def backlog(plant: Plant, now: Any, times: int = 3) -> None:
    """Heat and gas rose `times` times, three hours before Davy learnt of it."""
    for n in range(times):
        at = now - 3 * HOUR + n * 20 * MINUTE
        plant.apply(plant.raised("heat", at), plant.cleared("heat", at + MINUTE), now=now)
    plant.apply(plant.raised("gas", now - 2 * HOUR), plant.cleared("gas", now - 2 * HOUR + MINUTE), now=now)


def test_a_backlog_is_one_message(plant: Plant) -> None:
    """Once nothing more comes; asked again, or after a restart, nothing; the next backlog is another message. The deputy hears nothing."""
    backlog(plant, NOW)
    assert tell(plant, NOW + 9 * MINUTE) == 0
    assert tell(plant, NOW + 10 * MINUTE) == 1
    assert tell(plant, NOW + 10 * MINUTE) == tell(plant, NOW + 2 * HOUR) == 0
    people = {person: key for key, person in plant.people.items()}
    rows = plant.rows("SELECT person_id, audience, channel, tally FROM notification WHERE subject = 'backlog'")
    assert [(people[person], audience, channel) for person, audience, channel, _ in rows] == [
        ("officer", "client", "smtp")
    ]
    assert [(kind["priority"], kind["times"]) for kind in rows[0][3]["kinds"]] == [("life-safety", 1), ("high", 3)]
    backlog(plant, NOW + 2 * HOUR, times=1)
    assert tell(plant, NOW + 2 * HOUR + 20 * MINUTE) == 1
    times = "SELECT tally #> '{kinds,1,times}' FROM notification WHERE subject = 'backlog' ORDER BY notification_id"
    assert plant.rows(times) == [(3,), (1,)]


def test_nobody_is_woken_for_the_past(plant: Plant) -> None:
    """One that came by night is told in the morning; what is live, played or made up is none."""
    night = NOW + 8 * HOUR
    backlog(plant, night)
    assert tell(plant, night + HOUR) == 0
    assert tell(plant, night + 7 * HOUR) == 0  # seven in the morning
    assert tell(plant, night + 8 * HOUR) == 1
    plant.apply(plant.raised("heat", night + 8 * HOUR), now=night + 8 * HOUR)
    assert tell(plant, night + 9 * HOUR) == 0


def test_a_backlog_without_end_is_told_in_parts(plant: Plant) -> None:
    """A gateway that sends the past for more than half a day keeps nobody waiting for its end."""
    began = NOW - 14 * HOUR
    for n in range(10):
        at = began + n * 90 * MINUTE
        plant.apply(plant.raised("heat", at - HOUR), plant.cleared("heat", at - HOUR + MINUTE), now=at)
    assert tell(plant, began + 9 * 90 * MINUTE + MINUTE) == 1


def test_the_message_says_what_it_is(plant: Plant) -> None:
    """Gateway, how many between when, the worst first, how late, and where to look; in the reader's language."""
    plant.rows("UPDATE person SET language = 'en' WHERE key = 'officer' RETURNING 1")
    backlog(plant, NOW)
    tell(plant, NOW + HOUR)
    with plant.database.connect("owner") as owner:
        owner.execute("UPDATE notification SET state = 'cancelled' WHERE subject <> 'backlog'")
        device = owner.execute("SELECT device_id FROM device").fetchone()
    assert device is not None
    with plant.as_service("alerting") as connection:
        claimed = claim(connection, NOW + HOUR, NOW + 2 * HOUR)
    assert claimed is not None
    message = compose(claimed, public_url="https://davy.example")
    assert message.subject == "[Learnt late] 4 alarms from gateway dev-1, Tank farm"
    assert message.lines[3].startswith("- Life safety: Gas at 25 % LEL, 1×, last at ")
    assert message.lines[4].startswith("- High: Gas at 25 % LEL, 3×, last at ")
    assert f"https://davy.example/devices/{device[0]}" in message.lines
    assert message.fields["about"] == "backlog"
    assert not message.urgent
