"""Normal operation for `davy budget verify`: machines and sensors that are simulated, and the normal stretches of real data. Seeded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from scipy.signal import lfilter

from core.batch import Float64
from davy.answer import progress
from davy.evaluate.calibration import KINDS
from davy.evaluate.reading import headers, table
from detectors.models.mewma import Mewma

DAY_S: Final = 86_400.0
WINDOW_S: Final = 30.0  # of a simulated machine
PERIOD_S: Final = 10.0  # of a simulated sensor: `signal.unusual` is for readings each ten seconds or faster
MEMBERS: Final = 5
DAYS_FITTED, DAYS_CALIBRATED, DAYS_JUDGED = 1, 7, 42
# How far a stream remembers: readings that follow each other by chance, what swings for minutes, what swings for half an hour.
MEMORIES: Final = {"white": 0.0, "minutes": 60.0, "half-hour": 600.0}  # seconds after which 1/e of it is left


SIMULATED: Final = "simulated-"  # what names of streams begin with that are no data of a plant


@dataclass(frozen=True, slots=True)
class Machine:
    """Rows of one machine of which all is normal.

    Args:
        rows: shape (n, members); the first `fitted` fit, the next `calibrated` calibrate, the others are judged.
        every: rows between two looks of the budget.
    """

    name: str
    rows: Float64
    fitted: int
    calibrated: int
    period_s: float
    every: int


@dataclass(frozen=True, slots=True)
class Sensor:
    """Readings of one sensor; the first `known` are there when the budget looks first."""

    name: str
    values: Float64
    known: int
    period_s: float
    every: int


def machines(seed: int, days: int = DAYS_JUDGED) -> Iterator[Machine]:
    """Machines whose signals move together and remember: rows, one a window."""
    rng = np.random.default_rng(seed)
    day = round(DAY_S / WINDOW_S)
    for name, memory_s in MEMORIES.items():
        noise = rng.normal(size=((DAYS_FITTED + DAYS_CALIBRATED + days) * day, MEMBERS))
        rows = remembering(noise, memory_s, WINDOW_S) @ rng.normal(size=(MEMBERS, MEMBERS))
        yield Machine(f"{SIMULATED}{name}", rows, DAYS_FITTED * day, DAYS_CALIBRATED * day, WINDOW_S, day)


def sensors(seed: int, days: int = DAYS_JUDGED) -> Iterator[Sensor]:
    """Signals that remember, around a level: what a detector of one sensor hears."""
    rng = np.random.default_rng(seed + 1)
    day = round(DAY_S / PERIOD_S)
    for name, memory_s in MEMORIES.items():
        noise = rng.normal(size=((DAYS_CALIBRATED + days) * day, 1))
        values = 50.0 + remembering(noise, memory_s, PERIOD_S)[:, 0]
        yield Sensor(f"{SIMULATED}{name}", values, DAYS_CALIBRATED * day, PERIOD_S, day)


def remembering(noise: Float64, memory_s: float, period_s: float) -> Float64:
    """A first-order autoregressive stream of unit variance."""
    keeps = 0.0 if memory_s <= 0.0 else float(np.exp(-period_s / memory_s))
    found: Float64 = lfilter([np.sqrt(1.0 - keeps * keeps)], [1.0, -keeps], noise, axis=0)
    return found


REAL_DAY: Final = 1_440  # rows after which the setpoint of real data is looked at anew


def real(folder: Path) -> Iterator[Machine]:
    """The normal stretches of each data set that is there, one after the other with holes between them."""
    there = headers(folder)
    for name, kind in KINDS.items():
        parts = [kind.normal(table(header, 2)) for header in there if header.has(kind.columns)]
        if not parts:
            progress(f"budget: no files of {name} in {folder}")
            continue
        rows = _apart(parts)
        fitted = round(0.3 * len(rows))
        yield Machine(name, rows[:, np.nanstd(rows, axis=0) > 0.0], fitted, fitted, 1.0, REAL_DAY)


def _apart(parts: Sequence[Float64]) -> Float64:
    hole = np.full((Mewma.memory, parts[0].shape[1]), np.nan)
    return np.concatenate([each for part in parts for each in (part, hole)])
