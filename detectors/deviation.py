"""Deviation: how far a value lies from where it belongs."""

from __future__ import annotations

from typing import Annotated, Final

import numpy as np
from msgspec import Meta

from core.aligned import aligned_zeros, row_of
from core.alike import settings_of
from core.batch import NEVER, Float64
from core.borrow import borrowed
from core.kernel_cache import kernel
from core.model import DefinitionSet
from core.prefetch import AHEAD, LINE, prefetch
from detectors.contract import LARGEST, SECOND_US, Detector, Parameters, Rows
from detectors.hearing import Heard
from detectors.sketch import Float32

RING: Final = 16  # buckets of a window's fifteenth; a power of two
PLACE: Final = RING - 1
CARRIED: Final = 0.5  # of the setpoint: what one bucket moves the mean by when it is left out. Ours
# What every reading looks at lies together, in a line of memory; a bucket is kept in the ring once another one fills.
_STRETCH: Final = row_of(
    LINE,
    [
        ("newest", np.int64),  # the bucket that is filling
        ("since", np.int64),  # the first reading of this stretch
        ("older", np.float64),  # what the buckets before it come to, and of how many readings
        ("older_readings", np.float64),
        ("filling", np.float64),
        ("readings", np.float64),
        ("setting", np.int64),
    ],
)


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
    value is beyond the setpoint, and one bucket of three or more carries the mean by half of that, it is left out: one wild reading is no alarm of a window.

    Memory: 240 bytes a definition.
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
        window_us = np.rint(self._settings["window_s"] * SECOND_US)
        mine = self._definition
        setpoint = definitions.definitions.floats("setpoint")[mine]
        beyond = np.where(definitions.is_low()[mine] | (setpoint <= 0.0), np.inf, setpoint)
        asked = [self._settings["reference"], window_us, -(-window_us // (RING - 1)), beyond]
        setting, self._set = settings_of(asked)
        self._stretch: Rows = aligned_zeros(len(self), _STRETCH)
        self._stretch["newest"] = self._stretch["since"] = NEVER
        self._stretch["setting"] = setting
        self._sum: Float64 = aligned_zeros((len(self), RING), np.float64)
        self._count: Float32 = aligned_zeros((len(self), RING), np.float32)
        self._column("sum", self._sum)
        self._column("count", self._count)
        self._fields(self._stretch)

    def _numbers(self, heard: Heard) -> Float64:
        return _deviation(heard, self._set, self._stretch, self._sum, self._count)


@kernel
def _without_one(d: int, mean: float, least: float, total: Float64, count: Float32) -> float:
    """The mean without the bucket that pulls hardest at it, where that moves it by `least`; of two neither is the odd one."""
    one, hardest = 0, -1.0
    for b in range(RING):
        pull = abs(total[d, b] - np.float64(count[d, b]) * mean)
        if pull > hardest:
            one, hardest = b, pull
    added, readings, others = 0.0, 0.0, 0
    for b in range(RING):
        if b != one:
            added += total[d, b]
            readings += np.float64(count[d, b])
            others += count[d, b] > 0.0
    return added / readings if others > 1 and abs(added / readings - mean) >= least else mean


@kernel
def _begin(d: int, bucket: int, stretch: Rows, total: Float64, count: Float32) -> None:
    """Another bucket is filling: the one that was is kept, and what those before the new one come to is added up."""
    before = stretch[d].newest
    if before != NEVER:
        total[d, before & PLACE], count[d, before & PLACE] = stretch[d].filling, np.float32(stretch[d].readings)
    for b in range(max(before + 1, bucket - PLACE), bucket + 1):
        total[d, b & PLACE], count[d, b & PLACE] = 0.0, np.float32(0.0)
    added = readings = 0.0
    for b in range(bucket - PLACE, bucket):
        added += total[d, b & PLACE]
        readings += np.float64(count[d, b & PLACE])
    stretch[d].newest = bucket
    stretch[d].older, stretch[d].older_readings = added, readings
    stretch[d].filling = stretch[d].readings = 0.0


@kernel
def _own_mean(d: int, settings: Float64, t: int, x: float, stretch: Rows, total: Float64, count: Float32) -> float:
    """The mean before this reading, NaN where a window is not covered; then the reading is one of those it is made of."""
    window, setpoint, bucket = int(settings[1]), settings[3], t // int(settings[2])
    if bucket != stretch[d].newest:
        if bucket - stretch[d].newest > PLACE:
            stretch[d].since = t
        _begin(d, bucket, stretch, total, count)
    mean, readings = np.nan, stretch[d].older_readings + stretch[d].readings
    if readings > 0.0 and t - stretch[d].since >= window:
        mean = (stretch[d].older + stretch[d].filling) / readings
        if abs(x - mean) >= setpoint:
            place = bucket & PLACE
            total[d, place], count[d, place] = stretch[d].filling, np.float32(stretch[d].readings)
            mean = _without_one(d, mean, CARRIED * setpoint, total, count)
    grown = stretch[d].filling + x
    if np.isfinite(grown):
        stretch[d].filling = grown
        stretch[d].readings += 1.0
    return mean


@kernel
def _deviation(heard: Heard, settings: Float64, stretch: Rows, total: Float64, count: Float32) -> Float64:
    entries = len(heard.member)
    number = np.full(entries, np.nan)
    heard, settings, stretch, total, count = borrowed((heard, settings, stretch, total, count))
    for n in range(entries):
        if n + AHEAD < entries:
            prefetch(stretch, heard.member[n + AHEAD], 0)
        d, t, x = heard.member[n], heard.at[n], heard.value[n]
        if not np.isfinite(x):
            continue
        setting = settings[stretch[d].setting]
        belongs = setting[0]
        if setting[1] > 0.0:
            belongs = _own_mean(d, setting, t, x, stretch, total, count)
        if not np.isnan(belongs):
            number[n] = min(abs(x - belongs), LARGEST)
    return number
