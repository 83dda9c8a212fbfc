"""The demo's pump station: river water through a screen into a well, and one pump that lifts it to the works.

It runs all the time, as the town and the factories ask. What ails it unfolds as it does in life: a screen that clogs lets the
pump cavitate, a discharge valve that is blocked makes it churn, a worn bearing shakes and warms. (A sensor that sticks is
`fault.stuck`: the plant knows nothing of it.) The formulas stand in `hydraulics`, `motor` and `vibration`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from core.batch import Float64
from simulators import vibration
from simulators.hydraulics import RATED_M3_H, Pipes, work
from simulators.instrument import Instrument, Panel, Trace
from simulators.motor import Warmth, current_a, shaft_kw
from simulators.wander import Wander, of_day

COMPANY: Final = "minjiang-water"
SITE: Final = "minjiang-pump-station"
WELL, HALL = "wet-well", "pump-hall"
PUMP: Final = "lift-1"  # the asset that a model watches

AXIS_M: Final = 0.5  # the pump's axis over the well's floor
LEVEL_M: Final = 4.0
DEMAND: Final = 0.85  # share of the rated flow, mean of a day
# What the day does to demand, level, air and water: amplitude and the hour of the maximum; a town drinks twice a day.
DEMAND_DAY, DEMAND_TWICE = (0.06, 13.0), (0.025, 8.0)
LEVEL_DAY, AIR_DAY, WATER_DAY = (0.03, 6.0), (2.0, 15.0), (0.3, 17.0)
AIR_CELSIUS, WATER_CELSIUS = 22.0, 15.0
# What wanders: standard deviation, and how many seconds it remembers.
WANDERS: Final = {
    "demand": (0.022, 60.0),
    "tap": (0.008, 8.0),
    "level": (0.01, 300.0),
    "grid": (0.006, 20.0),  # relative, of the current: the voltage of the mains
    "eddy-flow": (2.5, 3.0),  # m3/h
    "eddy-in": (0.8, 3.0),  # kPa
    "eddy-out": (2.5, 3.0),  # kPa
    "air": (0.2, 1_200.0),
    "water": (0.05, 1_800.0),
    "pulse": (1.0, 1.5),
}
PULSATION: Final = 0.035  # relative, of flow and outlet pressure at intensity 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that gets worse in a straight line, until somebody sees to it.

    Args:
        grows_s: from nothing to all of it.
        most: where it stops growing.
        ends_s: when it is put right, at once.
    """

    begins_s: float
    grows_s: float
    most: float = 1.0
    ends_s: float = math.inf

    def extent(self, at_s: Float64) -> Float64:
        """How bad it is, from 0 to `most`, shape (n,)."""
        grown = np.clip((at_s - self.begins_s) / self.grows_s, 0.0, self.most)
        return np.where(at_s < self.ends_s, grown, 0.0)

    def later(self, seconds: float) -> Trouble:
        """The same so much later."""
        return replace(self, begins_s=self.begins_s + seconds, ends_s=self.ends_s + seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What misfortune does, and the time of day at the start.

    Args:
        clogged: the intake screen; its extent is the share that is blocked.
        blocked: the discharge valve; its extent is the share that is shut.
        worn: the bearing at the drive end; 1 is the end of its life.
    """

    clogged: Trouble | None = None
    blocked: Trouble | None = None
    worn: Trouble | None = None
    local_s: float = 36_000.0

    def unattended(self) -> Schedule:
        """The same had nobody come: it gets as bad as it can."""

        def alone(trouble: Trouble | None) -> Trouble | None:
            return None if trouble is None else replace(trouble, most=1.0, ends_s=math.inf)

        return replace(self, clogged=alone(self.clogged), blocked=alone(self.blocked), worn=alone(self.worn))


def _instruments() -> tuple[Instrument, ...]:
    def one(device: str, zone: str, key: str, unit: str, **rest: float) -> Instrument:
        return Instrument(company=COMPANY, site=SITE, zone=zone, device=device, key=key, unit=unit, **rest)

    flow = {"low": 0.0, "high": 800.0, "noise": 1.0, "resolution": 0.1, "t90_s": 2.0, "period_s": 1.0}
    suction = {"low": -100.0, "high": 300.0, "noise": 0.4, "resolution": 0.1, "t90_s": 1.0, "period_s": 1.0}
    discharge = {"low": 0.0, "high": 1_000.0, "noise": 1.2, "resolution": 0.1, "t90_s": 1.0, "period_s": 1.0}
    level = {"low": 0.0, "high": 6.0, "noise": 0.003, "resolution": 0.001, "t90_s": 5.0, "period_s": 5.0}
    shaking = {"low": 0.0, "high": 25.0, "noise": 0.02, "resolution": 0.01, "period_s": 1.0}
    current = {"low": 0.0, "high": 300.0, "noise": 0.3, "resolution": 0.1, "t90_s": 1.0, "period_s": 1.0}
    warm = {"low": -20.0, "high": 180.0, "noise": 0.05, "resolution": 0.01, "t90_s": 20.0, "period_s": 5.0}
    return (
        one("ps-plc-1", HALL, "lift-flow", "m3/h", **flow),
        one("ps-plc-1", HALL, "lift-suction", "kPa", **suction),
        one("ps-plc-1", HALL, "lift-discharge", "kPa", **discharge),
        one("ps-plc-1", HALL, "lift-casing", "Cel", **warm),
        one("ps-plc-1", WELL, "well-level", "m", **level),
        one("ps-vib-1", HALL, "lift-vib-h", "mm/s", **shaking),
        one("ps-vib-1", HALL, "lift-vib-v", "mm/s", **shaking),
        one("ps-vib-1", HALL, "lift-bearing", "Cel", **warm),
        one("ps-motor-1", HALL, "lift-current", "A", **current),
        one("ps-motor-1", HALL, "lift-winding", "Cel", **warm),
    )


SENSORS: Final[tuple[Instrument, ...]] = _instruments()


class PumpStation:
    """The plant in columns. `true` of its traces has the demand and the flow in m3/h, and the intensity of cavitation.

    Nothing is worked out row by row but what remembers, so that hours of history are made in a moment, by the same code and to
    the same bits as live play.

    Args:
        schedule: what happens.
        seed: source of what wanders, of vibration and of noise.
        step_s: seconds a step.
    """

    def __init__(self, schedule: Schedule, seed: int, step_s: float = 1.0) -> None:
        wander, shake, self._noise = np.random.SeedSequence([seed, 5]).spawn(3)
        self.instruments: Sequence[Instrument] = SENSORS
        self.step_s = step_s
        self._schedule = schedule
        self._wander = Wander(list(WANDERS.values()), step_s, wander)
        self._shake = np.random.default_rng(shake)
        self._warmth = Warmth(step_s)
        self._panel: Panel | None = None
        self._steps = 0

    def advance(self, steps: int) -> Trace:
        """The next `steps` rows."""
        at = np.arange(self._steps, self._steps + steps, dtype=np.float64) * self.step_s
        self._steps += steps
        chance = dict(zip(WANDERS, self._wander.advance(steps).T, strict=True))
        flicker = self._shake.standard_normal((steps, 6))
        local = self._schedule.local_s + at
        air = AIR_CELSIUS + AIR_DAY[0] * of_day(local, AIR_DAY[1]) + chance["air"]
        water = WATER_CELSIUS + WATER_DAY[0] * of_day(local, WATER_DAY[1]) + chance["water"]
        level = LEVEL_M + LEVEL_DAY[0] * of_day(local, LEVEL_DAY[1]) + chance["level"]
        daily = DEMAND_DAY[0] * of_day(local, DEMAND_DAY[1]) + DEMAND_TWICE[0] * of_day(local, DEMAND_TWICE[1], times=2)
        demand = DEMAND + daily + chance["demand"] + chance["tap"]
        screen_open = 1.0 - self._extent(self._schedule.clogged, at)
        valve_open = 1.0 - self._extent(self._schedule.blocked, at)
        worn = self._extent(self._schedule.worn, at)
        point = work(Pipes(demand=demand, level_m=level - AXIS_M, screen_open=screen_open, valve_open=valve_open))
        shaft = shaft_kw(point)
        # Vapour comes and goes: what the pump gives pulsates, slowly in the pipe, quickly at the gauges.
        pulse = PULSATION * point.cavitation
        current = current_a(shaft * (1.0 + 0.5 * pulse * chance["pulse"])) * (1.0 + chance["grid"])
        rows = np.column_stack(
            (
                point.flow_m3_h * (1.0 + pulse * (0.7 * chance["pulse"] + 0.5 * flicker[:, 4])) + chance["eddy-flow"],
                point.inlet_kpa + chance["eddy-in"],
                point.outlet_kpa * (1.0 + pulse * (0.7 * chance["pulse"] + 0.7 * flicker[:, 5])) + chance["eddy-out"],
                self._warmth.casing(point, shaft, water, air),
                level,
                vibration.housing(point.flow_m3_h, point.cavitation, worn, flicker[:, :4]),
                self._warmth.bearing(shaft, air, worn),
                current,
                self._warmth.winding(current, air),
            )
        )
        signal, value = self._follow(rows)
        true = {"demand": demand * RATED_M3_H, "flow": point.flow_m3_h, "cavitation": point.cavitation}
        return Trace(at, signal, value, true)

    def _extent(self, trouble: Trouble | None, at: Float64) -> Float64:
        return np.zeros_like(at) if trouble is None else trouble.extent(at)

    def _follow(self, rows: Float64) -> tuple[Float64, Float64]:
        if self._panel is None:
            if not len(rows):
                return rows, rows
            self._panel = Panel(SENSORS, self.step_s, self._noise, rows[0])
        return self._panel.follow(rows)
