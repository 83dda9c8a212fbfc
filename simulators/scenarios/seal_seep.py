"""seal-seep: the pump's seal weeps a little, and for a long while the fan keeps every single limit from being reached.

Both detectors of the pump house show gas, each far below its first stage: that is the compound `_compound.seal-seeping`, and the
only thing that tells of it. Eight minutes later the fan's motor protection trips; then the gas gathers, and the limit
beside the pump goes off at last. 20 minutes in all.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from simulators import pump_station
from simulators.scenario import Scenario
from simulators.scenarios.leaking import truth_of
from simulators.scenarios.sites import local_seconds, plants
from simulators.tank_farm import Leak, Schedule, Span

SECONDS: Final = 1_200
FAN_TRIPS_S: Final = 600


def build(seed: int, start_us: int) -> Scenario:
    """The scenario for a seed."""
    random = np.random.default_rng([seed, 5])
    begins, area, wind, wind_from = (
        float(random.uniform(low, high)) for low, high in ((60, 120), (0.11, 0.13), (2, 5), (0, 360))
    )
    leak = Leak(place="pump-seal", tank=1, area_mm2=area, begins_s=round(begins), grows_s=120.0, ends_s=SECONDS - 30)
    farm = Schedule(
        leaks=(leak,),
        pumped=(Span(0, SECONDS - 30, 1),),
        fan_off=(Span(FAN_TRIPS_S, SECONDS),),
        wind=wind,
        wind_from=wind_from,
        local_s=local_seconds(start_us),
    )
    station = pump_station.Schedule(local_s=farm.local_s)
    return Scenario(
        name="seal-seep",
        seed=seed,
        start_us=start_us,
        seconds=SECONDS,
        truth=truth_of(farm, seed, SECONDS, start_us),
        plants=lambda: plants(farm, station, seed),
    )
