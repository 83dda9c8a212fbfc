"""The broker killed with and without its file, sessions resumed and lost: what is delivered is stored once, what is lost is seen.

Outages of the database: test_outages.py and test_spool_outages.py. Many devices at once: test_reconnect_storm.py.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from davy.servers import PostgresServer
from ingest.mqtt_client import MqttOptions
from tests.conftest import StartMosquitto
from tests.database import clone, drop
from tests.ingest.held import LARGE, SMALL, Device, forget, frozen, gate, wait_until_sent, write_down
from tests.ingest.plant import install
from tests.ingest.rig import PASSWORDS, Rig, wait_for

pytestmark = [pytest.mark.db, pytest.mark.broker]

WINDOW = MqttOptions(host="", port=0, worker="").window  # messages that the broker delivers before it waits for acks
PROMISED_S = 60.0  # until a loss is an alarm
ROUND_S = 0.5  # in which acks that were handed over are on the wire
PATIENT = {"patience_s": 120.0}  # nothing goes by way of the spool, so acks wait for the database
RAISED = "SELECT value FROM transition JOIN alarm_definition d USING (definition_id) WHERE d.key = '_broker' AND event = 'raise'"


@pytest.fixture
def rig(postgres_timescaledb: PostgresServer, mosquitto: StartMosquitto, tmp_path: Path) -> Iterator[Rig]:
    """A worker beside a broker of its own, because that is killed."""
    database = clone(postgres_timescaledb)
    install(database, devices=2, sensors=3)
    found = Rig(database, mosquitto(PASSWORDS), tmp_path)
    yield found
    found.close()
    drop(database)


@pytest.fixture
def device(rig: Rig) -> Device:
    """d1, whose messages lie in the last seconds."""
    return Device(rig, time.time_ns() // 1000 - 10_000_000)


def begin(rig: Rig, device: Device, **told: object) -> None:
    """A worker that has stored the first ten messages."""
    rig.start(**told)
    rig.wait_until_connected()
    device.say(range(10))
    wait_for(lambda: len(device.stored()) == 10, "the first messages")


def come_back(rig: Rig) -> None:
    """The broker runs again; the worker and the device's client have found it."""
    rig.broker.restart()
    wait_for(rig.publisher.is_connected, "the device's reconnect", 30)
    wait_for(lambda: rig.log.read_text().count("broker_connected") == 2, "the worker's reconnect", 30)


def check_nothing_else(rig: Rig) -> None:
    """Nothing was rejected, and nobody was told twice."""
    assert rig.rows("SELECT reason, sentence FROM rejected_message") == []
    told = [key for (key,) in rig.rows("SELECT d.key FROM notification JOIN alarm_definition d USING (definition_id)")]
    assert len(told) == len(set(told))


def test_a_killed_broker_brings_what_it_had_written(rig: Rig, device: Device) -> None:
    """What lay on its disk comes again and is stored once; what it lost is a gap of (boot, seq), and one alarm of `_broker`
    within 60 s that says how many."""
    begin(rig, device)
    with frozen(rig):
        device.say(range(10, WINDOW + 1000))  # more than it may deliver unacknowledged
        write_down(rig.broker)
        device.say(range(WINDOW + 1000, WINDOW + 1500))
        rig.broker.kill()
        lost_at = time.monotonic()
    come_back(rig)
    device.say(range(WINDOW + 1500, WINDOW + 1510))
    kept = [*range(WINDOW + 1000), *range(WINDOW + 1500, WINDOW + 1510)]
    wait_for(lambda: len(device.stored()) >= len(kept), "what the broker had written", 30)
    assert device.stored() == kept
    assert device.missing() == [*range(WINDOW + 1000, WINDOW + 1500)]
    wait_for(lambda: rig.rows(RAISED) != [], "the alarm", PROMISED_S - (time.monotonic() - lost_at))
    assert rig.rows(RAISED) == [(500.0,)]
    check_nothing_else(rig)
    assert rig.stop() == 0


def test_a_killed_broker_without_its_file(rig: Rig, device: Device) -> None:
    """The session is made anew; each message is stored or stands in a gap, and `_broker` is an alarm within 60 s."""
    begin(rig, device)
    with frozen(rig):
        device.say(range(10, WINDOW + 500))
        rig.broker.kill()
        lost_at = time.monotonic()
        forget(rig.broker)
    come_back(rig)
    assert "broker_session_lost" in rig.log.read_text()
    device.say(range(WINDOW + 500, WINDOW + 510))
    wait_for(lambda: WINDOW + 509 in device.stored(), "what comes afterwards", 30)
    assert sorted(device.stored() + device.missing()) == [*range(WINDOW + 510)]
    assert len(device.missing()) >= 490  # what was beyond the window had no other copy
    wait_for(lambda: rig.rows(RAISED) != [], "the alarm", PROMISED_S - (time.monotonic() - lost_at))
    assert rig.rows(RAISED) == [(1.0,)]  # at once, for the session; the gap is added when it has stood for its grace
    check_nothing_else(rig)
    assert rig.stop() == 0


def test_acks_of_a_lost_session_confirm_nothing(rig: Rig, device: Device) -> None:
    """Acks wait for the database while the broker forgets the session and gives the same packet ids to other messages:
    those come again after a kill of ingest, every one of them."""
    begin(rig, device, **PATIENT, batch_messages=100, linger_s=1.0)
    with gate(rig, large=150) as shut:
        device.say(range(10, 110))
        wait_for(lambda: shut.has(SMALL), "the batch at the gate")
        rig.broker.kill()
        forget(rig.broker)
        come_back(rig)
        device.say(range(200, 400), ("s2", "s3"))
        shut.open(SMALL)
        wait_for(lambda: device.stored() == [*range(110)] and shut.has(LARGE), "the next batch at the gate")
        threading.Event().wait(ROUND_S)
        assert rig.process is not None
        rig.process.kill()
        rig.process.wait()
        shut.open(LARGE)
    rig.start()
    rig.wait_until_connected()
    wait_for(lambda: len(device.stored()) >= 310, "all of the new session", 30)
    assert device.stored() == [*range(110), *range(200, 400)]
    assert device.missing() == [*range(110, 200)]
    check_nothing_else(rig)
    assert rig.stop() == 0


def test_a_full_window_comes_again_after_a_kill(rig: Rig, device: Device) -> None:
    """Ingest is killed with all that the broker may deliver unacknowledged, and more waits behind: everything comes, once,
    in order."""
    begin(rig, device, **PATIENT, batch_messages=500)
    with gate(rig, large=10**6) as shut:
        device.say(range(10, 10 + 2 * WINDOW + 500))
        wait_until_sent(rig.broker, WINDOW + 10)
        assert rig.process is not None
        rig.process.kill()
        rig.process.wait()
        shut.open(SMALL)
    rig.start()
    rig.wait_until_connected()
    wait_for(lambda: len(device.stored()) >= 10 + 2 * WINDOW + 500, "everything", 30)
    assert device.stored() == [*range(10 + 2 * WINDOW + 500)]
    assert rig.rows("SELECT * FROM stream_gap") == []
    assert rig.rows(RAISED) == []
    check_nothing_else(rig)
    assert rig.stop() == 0
