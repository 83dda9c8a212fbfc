"""The MQTT source against a real mosquitto: acks, generations, take-over, large and wrong messages."""

from __future__ import annotations

import time
from collections.abc import Iterator

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from core.errors import BrokerAway
from davy.servers import Broker
from ingest.mqtt import MqttSource
from ingest.mqtt_client import MqttOptions
from ingest.source import Lot, RawMessage
from tests.conftest import StartMosquitto
from tests.ingest.rig import PASSWORDS, wait_for

pytestmark = pytest.mark.broker
TOPIC = "davy/v1/north/d1/readings"


def clock() -> int:
    """The wall."""
    return time.time_ns() // 1000


def source(broker: Broker, worker: str = "w", **more: object) -> MqttSource:
    """A source that is not started."""
    told: dict[str, object] = {
        "host": broker.host, "port": broker.port, "worker": worker, "user": "ingest", "password": PASSWORDS["ingest"],
        "linger_s": 0.0, **more,
    }  # fmt: skip
    return MqttSource(MqttOptions(**told), clock)  # type: ignore[arg-type]


def take(from_source: MqttSource, count: int, timeout_s: float = 20.0) -> list[RawMessage]:
    """Exactly so many messages."""
    found: list[RawMessage] = []
    deadline = time.monotonic() + timeout_s
    while len(found) < count and time.monotonic() < deadline:
        found += from_source.take(count - len(found), 10**9, 0.2).messages
    assert len(found) == count
    return found


@pytest.fixture
def broker(mosquitto: StartMosquitto) -> Broker:
    """A mosquitto of this test."""
    return mosquitto(PASSWORDS)


