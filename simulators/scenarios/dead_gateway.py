"""dead-gateway: a device of tank farm or pump station loses its power for some minutes, and comes back.

One alarm, that of the gateway: its sensors, silent and unwatched all of them, have none of their own. What it did not send is not
lost on the way, so nothing is said of lost messages either: it is born anew and counts from nothing. 15 minutes in all.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from simulators import pump_station, tank_farm
from simulators.fault import Window, power_cut
from simulators.scenario import Scenario
from simulators.scenarios.sites import local_seconds, ordinary_farm, plants
from simulators.stream import MICROSECONDS, boot_of
from simulators.truth import Expected, Truth

SECONDS: Final = 900
SEEN_WITHIN_S: Final = (
    60.0  # a dead gateway is an alarm by then: 30 s of silence, 10 s of on-delay, and what polling costs
)


def build(seed: int, start_us: int) -> Scenario:
    """The scenario for a seed."""
    random = np.random.default_rng([seed, 8])
    gateways = sorted({sheet.device for sheet in (*tank_farm.SENSORS, *pump_station.SENSORS)})
    gateway = gateways[int(random.integers(len(gateways)))]
    # Not before the sixth minute: until then every device speaks in every scenario, which the tests rely on.
    dies_us = start_us + round(float(random.uniform(400, 480))) * MICROSECONDS
    back_us = dies_us + round(float(random.uniform(150, 300))) * MICROSECONDS
    sensor = f"_gateway.{gateway}"
    expected = Expected(
        definition=f"{sensor}.lost",
        sensor=sensor,
        from_us=dies_us,
        until_us=dies_us + round(SEEN_WITHIN_S * MICROSECONDS),
    )
    farm = ordinary_farm(start_us, SECONDS)
    station = pump_station.Schedule(local_s=local_seconds(start_us))
    return Scenario(
        name="dead-gateway",
        seed=seed,
        start_us=start_us,
        seconds=SECONDS,
        truth=Truth((expected,)),
        plants=lambda: plants(farm, station, seed),
        faults=(power_cut(gateway, window=Window(dies_us, back_us), boot=boot_of(gateway, seed, back_us)),),
    )
