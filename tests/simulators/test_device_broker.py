"""Devices on a real mosquitto: birth, last will, reconnect, and the last minute again."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.errors import BadInput, Unavailable
from core.wire import Message, WireReading, encode, readings_topic
from davy.servers import Broker, start_broker
from simulators.device import Device
from simulators.fleet import Fleet
from simulators.network import Network
from simulators.scenarios import dead_gateway, gas_leak
from simulators.stream import MICROSECONDS
from tests.simulators.listener import Listener
from tests.tls import tls_listener

pytestmark = pytest.mark.broker

SITE, KEY, BOOT = "north", "gw-1", 4_000_000_007
START_MS = 1_790_000_000_000
LOGINS = {"ingest": "listens", KEY: "speaks", "gw-2": "speaks-too"}


@pytest.fixture
def broker(mosquitto: Callable[..., Broker]) -> Broker:
    """A mosquitto that knows one reader and two devices."""
    return mosquitto(LOGINS)


@pytest.fixture
def listener(broker: Broker) -> Iterator[Listener]:
    """Hears all of it."""
    with Listener(broker.host, broker.port, "ingest", LOGINS["ingest"]) as ears:
        yield ears


def device(key: str = KEY, password: str | None = None, boot: int = BOOT) -> Device:
    """A device with its own user."""
    return Device(SITE, key, boot, user=key, password=password or LOGINS[key])


def say(speaker: Device, network: Network, numbers: range, *, every_ms: int = 1_000) -> None:
    """Messages of those numbers, one every so often of the device's own time."""
    for seq in numbers:
        at_ms = START_MS + seq * every_ms
        message = Message(speaker.boot, seq, at_ms, [WireReading("lel-1", 0.5, at_ms)])
        speaker.send(at_ms, readings_topic(SITE, speaker.key), encode(message))
    network.wake()


@contextmanager
def connected(broker: Broker, *devices: Device) -> Iterator[Network]:
    """The devices on their way to the broker."""
    with Network(broker.host, broker.port, devices) as network:
        yield network
        network.check()


def test_a_device_is_born_speaks_and_says_goodbye(broker: Broker, listener: Listener) -> None:
    """Online with its boot, its messages in order, offline at the end: no last will, for it left in order."""
    speaker = device()
    with connected(broker, speaker) as network:
        say(speaker, network, range(40))
        assert speaker.wait_online(10)
        assert speaker.wait_until(0, 10)
    listener.wait(lambda _: listener.statuses(KEY)[:2] == [True, False])
    assert listener.numbers(KEY) == [(BOOT, seq) for seq in range(40)]
    with Listener(broker.host, broker.port, "ingest", LOGINS["ingest"]) as later:
        later.wait(lambda heard: len(heard) == 1)
        assert later.heard[0].retained
        assert later.statuses(KEY) == [False]


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning")
def test_a_device_speaks_tls_to_a_broker_that_it_can_check(broker: Broker, tmp_path: Path) -> None:
    """With the authority it comes online; without it, it stays away and says why."""
    port, authority = tls_listener(broker, tmp_path)
    trusting = Device(
        SITE, KEY, BOOT, user=KEY, password=LOGINS[KEY], tls=ssl.create_default_context(cafile=str(authority))
    )
    doubting = Device(SITE, "gw-2", BOOT, user="gw-2", password=LOGINS["gw-2"], tls=ssl.create_default_context())
    with Listener(broker.host, broker.port, "ingest", LOGINS["ingest"]) as ears:
        with Network(broker.host, port, [trusting, doubting]) as network:
            say(trusting, network, range(120))
            assert trusting.wait_online(10)
            assert trusting.wait_until(0, 10)
        ears.wait(lambda _: ears.statuses(KEY)[:2] == [True, False])
        assert ears.numbers(KEY) == [(BOOT, seq) for seq in range(120)]
    assert doubting.connections == 0
    assert "certificate verify failed" in str(doubting.problem)


