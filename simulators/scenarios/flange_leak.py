"""flange-leak: a tank's flange loses vapour in the open, and the wind carries it over the yard's detectors.

The wind blows, on the average, from the leak towards one of them; it veers, so that the gas comes and goes. The pump house
and its fan are well. The valve is shut after five minutes. 15 minutes in all.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from simulators import pump_station
from simulators.scenario import Scenario
from simulators.scenarios.leaking import truth_of
from simulators.scenarios.sites import local_seconds, plants
from simulators.tank_farm import TANK_AT, YARD_DETECTOR_AT, Leak, Schedule

SECONDS: Final = 900


def build(seed: int, start_us: int) -> Scenario:
    """The scenario for a seed."""
    random = np.random.default_rng([seed, 3])
    begins, area, wind = (float(random.uniform(low, high)) for low, high in ((90, 180), (100, 160), (2, 4)))
    tank = int(random.integers(1, 5))
    # Each tank's own detector stands in front of it, so the one with its number is the nearest.
    source, detector = TANK_AT[tank], YARD_DETECTOR_AT[tank - 1]
    towards = math.degrees(math.atan2(detector[0] - source[0], detector[1] - source[1]))
    leak = Leak(
        place="tank-flange", tank=tank, area_mm2=area, begins_s=round(begins), grows_s=60.0, ends_s=round(begins) + 300
    )
    schedule = Schedule(
        leaks=(leak,),
        wind=wind,
        wind_from=(towards + 180.0) % 360.0,
        local_s=local_seconds(start_us),
    )
    station = pump_station.Schedule(local_s=schedule.local_s)
    return Scenario(
        name="flange-leak",
        seed=seed,
        start_us=start_us,
        seconds=SECONDS,
        truth=truth_of(schedule, seed, SECONDS, start_us),
        plants=lambda: plants(schedule, station, seed),
    )
