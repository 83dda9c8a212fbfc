"""The scenarios by name: one file and one line each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from core.errors import BadInput
from simulators.scenario import Scenario
from simulators.scenarios import (
    dead_gateway,
    flange_leak,
    gas_leak,
    pump_cavitation,
    quiet_day,
    seal_seep,
    stuck_gas_sensor,
)
from simulators.stream import MICROSECONDS

SCENARIOS: Final[dict[str, Callable[[int, int], Scenario]]] = {
    "gas-leak": gas_leak.build,
    "flange-leak": flange_leak.build,
    "seal-seep": seal_seep.build,
    "pump-cavitation": pump_cavitation.build,
    "stuck-gas-sensor": stuck_gas_sensor.build,
    "dead-gateway": dead_gateway.build,
    "quiet-day": quiet_day.build,
}


def load(name: str, seed: int, start_at: datetime) -> Scenario:
    """The scenario `name` for a seed, its second 0 at `start_at` (aware, rounded down to the second).

    Raises:
        BadInput: no such scenario, or a negative seed.
    """
    build = SCENARIOS.get(name)
    if build is None:
        raise BadInput(f"There is no scenario {name}; there are {', '.join(SCENARIOS)}.")
    if seed < 0:
        raise BadInput(f"The seed is {seed}; it must be a whole number from 0 up.")
    return build(seed, int(start_at.timestamp()) * MICROSECONDS)
