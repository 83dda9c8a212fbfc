"""pump-cavitation: the intake screen of the pump station clogs, and its pump begins to cavitate.

Leaves and ice close the screen more and more. At first only the balance of the signals is wrong: less suction pressure than
this flow should have. Then the pump cavitates, shakes and pulsates, and what it gives falls. Somebody rakes the screen before
the water fails. 20 minutes in all.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from simulators.pump_station import Schedule, Trouble
from simulators.scenario import Scenario
from simulators.scenarios.pumping import truth_of
from simulators.scenarios.sites import local_seconds, ordinary_farm, plants

SECONDS: Final = 1_200


def build(seed: int, start_us: int) -> Scenario:
    """The scenario for a seed."""
    random = np.random.default_rng([seed, 6])
    begins, grows, raked = (
        round(float(random.uniform(low, high))) for low, high in ((120, 240), (600, 800), (60, 120))
    )
    most = float(random.uniform(0.71, 0.75))
    screen = Trouble(begins_s=begins, grows_s=grows, most=most, ends_s=begins + round(most * grows) + raked)
    station = Schedule(clogged=screen, local_s=local_seconds(start_us))
    farm = ordinary_farm(start_us, SECONDS)
    return Scenario(
        name="pump-cavitation",
        seed=seed,
        start_us=start_us,
        seconds=SECONDS,
        truth=truth_of(station, seed, SECONDS, start_us),
        plants=lambda: plants(farm, station, seed),
    )
