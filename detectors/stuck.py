"""Stuck sensors: how long a value has not moved."""

from __future__ import annotations

from typing import Annotated

import numba
import numpy as np
from msgspec import Meta

from core.batch import NEVER, QUALITY_CODE, Float64, Int32, Int64, ReadingBatch, Scores, UInt8
from core.model import DefinitionSet
from detectors.contract import BAD, SECOND_US, Detector, Parameters, SlotIndex


class StuckParameters(Parameters, frozen=True):
    """What a stuck definition may set.

    Args:
        tolerance: a move must be larger than this to count, in the sensor's unit.
    """

    tolerance: Annotated[float, Meta(ge=0.0)] = 0.0


class Stuck(Detector):
    """Seconds of judged time since the value last moved by more than `tolerance`.

    A move is measured from where the value last came to rest, not from the reading before: a slow drift that leaves the
    tolerance behind is a move. A real signal has noise; one that stands still to the last digit has usually been cut off,
    frozen or simulated.

    Memory: 16 bytes a definition.
    Warm-up: none; the first usable reading gives 0.
    Fails when: the signal is quantised more coarsely than its noise, or rests by nature (a gas detector in clean air, a
        contact): then only a long setpoint, or none, is right. After a silence, an unmoved value counts the silence as
        standing still. Readings of bad quality give NaN and do not move it.
    """

    name = "stuck"
    unit = "s"
    parameters = StuckParameters

    def __init__(self, definitions: DefinitionSet) -> None:
        super().__init__(definitions)
        self._tolerance = self._settings["tolerance"]
        self._rest_value: Float64 = np.full(len(self), np.nan)
        self._moved_at: Int64 = np.full(len(self), NEVER, np.int64)
        self._column("rest_value", self._rest_value)
        self._column("moved_at", self._moved_at)

    def _fill(self, batch: ReadingBatch, out: Scores) -> None:
        _stuck(
            self._index, self._tolerance, self._rest_value, self._moved_at,
            batch.sensor, batch.judged_at, batch.value, batch.quality,
            out.definition, out.row, out.at, out.number,
        )  # fmt: skip


@numba.njit(cache=True)
def _stuck(
    index: SlotIndex,
    tolerance: Float64,
    rest_value: Float64,
    moved_at: Int64,
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
        slot, t, x = sensor[r], judged_at[r], value[r]
        usable = (quality[r] & QUALITY_CODE) != BAD and np.isfinite(x)
        for k in range(index.offsets[slot], index.offsets[slot + 1]):
            d = index.members[k]
            definition[n] = index.definition[d]
            row[n] = r
            at[n] = t
            if not usable:
                number[n] = np.nan
            elif moved_at[d] == NEVER or abs(x - rest_value[d]) > tolerance[d]:
                rest_value[d] = x
                moved_at[d] = t
                number[n] = 0.0
            else:
                number[n] = (t - moved_at[d]) / SECOND_US
            n += 1