def test_readings_are_not_retained(broker: Broker, listener: Listener) -> None:
    """Only the status is: a reading from yesterday must not look like one of now."""
    speaker = device()
    with connected(broker, speaker) as network:
        say(speaker, network, range(3))
        assert speaker.wait_until(0, 10)
        with Listener(broker.host, broker.port, "ingest", LOGINS["ingest"]) as later:
            later.wait(lambda heard: bool(heard))
            assert [heard.topic for heard in later.heard] == [f"davy/v1/{SITE}/{KEY}/status"]


def test_a_pulled_cable_speaks_the_last_will_and_the_last_minute_comes_again(
    broker: Broker, listener: Listener
) -> None:
    """The broker says offline for it; back again, it sends the last 60 s with the same boot and numbers, then the new."""
    speaker = device()
    with connected(broker, speaker) as network:
        say(speaker, network, range(100))
        assert speaker.wait_until(0, 10)
        listener.wait(lambda heard: len(listener.numbers(KEY)) == 100)
        speaker.cut(0.5)
        network.wake()
        listener.wait(lambda _: listener.statuses(KEY)[:2] == [True, False])
        say(speaker, network, range(100, 110))
        assert speaker.wait_online(10, connections=2)
        assert speaker.wait_until(0, 10)
        # The newest is second 109, so its minute begins with second 49.
        listener.wait(lambda _: len(listener.numbers(KEY)) >= 100 + 61)
    sent = [seq for boot, seq in listener.numbers(KEY) if boot == BOOT]
    assert sent == [*range(100), *range(49, 110)]
    assert speaker.dropped == 0


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_a_broker_that_starts_again_gets_the_last_minute(broker: Broker, listener: Listener, how: str) -> None:
    """Stopped in order or killed, whatever was said meanwhile arrives, and a killed broker's loss is made good."""
    speaker = device()
    with connected(broker, speaker) as network:
        say(speaker, network, range(20))
        listener.wait(lambda _: len(listener.numbers(KEY)) == 20)
        if how == "kill":
            broker.kill()
        else:
            broker.stop()
        say(speaker, network, range(20, 30))
        listener.heard.clear()
        broker.restart()
        listener.wait_subscribed(2)
        speaker.cut(0.0)  # now the listener hears a whole reconnect
        network.wake()
        listener.wait(lambda _: {seq for _, seq in listener.numbers(KEY)} == set(range(30)))
        assert speaker.wait_until(0, 10)
    assert {boot for boot, _ in listener.numbers(KEY)} == {BOOT}


def test_the_same_holds_on_the_brokers_replacement() -> None:
    """amqtt stands in where there is no mosquitto: birth, order, last will, resend and goodbye are the same there."""
    speaker = device()
    with start_broker("amqtt", LOGINS) as other, Listener(other.host, other.port, "ingest", "listens") as ears:
        with connected(other, speaker) as network:
            say(speaker, network, range(30))
            assert speaker.wait_until(0, 15)
            # amqtt acknowledges before it passes on, and what it has not passed on yet goes with the connection.
            ears.wait(lambda _: len(ears.numbers(KEY)) == 30)
            speaker.cut(3.0)  # amqtt forgets the will of who is back before it noticed that he had gone
            network.wake()
            ears.wait(lambda _: ears.statuses(KEY)[:2] == [True, False])
            assert speaker.wait_online(15, connections=2)
            ears.wait(lambda _: len(ears.numbers(KEY)) == 60)
        ears.wait(lambda _: ears.statuses(KEY) == [True, False, True, False])
    assert ears.numbers(KEY) == [(BOOT, seq) for seq in [*range(30), *range(30)]]


def test_what_was_said_before_there_was_a_broker_arrives(broker: Broker, listener: Listener) -> None:
    """A device that starts first waits, within its bound."""
    speaker = device()
    broker.stop()
    with connected(broker, speaker) as network:
        say(speaker, network, range(10))
        assert not speaker.wait_online(0.5)
        assert "does not answer" in (speaker.problem or "")
        broker.restart()
        assert speaker.wait_online(20)
        assert speaker.wait_until(0, 10)
        assert speaker.problem is None


