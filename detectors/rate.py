"""Rate of change: how fast a value moves, over a window."""

from __future__ import annotations

from typing import Annotated, Final

import numba
import numpy as np
from msgspec import Meta

from core.batch import QUALITY_CODE, Float64, Int32, Int64, ReadingBatch, Scores, UInt8
from core.model import DefinitionSet
from detectors.contract import BAD, LARGEST, SECOND_US, Detector, Parameters, SlotIndex

KEPT: Final = 8  # readings kept a definition, a seventh of the window apart: the eight span the window
PLACE: Final = KEPT - 1  # KEPT is a power of two: a place in the ring is a mask away
MINUTE_US: Final = 60.0 * SECOND_US


class RateParameters(Parameters, frozen=True):
    """What a rate definition may set.

    Args:
        window_s: how far back the change is measured, in seconds: from 1 ms (the wire's resolution) to a day.
    """

    window_s: Annotated[float, Meta(ge=0.001, le=86_400.0)] = 60.0


class Rate(Detector):
    """The change per minute over the last `window_s` seconds, in the sensor's unit per minute; negative when falling.

    `(value - then) / (at - then's instant)`, where *then* is the newest kept reading that is at least a window old. Of
    readings closer together than a seventh of the window only the first is kept, so *then* is at most a seventh of the
    window and one reading older than the window, and the divisor is the true distance. Where a silence longer than the
    window lies just behind a reading, the number is the slope across the silence; the window must then be covered anew.

    Memory: 136 bytes a definition (8 readings).
    Warm-up: one window; NaN until then, and on readings of bad quality, which are passed over.
    Fails when: the noise is large against the change sought: the number carries the noise of two readings, times
        60 / window_s; a longer window helps. A rise and fall within one window cancel out.
    """

    name = "rate"
    unit = "{unit}/min"
    parameters = RateParameters

    def __init__(self, definitions: DefinitionSet) -> None:
        super().__init__(definitions)
        self._window_us: Int64 = np.rint(self._settings["window_s"] * SECOND_US).astype(np.int64)
        self._kept_at: Int64 = np.zeros((len(self), KEPT), np.int64)
        self._kept_value: Float64 = np.zeros((len(self), KEPT), np.float64)
        self._keeps: Int64 = np.zeros(len(self), np.int64)  # how many were ever kept; the newest is at (keeps - 1) % 8
        self._column("kept_at", self._kept_at)
        self._column("kept_value", self._kept_value)
        self._column("keeps", self._keeps)

    def _fill(self, batch: ReadingBatch, out: Scores) -> None:
        _rate(
            self._index, self._window_us, self._kept_at, self._kept_value, self._keeps,
            batch.sensor, batch.judged_at, batch.value, batch.quality,
            out.definition, out.row, out.at, out.number,
        )  # fmt: skip


@numba.njit(cache=True)
def _change_per_minute(
    d: int, window: int, kept_at: Int64, kept_value: Float64, keeps: int, at: int, value: float
) -> float:
    """The number for a usable reading of one definition; NaN where the window is not covered."""
    then = -1
    for k in range(max(keeps - KEPT, 0), keeps):
        if at - kept_at[d, k & PLACE] < window:
            break
        then = k
    if then < 0:
        return np.nan
    age = at - kept_at[d, then & PLACE]
    # An old reading with newer ones in between says nothing of what happened since: wait for the window.
    if age > 2 * window and then < keeps - 1:
        return np.nan
    number = (value - kept_value[d, then & PLACE]) * (MINUTE_US / age)
    return min(max(number, -LARGEST), LARGEST)  # type: ignore[no-any-return]


@numba.njit(cache=True)
def _rate(
    index: SlotIndex,
    window_us: Int64,
    kept_at: Int64,
    kept_value: Float64,
    keeps: Int64,
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
            if usable:
                window, kept = window_us[d], keeps[d]
                number[n] = _change_per_minute(d, window, kept_at, kept_value, kept, t, x)
                spacing = -(-window // (KEPT - 1))
                if kept == 0 or t - kept_at[d, (kept - 1) & PLACE] >= spacing:
                    kept_at[d, kept & PLACE] = t
                    kept_value[d, kept & PLACE] = x
                    keeps[d] = kept + 1
            else:
                number[n] = np.nan
            n += 1
