"""Exposure: the time-weighted average of a concentration, for STEL and TWA."""

from __future__ import annotations

import numpy as np

from core.batch import Float64
from detectors.window import OverWindow, WindowParameters


class ExposureParameters(WindowParameters, frozen=True):
    """What an exposure may set.

    Args:
        window_s: 900 for a 15-minute STEL, 28 800 for an 8-hour TWA.
        hold_s: a reading stands for no longer than this.
        known_share: below this share of the window known, nothing is said to be below the setpoint.
    """


class Exposure(OverWindow):
    """The dose of the last `window_s` seconds divided by them, in the sensor's unit: what the average was at least.

    A TWA of eight hours is the dose divided by eight hours, not the mean of what is known. Time in which nothing is known
    adds no dose, so that the number is a lower bound; from the setpoint on it is a fact, below it it is said only where
    enough is known. Values below zero count as zero: an instrument's drift takes back no dose.

    Source: the definitions of PC-STEL and PC-TWA in GBZ 2.1-2019 and GBZ 159, not verified against their text.
    Memory: 408 bytes a definition.
    Warm-up: `known_share` of the window; before it only what is beyond the setpoint already.
    Fails when: the sensor hangs where nobody breathes: it is the exposure of a place, not of a person. Readings that come
        late, behind newer ones of their sensor, are in it only once they are counted from what is stored (docs/decisions/0066).
    """

    name = "exposure"
    unit = "{unit}"
    parameters = ExposureParameters

    def _measure(self) -> tuple[Float64, Float64, Float64]:
        nothing = np.full(len(self), np.nan)
        return nothing, nothing, self._settings["window_s"]
