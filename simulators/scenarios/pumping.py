"""What the scenarios of the pump station share: the setpoints people rely on, and the truth of a schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from simulators.pump_station import SENSORS, PumpStation, Schedule
from simulators.truth import Truth, Watch, first_at, tell


@dataclass(frozen=True, slots=True)
class Limit:
    """One of the demo portfolio's; `delay_s` is its on-delay."""

    sensor: str
    name: str
    setpoint: float
    high: bool
    delay_s: float


# A test holds them equal to packs/demo/portfolio.yaml. Those of vibration are the boundaries to zones C and D of ISO 10816-7:2009,
# category I, up to 200 kW (unverified against the standard's text); the others are the plant's own.
LIMITS: Final[tuple[Limit, ...]] = (
    Limit("lift-flow", "low", 150.0, False, 15.0),
    Limit("lift-suction", "low", -25.0, False, 10.0),
    Limit("lift-discharge", "high", 570.0, True, 15.0),
    Limit("lift-casing", "high", 40.0, True, 60.0),
    Limit("lift-vib-h", "zone-c", 4.0, True, 10.0),
    Limit("lift-vib-h", "zone-d", 6.6, True, 10.0),
    Limit("lift-vib-v", "zone-c", 4.0, True, 10.0),
    Limit("lift-vib-v", "zone-d", 6.6, True, 10.0),
    Limit("lift-bearing", "high", 80.0, True, 60.0),
    Limit("lift-current", "high", 140.0, True, 30.0),
    Limit("lift-winding", "high", 120.0, True, 60.0),
    Limit("well-level", "low", 1.5, False, 30.0),
    Limit("well-level", "high", 5.5, True, 30.0),
)
DRY: Final = 0.7  # of what is asked for: below, the works shut down for want of cooling water


def truth_of(schedule: Schedule, seed: int, seconds: int, start_us: int) -> Truth:
    """What must come, from the noiseless signals. The harm is that of the same schedule had nobody come: the water fails."""
    trace = PumpStation(schedule, seed).advance(seconds)
    alone = PumpStation(schedule.unattended(), seed).advance(2 * seconds)
    lacking = np.where(alone.true["demand"] > 0.0, 1.0 - alone.true["flow"] / alone.true["demand"], 0.0)
    harm_s = first_at(alone.at_s, lacking, 1.0 - DRY)
    column = {sheet.key: n for n, sheet in enumerate(SENSORS)}
    watches = [Watch(SENSORS[column[m.sensor]], m.name, m.setpoint, m.high, m.delay_s, harm_s) for m in LIMITS]
    return tell(watches, trace.at_s, [trace.signal[:, column[m.sensor]] for m in LIMITS], start_us)