@pytest.fixture
def plant(broker: Broker) -> Iterator[mqtt.Client]:
    """A client that may publish for every device."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="plant")
    client.username_pw_set("simulator", PASSWORDS["simulator"])
    client.connect(broker.host, broker.port)
    client.loop_start()
    yield client
    client.disconnect()
    client.loop_stop()


def publish(plant: mqtt.Client, *bodies: bytes, topic: str = TOPIC, retain: bool = False) -> None:
    """QoS 1, until the broker has taken all."""
    for sent in [plant.publish(topic, body, qos=1, retain=retain) for body in bodies]:
        sent.wait_for_publish(10)


def test_what_is_acked_is_gone_and_what_is_not_comes_again(broker: Broker, plant: mqtt.Client) -> None:
    """The session outlives the process: un-acked messages are delivered again, marked, acked ones never."""
    first = source(broker)
    first.start()
    publish(plant, *(b"%d" % i for i in range(10)))
    got = take(first, 10)
    assert [m.payload for m in got] == [b"%d" % i for i in range(10)]
    assert [m.received_us for m in got] == sorted({m.received_us for m in got})
    first.ack(Lot(got[:4]))
    first.stop()
    second = source(broker)
    second.start()
    assert second.report().first_session_present
    again = take(second, 6)
    assert [(m.payload, m.repeated) for m in again] == [(b"%d" % i, True) for i in range(4, 10)]
    second.ack(Lot(again))
    second.stop()


def test_an_ack_is_good_only_on_its_own_connection(broker: Broker, plant: mqtt.Client) -> None:
    """After a reconnect packet ids mean other messages: late acks of the old connection are forgotten."""
    ours = source(broker)
    ours.start()
    publish(plant, b"a", b"b")
    old = take(ours, 2)
    broker.stop()
    wait_for(lambda: not ours.report().connected, "the loss")
    broker.restart()
    wait_for(lambda: ours.report().connected, "the new session", 30)
    ours.ack(Lot(old))
    renewed = take(ours, 2)
    assert [m.payload for m in renewed] == [b"a", b"b"]
    assert {m.generation for m in renewed} != {m.generation for m in old}
    ours.ack(Lot(renewed))
    ours.stop()


def test_messages_that_wait_do_not_stand_twice_after_a_reconnect(broker: Broker, plant: mqtt.Client) -> None:
    """While the database is away the broker may come and go: what waits here takes its new packet id."""
    ours = source(broker)
    ours.start()
    publish(plant, *(b"%d" % i for i in range(50)))
    wait_for(lambda: ours.report().waiting == 50, "the messages")
    for _ in range(2):
        broker.stop()
        wait_for(lambda: not ours.report().connected, "the loss")
        broker.restart()
        wait_for(lambda: ours.report().connected, "the new session", 30)
    publish_again = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="late")
    publish_again.username_pw_set("simulator", PASSWORDS["simulator"])
    publish_again.connect(broker.host, broker.port)
    publish_again.loop_start()
    publish_again.publish(TOPIC, b"last", qos=1).wait_for_publish(10)
    publish_again.disconnect()
    publish_again.loop_stop()
    got = take(ours, 51)
    assert [m.payload for m in got] == [*(b"%d" % i for i in range(50)), b"last"]
    ours.ack(Lot(got))
    ours.stop()
    fresh = source(broker)
    fresh.start()
    assert len(fresh.take(10, 10**9, 1.0)) == 0
    fresh.stop()


def test_a_lost_session_is_counted(mosquitto: StartMosquitto, broker: Broker) -> None:
    """A broker that comes back without our session may have lost messages: that is told."""
    ours = source(broker)
    ours.start()
    assert ours.report().sessions_lost == 0
    broker.stop()
    for file in broker.folder.rglob("mosquitto.db"):
        file.unlink()
    broker.restart()
    wait_for(lambda: ours.report().sessions_lost == 1, "the lost session", 30)
    ours.stop()


def test_large_retained_and_wrong_messages_do_not_stop_the_stream(broker: Broker, plant: mqtt.Client) -> None:
    """10 MB never reach us, garbage and retained messages do; what follows is delivered."""
    publish(plant, b"kept", retain=True)
    ours = source(broker)
    ours.start()
    assert [(m.payload, m.retained) for m in take(ours, 1)] == [(b"kept", True)]
    publish(plant, b"x" * 10 * 1024 * 1024, *([b"\xff\x00garbage"] * 500), b"after")
    got = take(ours, 501)
    assert got[-1].payload == b"after"
    ours.stop()


def test_the_queue_is_bounded_by_the_brokers_window(broker: Broker, plant: mqtt.Client) -> None:
    """Nobody takes: the broker sends its window and waits; everything comes once acks flow."""
    window = MqttOptions(host=broker.host, port=broker.port, worker="w").window  # as deploy/mosquitto.conf has it
    ours = source(broker)
    ours.start()
    publish(plant, *(b"%d" % i for i in range(9000)))
    wait_for(lambda: ours.report().waiting >= window, "the window")
    assert ours.report().waiting == window
    got: list[bytes] = []
    while len(got) < 9000:
        lot = ours.take(700, 10**9, 5.0)
        assert len(lot)
        got += [m.payload for m in lot.messages]
        ours.ack(lot)
    assert got == [b"%d" % i for i in range(9000)]
    ours.stop()


def test_bytes_are_bounded_too(broker: Broker, plant: mqtt.Client) -> None:
    """Above the bound nothing more is read from the socket; it goes on when there is room."""
    ours = source(broker, most_bytes=1_000_000)
    ours.start()
    publish(plant, *(b"y" * 200_000 for _ in range(40)))
    wait_for(lambda: ours.report().waiting >= 5, "the first megabyte")
    assert ours.report().waiting < 20
    for _ in range(40):
        ours.ack(Lot(take(ours, 1)))
    ours.stop()


def test_messages_without_a_window_are_bounded_in_number(broker: Broker, plant: mqtt.Client) -> None:
    """QoS 0 is not acknowledged, so no window holds it back: small messages without end must not fill the memory."""
    ours = source(broker, most_waiting=50)
    ours.start()
    for i in range(20_000):
        plant.publish(TOPIC, b"%d" % i, qos=0)
    publish(plant, b"last")
    wait_for(lambda: ours.report().waiting >= 50, "the bound")
    # What one read of the socket brought is taken off it one by one, so nothing passes the bound.
    assert ours.report().waiting == 50
    got = take(ours, 200)
    assert [m.payload for m in got[:50]] == [b"%d" % i for i in range(50)]
    ours.stop()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_network_thread_that_died_is_a_failure(broker: Broker, plant: mqtt.Client) -> None:
    """Not a silence: the worker ends with a sentence and is started again."""

    class Worn:
        """A clock that breaks on the first message, in the network thread."""

        broken = False

        def __call__(self) -> int:
            if self.broken:
                raise ZeroDivisionError("in the network thread")
            return clock()

    worn = Worn()
    options = MqttOptions(
        host=broker.host, port=broker.port, worker="w", user="ingest", password=PASSWORDS["ingest"], linger_s=0.0
    )
    ours = MqttSource(options, worn)
    ours.start()
    assert ours.report().failure is None
    worn.broken = True
    publish(plant, b"one")
    wait_for(lambda: ours.report().failure is not None, "the failure", 10)
    assert "has ended" in str(ours.report().failure)
    ours.stop()


def test_a_broker_that_cannot_be_reached_or_refuses_is_one_sentence(broker: Broker) -> None:
    """Wrong port, wrong password: what was tried and what was said."""
    with pytest.raises(BrokerAway, match="refused"):
        source(broker, port=1).start()
    with pytest.raises(BrokerAway, match="Not authorized"):
        source(broker, password="wrong-password").start()


def test_another_client_with_our_id_is_noticed(broker: Broker) -> None:
    """Two clients of one id throw each other out; after a few rounds that is a failure with a sentence, not a flapping loop."""
    one, other = source(broker), source(broker)
    one.start()
    other.start()
    wait_for(lambda: bool(one.report().failure or other.report().failure), "the failure", 60)
    assert "another client uses the id davy-w" in str(one.report().failure or other.report().failure)
    one.stop()
    other.stop()


def test_the_broker_tells_what_it_dropped(broker: Broker) -> None:
    """The drop counter and the version are heard."""
    ours = source(broker)
    ours.start()
    wait_for(lambda: ours.report().dropped == 0 and "mosquitto" in ours.report().broker_version, "the counter", 30)
    ours.stop()


def test_a_device_cannot_take_our_session_over(mosquitto: StartMosquitto) -> None:
    """A broker gives a session to whoever names its client id: ours cannot be guessed, and is the same after a restart."""
    broker = mosquitto({**PASSWORDS, "d1": "device-password"})
    ours = source(broker, client_key=b"k" * 32)
    ours.start()
    for client_id in ("davy-w", "w", "ingest"):
        thief = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=True)
        thief.username_pw_set("d1", "device-password")
        thief.connect(broker.host, broker.port)
        thief.loop_start()
        thief.publish(TOPIC, b"from " + client_id.encode(), qos=1).wait_for_publish(10)
        thief.disconnect()
        thief.loop_stop()
    assert len(take(ours, 3)) == 3
    assert (ours.report().sessions_lost, ours.report().connected) == (0, True)
    ours.stop()
    options = {"host": "h", "port": 1, "worker": "w"}
    assert MqttOptions(**options, client_key=b"a").client_id == MqttOptions(**options, client_key=b"a").client_id  # type: ignore[arg-type]
    assert MqttOptions(**options, client_key=b"a").client_id != MqttOptions(**options, client_key=b"b").client_id  # type: ignore[arg-type]
