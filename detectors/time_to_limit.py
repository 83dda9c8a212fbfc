"""Time to a limit: how soon a value gets there if it goes on as it does."""

from __future__ import annotations

from typing import Annotated, Final

import numpy as np
from msgspec import Meta

from core.batch import NEVER, Float64, Int64
from core.kernel_cache import kernel
from core.model import DefinitionSet
from core.prefetch import AHEAD, LINE, prefetch
from detectors.contract import SECOND_US, Detector, Parameters
from detectors.hearing import Heard

RING: Final = 8  # buckets of a seventh of the window, each with its mean; a power of two
PLACE: Final = RING - 1
FEWEST: Final = 4  # of these must have readings, over half of the window: a slope through less is a guess
FOREVER_S: Final = 3_155_760_000.0  # a century: what does not move towards its limit does not get there
PAIRS: Final = RING * (RING - 1) // 2


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
        self._set = np.array(
            [sign, sign * self._settings["limit"], self._settings["window_s"] / 2], np.float64
        ).T.copy()
        self._width_us: Int64 = np.ceil(self._settings["window_s"] * SECOND_US / (RING - 1)).astype(np.int64)
        self._sums: Float64 = np.zeros((len(self), RING, 3))  # readings, their seconds within the bucket, their values
        self._newest: Int64 = np.full(len(self), NEVER, np.int64)
        self._column("sums", self._sums)
        self._column("newest", self._newest)

    def _numbers(self, heard: Heard) -> Float64:
        return _time_to_limit(heard, self._set, self._width_us, self._sums, self._newest)


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


@kernel
def _median(values: Float64, count: int, network: Int64) -> float:
    """The middle of the first `count` values, which are put in order; those behind them are infinite, as far as the network reaches."""
    for k in range(len(network)):
        one, other = network[k, 0], network[k, 1]
        x, y = values[one], values[other]
        values[one] = x if x < y else y
        values[other] = y if x < y else x
    half = count // 2
    return values[half] if count & 1 else values[half - 1] / 2 + values[half] / 2  # type: ignore[no-any-return]


@kernel
def _seconds_left(
    d: int, now_s: float, bucket: int, width: int, settings: Float64, sums: Float64, points: Float64, values: Float64
) -> float:
    """The number of one definition; seconds count from the newest bucket's beginning."""
    count = 0
    for b in range(bucket - PLACE, bucket + 1):
        readings = sums[d, b & PLACE, 0]
        if readings > 0.0:
            points[count, 0] = (b - bucket) * (width / SECOND_US) + sums[d, b & PLACE, 1] / readings
            points[count, 1] = sums[d, b & PLACE, 2] / readings
            count += 1
    if count < FEWEST or points[count - 1, 0] - points[0, 0] < settings[2] * (1.0 - 1.0 / RING):
        return np.nan
    pairs = 0
    for i in range(count):
        for j in range(i + 1, count):
            values[pairs] = (points[j, 1] - points[i, 1]) / (points[j, 0] - points[i, 0])
            pairs += 1
    values[pairs:] = np.inf
    slope = _median(values, pairs, _OF_PAIRS)
    for i in range(count):
        values[i] = points[i, 1] + slope * (now_s - points[i, 0])
    values[count:RING] = np.inf
    level = _median(values, count, _OF_RING)
    if not (np.isfinite(slope) and np.isfinite(level)):
        return np.nan
    if level >= settings[1]:
        return 0.0
    if slope <= 0.0:
        return FOREVER_S
    return min((settings[1] - level) / slope, FOREVER_S)  # type: ignore[no-any-return]


@kernel
def _time_to_limit(heard: Heard, settings: Float64, width_us: Int64, sums: Float64, newest: Int64) -> Float64:
    points, values = np.empty((RING, 2)), np.empty(PAIRS)
    entries = len(heard.member)
    number = np.full(entries, np.nan)
    for n in range(entries):
        if n + AHEAD < entries:
            soon = heard.member[n + AHEAD]
            prefetch(newest, soon, 0)
            prefetch(settings, soon, 0)
            for line in range(RING * 24 // LINE):
                prefetch(sums, soon, line)
        d, t = heard.member[n], heard.at[n]
        if not np.isfinite(heard.value[n]):
            continue
        x, width = settings[d, 0] * heard.value[n], width_us[d]
        bucket = t // width
        for b in range(max(newest[d] + 1, bucket - PLACE), bucket + 1):
            sums[d, b & PLACE, :] = 0.0
        newest[d] = bucket
        now_s = (t - bucket * width) / SECOND_US
        if np.isfinite(sums[d, bucket & PLACE, 2] + x):
            sums[d, bucket & PLACE, 0] += 1.0
            sums[d, bucket & PLACE, 1] += now_s
            sums[d, bucket & PLACE, 2] += x
        number[n] = _seconds_left(d, now_s, bucket, width, settings[d], sums, points, values)
        if x >= settings[d, 1]:
            number[n] = 0.0
    return number
