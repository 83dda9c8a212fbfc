"""The demo's tank farm: four propane tanks in the open, a pump house, and what their instruments show.

Liquid is stored under its own vapour pressure, pumped out to the loading racks through one pump, and brought in by tanker.
A leak of the pump's seal fills the pump house, whose exhaust fan keeps it thin while it runs; what leaves the house, and
what a tank's flange loses, drifts over the yard with the wind. The formulas and their sources stand in `gas` and `weather`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import numpy as np

from core.batch import Float64
from core.units import STANDARD_ATMOSPHERE
from simulators import gas
from simulators.instrument import Instrument, Panel, Trace
from simulators.weather import CALM, Climate, Weather

COMPANY: Final = "huaihai-petro"
SITE: Final = "huaihai-tank-farm"
TANKS: Final = (1, 2, 3, 4)
YARD, HOUSE = "tank-yard", "pump-house"

# Metres east and north of the pump house's middle. Detectors stand low, because propane is heavier than air.
TANK_AT: Final = {1: (20.0, 8.0), 2: (20.0, -8.0), 3: (36.0, 8.0), 4: (36.0, -8.0)}
YARD_DETECTOR_AT: Final = ((14.0, 6.0), (14.0, -6.0), (30.0, 6.0), (30.0, -6.0))
EXHAUST_AT: Final = (6.0, 0.0)
NEAR_GROUND_M: Final = 0.5
JET_M: Final = 0.4  # standard deviation of a leaking jet
WAKE_M: Final = 0.8  # the same behind the pump house's exhaust

TANK_M3: Final = 400.0
TANK_TAU_S: Final = 40.0 * 3_600.0  # how slowly a tank's liquid follows the air
SUN_CELSIUS: Final = 2.0  # how much the sun warms a white tank above the air, mean of a day
HOUSE_M3: Final = 240.0
HOUSE_OPENINGS_M2: Final = 0.05
FAN_M3_S: Final = 1.0  # 15 changes of air an hour
SEAL_RADIUS_M: Final = 1.5  # half sphere around the pump: detector lel-pump-1 and the motor stand in it
INDOOR_AIR_M_S: Final = 0.1

PUMP_M3_H: Final = 40.0
TANKER_M3_H: Final = 60.0
PUMP_HEAD_PA: Final = 400e3
PUMP_TAU_S: Final = 3.0
INRUSH_TAU_S: Final = 0.6
IDLE_A, RATED_A, INRUSH = 28.0, 82.0, 5.0  # a 45 kW motor at 380 V; first current over rated


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """A hole that opens slowly.

    Args:
        place: the pump's seal (liquid, indoors) or a tank's flange (vapour, in the open).
        tank: whose pressure drives it, 1 to 4.
        area_mm2: once fully open.
        grows_s: from closed to fully open, in a straight line.
        ends_s: when somebody shuts the valves before it.
    """

    place: Literal["pump-seal", "tank-flange"]
    tank: int
    area_mm2: float
    begins_s: float
    grows_s: float
    ends_s: float = math.inf

    def area_m2(self, seconds: float) -> float:
        """How large the hole is now."""
        if not self.begins_s <= seconds < self.ends_s:
            return 0.0
        opened = 1.0 if self.grows_s <= 0 else min(1.0, (seconds - self.begins_s) / self.grows_s)
        return self.area_mm2 * 1e-6 * opened


@dataclass(frozen=True, slots=True)
class Span:
    """From one second up to, not including, another; on a tank where that has a meaning."""

    begins_s: float
    ends_s: float
    tank: int = 1

    def holds(self, seconds: float) -> bool:
        """Whether `seconds` is in it."""
        return self.begins_s <= seconds < self.ends_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What people and misfortune do, in seconds from the start, and the weather's means.

    Args:
        levels: what the tanks hold at the start, percent.
        pumped: the pump runs, out of a tank.
        filled: a tanker unloads into a tank.
        fan_off: the pump house's exhaust fan stands.
    """

    leaks: Sequence[Leak] = ()
    pumped: Sequence[Span] = ()
    filled: Sequence[Span] = ()
    fan_off: Sequence[Span] = ()
    levels: tuple[float, float, float, float] = (55.0, 55.0, 55.0, 55.0)
    wind: float = 3.0
    wind_from: float = 270.0
    air_celsius: float = 18.0
    local_s: float = 36_000.0

    def unattended(self) -> Schedule:
        """The same had nobody come: leaks go on, and the fan stays off."""
        return replace(
            self,
            leaks=tuple(replace(leak, ends_s=math.inf) for leak in self.leaks),
            fan_off=tuple(replace(span, ends_s=math.inf) for span in self.fan_off),
        )


