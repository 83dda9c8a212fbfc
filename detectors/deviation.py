"""Deviation: how far a value lies from where it belongs."""

from __future__ import annotations

from typing import Annotated, Final

import numpy as np
from msgspec import Meta

from core.batch import NEVER, Float64, Int64
from core.kernel_cache import kernel
from core.model import DefinitionSet
from core.prefetch import AHEAD, LINE, prefetch
from detectors.contract import LARGEST, SECOND_US, Detector, Parameters
from detectors.hearing import Heard

RING: Final = 16  # buckets of a window's fifteenth; a power of two
PLACE: Final = RING - 1
CARRIED: Final = 0.5  # of the setpoint: what one bucket moves the mean by when it is left out. Ours


class DeviationParameters(Parameters, frozen=True):
    """What a deviation may set: a fixed reference, or a window of its own past.

    Args:
        reference: where the value belongs, in the sensor's unit.
        window_s: 0: the reference is `reference`; else it is the mean of the sensor's own readings of so many seconds.
    """

    reference: float = 0.0
    window_s: Annotated[float, Meta(ge=0.0, le=604_800.0)] = 0.0


class Deviation(Detector):
    """`|value - reference|`, in the sensor's unit: one setpoint with two sides.

    The reference is a fixed number or the mean of the sensor's own readings of the last `window_s` seconds, this one left out.
    The mean is kept in sixteen buckets of a fifteenth of the window each, so that it reaches back between 15 and 16 of them. Where a
    value is beyond the setpoint, and one bucket alone carries the mean by half of that, it is left out: one wild reading is no alarm of a window.

    Memory: 272 bytes a definition.
    Warm-up: none for a fixed reference, one window for the sensor's own; NaN until then, and again after a silence of a window.
    Fails when: with its own mean as reference, a drift is slow against the window, or a change lasts for one: it becomes the
        reference. `ewma` beside it does not learn what it alarms on.
    """

    name = "deviation"
    unit = "{unit}"
    parameters = DeviationParameters
    required = (("reference", "window_s"),)

    def __init__(self, definitions: DefinitionSet) -> None:
        super().__init__(definitions)
        self._reference = self._settings["reference"]
        self._window_us: Int64 = np.rint(self._settings["window_s"] * SECOND_US).astype(np.int64)
        self._sum: Float64 = np.zeros((len(self), RING))
        self._count: Float64 = np.zeros((len(self), RING))
        mine = self._definition
        setpoint = definitions.definitions.floats("setpoint")[mine]
        self._setpoint: Float64 = np.where(definitions.is_low()[mine] | (setpoint <= 0.0), np.inf, setpoint)
        self._at: Int64 = np.full((len(self), 2), NEVER, np.int64)  # newest bucket, first reading of this stretch
        self._column("sum", self._sum)
        self._column("count", self._count)
        self._column("at", self._at)

    def _numbers(self, heard: Heard) -> Float64:
        return _deviation(heard, self._reference, self._window_us, self._setpoint, self._sum, self._count, self._at)


@kernel
def _without_one(d: int, mean: float, least: float, total: Float64, count: Float64) -> float:
    """The mean without the bucket that pulls hardest at it, where that moves it by `least`."""
    one, hardest = 0, -1.0
    for b in range(RING):
        pull = abs(total[d, b] - count[d, b] * mean)
        if pull > hardest:
            one, hardest = b, pull
    added, readings = 0.0, 0.0
    for b in range(RING):
        if b != one:
            added += total[d, b]
            readings += count[d, b]
    return added / readings if readings > 0.0 and abs(added / readings - mean) >= least else mean


@kernel
def _own_mean(
    d: int, window: int, setpoint: float, t: int, x: float, total: Float64, count: Float64, kept_at: Int64
) -> float:
    """The mean before this reading, NaN where a window is not covered; then the reading is one of those it is made of."""
    width = -(-window // (RING - 1))
    bucket = t // width
    if bucket - kept_at[d, 0] > PLACE:
        kept_at[d, 1] = t
    for b in range(max(kept_at[d, 0] + 1, bucket - PLACE), bucket + 1):
        total[d, b & PLACE] = 0.0
        count[d, b & PLACE] = 0.0
    kept_at[d, 0] = bucket
    readings, mean = 0.0, np.nan
    if t - kept_at[d, 1] >= window:
        added = 0.0
        for b in range(bucket - PLACE, bucket + 1):
            added += total[d, b & PLACE]
            readings += count[d, b & PLACE]
        if readings > 0.0:
            mean = added / readings
            if abs(x - mean) >= setpoint:
                mean = _without_one(d, mean, CARRIED * setpoint, total, count)
    grown = total[d, bucket & PLACE] + x
    if np.isfinite(grown):
        total[d, bucket & PLACE] = grown
        count[d, bucket & PLACE] += 1.0
    return mean


@kernel
def _deviation(
    heard: Heard,
    reference: Float64,
    window_us: Int64,
    setpoint: Float64,
    total: Float64,
    count: Float64,
    kept_at: Int64,
) -> Float64:
    entries = len(heard.member)
    number = np.full(entries, np.nan)
    for n in range(entries):
        if n + AHEAD < entries:
            soon = heard.member[n + AHEAD]
            prefetch(kept_at, soon, 0)
            for line in range(RING * 8 // LINE):
                prefetch(total, soon, line)
                prefetch(count, soon, line)
        d, t, x = heard.member[n], heard.at[n], heard.value[n]
        if not np.isfinite(x):
            continue
        belongs = reference[d]
        if window_us[d] > 0:
            belongs = _own_mean(d, window_us[d], setpoint[d], t, x, total, count, kept_at)
        if not np.isnan(belongs):
            number[n] = min(abs(x - belongs), LARGEST)
    return number
