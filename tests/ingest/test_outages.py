"""The database killed, definitions changed: during a load, on real servers. Longer outages: test_spool_outages.py; the broker: test_broker_faults.py."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from davy.servers import PostgresServer, start_postgres
from tests.conftest import StartMosquitto, memory
from tests.database import clone
from tests.ingest.load import Load, check_everything_arrived_once
from tests.ingest.plant import install, payload
from tests.ingest.rig import PASSWORDS, Rig, wait_for

pytestmark = [pytest.mark.db, pytest.mark.broker]


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A TimescaleDB of this test alone, because it is stopped and killed; with fsync, because it is killed."""
    with start_postgres("timescaledb", fsync=True, memory=memory()) as server:
        yield server


@pytest.fixture
def rig(own_postgres: PostgresServer, mosquitto: StartMosquitto, tmp_path: Path) -> Iterator[Rig]:
    """A worker beside servers of its own."""
    database = clone(own_postgres)
    install(database, devices=2)
    found = Rig(database, mosquitto(PASSWORDS), tmp_path)
    yield found
    found.close()


def test_the_database_is_killed_under_load(rig: Rig, own_postgres: PostgresServer) -> None:
    """A crash of the database, twice, costs nothing: a commit whose answer was lost is found by the fence."""
    rig.start()
    rig.wait_until_connected()
    load = Load(rig)
    load.start()
    for _ in range(2):
        before = rig.one("SELECT count(*) FROM reading")
        wait_for(lambda before=before: rig.one("SELECT count(*) FROM reading") > before + 200, "readings")  # type: ignore[misc]
        own_postgres.kill()
        own_postgres.restart()
    load.finish()
    check_everything_arrived_once(rig, load)
    assert rig.stop() == 0


@pytest.mark.alone
def test_a_changed_limit_is_in_force_within_2_seconds(rig: Rig) -> None:
    """Ingest hears of the change, goes on with everything else, and says from which version on it judges."""
    rig.start()
    rig.wait_until_connected()
    topic = "davy/v1/north/d1/readings"
    rig.publish(topic, [payload(0, time.time_ns() // 1000, [{"s": "s1", "v": 45.0}])])
    wait_for(lambda: rig.rows("SELECT 1 FROM reading WHERE value = 45") != [], "the reading")
    with rig.database.connect("owner") as owner:
        owner.execute("UPDATE alarm_definition SET setpoint = 30, version = version + 1 WHERE key = 'high-d1'")
        owner.execute("SELECT davy_definitions_changed()")
    wait_for(lambda: "definitions_changed" in rig.log.read_text(), "the change", 2.0)
    rig.publish(topic, [payload(1, time.time_ns() // 1000, [{"s": "s1", "v": 45.0}])])
    wait_for(lambda: rig.one("SELECT count(*) FROM alarm WHERE active") == 1, "the alarm", 10)
    assert rig.rows("SELECT definitions_version FROM ingest_batch ORDER BY batch_no DESC LIMIT 1") == [
        (rig.one("SELECT last_value FROM definitions_version"),)
    ]
    with rig.database.connect("owner") as owner:
        owner.execute("UPDATE alarm_definition SET retired_at = now() WHERE key = 'high-d1'")
        owner.execute("SELECT davy_definitions_changed()")
    wait_for(lambda: rig.one("SELECT count(*) FROM alarm WHERE active") == 0, "the retired definition to let go", 10)
    assert rig.stop() == 0


def test_a_second_worker_says_who_holds_it_and_leaves(rig: Rig, tmp_path: Path) -> None:
    """One sentence, exit status 2, and the first goes on undisturbed."""
    rig.start()
    rig.wait_until_connected()
    second = Rig(rig.database, rig.broker, tmp_path / "second", worker="w")
    second.folder.mkdir()
    second.start()
    assert second.process is not None
    assert second.process.wait(30) == 2
    assert "belongs to another process (davy-ingest from" in second.log.read_text()
    second.close()
    assert rig.stop() == 0


def test_without_a_database_it_does_not_start(rig: Rig) -> None:
    """One sentence, exit status 2, no traceback, no password."""
    rig.start(conninfo="postgresql://davy_ingest:secret@127.0.0.1:1/davy")
    assert rig.process is not None
    assert rig.process.wait(30) == 2
    said = rig.log.read_text()
    assert "The database does not answer" in said
    assert "Traceback" not in said
    assert "secret" not in said


def test_without_a_broker_it_does_not_start(rig: Rig) -> None:
    """The same for the broker: unreachable, or one that refuses us."""
    for told, words in (
        ({"port": 1}, "No session with the broker at 127.0.0.1:1"),
        ({"password": "x" * 12}, "Not authorized"),
    ):
        rig.start(**told)
        assert rig.process is not None
        assert rig.process.wait(30) == 2
        assert words in rig.log.read_text()
    assert "Traceback" not in rig.log.read_text()
