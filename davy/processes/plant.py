"""The plant process of the demo: the devices of a scenario, in real time, going on after its end."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from core.settings import Settings
from davy.processes.process import Body
from davy.processes.surroundings import wall_clock, wall_clock_us
from simulators import demo
from simulators.fleet import Fleet
from simulators.scenario import Scenario
from simulators.scenarios import load
from simulators.stream import MICROSECONDS


def plant_body(name: str, seed: int, live_at: datetime | None = None) -> Body:
    """The devices of a scenario, going on after its end.

    Args:
        name: of a scenario, or `demo`: two plants side by side, and a past.
        live_at: when it begins; None is now. What was due by now is sent at once.
    """

    def play(settings: Settings, stop: threading.Event) -> None:
        scenario = _beginning(name, seed, live_at or wall_clock() + timedelta(seconds=1))
        user, password = settings.need("mqtt_user"), settings.secret("mqtt_password")
        fleet = Fleet(
            scenario,
            settings.mqtt_host,
            settings.mqtt_port,
            credentials={device: (user, password) for _, device in scenario.devices()},
            clock_us=wall_clock_us,
            endless=True,
        )
        with fleet:
            fleet.play(stop)

    return play


def _beginning(name: str, seed: int, live_at: datetime) -> Scenario:
    if name == demo.NAME:
        return demo.build(seed, int(live_at.timestamp()) * MICROSECONDS)
    return load(name, seed, live_at)
