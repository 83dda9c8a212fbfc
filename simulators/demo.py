"""What the demo plays: a gas leak on the tank farm first, then a pump that begins to cavitate, and before both two quiet hours.

The past is the same plants at work: `Scenario.past` has it as columns, for a model to learn from what is normal; live play goes on
where it ends. It has no truth of its own: `gas-leak` and `pump-cavitation` are judged, this is shown.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from simulators import pump_station
from simulators.pump_station import Trouble
from simulators.scenario import Scenario
from simulators.scenarios.gas_leak import SECONDS, leaking_farm
from simulators.scenarios.sites import local_seconds, plants
from simulators.stream import MICROSECONDS
from simulators.tank_farm import PUMP_M3_H, TANK_M3
from simulators.truth import Truth

NAME: Final = "demo"
PAST_S: Final = 7_200
LEAK_AT_S, LEAK_GROWS_S = 5.0, 40.0  # the first alarm comes while a newcomer is still reading
# The screen clogs: within half a minute suction pressure and flow do not fit any more, which a model sees; the pump cavitates a
# minute after the start, and the limits on suction pressure and vibration follow.
SCREEN: Final = Trouble(begins_s=15.0, grows_s=90.0, most=0.72, ends_s=600.0)


def build(seed: int, live_us: int, *, past_s: int = PAST_S) -> Scenario:
    """The demo for a seed.

    Args:
        live_us: the instant at which the past ends and playing begins, microseconds UTC, a whole second.
        past_s: how long the past is, a multiple of 60; 0 for none.
    """
    start_us = live_us - past_s * MICROSECONDS
    farm = leaking_farm(seed, start_us, leak_at_s=past_s + LEAK_AT_S, grows_s=LEAK_GROWS_S)
    pumped_percent = 100.0 * PUMP_M3_H * past_s / 3_600.0 / TANK_M3
    first, second, third, fourth = (
        level + pumped_percent * (tank == farm.leaks[0].tank) for tank, level in enumerate(farm.levels, start=1)
    )
    farm = replace(farm, levels=(first, second, third, fourth))
    station = pump_station.Schedule(clogged=SCREEN.later(past_s), local_s=local_seconds(start_us))
    return Scenario(
        name=NAME,
        seed=seed,
        start_us=start_us,
        seconds=past_s + SECONDS,
        truth=Truth(),
        plants=lambda: plants(farm, station, seed),
        past_s=past_s,
    )
