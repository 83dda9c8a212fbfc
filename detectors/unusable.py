"""Readings that come and cannot be used: the sensor speaks, and says nothing."""

from __future__ import annotations

import numpy as np

from core.aligned import aligned_zeros
from core.batch import Float64, Int64
from core.borrow import borrowed
from core.kernel_cache import kernel
from core.model import DefinitionSet
from core.prefetch import AHEAD, prefetch
from detectors.contract import Detector
from detectors.hearing import Heard


class Unusable(Detector):
    """How many readings in a row could not be used: of bad quality, or no number at all ("Bad", "Scan Timeout", NaN). 0 on one that can.

    What a transmitter sends while its cable is cut or its cell is used up. `stale` says the same of a sensor in seconds, if
    somebody looks; this one needs no time to pass, so that a gap of three readings is known at the third.

    Memory: 8 bytes a definition.
    Warm-up: none.
    Fails when: nothing comes at all: that is `stale`. A device that puts a number in the place of what it does not know is
        `stuck` at it, or jumps to it.
    """

    name = "unusable"
    unit = "1"
    hears_bad = True

    def __init__(self, definitions: DefinitionSet) -> None:
        super().__init__(definitions)
        self._in_a_row: Int64 = aligned_zeros(len(self), np.int64)
        self._column("in_a_row", self._in_a_row)

    def _numbers(self, heard: Heard) -> Float64:
        return _unusable(heard, self._in_a_row)


@kernel
def _unusable(heard: Heard, in_a_row: Int64) -> Float64:
    heard, in_a_row = borrowed((heard, in_a_row))
    count = len(heard.member)
    number = np.empty(count)
    for n in range(count):
        if n + AHEAD < count:
            prefetch(in_a_row, heard.member[n + AHEAD], 0)
        d = heard.member[n]
        in_a_row[d] = 0 if np.isfinite(heard.value[n]) else in_a_row[d] + 1
        number[n] = in_a_row[d]
    return number
