"""Time to a limit: how soon a value gets there if it goes on as it does."""

from __future__ import annotations

from itertools import combinations
from typing import Annotated, Final

import numpy as np
from msgspec import Meta

from core.aligned import aligned_zeros
from core.alike import settings_of
from core.batch import NEVER, Float64, Int64
from core.borrow import borrowed
from core.kernel_cache import kernel, kernel_of_lanes
from core.model import DefinitionSet
from core.prefetch import AHEAD, LINE, prefetch
from detectors.contract import SECOND_US, Detector, Parameters, Rows
from detectors.hearing import Heard

RING: Final = 8  # buckets of a seventh of the window, each with its mean; a power of two
PLACE: Final = RING - 1
FEWEST: Final = 4  # of these must have readings, over half of the window: a slope through less is a guess
FOREVER_S: Final = 3_155_760_000.0  # a century: what does not move towards its limit does not get there
PAIRS: Final = RING * (RING - 1) // 2
LANES: Final = (
    64  # readings that are worked out beside each other, a lane each: what they need stays in the nearest cache
)
_ROW: Final = np.dtype([("newest", np.int64), ("setting", np.int64)])


class TimeToLimitParameters(Parameters, frozen=True):
    """What a time_to_limit definition may set.

    Args:
        limit: where the value must not get to, in the sensor's unit.
        window_s: how far back the slope is measured, in seconds.
        falling: 1: the limit is reached from above; 0: from below.
    """

    limit: float = 0.0
    window_s: Annotated[float, Meta(ge=1.0, le=604_800.0)] = 600.0
    falling: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.0


class TimeToLimit(Detector):
    """Seconds until `limit` at the present slope, for definitions of direction low: at most so many left.

    0 at the limit and beyond; a century where the value stands still or moves away. Slope and level are robust: the median of
    the slopes between the means of eight stretches (Theil-Sen), and the median of what that line says of now. So one wild
    reading, or one bad stretch, does not move it.

    Source: Theil (1950), Sen (1968); the buckets are ours.
    Memory: 200 bytes a definition.
    Warm-up: half of the window in at least four of its stretches; NaN until then, unless the limit is reached.
    Fails when: the value does not move in a line: what speeds up arrives sooner. Noise on a value that rests close to its limit
        gives a small slope now and then; a longer window, an on-delay or votes help.
    """

    name = "time_to_limit"
    unit = "s"
    parameters = TimeToLimitParameters
    required = (("limit",),)

    def __init__(self, definitions: DefinitionSet) -> None:
        super().__init__(definitions)
        sign = np.where(self._settings["falling"] > 0.0, -1.0, 1.0)
        width_us = np.ceil(self._settings["window_s"] * SECOND_US / (RING - 1))
        asked = [sign, sign * self._settings["limit"], self._settings["window_s"] / 2, width_us]
        setting, self._set = settings_of(asked)
        self._row: Rows = aligned_zeros(len(self), _ROW)
        self._row["newest"], self._row["setting"] = NEVER, setting
        self._sums: Float64 = aligned_zeros(
            (len(self), RING, 3), np.float64
        )  # readings, their seconds within the bucket, their values
        self._column("sums", self._sums)
        self._column("newest", self._row["newest"])
        # A loop only borrows: what it works in is held here. Of each lane the entry and its setting.
        self._room: Float64 = aligned_zeros((4 * RING + PAIRS + 3, LANES), np.float64)
        self._rows: Int64 = np.empty((LANES, 2), np.int64)

    def _numbers(self, heard: Heard) -> Float64:
        return _time_to_limit(heard, self._set, self._row, self._sums, self._room, self._rows)


def _network(count: int) -> Int64:
    """Pairs of places which, each put in order one after the other, sort `count` values: no branch hangs on them, so that no guess of the
    processor is wrong, and it takes half the time.

    Source: Batcher (1968), odd-even merge sort, of the next power of two; places beyond `count` would hold what is larger than all.
    """
    size = 1 << (count - 1).bit_length()
    pairs: list[tuple[int, int]] = []
    merged = 1
    while merged < size:
        apart = merged
        while apart >= 1:
            pairs += [
                (at, at + apart)
                for begin in range(apart % merged, size - apart, 2 * apart)
                for at in range(begin, min(begin + apart, size - apart))
                if at // (2 * merged) == (at + apart) // (2 * merged)
            ]
            apart //= 2
        merged *= 2
    return np.array([pair for pair in pairs if pair[1] < count], np.int64)


_OF_PAIRS: Final = _network(PAIRS)
_OF_RING: Final = _network(RING)
_EACH_PAIR: Final = np.array(list(combinations(range(RING), 2)), np.int64)


@kernel_of_lanes
def _in_order(values: Float64, lanes: int, network: Int64) -> None:
    """Puts each lane's values in order."""
    for k in range(len(network)):
        low, high = values[network[k, 0]], values[network[k, 1]]
        for lane in range(lanes):
            x, y = low[lane], high[lane]
            low[lane] = x if x < y else y
            high[lane] = y if x < y else x


@kernel_of_lanes
def _means(at: Float64, mean: Float64, readings: Float64, width_s: Float64, lanes: int) -> None:
    """From sums to means: when, in seconds from the newest stretch's beginning, and of what; NaN where a stretch has no reading."""
    for b in range(RING):
        x, y, count = at[b], mean[b], readings[b]
        for lane in range(lanes):
            x[lane] = (b - PLACE) * width_s[lane] + x[lane] / count[lane]
            y[lane] = y[lane] / count[lane]


