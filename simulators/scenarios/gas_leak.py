"""gas-leak: the pump's seal fails, the exhaust fan trips, and the pump house fills with propane until somebody acts.

Tanks are being emptied to the loading racks. The seal opens slowly; half a minute later the fan's motor protection trips,
so that the far end of the house, too, comes to its first and second stage. Six minutes after the leak began the valves are
shut and the pump stopped, then the fan runs again and the house clears. 20 minutes in all.
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


def build(seed: int, start_us: int, *, leak_at_s: float | None = None, grows_s: float | None = None) -> Scenario:
    """The scenario for a seed; the arguments are those of `leaking_farm`."""
    farm = leaking_farm(seed, start_us, leak_at_s=leak_at_s, grows_s=grows_s)
    station = pump_station.Schedule(local_s=farm.local_s)
    return Scenario(
        name="gas-leak",
        seed=seed,
        start_us=start_us,
        seconds=SECONDS,
        truth=truth_of(farm, seed, SECONDS, start_us),
        plants=lambda: plants(farm, station, seed),
    )


def leaking_farm(seed: int, start_us: int, *, leak_at_s: float | None = None, grows_s: float | None = None) -> Schedule:
    """What happens on the tank farm.

    Args:
        leak_at_s: when the seal begins to leak; None lets the seed choose between 2 and 4 minutes.
        grows_s: how long it takes to open fully; None lets the seed choose between 150 and 240 s.
    """
    random = np.random.default_rng([seed, 2])
    chosen_at, chosen_growth, area, tank, wind, wind_from, fan_after, shut_after, fan_again = (
        float(random.uniform(low, high))
        for low, high in (
            (120, 240), (150, 240), (1.2, 1.5), (1, 5), (2, 5), (0, 360), (20, 60), (330, 390), (20, 60),
        )
    )  # fmt: skip
    begins = round(chosen_at if leak_at_s is None else leak_at_s)
    shut = begins + round(shut_after)
    leak = Leak(
        place="pump-seal",
        tank=min(4, int(tank)),
        area_mm2=area,
        begins_s=begins,
        grows_s=chosen_growth if grows_s is None else grows_s,
        ends_s=shut,
    )
    return Schedule(
        leaks=(leak,),
        pumped=(Span(0, shut, leak.tank),),
        fan_off=(Span(begins + round(fan_after), shut + round(fan_again)),),
        wind=wind,
        wind_from=wind_from,
        local_s=local_seconds(start_us),
    )
