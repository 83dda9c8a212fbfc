"""Time over a level: for how long a value was beyond it within a window."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta

from core.batch import Float64
from detectors.window import OverWindow, WindowParameters


class TimeOverParameters(WindowParameters, frozen=True):
    """What a time_over definition may set, beside the window's.

    Args:
        window_s: how far back it looks, in seconds.
        hold_s: a reading stands for no longer than this.
        known_share: below this share of the window known, nothing is said to be below the setpoint.
        level: time at or beyond it counts, in the sensor's unit.
        below: 1: at or below the level counts; 0: at or above.
    """

    window_s: Annotated[float, Meta(ge=60.0, le=604_800.0)] = 3600.0
    level: float = 0.0
    below: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.0


class TimeOver(OverWindow):
    """Seconds within the last `window_s` for which the value was at or beyond `level`: so many at least.

    A value that comes and goes adds up: ten excursions of a minute are ten minutes. Time in which nothing is known counts
    nothing; so a number below the setpoint is said only where `known_share` of the window is known.

    Memory: 408 bytes a definition.
    Warm-up: `known_share` of the window; before it only what is beyond the setpoint already.
    Fails when: what matters is shorter than the time between two readings: each stands for all the time until the next.
        Late readings are in it only once they are counted from what is stored (docs/decisions/0066).
    """

    name = "time_over"
    unit = "s"
    parameters = TimeOverParameters
    required = (("level",),)

    def _measure(self) -> tuple[Float64, Float64, Float64]:
        return self._settings["level"], self._settings["below"], np.ones(len(self))
