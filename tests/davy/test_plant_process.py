"""`davy plant`: the devices of the demo's plants at a real broker, in real time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from core import wire
from core.errors import BadInput
from core.settings import Settings
from davy.processes.plant import plant_body
from davy.processes.surroundings import wall_clock
from davy.servers import Broker
from simulators import mine, pump_station, tank_farm
from tests.simulators.listener import Listener

pytestmark = pytest.mark.broker

LOGINS = {"ingest": "listens only", "simulator": "plays them all"}
DEVICES = {i.device for i in (*tank_farm.SENSORS, *mine.SENSORS, *pump_station.SENSORS)}


@pytest.fixture
def broker(mosquitto: Callable[..., Broker]) -> Broker:
    """A mosquitto that knows one reader, and the simulator that speaks for every device."""
    return mosquitto(LOGINS)


def settings_of(broker: Broker) -> Settings:
    """What the process reads from its environment."""
    return Settings.read(
        {
            "DAVY_MQTT_HOST": broker.host,
            "DAVY_MQTT_PORT": str(broker.port),
            "DAVY_MQTT_USER": "simulator",
            "DAVY_MQTT_PASSWORD": LOGINS["simulator"],
        }
    )


@contextmanager
def playing(broker: Broker, body: Callable[[Settings, threading.Event], None]) -> Iterator[Listener]:
    """Somebody who listens while it plays; it is asked to stop at the end, and does."""
    stop = threading.Event()
    player = threading.Thread(target=body, args=(settings_of(broker), stop))
    with Listener(broker.host, broker.port, "ingest", LOGINS["ingest"]) as ears:
        player.start()
        try:
            yield ears
        finally:
            stop.set()
            player.join(15)
        assert not player.is_alive()


def first_stamps(ears: Listener) -> dict[str, int]:
    """Device -> the earliest instant it told of, milliseconds."""
    found: dict[str, int] = {}
    for heard in ears.heard:
        name = wire.parse_topic(heard.topic)
        if name.kind == "readings":
            stamps = [reading.t or 0 for reading in wire.decode(heard.payload).readings]
            found[name.device] = min([*stamps, found.get(name.device, stamps[0])])
    return found


def test_the_demo_plays_every_plant_side_by_side_from_now_on(broker: Broker) -> None:
    """All devices of tank farm, mine and pump station are born and speak within seconds; nothing of the two hours before is sent."""
    began_ms = wall_clock().timestamp() * 1_000
    with playing(broker, plant_body("demo", 1)) as ears:
        ears.wait(lambda _: set(first_stamps(ears)) == DEVICES, 30)
        assert all(ears.statuses(device) == [True] for device in DEVICES)
        assert min(first_stamps(ears).values()) >= began_ms
        ears.wait(lambda _: len(ears.numbers("tf-gas-2")) >= 3)
        sent = [seq for _, seq in ears.numbers("tf-gas-2")]
        assert sent == list(range(len(sent)))


def test_what_was_due_before_it_could_play_is_sent_at_once(broker: Broker) -> None:
    """Told when the past ends, it sends what came between that and now without a gap: history and live play meet."""
    live_at = (wall_clock() - timedelta(seconds=20)).replace(microsecond=0)
    with playing(broker, plant_body("demo", 1, live_at)) as ears:
        ears.wait(lambda _: len(ears.numbers("tf-gas-2")) >= 18, 30)
        ears.wait(lambda _: set(first_stamps(ears)) == DEVICES, 30)
        assert set(first_stamps(ears).values()) == {int(live_at.timestamp()) * 1_000}


def test_a_scenario_that_is_not_there_is_said(broker: Broker) -> None:
    """As `davy simulate` says it."""
    with pytest.raises(BadInput, match="There is no scenario gas-lek; there are gas-leak"):
        plant_body("gas-lek", 1)(settings_of(broker), threading.Event())