def _instruments() -> tuple[Instrument, ...]:
    def one(device: str, zone: str, key: str, unit: str, **rest: float) -> Instrument:
        return Instrument(company=COMPANY, site=SITE, zone=zone, device=device, key=key, unit=unit, **rest)

    lel = {"low": 0.0, "high": 100.0, "zero": 0.6, "noise": 0.3, "resolution": 0.1, "period_s": 1.0}
    level = {"low": 0.0, "high": 100.0, "noise": 0.03, "resolution": 0.01, "t90_s": 2.0, "period_s": 5.0}
    pressure = {"low": 0.0, "high": 2_500.0, "noise": 0.6, "resolution": 0.1, "t90_s": 1.0, "period_s": 5.0}
    liquid = {"low": -40.0, "high": 80.0, "noise": 0.04, "resolution": 0.01, "t90_s": 60.0, "period_s": 5.0}
    return (
        # Open-path and catalytic heads outdoors are slower than the infrared points beside the pump.
        *(one("tf-gas-1", YARD, f"lel-yard-{n}", "%{LEL}", t90_s=20.0, **lel) for n in (1, 2, 3, 4)),
        *(one("tf-gas-2", HOUSE, f"lel-pump-{n}", "%{LEL}", t90_s=12.0, **lel) for n in (1, 2)),
        one("tf-gas-2", HOUSE, "vent-1", "1", low=0.0, high=1.0, resolution=1.0, period_s=1.0),
        *(one("tf-tank-1", YARD, f"level-t{n}", "%", **level) for n in TANKS),
        *(one("tf-tank-1", YARD, f"pressure-t{n}", "kPa", **pressure) for n in TANKS),
        *(one("tf-tank-1", YARD, f"temp-t{n}", "Cel", **liquid) for n in TANKS),
        one("tf-weather", YARD, "wind-speed", "m/s", low=0, high=60, noise=0.05, resolution=0.01, t90_s=2, period_s=5),
        one("tf-weather", YARD, "wind-dir", "deg", low=0, high=359.9, noise=0.5, resolution=0.1, period_s=5),
        one("tf-weather", YARD, "temp-air", "Cel", low=-40, high=60, noise=0.04, resolution=0.01, t90_s=60, period_s=5),
        one("tf-pump-1", HOUSE, "pump-current", "A", low=0, high=600, noise=0.3, zero=0.8, resolution=0.1, period_s=1),
        one("tf-pump-1", HOUSE, "pump-flow", "m3/h", low=0, high=80, noise=0.1, zero=0.2, resolution=0.01, period_s=1),
    )


SENSORS: Final[tuple[Instrument, ...]] = _instruments()


@dataclass(slots=True)
class _Tank:
    """Liquid in a tank: m3 and Celsius."""

    liquid_m3: float
    celsius: float

    @property
    def pressure_pa(self) -> float:
        return gas.vapour_pressure_pa(self.celsius)


@dataclass(slots=True)
class _Pump:
    """The transfer pump: what flows out of which tank, and how long it has run; None while it stands."""

    tank: int = TANKS[0]
    flow_m3_h: float = 0.0
    running_s: float | None = None

    def step(self, tank: int | None, seconds: float) -> None:
        runs = tank is not None
        self.tank = tank or self.tank  # the last one feeds the flow that runs out
        target = PUMP_M3_H if runs else 0.0
        self.flow_m3_h = target + (self.flow_m3_h - target) * math.exp(-seconds / PUMP_TAU_S)
        self.running_s = (0.0 if self.running_s is None else self.running_s + seconds) if runs else None

    @property
    def current_a(self) -> float:
        if self.running_s is None:
            return 0.0
        load = IDLE_A + (RATED_A - IDLE_A) * self.flow_m3_h / PUMP_M3_H
        return load + RATED_A * INRUSH * math.exp(-self.running_s / INRUSH_TAU_S)


@dataclass(slots=True)
class _Release:
    """Gas that gets out at one instant: kg/s, indoors and from each flange."""

    house_kg_s: float = 0.0
    flanges: list[tuple[tuple[float, float], float]] = field(default_factory=list)


