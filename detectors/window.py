"""Time within a moving window: what was, for how long, and for how much of it anybody knows.

A reading holds until the next one, whether that can be used or not, but never longer than its sensor may be silent: after that
nothing is known, and unknown is not zero. The window is a ring of 30 buckets and the one that is filling. A number is worked out
twice, for the last 30 whole buckets and for the last 29 with the one that is filling, and the larger counts: both are of
stretches no longer than the window, so neither says more than there was. What is not known counts nothing, so the number is what there was at least.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Final

import numpy as np
from msgspec import Meta

from core.batch import NEVER, Float64, Int64
from core.kernel_cache import kernel
from core.model import DefinitionSet
from core.prefetch import AHEAD, LINE, prefetch
from detectors.contract import LARGEST, SECOND_US, Detector, Parameters
from detectors.hearing import Heard

WHOLE: Final = 30  # buckets a window: of 30 s for 15 minutes, of 16 minutes for 8 hours
RING: Final = 32  # a power of two, so that a place is a mask away; 31 of them are looked at
PLACE: Final = RING - 1


class WindowParameters(Parameters, frozen=True):
    """What a definition over a window may set.

    Args:
        window_s: how far back it looks, in seconds.
        hold_s: a reading stands for no longer than this; an import takes it from the sensor's period where it is declared.
        known_share: below this share of the window known, nothing is said to be below the setpoint.
    """

    window_s: Annotated[float, Meta(ge=60.0, le=604_800.0)] = 28_800.0
    hold_s: Annotated[float, Meta(ge=1.0, le=86_400.0)] = 60.0
    known_share: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.75


class OverWindow(Detector):
    """What both detectors over a window share: the ring, and when they judge.

    A number at or beyond the setpoint is said whatever is unknown: more knowledge could only raise it. One below it is said
    only where `known_share` of the window is known; else it is NaN, "cannot judge".
    """

    parameters = WindowParameters

    def __init__(self, definitions: DefinitionSet) -> None:
        super().__init__(definitions)
        mine = [definitions.definitions[i] for i in self._definition]
        sure = [d.setpoint if d.direction == "high" else np.inf for d in mine]
        level, below, divisor = self._measure()
        self._set = np.array([self._settings["known_share"], sure, level, below, divisor], np.float64).T.copy()
        width = np.rint(self._settings["window_s"] * SECOND_US / WHOLE)
        hold = np.rint(self._settings["hold_s"] * SECOND_US)
        self._width_us: Int64 = np.array([width, hold], np.int64).T.copy()
        self._amount: Float64 = np.zeros((len(self), RING))
        self._known: Int64 = np.zeros((len(self), RING), np.int64)
        self._at: Int64 = np.full((len(self), 2), NEVER, np.int64)  # newest bucket, last reading
        self._last: Float64 = np.zeros(len(self))  # what the last reading counts a second
        self._column("amount", self._amount)
        self._column("known", self._known)
        self._column("at", self._at)
        self._column("last", self._last)

    @abstractmethod
    def _measure(self) -> tuple[Float64, Float64, Float64]:
        """Of each definition: the level that counts time (NaN: the value itself is summed), whether below it counts, the divisor."""

    def _numbers(self, heard: Heard) -> Float64:
        return _over_window(heard, self._set, self._width_us, self._amount, self._known, self._at, self._last)


@kernel
def _counts(x: float, settings: Float64) -> float:
    """What a second of a reading counts."""
    level = settings[2]
    if np.isnan(level):
        return max(x, 0.0)
    beyond = x <= level if settings[3] > 0.0 else x >= level
    return 1.0 if beyond else 0.0


@kernel
def _hold(d: int, begin: int, end: int, newest: int, width: int, rate: float, amount: Float64, known: Int64) -> None:
    """Books the time from `begin` to `end` into its buckets, as far as they are still in the ring."""
    at = max(begin, (newest - WHOLE) * width)
    while at < end:
        bucket = at // width
        until = min(end, (bucket + 1) * width)
        place = bucket & PLACE
        amount[d, place] += rate * ((until - at) / SECOND_US)
        known[d, place] += until - at
        at = until


@kernel
def _number(d: int, t: int, bucket: int, width: int, settings: Float64, amount: Float64, known: Int64) -> float:
    """The number of a window that ends at t; NaN where it says nothing."""
    middle, heard = 0.0, 0
    for b in range(bucket - WHOLE + 1, bucket):
        middle += amount[d, b & PLACE]
        heard += known[d, b & PLACE]
    oldest, filling = (bucket - WHOLE) & PLACE, bucket & PLACE
    number: float = min((middle + max(amount[d, oldest], amount[d, filling])) / settings[4], LARGEST)
    heard += known[d, oldest] + known[d, filling]
    if number >= settings[1]:
        return number
    return number if heard >= settings[0] * (t - (bucket - WHOLE) * width) else np.nan


@kernel
def _over_window(
    heard: Heard, settings: Float64, width_us: Int64, amount: Float64, known: Int64, kept_at: Int64, last: Float64
) -> Float64:
    entries = len(heard.member)
    number = np.full(entries, np.nan)
    for n in range(entries):
        if n + AHEAD < entries:
            soon = heard.member[n + AHEAD]
            prefetch(kept_at, soon, 0)
            prefetch(settings, soon, 0)
            for line in range(RING * 8 // LINE):
                prefetch(amount, soon, line)
                prefetch(known, soon, line)
        d, t, x = heard.member[n], heard.at[n], heard.value[n]
        usable = np.isfinite(x)
        width, before = width_us[d, 0], kept_at[d, 1]
        if not usable and before == NEVER:
            continue
        bucket = t // width
        for b in range(max(kept_at[d, 0] + 1, bucket - PLACE), bucket + 1):
            amount[d, b & PLACE] = 0.0
            known[d, b & PLACE] = 0
        if before != NEVER:
            _hold(d, before, min(t, before + width_us[d, 1]), bucket, width, last[d], amount, known)
        kept_at[d, 0] = bucket
        kept_at[d, 1] = t if usable else NEVER  # what cannot be used ends what was held
        if usable:
            last[d] = _counts(x, settings[d])
            number[n] = _number(d, t, bucket, width, settings[d], amount, known)
    return number
