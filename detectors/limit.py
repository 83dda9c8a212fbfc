"""Limits: the number is the value itself."""

from __future__ import annotations

from core.batch import Float64
from detectors.contract import Detector
from detectors.hearing import Heard


class Limit(Detector):
    """The value itself, in the sensor's unit. Bad quality, or no number at all, cannot be judged.

    The one detector that nothing may delay or silence: no model, no warm-up, no memory. Uncertain and substituted values
    are judged like good ones, because a limit that looks away from a doubtful gas reading is not safe.

    Memory: none.
    Warm-up: none.
    Fails when: the sensor lies (stuck, drifting, in the wrong place); `stuck` and `stale` stand beside it for that. One
        noisy reading is enough, unless the definition has an on-delay.
    """

    name = "limit"
    unit = "{unit}"
    stateless = True

    def _numbers(self, heard: Heard) -> Float64:
        return heard.value
