"""What the tests of broker faults do to a worker, its database and its broker: hold, freeze, write down, forget."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from psycopg import Connection, sql

from davy.servers import Broker
from davy.servers.mosquitto import MosquittoServer
from tests.ingest.plant import payload
from tests.ingest.rig import PASSWORDS, Rig, wait_for

SAVED = "Saving in-memory database"
DATABASE_FILE = "mosquitto.db"
SMALL, LARGE = 1, 2  # which batches a gate lets wait: the second number of their locks
GATE = 52_000  # the first


class Device:
    """d1, which numbers its messages and says that number; not built to our profile, it sends nothing again.

    Args:
        start_us: when it began, microseconds UTC; a message each millisecond.
    """

    def __init__(self, rig: Rig, start_us: int, key: str = "d1") -> None:
        self._rig = rig
        self._start_us = start_us
        self._key = key

    def say(self, seqs: Iterable[int], sensors: tuple[str, ...] = ("s2",)) -> None:
        """Until the broker has taken all."""
        bodies = [
            payload(seq, self._start_us + seq * 1000, [{"s": sensor, "v": seq} for sensor in sensors]) for seq in seqs
        ]
        self._rig.publish(f"davy/v1/north/{self._key}/readings", bodies)

    def stored(self) -> list[int]:
        """The numbers that are stored, in order; a number stored twice stands twice."""
        query = "SELECT value FROM v_audit_reading WHERE device = %(device)s AND sensor = 's2' ORDER BY measured_at"
        return [int(value) for (value,) in self._rig.rows(query, {"device": self._key})]

    def missing(self) -> list[int]:
        """The numbers that stand in open gaps."""
        query = (
            "SELECT first_seq, last_seq FROM stream_gap JOIN device USING (device_id)"
            " WHERE key = %(device)s AND closed_at IS NULL ORDER BY first_seq"
        )
        return [seq for first, last in self._rig.rows(query, {"device": self._key}) for seq in range(first, last + 1)]


class Gate:
    """Batches wait in their transaction while it is shut, as behind a lock that somebody holds."""

    def __init__(self, owner: Connection[Any]) -> None:
        self._owner = owner

    def has(self, which: int) -> bool:
        """Whether a batch of this kind waits at it."""
        row = self._owner.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND objid = %s AND NOT granted",
            (GATE, which),
        ).fetchone()
        return row == (1,)

    def open(self, which: int) -> None:
        """Lets batches of this kind pass."""
        self._owner.execute("SELECT pg_advisory_unlock(%s, %s)", (GATE, which))


@contextmanager
def gate(rig: Rig, large: int) -> Iterator[Gate]:
    """Batches with readings wait; those with more than `large` for a lock of their own. Ingest waits at most 2 s and tries again."""
    with rig.database.connect("owner") as owner:
        owner.execute("SELECT pg_advisory_lock(%s, %s), pg_advisory_lock(%s, %s)", (GATE, SMALL, GATE, LARGE))
        owner.execute(
            """CREATE FUNCTION test_gate() RETURNS trigger LANGUAGE plpgsql AS $$
               BEGIN
                   IF NEW.readings > 0 THEN
                       PERFORM pg_advisory_xact_lock_shared(
                           TG_ARGV[0]::int, CASE WHEN NEW.readings > TG_ARGV[1]::int THEN 2 ELSE 1 END);
                   END IF;
                   RETURN NEW;
               END
               $$"""
        )
        owner.execute(
            sql.SQL(
                "CREATE TRIGGER test_gate BEFORE INSERT ON ingest_batch FOR EACH ROW EXECUTE FUNCTION test_gate({}, {})"
            ).format(sql.Literal(str(GATE)), sql.Literal(str(large)))
        )
        yield Gate(owner)
        owner.execute("SELECT pg_advisory_unlock_all()")


@contextmanager
def frozen(rig: Rig) -> Iterator[None]:
    """The worker stands still, as on a machine that sleeps: what comes lies at the broker, and in the kernel."""
    assert rig.process is not None
    rig.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        rig.process.send_signal(signal.SIGCONT)


def write_down(broker: Broker) -> None:
    """The broker writes its file now, as it does every ten seconds."""
    assert isinstance(broker, MosquittoServer)
    before = broker.log.read_text().count(SAVED)
    os.kill(broker.pid, signal.SIGUSR1)
    wait_for(lambda: broker.log.read_text().count(SAVED) > before, "the broker's file", 10)


def forget(broker: Broker) -> None:
    """The file of a broker that does not run is gone."""
    (broker.folder / DATABASE_FILE).unlink(missing_ok=True)


def wait_until_sent(broker: Broker, messages: int) -> None:
    """Until the broker has sent so many, by its own count."""
    seen, heard = threading.Event(), [0]

    def on_message(_: mqtt.Client, __: object, message: mqtt.MQTTMessage) -> None:
        heard[0] = int(message.payload)
        if heard[0] >= messages:
            seen.set()

    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="counts")
    client.username_pw_set("ingest", PASSWORDS["ingest"])
    client.on_message = on_message
    client.connect(broker.host, broker.port)
    client.subscribe("$SYS/broker/publish/messages/sent")
    client.loop_start()
    try:
        assert seen.wait(20), f"the broker has sent {heard[0]} messages, not {messages}"
    finally:
        client.disconnect()
        client.loop_stop()
