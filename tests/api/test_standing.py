"""What every page says around its subject."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from api.store import status
from tests.api.plant import Plant, plant
from tests.database import TestDatabase

pytestmark = pytest.mark.db

NOW = datetime(2026, 11, 26, 8, tzinfo=UTC)


@pytest.fixture
def seeded(timescale_database: TestDatabase) -> Plant:
    """Two companies, seen at `NOW`."""
    return plant(timescale_database, NOW)


def test_a_sensor_is_heard_from_within_three_periods_or_a_minute(seeded: Plant) -> None:
    """Whichever is longer."""
    token = seeded.database.person_token(seeded.a.people["officer"], "safety_officer", seeded.a.company_id)
    with seeded.owner() as owner, seeded.database.connect("web", token) as connection:
        for period_s, silent_s, is_recent in (
            (1, 59, True),
            (1, 61, False),
            (20, 61, False),
            (30, 89, True),
            (30, 91, False),
        ):
            owner.execute("UPDATE sensor SET period_s = %s", (period_s,))
            owner.execute("UPDATE latest SET received_at = %s", (NOW - timedelta(seconds=silent_s),))
            found = status.standing(status.ask_standing(connection, NOW))
            assert (found.recent, found.sensors) == (2 * is_recent, 2), (period_s, silent_s)


def test_each_worker_is_told_whoever_asks(seeded: Plant) -> None:
    """The one that has been silent longest first; nobody at all is nobody."""
    token = seeded.database.person_token(seeded.insurer["underwriter"], "underwriter", seeded.a.company_id)
    with seeded.owner() as owner, seeded.database.connect("web", token) as connection:
        owner.execute("DELETE FROM ingest_status")
        found = status.standing(status.ask_standing(connection, NOW))
        assert (found.workers, found.recent) == ([], 0)  # what the insurer may not see is not heard
        seeded.beat(NOW)
        owner.execute(
            "INSERT INTO ingest_status (worker, beat_at, state) VALUES ('second', %s, 'stopping')",
            (NOW - timedelta(seconds=5),),
        )
        found = status.standing(status.ask_standing(connection, NOW))
    assert [(each.worker, each.state) for each in found.workers] == [("second", "stopping"), ("ingest-0", "judging")]
    assert found.workers[1].beat_at == NOW
