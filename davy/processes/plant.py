"""The plant process of the demo: the devices of a scenario, beginning now and going on after its end."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Final

from core.settings import Settings
from davy.process import Body
from davy.processes.surroundings import wall_clock, wall_clock_us
from simulators.fleet import Fleet
from simulators.scenario import Scenario
from simulators.scenarios import gas_leak, load

DEMO_LEAK: Final = {"leak_at_s": 5.0, "grows_s": 40.0}  # the first alarm comes while a newcomer is still reading


def plant_body(name: str, seed: int) -> Body:
    """The devices of a scenario, beginning now and going on after its end."""

    def play(settings: Settings, stop: threading.Event) -> None:
        scenario = _beginning_now(name, seed)
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


def _beginning_now(name: str, seed: int) -> Scenario:
    now = wall_clock() + timedelta(seconds=1)
    if name == "gas-leak":
        return gas_leak.build(seed, int(now.timestamp()) * 1_000_000, **DEMO_LEAK)
    return load(name, seed, now)
