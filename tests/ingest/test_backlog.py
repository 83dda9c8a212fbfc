"""What comes twice, out of order, or six hours late, while others speak live: on a real broker and database."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from core.batch import Mark
from davy.servers import Broker, PostgresServer
from tests.conftest import StartMosquitto
from tests.database import clone, drop
from tests.ingest.plant import SITE, install, payload
from tests.ingest.rig import PASSWORDS, Rig, wait_for

pytestmark = [pytest.mark.db, pytest.mark.broker]

SECOND = 1_000_000
SENSORS = 10
LIFE_SAFETY: list[dict[str, object]] = [
    {"key": f"life-{device}", "sensor": f"{device}/s2", "priority": "life-safety"} for device in ("d1", "d2", "d3")
]
LIMITS = [*LIFE_SAFETY, {"key": "stale-d3", "sensor": "d3/s3", "detector": "stale", "setpoint": 3.0}]
MESSAGES, BLOCK = 600, 20
BACKLOG_S = 6 * 3600
BACKLOG_EVERY_S = 10
LINK_PER_S = 400.0  # messages a second that a gateway's link takes
LIVE_EVERY_S = 0.1
RAISED = "SELECT d.key, count(*) FROM transition JOIN alarm_definition d USING (definition_id) WHERE event = 'raise' GROUP BY 1"
TOLD = "SELECT d.key, count(*) FROM notification JOIN alarm_definition d USING (definition_id) GROUP BY 1"


@pytest.fixture(scope="module")
def broker(mosquitto_of_module: StartMosquitto) -> Broker:
    """One broker; each worker has a session of its own name."""
    return mosquitto_of_module(PASSWORDS)


@pytest.fixture
def rig(
    postgres_timescaledb: PostgresServer, broker: Broker, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Rig]:
    """A worker of the test's own name."""
    database = clone(postgres_timescaledb)
    install(database, sensors=SENSORS, limits=LIMITS)
    found = Rig(database, broker, tmp_path, worker=f"w{abs(hash(request.node.name)) % 10**6}")
    yield found
    found.close()
    drop(database)


class Link(threading.Thread):
    """A connection of its own, over which messages go in order at a pace.

    Args:
        bodies: made as they are sent.
    """

    def __init__(self, broker: Broker, device: str, bodies: Sequence[Callable[[], bytes]], per_s: float) -> None:
        super().__init__(daemon=True)
        self._topic = f"davy/v1/{SITE}/{device}/readings"
        self._bodies = bodies
        self._per_s = per_s
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.username_pw_set("simulator", PASSWORDS["simulator"])
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    def run(self) -> None:
        """Until all are acknowledged by the broker."""
        began, pause = time.monotonic(), threading.Event()
        for number, body in enumerate(self._bodies):
            pause.wait(max(0.0, began + number / self._per_s - time.monotonic()))
            last = self._client.publish(self._topic, body(), qos=1)
        last.wait_for_publish(30)
        self._client.disconnect()
        self._client.loop_stop()


def now_us() -> int:
    """The wall, in whole milliseconds."""
    return time.time_ns() // 1_000_000 * 1000


