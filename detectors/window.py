"""Time within a moving window: what was, for how long, and for how much of it anybody knows.

A reading holds until the next one, whether that can be used or not, but never longer than its sensor may be silent: after that
nothing is known, and unknown is not zero. The window is a ring of 30 buckets and the one that is filling. A number is worked out
twice, for the last 30 whole buckets and for the last 29 with the one that is filling, and the larger counts: both are of
stretches no longer than the window, so neither says more than there was. What is not known counts nothing, so the number is what there was at least.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Final, NamedTuple

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from core.aligned import aligned_zeros
from core.alike import settings_of
from core.batch import NEVER, Float64, Int32, Int64, Scores
from core.borrow import borrowed
from core.kernel_cache import kernel
from core.model import DefinitionSet
from core.prefetch import AHEAD, LINE, prefetch
from detectors.contract import LARGEST, SECOND_US, Detector, Parameters, Rows
from detectors.hearing import Heard

WHOLE: Final = 30  # buckets a window: of 30 s for 15 minutes, of 16 minutes for 8 hours
RING: Final = 32  # a power of two, so that a place is a mask away; 31 of them are looked at
PLACE: Final = RING - 1
# In which known time is counted: a millisecond is 125 of it, and a bucket of the longest window fits 32 bits.
GRAIN_US: Final = 8
# What every reading looks at lies together, a cache line. The sums are of the whole buckets, and stand as long as one is filling.
_STRETCH: Final = np.dtype(
    [
        ("at", np.int64, (2,)),  # newest bucket, last reading
        ("last", np.float64),  # what the last reading counts a second
        ("summed", np.int64),  # the bucket that was filling when the sums were made
        ("middle", np.float64),  # of the 29 buckets before it
        ("oldest", np.float64),  # of the one before those
        ("known", np.int64),  # of all thirty
        ("setting", np.int64),
    ]
)
_BUCKET: Final = np.dtype([("amount", np.float64), ("known", np.uint32)])  # known in grains
BUCKET_BYTES: Final = _BUCKET.itemsize
_WIDTH: Final = (
    5  # where in a setting the width of a bucket stands, microseconds; what a reading is held for stands behind it
)


class Booked(NamedTuple):
    """What some definitions have booked, as of an instant: a copy, a row each.

    Args:
        newest: int64, shape (n,), the bucket that is filling; `NEVER`: nothing was heard.
        amount: float64, shape (n, `RING`), as the detector keeps it; known: int64, the same shape, in grains of `GRAIN_US`.
    """

    newest: Int64
    amount: Float64
    known: Int64


class Correction(NamedTuple):
    """What a window must book besides, because readings came late: an entry a (definition, bucket).

    Args:
        member: int32, row of the detector's state; bucket: int64, its number; amount: float64 and known: int64 (grains of `GRAIN_US`),
            what is added. Either may be negative: a late reading ends what the one before it was held for.
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
        mine = self._definition
        sure = np.where(definitions.is_low()[mine], np.inf, definitions.definitions.floats("setpoint")[mine])
        level, below, divisor = self._measure()
        width = np.rint(self._settings["window_s"] * SECOND_US / WHOLE)
        hold = np.rint(self._settings["hold_s"] * SECOND_US)
        asked = [self._settings["known_share"], sure, level, below, divisor, width, hold]
        setting, self._set = settings_of(asked)
        self._stretch: Rows = aligned_zeros(len(self), _STRETCH)
        self._stretch["setting"] = setting
        self._stretch["at"] = self._stretch["summed"] = NEVER
        self._ring: Rows = aligned_zeros((len(self), RING), _BUCKET)
        self._column("amount", self._ring["amount"])
        self._column("known", self._ring["known"])
        self._column("at", self._stretch["at"])
        self._column("last", self._stretch["last"])

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """The sums are made anew."""
        super().restore(state)
        self._stretch["summed"] = NEVER

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
        width, hold = self._set[self._stretch["setting"][members], _WIDTH:].T
        return int((width * RING + hold).max()) if len(members) else 0

    def booked(self, members: Int32) -> Booked:
        """What these definitions have booked."""
        ring = self._ring[members]
        return Booked(self._stretch["at"][members, 0], ring["amount"].copy(), ring["known"].astype(np.int64))

    def everything(self) -> Booked:
        """What all of its definitions have booked."""
        return self.booked(np.arange(len(self), dtype=np.int32))

    def beside(self, earlier: Booked, since_us: int) -> Correction:
        """What this detector, which heard everything in its order, has booked from `since_us` on beside what was booked `earlier`."""
        found: list[tuple[int, int, float, int]] = []
        now = self.everything()
        for d in range(len(self)):
            newest, was = int(now.newest[d]), int(earlier.newest[d])
            until = max(newest, was)
            width = int(self._set[self._stretch["setting"][d], _WIDTH])
            for bucket in range(max(since_us // width, until - WHOLE), until + 1):
                place, amount, known = bucket & PLACE, 0.0, 0
                if newest - PLACE <= bucket <= newest:
                    amount, known = float(now.amount[d, place]), int(now.known[d, place])
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
        _correct(correction, self._set, self._stretch, self._ring)
        touched = np.unique(correction.member).astype(np.int32)
        touched = touched[self._stretch["at"][touched, 1] != NEVER]
        at = self._stretch["at"][touched, 1]
        number = _as_of_now(touched, at, self._set, self._stretch, self._ring)
        return Scores(self._definition[touched], np.full(len(touched), -1, np.int32), at, number)

    def _numbers(self, heard: Heard) -> Float64:
        return _over_window(heard, self._set, self._stretch, self._ring)


@kernel
def _counts(x: float, settings: Float64) -> float:
    """What a second of a reading counts."""
    level = settings[2]
    if np.isnan(level):
        return max(x, 0.0)
    beyond = x <= level if settings[3] > 0.0 else x >= level
    return 1.0 if beyond else 0.0


@kernel
def _empty(d: int, newest: int, bucket: int, ring: Rows) -> None:
    """Makes room for the buckets after the newest one, up to `bucket`."""
    for b in range(max(newest + 1, bucket - PLACE), bucket + 1):
        ring[d, b & PLACE].amount = 0.0
        ring[d, b & PLACE].known = 0


@kernel
def _hold(d: int, begin: int, end: int, newest: int, width: int, rate: float, ring: Rows) -> None:
    """Books the time from `begin` to `end` into its buckets, as far as they are still in the ring."""
    at = max(begin, (newest - WHOLE) * width)
    while at < end:
        bucket = at // width
        until = min(end, (bucket + 1) * width)
        place = bucket & PLACE
        ring[d, place].amount += rate * ((until - at) / SECOND_US)
        ring[d, place].known += np.uint32(until // GRAIN_US - at // GRAIN_US)
        at = until


@kernel
def _sum(d: int, bucket: int, stretch: Rows, ring: Rows) -> None:
    """What the whole buckets come to; it stands until another bucket is filling, as only that one is written."""
    middle, known = 0.0, np.int64(0)
    for b in range(bucket - WHOLE + 1, bucket):
        middle += ring[d, b & PLACE].amount
        known += np.int64(ring[d, b & PLACE].known)
    oldest = (bucket - WHOLE) & PLACE
    stretch[d].middle, stretch[d].oldest = middle, ring[d, oldest].amount
    stretch[d].known = known + np.int64(ring[d, oldest].known)
    stretch[d].summed = bucket


@kernel
def _number(d: int, t: int, bucket: int, width: int, settings: Float64, stretch: Rows, ring: Rows) -> float:
    """The number of a window that ends at t; NaN where it says nothing."""
    if stretch[d].summed != bucket:
        _sum(d, bucket, stretch, ring)
    filling = bucket & PLACE
    whole = stretch[d].middle + max(stretch[d].oldest, ring[d, filling].amount)
    number: float = min(whole / settings[4], LARGEST)
    if number >= settings[1]:
        return number
    known = stretch[d].known + np.int64(ring[d, filling].known)
    return number if known >= settings[0] * (t // GRAIN_US - (bucket - WHOLE) * width // GRAIN_US) else np.nan


@kernel
def _over_window(heard: Heard, settings: Float64, stretch: Rows, ring: Rows) -> Float64:
    heard, settings, stretch, ring = borrowed((heard, settings, stretch, ring))
    entries = len(heard.member)
    number = np.full(entries, np.nan)
    for n in range(entries):
        if n + 2 * AHEAD < entries:
            prefetch(stretch, heard.member[n + 2 * AHEAD], 0)
        if n + AHEAD < entries:
            soon = heard.member[n + AHEAD]
            prefetch(ring, soon, ((stretch[soon].at[0] & PLACE) * BUCKET_BYTES) // LINE)
        d, t, x = heard.member[n], heard.at[n], heard.value[n]
        usable = np.isfinite(x)
        setting, before = settings[stretch[d].setting], stretch[d].at[1]
        if not usable and before == NEVER:
            continue
        width = int(setting[_WIDTH])
        bucket = t // width
        if bucket != stretch[d].at[0]:
            stretch[d].summed = NEVER
        _empty(d, stretch[d].at[0], bucket, ring)
        if before != NEVER:
            _hold(d, before, min(t, before + int(setting[_WIDTH + 1])), bucket, width, stretch[d].last, ring)
        stretch[d].at[0] = bucket
        stretch[d].at[1] = t if usable else NEVER  # what cannot be used ends what was held
        if usable:
            stretch[d].last = _counts(x, setting)
            number[n] = _number(d, t, bucket, width, setting, stretch, ring)
    return number


@kernel
def _correct(correction: Correction, settings: Float64, stretch: Rows, ring: Rows) -> None:
    """Books it. Time that is then accounted for twice counts as the mean of both: what was judged and never stored may have come again."""
    for n in range(len(correction.member)):
        d, bucket = correction.member[n], correction.bucket[n]
        newest = stretch[d].at[0]
        if bucket < newest - WHOLE:
            continue  # it has left the window
        _empty(d, newest, bucket, ring)
        stretch[d].at[0] = max(newest, bucket)
        stretch[d].summed = NEVER
        place = bucket & PLACE
        width = int(settings[stretch[d].setting][_WIDTH])
        until = (bucket + 1) * width
        if stretch[d].at[1] // width == bucket:
            until = stretch[d].at[1]  # of the one that is filling no more is known than up to the last reading
        room = until // GRAIN_US - bucket * width // GRAIN_US
        amount = max(ring[d, place].amount + correction.amount[n], 0.0)
        known = max(np.int64(ring[d, place].known) + correction.known[n], 0)
        ring[d, place].amount = amount * (room / known) if known > room else amount
        ring[d, place].known = np.uint32(min(known, room))


@kernel
def _as_of_now(member: Int32, at: Int64, settings: Float64, stretch: Rows, ring: Rows) -> Float64:
    number = np.empty(len(member))
    for n in range(len(member)):
        d = member[n]
        setting = settings[stretch[d].setting]
        width = int(setting[_WIDTH])
        number[n] = _number(d, at[n], at[n] // width, width, setting, stretch, ring)
    return number
