"""Outside of the range: a value that its instrument cannot measure, so that it says something of the instrument."""

from __future__ import annotations

import numpy as np

from core.alike import settings_of
from core.batch import Float64, Int32
from core.borrow import borrowed
from core.kernel_cache import kernel
from core.model import DefinitionSet
from core.prefetch import AHEAD, prefetch
from detectors.contract import LARGEST, Detector, Parameters
from detectors.hearing import Heard


class OutsideParameters(Parameters, frozen=True):
    """What an outside definition may set; an import takes both from the sensor's range where it is declared.

    Args:
        low: the least that the instrument can measure, in the sensor's unit.
        high: and the most.
    """

    low: float = 0.0
    high: float = 100.0


class Outside(Detector):
    """How far the value lies outside of what the instrument can measure, in percent of its range; 0 within.

    A wire that is broken or shorted reads below or above the range: NAMUR NE 43 (edition 2003, not verified against its text) has 4-20 mA
    transmitters measure from 3.8 to 20.5 mA, and say that they have failed below 3.6 and above 21 mA: 2.5 % below, 6.25 % above.

    Memory: none.
    Warm-up: none.
    Fails when: the declared range is not the instrument's. A device that draws what is outside in to the end gives no sign of it:
        that is `clipped`.
    """

    name = "outside"
    unit = "%"
    stateless = True
    parameters = OutsideParameters

    def __init__(self, definitions: DefinitionSet) -> None:
        super().__init__(definitions)
        self._setting, self._set = settings_of([self._settings["low"], self._settings["high"]])

    def _numbers(self, heard: Heard) -> Float64:
        return _outside(heard, self._set, self._setting)


@kernel
def _outside(heard: Heard, settings: Float64, setting: Int32) -> Float64:
    count = len(heard.member)
    number = np.full(count, np.nan)
    heard, settings, setting = borrowed((heard, settings, setting))
    for n in range(count):
        if n + AHEAD < count:
            prefetch(setting, heard.member[n + AHEAD], 0)
        x = heard.value[n]
        asked = setting[heard.member[n]]
        low, high = settings[asked, 0], settings[asked, 1]
        if np.isfinite(x) and high > low:
            away = max(low - x, x - high) / (high - low)  # a value or a range as far as numbers go is drawn in
            number[n] = min(100.0 * max(away, 0.0), LARGEST)
    return number
