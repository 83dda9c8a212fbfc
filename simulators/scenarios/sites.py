"""All plants of the portfolio, for every scenario: what a scenario does not touch has an ordinary day.

None may be left out: a sensor that never speaks is silent, and silence is an alarm.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from simulators import pump_station, tank_farm
from simulators.instrument import Plant
from simulators.mine import MineReturn
from simulators.pump_station import PumpStation
from simulators.stream import MICROSECONDS
from simulators.tank_farm import Span, TankFarm
from simulators.weather import DAY_S

CHINA_S: Final = 8 * 3_600  # the plants' wall clock is eight hours ahead of UTC


def local_seconds(start_us: int) -> float:
    """Seconds since midnight on the plants' wall clock."""
    return (start_us / MICROSECONDS + CHINA_S) % DAY_S


def ordinary_farm(start_us: int, seconds: float) -> tank_farm.Schedule:
    """The tank farm delivers from its first tank all the time."""
    return tank_farm.Schedule(pumped=(Span(0, seconds),), local_s=local_seconds(start_us))


def plants(farm: tank_farm.Schedule, station: pump_station.Schedule, seed: int, step_s: float = 1.0) -> Sequence[Plant]:
    """Tank farm, mine and pump station; the mine is quiet always."""
    return TankFarm(farm, seed, step_s), MineReturn(seed, step_s), PumpStation(station, seed, step_s)
