"""Rate of change: how fast a value moves, over a window."""

from __future__ import annotations

from typing import Annotated, Final

import numpy as np
from msgspec import Meta

from core.aligned import aligned_zeros, row_of
from core.batch import Float64
from core.borrow import borrowed
from core.kernel_cache import kernel
from core.model import DefinitionSet
from core.prefetch import AHEAD, LINE, prefetch
from detectors.contract import LARGEST, SECOND_US, Detector, Parameters, Rows
from detectors.hearing import Heard

KEPT: Final = 8  # readings kept a definition, a seventh of the window apart: the eight span the window
PLACE: Final = KEPT - 1  # KEPT is a power of two: a place in the ring is a mask away
MINUTE_US: Final = 60.0 * SECOND_US
# How many were ever kept (the newest is at (keeps - 1) % 8); how far apart they are kept. A reading's instant lies beside its value.
_RING: Final = row_of(LINE // 2, [("keeps", np.int64), ("window", np.int64), ("spacing", np.int64)])
_KEPT: Final = np.dtype([("at", np.int64), ("value", np.float64)])


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
        self._ring: Rows = aligned_zeros(len(self), _RING)
        window = np.rint(self._settings["window_s"] * SECOND_US).astype(np.int64)
        self._ring["window"] = window
        self._ring["spacing"] = -(-window // (KEPT - 1))
        self._kept: Rows = aligned_zeros((len(self), KEPT), _KEPT)
        self._column("kept_at", self._kept["at"])
        self._column("kept_value", self._kept["value"])
        self._column("keeps", self._ring["keeps"])

    def _numbers(self, heard: Heard) -> Float64:
        return _rate(heard, self._ring, self._kept)


@kernel
def _change_per_minute(d: int, window: int, kept: Rows, keeps: int, at: int, value: float) -> float:
    """The number for a usable reading of one definition; NaN where the window is not covered."""
    then = -1
    for k in range(max(keeps - KEPT, 0), keeps):
        if at - kept[d, k & PLACE].at < window:
            break
        then = k
    if then < 0:
        return np.nan
    age = at - kept[d, then & PLACE].at
    # An old reading with newer ones in between says nothing of what happened since: wait for the window.
    if age > 2 * window and then < keeps - 1:
        return np.nan
    number = (value - kept[d, then & PLACE].value) * (MINUTE_US / age)
    return min(max(number, -LARGEST), LARGEST)  # type: ignore[no-any-return]


@kernel
def _rate(heard: Heard, ring: Rows, kept: Rows) -> Float64:
    heard, ring, kept = borrowed((heard, ring, kept))
    count = len(heard.member)
    number = np.full(count, np.nan)
    for n in range(count):
        if n + AHEAD < count:
            prefetch(ring, heard.member[n + AHEAD], 0)
            prefetch(kept, heard.member[n + AHEAD], 0)
            prefetch(kept, heard.member[n + AHEAD], 1)
        d, t, x = heard.member[n], heard.at[n], heard.value[n]
        if not np.isfinite(x):
            continue
        keeps = ring[d].keeps
        number[n] = _change_per_minute(d, ring[d].window, kept, keeps, t, x)
        if keeps == 0 or t - kept[d, (keeps - 1) & PLACE].at >= ring[d].spacing:
            kept[d, keeps & PLACE].at = t
            kept[d, keeps & PLACE].value = x
            ring[d].keeps = keeps + 1
    return number