def test_a_wrong_password_is_said_and_harms_nobody_else(broker: Broker, listener: Listener) -> None:
    """The refusal is a sentence; the device beside it on the same thread works."""
    wrong, right = device(password="nonsense"), device("gw-2")
    with connected(broker, wrong, right) as network:
        assert right.wait_online(10)
        say(right, network, range(5))
        assert right.wait_until(0, 10)
        assert not wrong.online
        deadline = time.monotonic() + 10
        while wrong.problem is None and time.monotonic() < deadline:
            wrong.wait_online(0.05)
        assert "refuses gw-1" in (wrong.problem or "")
        listener.wait(lambda _: len(listener.numbers("gw-2")) == 5)
    assert listener.statuses(KEY) == []


def test_many_devices_share_one_thread(mosquitto: Callable[..., Broker]) -> None:
    """Fifty devices, one thread, every message once and in order."""
    keys = [f"d-{n}" for n in range(50)]
    broker = mosquitto({"ingest": "listens", **dict.fromkeys(keys, "same")})
    devices = [Device(SITE, key, n, user=key, password="same") for n, key in enumerate(keys)]
    before = threading.active_count()
    with Listener(broker.host, broker.port, "ingest", "listens") as ears, connected(broker, *devices) as network:
        assert threading.active_count() == before + 2
        for speaker in devices:
            say(speaker, network, range(20))
        assert all(speaker.wait_until(0, 20) for speaker in devices)
        ears.wait(lambda _: all(len(ears.numbers(key)) == 20 for key in keys))
        for n, key in enumerate(keys):
            assert ears.numbers(key) == [(n, seq) for seq in range(20)]


def test_stopping_without_a_broker_ends_in_time(broker: Broker) -> None:
    """Nothing is left running, whatever the broker does."""
    speaker = device()
    broker.stop()
    began = time.monotonic()
    with connected(broker, speaker) as network:
        say(speaker, network, range(3))
    assert time.monotonic() - began < 8
    assert speaker.gone


def test_a_fleet_plays_a_scenario_as_it_was_written(mosquitto: Callable[..., Broker]) -> None:
    """Every device by itself, every packet once, byte for byte; as fast as the broker takes them."""
    scenario = gas_leak.build(1, 1_767_574_800 * MICROSECONDS)
    keys = [key for _, key in scenario.devices()]
    broker = mosquitto({"ingest": "listens", **{key: f"secret of {key}" for key in keys}})
    stop = threading.Event()
    with (
        Listener(broker.host, broker.port, "ingest", "listens") as ears,
        Fleet(
            scenario,
            broker.host,
            broker.port,
            credentials={key: (key, f"secret of {key}") for key in keys},
            clock_us=lambda: time.time_ns() // 1_000,
            speed=None,
        ) as fleet,
    ):
        assert fleet.play(stop)
        expected = [(topic, payload) for _, topic, payload in scenario.messages()]
        ears.wait(lambda heard: sum(h.topic.endswith("/readings") for h in heard) >= len(expected), 30)
        for key in keys:
            ends = f"/{key}/readings"
            assert [h.payload for h in ears.heard if h.topic.endswith(ends)] == [
                p for t, p in expected if t.endswith(ends)
            ]
    ears_boots = {boot for key in keys for boot, _ in ears.numbers(key)}
    assert ears_boots == {d.boot for d in fleet.devices.values()}


def test_a_device_without_power_is_gone_until_it_starts_anew(broker: Broker, listener: Listener) -> None:
    """No goodbye and nothing sent again: the broker says offline for it; with power it is born under the new boot."""
    speaker = device()
    with connected(broker, speaker) as network:
        say(speaker, network, range(10))
        assert speaker.wait_until(0, 10)
        speaker.power_off()
        network.wake()
        listener.wait(lambda _: listener.statuses(KEY) == [True, False])
        assert not speaker.wait_online(0.3, connections=2)
        speaker.power_on(77)
        say(speaker, network, range(3))
        assert speaker.wait_online(10, connections=2)
        assert speaker.wait_until(0, 10)
    listener.wait(lambda _: listener.statuses(KEY) == [True, False, True, False])
    assert listener.numbers(KEY) == [(BOOT, seq) for seq in range(10)] + [(77, seq) for seq in range(3)]


