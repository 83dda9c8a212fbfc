"""Limits: the number is the value itself."""

from __future__ import annotations

import numba
import numpy as np

from core.batch import QUALITY_CODE, Float64, Int32, Int64, ReadingBatch, Scores, UInt8
from detectors.contract import BAD, Detector, SlotIndex


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

    def _fill(self, batch: ReadingBatch, out: Scores) -> None:
        _limit(
            self._index, batch.sensor, batch.judged_at, batch.value, batch.quality,
            out.definition, out.row, out.at, out.number,
        )  # fmt: skip


@numba.njit(cache=True)
def _limit(
    index: SlotIndex,
    sensor: Int32,
    judged_at: Int64,
    value: Float64,
    quality: UInt8,
    definition: Int32,
    row: Int32,
    at: Int64,
    number: Float64,
) -> None:
    n = 0
    for r in range(len(sensor)):
        slot = sensor[r]
        x = np.nan if (quality[r] & QUALITY_CODE) == BAD else value[r]
        for k in range(index.offsets[slot], index.offsets[slot + 1]):
            definition[n] = index.definition[index.members[k]]
            row[n] = r
            at[n] = judged_at[r]
            number[n] = x
            n += 1