def test_twice_and_shuffled_over_several_connections(rig: Rig, broker: Broker) -> None:
    """Blocks of messages, each twice, in any order over three connections: every reading is stored once, no gap is left, the
    newest value is the newest, and the alarm stands as that value has it."""
    rig.start()
    rig.wait_until_connected()
    start_us = now_us() - SECOND
    bodies = [
        payload(seq, start_us + seq * 1000, [{"s": "s1", "v": 60.0 if seq // 100 % 2 else 40.0}, {"s": "s4", "v": seq}])
        for seq in range(MESSAGES)
    ]
    blocks = [bodies[first : first + BLOCK] for first in range(0, MESSAGES, BLOCK)] * 2
    random.Random(7).shuffle(blocks)
    links = [
        Link(broker, "d1", [lambda body=body: body for block in blocks[n::3] for body in block], 2000.0)  # type: ignore[misc]
        for n in range(3)
    ]
    for link in links:
        link.start()
    for link in links:
        link.join(60)
    values = "SELECT value FROM v_audit_reading WHERE sensor = 's4' ORDER BY measured_at"
    wait_for(lambda: len(rig.rows(values)) >= MESSAGES, "all messages", 30)
    stream = "SELECT seq FROM device_stream WHERE seq IS NOT NULL"
    wait_for(lambda: rig.rows(stream) == [(MESSAGES - 1,)], "the stream", 10)
    assert [int(value) for (value,) in rig.rows(values)] == [*range(MESSAGES)]
    assert rig.rows("SELECT * FROM stream_gap WHERE closed_at IS NULL") == []
    assert rig.rows("SELECT reason, sentence FROM rejected_message") == []
    newest = "SELECT value FROM latest JOIN sensor USING (sensor_id) WHERE key = %(key)s AND value IS NOT NULL"
    assert rig.rows(newest, {"key": "s4"}) == [(MESSAGES - 1.0,)]
    active = "SELECT active FROM alarm JOIN alarm_definition d USING (definition_id) WHERE d.key = 'high-d1'"
    assert rig.rows(active) == [((MESSAGES - 1) // 100 % 2 == 1,)]
    assert dict(rig.rows(TOLD)) == {"high-d1": 1}
    assert rig.stop() == 0


def backlog(first_seq: int) -> list[Callable[[], bytes]]:
    """Six hours until just now: a round of all sensors every ten seconds, sent with the clock of the sending.

    s1 and s2 stand above their limits for ten minutes, three hours ago.
    """
    begin_us = now_us() - BACKLOG_S * SECOND

    def made(number: int) -> Callable[[], bytes]:
        at = begin_us + number * BACKLOG_EVERY_S * SECOND
        high = 3 * 3600 <= number * BACKLOG_EVERY_S < 3 * 3600 + 600
        readings = [
            {"s": f"s{k}", "t": at // 1000, "v": 60.0 if high and k <= 2 else 1.0} for k in range(1, SENSORS + 1)
        ]
        return lambda: payload(first_seq + number, now_us(), readings)

    return [made(number) for number in range(BACKLOG_S // BACKLOG_EVERY_S)]


def live(rig: Rig, stop: threading.Event) -> int:
    """d3 speaks until told to stop, high from its tenth message on; how often it spoke."""
    sent = 0
    while not stop.wait(LIVE_EVERY_S):
        value = 60.0 if sent >= 10 else 1.0
        readings = [{"s": "s1", "v": value}, {"s": "s2", "v": value}, {"s": "s3", "v": 1.0}]
        rig.publisher.publish(f"davy/v1/{SITE}/d3/readings", payload(sent, now_us(), readings), qos=1)
        sent += 1
    return sent


def test_six_hours_of_backlog_beside_live_data(rig: Rig, broker: Broker) -> None:
    """One gateway sends what lay in it before it speaks live, another after: all of it is stored, what happened in it is written
    down as past and calls nobody but for life safety, once; a third one's alarms are judged while it still comes, and nothing
    seems silent."""
    rig.start()
    rig.wait_until_connected()
    rig.publish(
        f"davy/v1/{SITE}/d2/readings", [payload(0, now_us(), [{"s": f"s{k}", "v": 1.0} for k in range(1, SENSORS + 1)])]
    )
    links = [Link(broker, device, backlog(first), LINK_PER_S) for device, first in (("d1", 0), ("d2", 1))]
    stop = threading.Event()
    speaking = threading.Thread(target=live, args=(rig, stop), daemon=True)
    for thread in (*links, speaking):
        thread.start()
    wait_for(lambda: {"high-d3", "life-d3"} <= {key for key, _ in rig.rows(RAISED)}, "the live alarms", 30)
    assert all(link.is_alive() for link in links)
    for link in links:
        link.join(60)
    stored = "SELECT count(*) FROM v_audit_reading WHERE device IN ('d1', 'd2')"
    wanted = 2 * BACKLOG_S // BACKLOG_EVERY_S * SENSORS + SENSORS
    wait_for(lambda: rig.one(stored) == wanted, "the backlog", 60)
    stop.set()
    speaking.join()
    late = "SELECT count(*) FROM reading JOIN sensor USING (sensor_id) JOIN device USING (device_id) WHERE device.key = %(key)s AND quality & %(late)s <> 0"
    assert [rig.one(late, {"key": key, "late": int(Mark.LATE)}) for key in ("d1", "d2", "d3")] == [
        0,  # in order: judged as it lies
        BACKLOG_S // BACKLOG_EVERY_S * SENSORS,
        0,
    ]
    past = "SELECT d.key, historic FROM occurrence JOIN alarm_definition d USING (definition_id) ORDER BY 1"
    assert rig.rows(past) == [
        ("high-d1", True), ("high-d2", True), ("high-d3", False), ("life-d1", True), ("life-d2", True), ("life-d3", False),
    ]  # fmt: skip
    raised = dict(rig.rows(RAISED))
    assert set(raised) == {key for key, _ in rig.rows(past)}, "no silence, no gateway, no loss"
    assert (raised["high-d1"], raised["life-d1"]) == (1, 1)  # of late readings each batch has a pair
    assert dict(rig.rows(TOLD)) == {"high-d3": 1, "life-d1": 1, "life-d2": 1, "life-d3": 1}
    assert rig.rows("SELECT reason, sentence FROM rejected_message") == []
    assert rig.rows("SELECT * FROM stream_gap") == []
    assert rig.stop() == 0