@kernel_of_lanes
def _slopes(at: Float64, mean: Float64, lanes: int, slopes: Float64) -> None:
    """The slopes between the stretches of each lane, in order; infinite where one of the two has no reading."""
    for pair in range(PAIRS):
        one, other = _EACH_PAIR[pair, 0], _EACH_PAIR[pair, 1]
        x0, y0, x1, y1, slope = at[one], mean[one], at[other], mean[other], slopes[pair]
        for lane in range(lanes):
            found = (y1[lane] - y0[lane]) / (x1[lane] - x0[lane])
            slope[lane] = np.inf if np.isnan(found) else found
    _in_order(slopes, lanes, _OF_PAIRS)


@kernel_of_lanes
def _levels(at: Float64, mean: Float64, now_s: Float64, slope: Float64, lanes: int, levels: Float64) -> None:
    """What each stretch says of now, in order; infinite where it has no reading."""
    for b in range(RING):
        x, y, level = at[b], mean[b], levels[b]
        for lane in range(lanes):
            found = y[lane] + slope[lane] * (now_s[lane] - x[lane])
            level[lane] = np.inf if np.isnan(found) else found
    _in_order(levels, lanes, _OF_RING)


@kernel
def _middle(values: Float64, lane: int, count: int) -> float:
    """The middle of the first `count` values of a lane, which are in order."""
    half = count // 2
    return values[half, lane] if count & 1 else values[half - 1, lane] / 2 + values[half, lane] / 2  # type: ignore[no-any-return]


@kernel
def _take(row: Rows, sums: Float64, d: int, t: int, x: float, width: int) -> int:
    """Books a reading in its stretch; which one that is."""
    bucket = t // width
    for b in range(max(row[d].newest + 1, bucket - PLACE), bucket + 1):
        for k in range(3):
            sums[d, b & PLACE, k] = 0.0
    row[d].newest = bucket
    place = bucket & PLACE
    if np.isfinite(sums[d, place, 2] + x):
        sums[d, place, 0] += 1.0
        sums[d, place, 1] += (t - bucket * width) / SECOND_US
        sums[d, place, 2] += x
    return bucket


@kernel
def _seconds_left(lane: int, settings: Float64, at: Float64, readings: Float64, slope: float, levels: Float64) -> float:
    """The number of a lane; NaN where too few of its stretches have a reading, or they span too little."""
    count, first, last = 0, 0.0, 0.0
    for b in range(RING):
        if readings[b, lane] > 0.0:
            last = at[b, lane]
            first = last if count == 0 else first
            count += 1
    if count < FEWEST or last - first < settings[2] * (1.0 - 1.0 / RING):
        return np.nan
    level = _middle(levels, lane, count)
    if not (np.isfinite(slope) and np.isfinite(level)):
        return np.nan
    if level >= settings[1]:
        return 0.0
    return min((settings[1] - level) / slope, FOREVER_S) if slope > 0.0 else FOREVER_S


@kernel
def _work_out(lanes: int, room: Float64, rows: Int64, settings: Float64, number: Float64) -> None:
    """The numbers of some readings at once: what numpy does for a column is done for all of their stretches."""
    at, mean, readings = room[:RING], room[RING : 2 * RING], room[2 * RING : 3 * RING]
    levels, slopes = room[3 * RING : 4 * RING], room[4 * RING : 4 * RING + PAIRS]
    now_s, width_s, slope = room[-3], room[-2], room[-1]
    _means(at, mean, readings, width_s, lanes)
    _slopes(at, mean, lanes, slopes)
    for lane in range(lanes):
        count = 0
        for b in range(RING):
            count += readings[b, lane] > 0.0
        slope[lane] = _middle(slopes, lane, count * (count - 1) // 2) if count >= FEWEST else np.nan
    _levels(at, mean, now_s, slope, lanes, levels)
    for lane in range(lanes):
        number[rows[lane, 0]] = _seconds_left(lane, settings[rows[lane, 1]], at, readings, slope[lane], levels)


@kernel
def _time_to_limit(heard: Heard, settings: Float64, row: Rows, sums: Float64, room: Float64, rows: Int64) -> Float64:
    entries = len(heard.member)
    number = np.full(entries, np.nan)
    heard, settings, row, sums, room, rows = borrowed((heard, settings, row, sums, room, rows))
    said, lanes = borrowed(number), 0
    for n in range(entries):
        if n + AHEAD < entries:
            soon = heard.member[n + AHEAD]
            prefetch(row, soon, 0)
            for line in range(RING * 24 // LINE):
                prefetch(sums, soon, line)
        d, t = heard.member[n], heard.at[n]
        if not np.isfinite(heard.value[n]):
            continue
        setting = row[d].setting
        x, width = settings[setting, 0] * heard.value[n], int(settings[setting, 3])
        bucket = _take(row, sums, d, t, x, width)
        if x >= settings[setting, 1]:
            number[n] = 0.0
            continue
        for b in range(RING):
            place = (bucket - PLACE + b) & PLACE
            room[2 * RING + b, lanes], room[b, lanes] = sums[d, place, 0], sums[d, place, 1]
            room[RING + b, lanes] = sums[d, place, 2]
        room[-3, lanes], room[-2, lanes] = (t - bucket * width) / SECOND_US, width / SECOND_US
        rows[lanes, 0], rows[lanes, 1] = n, setting
        lanes += 1
        if lanes == LANES:
            _work_out(lanes, room, rows, settings, said)
            lanes = 0
    _work_out(lanes, room, rows, settings, said)
    return number
