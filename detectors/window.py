"""Time within a moving window: what was, for how long, and for how much of it anybody knows.

A reading holds until the next one, whether that can be used or not, but never longer than its sensor may be silent: after that
nothing is known, and unknown is not zero. The window is a ring of 30 buckets and the one that is filling. A number is worked out
twice, for the last 30 whole buckets and for the last 29 with the one that is filling, and the larger counts: both are of
stretches no longer than the window, so neither says more than there was. What is not known counts nothing, so the number is what there was at least.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Final, NamedTuple

import numba
import numpy as np
from msgspec import Meta

from core.batch import NEVER, Float64, Int32, Int64, Scores
from core.model import DefinitionSet
from core.prefetch import AHEAD, LINE, prefetch
from detectors.contract import LARGEST, SECOND_US, Detector, Parameters
from detectors.hearing import Heard

WHOLE: Final = 30  # buckets a window: of 30 s for 15 minutes, of 16 minutes for 8 hours
RING: Final = 32  # a power of two, so that a place is a mask away; 31 of them are looked at
PLACE: Final = RING - 1


class Booked(NamedTuple):
    """What some definitions have booked, as of an instant: a copy, a row each.

    Args:
        newest: int64, shape (n,), the bucket that is filling; `NEVER`: nothing was heard.
        amount, known: shape (n, `RING`), as the detector keeps them.
    """

    newest: Int64
    amount: Float64
    known: Int64


class Correction(NamedTuple):
    """What a window must book besides, because readings came late: an entry a (definition, bucket).

    Args:
        member: int32, row of the detector's state; bucket: int64, its number; amount: float64 and known: int64 (microseconds), what is
            added. Either may be negative: a late reading ends what the one before it was held for.
    """

    member: Int32
    bucket: Int64
    amount: Float64
    known: Int64


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

    def members(self, slot: int) -> Int32:
        """The definitions on a sensor, rows of this detector's state."""
        return self._listeners.members[self._listeners.offsets[slot] : self._listeners.offsets[slot + 1]]

    def index(self, members: Int32) -> Int32:
        """Which definitions of the set these rows are."""
        return self._definition[members]

    def reach_us(self, members: Int32) -> int:
        """How far back from its newest reading anything can matter to the longest of these windows, microseconds."""
        width, hold = self._width_us[members].T
        return int((width * RING + hold).max()) if len(members) else 0

    def booked(self, members: Int32) -> Booked:
        """What these definitions have booked."""
        return Booked(self._at[members, 0], self._amount[members], self._known[members])

    def beside(self, earlier: Booked, since_us: int) -> Correction:
        """What this detector, which heard everything in its order, has booked from `since_us` on beside what was booked `earlier`."""
        found: list[tuple[int, int, float, int]] = []
        for d in range(len(self)):
            newest, was = int(self._at[d, 0]), int(earlier.newest[d])
            until = max(newest, was)
            for bucket in range(max(since_us // int(self._width_us[d, 0]), until - WHOLE), until + 1):
                place, amount, known = bucket & PLACE, 0.0, 0
                if newest - PLACE <= bucket <= newest:
                    amount, known = float(self._amount[d, place]), int(self._known[d, place])
                if was - PLACE <= bucket <= was:
                    amount -= float(earlier.amount[d, place])
                    known -= int(earlier.known[d, place])
                if amount != 0.0 or known != 0:
                    found.append((d, bucket, amount, known))
        member, buckets, amounts, knowns = zip(*found, strict=True) if found else ((), (), (), ())
        return Correction(
            np.array(member, np.int32), np.array(buckets, np.int64), np.array(amounts, np.float64), np.array(knowns, np.int64)
        )  # fmt: skip

    def correct(self, correction: Correction) -> Scores:
        """Books it, and says the number of each definition that it is of, as of its last reading; none where that could not be used."""
        _correct(correction, self._amount, self._known, self._at)
        touched = np.unique(correction.member).astype(np.int32)
        touched = touched[self._at[touched, 1] != NEVER]
        at = self._at[touched, 1]
        number = _as_of_now(touched, at, self._set, self._width_us, self._amount, self._known)
        return Scores(self._definition[touched], np.full(len(touched), -1, np.int32), at, number)

    def _numbers(self, heard: Heard) -> Float64:
        return _over_window(heard, self._set, self._width_us, self._amount, self._known, self._at, self._last)


@numba.njit(cache=True)
def _counts(x: float, settings: Float64) -> float:
    """What a second of a reading counts."""
    level = settings[2]
    if np.isnan(level):
        return max(x, 0.0)
    beyond = x <= level if settings[3] > 0.0 else x >= level
    return 1.0 if beyond else 0.0


@numba.njit(cache=True)
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


@numba.njit(cache=True)
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


@numba.njit(cache=True)
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


@numba.njit(cache=True)
def _correct(correction: Correction, amount: Float64, known: Int64, kept_at: Int64) -> None:
    for n in range(len(correction.member)):
        d, bucket = correction.member[n], correction.bucket[n]
        if bucket < kept_at[d, 0] - WHOLE:
            continue  # it has left the window
        for b in range(max(kept_at[d, 0] + 1, bucket - PLACE), bucket + 1):
            amount[d, b & PLACE] = 0.0
            known[d, b & PLACE] = 0
        kept_at[d, 0] = max(kept_at[d, 0], bucket)
        place = bucket & PLACE
        amount[d, place] = max(amount[d, place] + correction.amount[n], 0.0)
        known[d, place] = max(known[d, place] + correction.known[n], 0)


@numba.njit(cache=True)
def _as_of_now(member: Int32, at: Int64, settings: Float64, width_us: Int64, amount: Float64, known: Int64) -> Float64:
    number = np.empty(len(member))
    for n in range(len(member)):
        d, width = member[n], width_us[member[n], 0]
        number[n] = _number(d, at[n], at[n] // width, width, settings[d], amount, known)
    return number