def test_a_fleet_switches_a_dead_gateway_off_and_on(mosquitto: Callable[..., Broker]) -> None:
    """The gateway of the scenario goes without a goodbye and comes back under the boot that its messages carry; all else arrives."""
    scenario = dead_gateway.build(1, 1_767_574_800 * MICROSECONDS)
    keys = [key for _, key in scenario.devices()]
    dead = scenario.truth.expected[0].sensor.removeprefix("_gateway.")
    broker = mosquitto({"ingest": "listens", **dict.fromkeys(keys, "same")})
    with (
        Listener(broker.host, broker.port, "ingest", "listens") as ears,
        Fleet(
            scenario,
            broker.host,
            broker.port,
            credentials={key: (key, "same") for key in keys},
            clock_us=lambda: time.time_ns() // 1_000,
            speed=None,
        ) as fleet,
    ):
        assert fleet.play(threading.Event())
        theirs = [packet.message for packet in scenario.packets() if packet.device == dead]
        sent = [(message.boot, message.seq) for message in theirs if isinstance(message, Message)]
        ears.wait(lambda _: ears.numbers(dead)[-1:] == sent[-1:], 30)
        assert ears.numbers(dead) == sent
        assert ears.statuses(dead) == [True, False, True]
        assert all(ears.statuses(key) == [True] for key in keys if key != dead)


def test_a_fleet_keeps_to_the_clock_and_stops_when_told(mosquitto: Callable[..., Broker]) -> None:
    """At speed 20 the first ten seconds take half a second; a stop ends it at once, with goodbyes."""
    scenario = gas_leak.build(2, 1_767_574_800 * MICROSECONDS)
    keys = [key for _, key in scenario.devices()]
    broker = mosquitto({"ingest": "listens", **dict.fromkeys(keys, "same")})
    stop, finished = threading.Event(), []
    with Listener(broker.host, broker.port, "ingest", "listens") as ears:
        with Fleet(
            scenario,
            broker.host,
            broker.port,
            credentials={key: (key, "same") for key in keys},
            clock_us=lambda: time.time_ns() // 1_000,
            speed=20.0,
        ) as fleet:
            player = threading.Thread(target=lambda: finished.append(fleet.play(stop)))
            began = time.monotonic()
            player.start()
            ears.wait(lambda _: len(ears.numbers("tf-gas-1")) >= 20)
            assert time.monotonic() - began >= 0.8
            stop.set()
            player.join(5)
            assert finished == [False]
        # The listener must still be there when the goodbyes come.
        ears.wait(lambda _: all(ears.statuses(key)[-1:] == [False] for key in keys))


def test_a_fleet_asks_for_what_it_lacks(broker: Broker) -> None:
    """A device without credentials, a speed that is none: a sentence before anything starts."""
    scenario = gas_leak.build(1, 1_767_574_800 * MICROSECONDS)
    with pytest.raises(BadInput, match="credentials for device tf-gas-1"):
        Fleet(scenario, broker.host, broker.port, credentials={}, clock_us=lambda: 0)
    everyone = {key: (key, "x") for _, key in scenario.devices()}
    with pytest.raises(BadInput, match="above 0"):
        Fleet(scenario, broker.host, broker.port, credentials=everyone, clock_us=lambda: 0, speed=0.0)


def test_a_secret_is_never_logged(broker: Broker, capfd: pytest.CaptureFixture[str]) -> None:
    """A refusal is logged with the user's name and without the password."""
    wrong = device(password="nonsense")
    with connected(broker, wrong):
        wrong.wait_online(0.5)
    lines = capfd.readouterr()
    assert "device_offline" in lines.out + lines.err
    assert "nonsense" not in lines.out + lines.err


class Broken(Device):
    """A device whose turn fails, as a mistake of ours would."""

    def turn(self, now: float, host: str, port: int, *, may_connect: bool = True) -> None:
        """Fail."""
        raise ZeroDivisionError(f"{now} {host} {port} {may_connect}")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_is_noticed() -> None:
    """Whoever plays hears of it, instead of waiting for ever."""
    broken = Broken(SITE, KEY, 1, user="u", password="p")
    with Network("127.0.0.1", 9, [broken]) as network, pytest.raises(Unavailable):
        _check_for(network, seconds=5.0)


def _check_for(network: Network, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        network.check()
