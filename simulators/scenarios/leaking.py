"""What the scenarios with a leak share: the setpoints people rely on, and the truth of a schedule."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from core.batch import Float64
from simulators.instrument import Trace
from simulators.tank_farm import SENSORS, Schedule, TankFarm
from simulators.truth import CONTACT_DELAY_S, GAS_DELAY_S, Truth, Watch, first_at, tell

# The demo portfolio's definitions. 20 and 40 %LEL keep below the 25 and 50 that GB/T 50493-2019 allows at most
# (unverified against the standard's text). A test holds them equal to packs/demo/portfolio.yaml.
STAGES: Final = {"lel-1": 20.0, "lel-2": 40.0}
FAN_STOPPED: Final = 0.5
EXPLOSIVE: Final = 100.0  # %LEL
# The compound of the portfolio on the pump house: each detector's own part of it.
SEEPING: Final = "_compound.seal-seeping"
SEEPING_PARTS: Final = {"lel-pump-1": 8.0, "lel-pump-2": 3.0}


def truth_of(schedule: Schedule, seed: int, seconds: int, start_us: int) -> Truth:
    """What must come, from the noiseless signals; the harm is that of the same schedule had nobody come.

    Each detector answers for the air it stands in: that at the motor for the motor, that of the house for the house, that
    of the yard for the detector's own spot, where a car may stand. The fan's contact answers for the motor.
    """
    trace = TankFarm(schedule, seed).advance(seconds)
    alone = TankFarm(schedule.unattended(), seed).advance(2 * seconds)
    guarded = {"lel-pump-1": "motor", "lel-pump-2": "house", "vent-1": "motor"}
    watches: list[Watch] = []
    columns: list[int] = []
    for column, sheet in enumerate(SENSORS):
        if sheet.unit != "%{LEL}" and sheet.key != "vent-1":
            continue
        air = guarded.get(sheet.key) or sheet.key.removeprefix("lel-")
        harm_s = first_at(alone.at_s, alone.true[air], EXPLOSIVE)
        if sheet.key == "vent-1":
            found = [Watch(sheet, "off", FAN_STOPPED, False, CONTACT_DELAY_S, harm_s)]
        else:
            found = [Watch(sheet, name, setpoint, True, GAS_DELAY_S, harm_s) for name, setpoint in STAGES.items()]
        watches.extend(found)
        columns.extend([column] * len(found))
    seeping, excess = _seeping(trace, first_at(alone.at_s, alone.true["motor"], EXPLOSIVE))
    signals = [trace.signal[:, column] for column in columns]
    return tell([*watches, seeping], trace.at_s, [*signals, excess], start_us)


def _seeping(trace: Trace, harm_s: float | None) -> tuple[Watch, Float64]:
    """The compound: how far both detectors are beyond their parts of it. Gas gathers in the house: neither falls while the other rises."""
    places = [next(i for i, sheet in enumerate(SENSORS) if sheet.key == key) for key in SEEPING_PARTS]
    beyond = [trace.signal[:, i] - setpoint for i, setpoint in zip(places, SEEPING_PARTS.values(), strict=True)]
    sheet = replace(SENSORS[places[0]], key=SEEPING)
    return Watch(sheet, "", 0.0, True, GAS_DELAY_S, harm_s), np.minimum(*beyond)
