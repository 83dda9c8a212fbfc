"""The database stopped and killed, the broker killed, definitions changed: during a load, on real servers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from davy.servers import PostgresServer, start_postgres
from tests.conftest import StartMosquitto, memory
from tests.database import clone
from tests.ingest.plant import install, payload
from tests.ingest.rig import PASSWORDS, Rig, wait_for

pytestmark = [pytest.mark.db, pytest.mark.broker]
OUTAGES_S = [20.0, pytest.param(600.0, marks=[pytest.mark.soak, pytest.mark.timeout(1200)])]


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


class Load(threading.Thread):
    """Two devices that send every 20 ms until told to stop; d1 swings about its limit every second."""

    def __init__(self, rig: Rig) -> None:
        super().__init__(daemon=True)
        self._rig = rig
        self._done = threading.Event()
        self.sent = 0

    def run(self) -> None:
        """Publishes; what the broker has not taken is sent again by the client."""
        while not self._done.wait(0.02):
            now = time.time_ns() // 1000
            value = 60.0 if self.sent // 50 % 2 else 40.0
            for device in ("d1", "d2"):
                body = payload(self.sent, now, [{"s": "s1", "v": value}, {"s": "s2", "v": 1.0}])
                self._rig.publisher.publish(f"davy/v1/north/{device}/readings", body, qos=1)
            self.sent += 1

    def finish(self) -> int:
        """Stops; how many messages each device sent."""
        self._done.set()
        self.join()
        return self.sent


def check_everything_arrived_once(rig: Rig, sent: int) -> None:
    """All readings are stored, nothing was rejected, no gap stands, and each swing is one pair of transitions."""
    real = "FROM v_audit_reading WHERE device IN ('d1', 'd2')"
    wait_for(lambda: rig.one(f"SELECT count(*) {real}") == 4 * sent, f"all {4 * sent} readings", 90)
    assert rig.rows("SELECT reason, sentence FROM rejected_message") == []
    assert rig.rows("SELECT * FROM stream_gap WHERE closed_at IS NULL") == []
    swings = sum(1 for i in range(1, sent) if (i // 50 % 2) != ((i - 1) // 50 % 2))
    changes = (
        "SELECT count(*) FROM transition JOIN alarm_definition d USING (definition_id)"
        " WHERE d.key = %(key)s AND event IN ('raise', 'clear')"
    )
    for key in ("high-d1", "high-d2"):
        wait_for(lambda key=key: rig.one(changes, {"key": key}) == swings, f"{swings} swings of {key}")  # type: ignore[misc]


@pytest.mark.parametrize("outage_s", OUTAGES_S)
def test_the_database_is_stopped_for_a_while(rig: Rig, own_postgres: PostgresServer, outage_s: float) -> None:
    """While it is away nothing is acked; afterwards nothing that was delivered is lost, and all of it is judged once."""
    rig.start()
    rig.wait_until_connected()
    load = Load(rig)
    load.start()
    wait_for(lambda: rig.one("SELECT count(*) FROM transition") > 2, "the first swings")
    own_postgres.stop()
    threading.Event().wait(outage_s)
    own_postgres.restart()
    before = rig.one("SELECT count(*) FROM reading")
    wait_for(lambda: rig.one("SELECT count(*) FROM reading") > before, "readings after the outage", 30)
    check_everything_arrived_once(rig, load.finish())
    assert rig.stop() == 0


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
    check_everything_arrived_once(rig, load.finish())
    assert rig.stop() == 0


def test_the_broker_is_killed_and_its_loss_is_seen(rig: Rig) -> None:
    """What a crashed broker lost shows as a gap in (boot, seq), and as an alarm of `_broker` within 60 s."""
    rig.start()
    rig.wait_until_connected()
    topic = "davy/v1/north/d1/readings"

    def say(*seqs: int) -> None:
        rig.publish(topic, [payload(seq, time.time_ns() // 1000, [{"s": "s1", "v": 1.0}]) for seq in seqs])

    say(*range(10))
    wait_for(lambda: rig.rows("SELECT 1 FROM device_stream WHERE seq = 9") != [], "the stream")
    rig.broker.kill()
    rig.broker.restart()
    lost_at = time.monotonic()
    # 10..14 were acknowledged by the broker that died with them; the device, not built to our profile, goes on with 15.
    wait_for(rig.publisher.is_connected, "the device's reconnect", 30)
    wait_for(lambda: rig.log.read_text().count("broker_connected") == 2, "the worker's reconnect", 30)
    say(15, 16)
    wait_for(lambda: rig.rows("SELECT 1 FROM stream_gap WHERE first_seq = 10 AND last_seq = 14") != [], "the gap", 10)
    raised = (
        "SELECT 1 FROM transition JOIN alarm_definition d USING (definition_id)"
        " WHERE d.key = '_broker' AND event = 'raise' AND value >= 5"
    )
    numbers = "SELECT 1 FROM v_audit_reading WHERE sensor = '_broker' AND value >= 5"
    wait_for(lambda: rig.rows(numbers) != [], "the number of lost messages", 60 - (time.monotonic() - lost_at))
    alarm = "SELECT 1 FROM alarm JOIN alarm_definition d USING (definition_id) WHERE d.key = '_broker' AND active"
    wait_for(lambda: rig.rows(alarm) != [] or rig.rows(raised) != [], "its alarm", 60 - (time.monotonic() - lost_at))
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
