"""Windows of a pump with a motor for the tests of what members are to each other: states, a load, and temperatures that follow it late."""

from __future__ import annotations

from typing import Final

import numpy as np

from core.batch import Float64
from core.model_setup import PLAIN, ModelForecast, ModelSetup, ModelState

SPEED: Final = "p1/speed"
DRIVE: Final = ("p1/current", "p1/flow", "p1/vibration", "p1/winding", "p1/bearing")
COLUMNS: Final = (SPEED, *DRIVE)
CURRENT, FLOW, VIBRATION, WINDING, BEARING = range(5)
LAG: Final = 25.0  # windows

STOPPED = ModelState(name="stopped", name_zh="停机", below=0.1, judged=False)
HALF = ModelState(name="half speed", name_zh="半速", below=0.75)
FULL = ModelState(name="full speed", name_zh="全速")

SLOW: Final = ModelSetup(slow=(DRIVE[WINDING], DRIVE[BEARING]), load=(DRIVE[CURRENT],))
TOLD: Final = ModelSetup(slow=SLOW.slow, load=SLOW.load, state_by=SPEED, state_apart=True, states=(STOPPED, HALF, FULL))
FOUND: Final = ModelSetup(load=SLOW.load, state_count=2)
FORECAST: Final = ModelForecast(of=DRIVE[VIBRATION], ahead_s=120.0, limit=6.0)
SETUPS: Final = {"plain": PLAIN, "slow": SLOW, "told": TOLD, "found": FOUND}


def columns(setup: ModelSetup) -> tuple[str, ...]:
    """The columns a model of that setup has."""
    return COLUMNS if setup.state_apart else DRIVE


def drive(count: int, seed: int, *, speed: Float64 | None = None, drift: float = 0.0) -> Float64:
    """Rows of normal operation, the speed first.

    Args:
        speed: shape (count,); None: full speed throughout.
        drift: by so much the air is warmer at the end than at the beginning.
    """
    random = np.random.default_rng(seed)
    speed = np.ones(count) if speed is None else speed
    load = speed * (1.0 + 0.15 * np.sin(np.arange(count) / 35.0) + random.normal(0, 0.03, count))
    air = 20.0 + drift * np.linspace(0.0, 1.0, count)
    wanted = np.stack([air + 55.0 * load**2, air + 25.0 * load], axis=1)
    warm, now = np.empty_like(wanted), wanted[0]
    for row in range(count):
        now = now + (wanted[row] - now) / LAG
        warm[row] = now
    quick = [
        100.0 * load + random.normal(0, 0.6, count),
        400.0 * load + random.normal(0, 3.0, count),
        1.0 + 2.0 * speed**2 + random.normal(0, 0.1, count),
    ]
    return np.column_stack([speed, *quick, warm + random.normal(0, 0.05, warm.shape)])


def shifts(count: int, *levels: float, each: int = 90) -> Float64:
    """A speed that goes from one level to the next, over and over."""
    return np.array(levels)[(np.arange(count) // each) % len(levels)]


def rows_of(setup: ModelSetup, rows: Float64) -> Float64:
    """The columns of `columns(setup)`."""
    return rows if setup.state_apart else rows[:, 1:]


def normal(setup: ModelSetup, count: int, seed: int) -> Float64:
    """Normal operation for a setup: in all of its states."""
    speed = shifts(count, 0.0, 0.5, 1.0) if setup.state_by else shifts(count, 0.5, 1.0) if setup.has_states else None
    return rows_of(setup, drive(count, seed, speed=speed))