class TankFarm:
    """The plant in steps. `true` of its traces has %LEL at the motor, in the house and at each yard detector.

    Args:
        schedule: what happens.
        seed: source of weather and noise.
        step_s: seconds a step; not above the shortest period one wants to see.
    """

    def __init__(self, schedule: Schedule, seed: int, step_s: float = 1.0) -> None:
        weather, noise = np.random.SeedSequence(seed).spawn(2)
        self.instruments: Sequence[Instrument] = SENSORS
        self.step_s = step_s
        self.released_kg = 0.0
        self.room = gas.Room(HOUSE_M3, SEAL_RADIUS_M, INDOOR_AIR_M_S)
        self._schedule = schedule
        self._climate = Climate(
            schedule.wind, schedule.wind_from, schedule.air_celsius, schedule.local_s, step_s, weather
        )
        mean = schedule.air_celsius + SUN_CELSIUS
        self._tanks = [
            _Tank(level / 100.0 * TANK_M3, mean + 0.3 * n) for n, level in zip(TANKS, schedule.levels, strict=True)
        ]
        self._pump = _Pump()
        self._steps = 0
        calm = Weather(max(CALM, schedule.wind), schedule.wind_from, schedule.air_celsius)
        self._panel = Panel(SENSORS, step_s, noise, np.array(self._quantities(calm, _Release(), fan=self._fan(0.0))[0]))

    def advance(self, steps: int) -> Trace:
        """The next `steps` rows."""
        at = np.arange(self._steps, self._steps + steps, dtype=np.float64) * self.step_s
        rows = np.empty((steps, len(SENSORS)))
        shares = np.empty((steps, 2 + len(YARD_DETECTOR_AT)))
        for row in range(steps):
            rows[row], shares[row] = self._step(float(at[row]))
        self._steps += steps
        signal, value = self._panel.follow(rows)
        names = ("motor", "house", *(f"yard-{n + 1}" for n in range(len(YARD_DETECTOR_AT))))
        return Trace(at, signal, value, {name: shares[:, column] for column, name in enumerate(names)})

    def _fan(self, seconds: float) -> bool:
        return not any(span.holds(seconds) for span in self._schedule.fan_off)

    def _step(self, seconds: float) -> tuple[list[float], Float64]:
        weather, fan = self._climate.at(seconds), self._fan(seconds)
        release = self._release(seconds)
        self._move_liquid(seconds, weather)
        fresh = FAN_M3_S if fan else gas.natural_ventilation(HOUSE_OPENINGS_M2, weather.wind)
        density = gas.gas_density(weather.air_celsius)
        self.room.step(release.house_kg_s / density, fresh, self.step_s)
        release.flanges.append((EXHAUST_AT, self.room.far * fresh * density))
        row, shares = self._quantities(weather, release, fan)
        return row, np.array(shares)

    def _release(self, seconds: float) -> _Release:
        out = _Release()
        for leak in self._schedule.leaks:
            area, tank = leak.area_m2(seconds), self._tanks[leak.tank - 1]
            if leak.place == "pump-seal":
                head = PUMP_HEAD_PA * self._pump.flow_m3_h / PUMP_M3_H
                over = tank.pressure_pa - STANDARD_ATMOSPHERE + head
                rate = gas.liquid_release(area, over, gas.liquid_density(tank.celsius))
                out.house_kg_s += rate
            else:
                rate = gas.vapour_release(area, tank.pressure_pa, tank.celsius)
                out.flanges.append((TANK_AT[leak.tank], rate))
            lost = rate * self.step_s
            self.released_kg += lost
            tank.liquid_m3 -= lost / gas.liquid_density(tank.celsius)
        return out

    def _move_liquid(self, seconds: float, weather: Weather) -> None:
        self._pump.step(next((span.tank for span in self._schedule.pumped if span.holds(seconds)), None), self.step_s)
        hours = self.step_s / 3_600.0
        self._tanks[self._pump.tank - 1].liquid_m3 -= self._pump.flow_m3_h * hours
        for span in self._schedule.filled:
            if span.holds(seconds):
                self._tanks[span.tank - 1].liquid_m3 += TANKER_M3_H * hours
        keep = math.exp(-self.step_s / TANK_TAU_S)
        for tank in self._tanks:
            warm = weather.air_celsius + SUN_CELSIUS
            tank.celsius = warm + (tank.celsius - warm) * keep

    def _quantities(self, weather: Weather, release: _Release, fan: bool) -> tuple[list[float], list[float]]:
        density = gas.gas_density(weather.air_celsius)
        motor, house = gas.share_of_limit(self.room.near), gas.share_of_limit(self.room.far)
        yard = [gas.share_of_limit(_over_yard(spot, weather, release) / density) for spot in YARD_DETECTOR_AT]
        row = [
            *yard,
            motor,
            house,
            1.0 if fan else 0.0,
            *(100.0 * tank.liquid_m3 / TANK_M3 for tank in self._tanks),
            *((tank.pressure_pa - STANDARD_ATMOSPHERE) / 1_000.0 for tank in self._tanks),
            *(tank.celsius for tank in self._tanks),
            weather.wind,
            weather.wind_from,
            weather.air_celsius,
            self._pump.current_a,
            self._pump.flow_m3_h,
        ]
        return row, [motor, house, *yard]


def _over_yard(spot: tuple[float, float], weather: Weather, release: _Release) -> float:
    """kg/m3 of gas at a spot of the yard, from all that escapes upwind of it."""
    angle = math.radians(weather.wind_from)
    east, north = -math.sin(angle), -math.cos(angle)  # where the wind goes
    total = 0.0
    for source, rate in release.flanges:
        if rate > 0.0:
            x, y = spot[0] - source[0], spot[1] - source[1]
            spread = WAKE_M if source == EXHAUST_AT else JET_M
            total += gas.plume(
                rate, weather.wind, x * east + y * north, x * north - y * east, height=NEAR_GROUND_M, spread=spread
            )
    return total
