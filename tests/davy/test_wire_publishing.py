"""The daily delivery tests are published beside the scores of models: a broker that is away holds up nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from alerting.exercises import draw_deliveries, keep_exercises
from alerting.store.exercises import deliveries
from core.settings import Settings
from davy.processes import detectors
from davy.processes.surroundings import wall_clock
from davy.servers import Broker
from davy.servers.processes import wait_until
from tests.alerting.plant import Plant, make_plant
from tests.conftest import StartMosquitto
from tests.database import TestDatabase

pytestmark = [pytest.mark.db, pytest.mark.broker, pytest.mark.timeout(180)]

LOGINS = {"ingest": "listens only", "detectors": "scores of models", "_test": "delivery tests"}
# Five signs of life are four intervals of 2 s; a turn that waited for the broker's connection would make each one 5 s and more.
BEATS, WITHIN_S = 5, 18.0


@pytest.fixture
def plant(timescale_database: TestDatabase) -> Plant:
    """A site for which a delivery test has been asked, that is to begin on the wire."""
    plant, now = make_plant(timescale_database), wall_clock()
    with plant.as_service("alerting") as connection:
        sink = plant.people["underwriter"]
        assert draw_deliveries(connection, now, sink, deliveries(connection), on_wire=True) == 0  # its device is new
        assert draw_deliveries(connection, now, sink, deliveries(connection), on_wire=True) == 1
        keep_exercises(connection, now)
    return plant


@contextmanager
def scoring(plant: Plant, broker: Broker) -> Iterator[None]:
    """The detectors process; at the end it is asked to stop, and does."""
    settings = Settings.read(
        {
            "DAVY_DATABASE_URL_ALERTING": plant.database.url("alerting"),
            "DAVY_PRINCIPAL_KEY": plant.database.key.hex(),
            "DAVY_MQTT_HOST": broker.host,
            "DAVY_MQTT_PORT": str(broker.port),
            "DAVY_MQTT_USER": "detectors",
            "DAVY_MQTT_PASSWORD": LOGINS["detectors"],
            "DAVY_MQTT_TEST_PASSWORD": LOGINS["_test"],
        }
    )
    stop = threading.Event()
    process = threading.Thread(target=detectors.run, args=(settings, stop))
    process.start()
    try:
        yield
    finally:
        stop.set()
        process.join(15)
    assert not process.is_alive()


def sent(plant: Plant) -> tuple[Any, ...]:
    return plant.rows("SELECT published_at IS NOT NULL, taken_at IS NOT NULL FROM exercise")[0]


def test_a_broker_that_is_away_holds_up_no_model(plant: Plant, mosquitto: StartMosquitto) -> None:
    """Signs of life come as they do without a test; the test is published once the broker is back; the end waits for nobody."""
    broker = mosquitto(LOGINS)
    broker.stop()
    beats: set[Any] = set()

    def often_enough() -> bool:
        beats.update(plant.rows("SELECT beat_at FROM process_status WHERE process = 'detectors'"))
        return len(beats) >= BEATS

    with scoring(plant, broker):
        assert wait_until(lambda: sent(plant) == (True, False), 20)
        assert wait_until(often_enough, WITHIN_S), beats
        assert sent(plant) == (True, False)
        broker.restart()
        assert wait_until(lambda: sent(plant) == (True, True), 30)
        broker.stop()
        plant.rows("UPDATE exercise SET taken_at = NULL RETURNING 1")
        assert wait_until(lambda: not broker.running, 5)
