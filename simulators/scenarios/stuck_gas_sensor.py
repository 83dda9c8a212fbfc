"""stuck-gas-sensor: one of the tank farm's gas detectors sends the same number for ever. Nothing else happens.

That is how a detector looks that is frozen, unplugged behind its transmitter, or held at a value by somebody who wants quiet: it
reads clean air, and no limit on gas can notice. 40 minutes in all; the alarm comes when it has not moved for half an hour.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from simulators import pump_station, tank_farm
from simulators.fault import Window, stuck
from simulators.scenario import Scenario
from simulators.scenarios.sites import local_seconds, ordinary_farm, plants
from simulators.stream import MICROSECONDS
from simulators.truth import TRANSPORT_S, Expected, Truth

SECONDS: Final = 2_400
STUCK_AFTER_S: Final = 1_800.0  # signal.stuck of packs/signal_limits.yaml; a test holds them equal
# A live detector repeats itself too: its noise is three times its resolution, so that one reading in eight is the one before. It
# may have begun so much earlier to stand still.
STOOD_BEFORE_S: Final = 30.0


def build(seed: int, start_us: int) -> Scenario:
    """The scenario for a seed."""
    random = np.random.default_rng([seed, 7])
    detectors = [sheet for sheet in tank_farm.SENSORS if sheet.unit == "%{LEL}"]
    detector = detectors[int(random.integers(len(detectors)))]
    freezes_us = start_us + round(float(random.uniform(120, 480))) * MICROSECONDS
    alarm_us = freezes_us + round(STUCK_AFTER_S * MICROSECONDS)
    expected = Expected(
        definition=f"{detector.key}.stuck",
        sensor=detector.key,
        from_us=alarm_us - round(STOOD_BEFORE_S * MICROSECONDS),
        until_us=alarm_us + round((detector.period_s + TRANSPORT_S) * MICROSECONDS),
    )
    farm = ordinary_farm(start_us, SECONDS)
    station = pump_station.Schedule(local_s=local_seconds(start_us))
    return Scenario(
        name="stuck-gas-sensor",
        seed=seed,
        start_us=start_us,
        seconds=SECONDS,
        truth=Truth((expected,)),
        plants=lambda: plants(farm, station, seed),
        faults=(stuck(detector.key, window=Window(from_us=freezes_us)),),
    )
