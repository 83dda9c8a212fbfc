"""Odd readings: rare among everything this sensor has done, in how far it stepped and in what course it takes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Final, NamedTuple

import numpy as np
from msgspec import Meta

from core.aligned import aligned_zeros
from core.batch import Float64, Int64
from core.borrow import borrowed
from core.kernel_cache import kernel
from core.model import DefinitionSet
from core.prefetch import AHEAD, LINE, prefetch
from detectors.contract import Detector, Parameters, Rows
from detectors.courses import KEPT, LENGTH, RECENT, UInt16, remember, squares_apart
from detectors.hearing import Heard
from detectors.medians import median_of_five
from detectors.sketch import BINS, Float32, place_of, share_above

WAYS: Final = 2  # a step, a course
BEFORE: Final = 5  # readings before it that a step is measured from
COURSES: Final = (
    10  # that it is compared with, of those that are kept: the newest may still be part of the last readings
)
LANES: Final = 32  # readings that are worked out beside each other
STARTS, LEARNS, KNOWS = (
    0,
    1,
    2,
)  # what a definition is at: its scales are set, it learns and says nothing, it says something
FIRST: Final = 50  # readings that set the scales of the sketches
REACH: Final = 1e30  # farthest from the first reading that a course remembers: float32 ends at 3e38
COARSE: Final = (
    1e6  # times the second reading: from a first one that is so far float32 tells hardly anything apart. Ours
)
_KNOWN: Final = np.dtype(
    [
        ("heard", np.float64),
        ("first", np.float64),  # courses are kept as distances from the first reading: float32 is exact enough then
        ("scale", np.float64, (WAYS,)),
        ("total", np.float64, (WAYS,)),
        ("memory", np.float64),
        ("warm_up", np.float64),
    ]
)


class _Lanes(NamedTuple):
    """What is worked out beside each other; the detector holds it, as a loop only borrows.

    Args:
        scores: shape (WAYS, LANES); apart: shape (KEPT,); stage, rows, places: shape (LANES,): what the definition is at, which it is, and of
            which entry.
    """

    scores: Float64
    apart: Float64
    stage: Int64
    rows: Int64
    places: Int64


class OddParameters(Parameters, frozen=True):
    """What an odd definition may set.

    Args:
        memory: readings after which what was counts half: a plant may become another one.
        warm_up: usable readings before it says anything.
    """

    memory: Annotated[float, Meta(ge=200.0, le=1e9)] = 100_000.0
    warm_up: Annotated[float, Meta(ge=60.0, le=1_000_000.0)] = 300.0


class Odd(Detector):
    """The mean of -log10 p over two ways of being odd: 2 is what one reading in a hundred is in each of them, 3 one in a thousand.

    A *step*, from the median of the five readings before; a *course*, as the distance of the last sixteen readings from the nearest of
    ten such stretches that it remembers. Each p is the share of the sensor's own past that was at least as odd (a sketch of 128 bytes
    keeps it), so that one setpoint does for sensors that have nothing in common. Everything is learnt, what is odd as well: what goes on
    for long is odd no longer. `shift` and `cusum` stand beside it for what lasts. Give it an off-delay: a burst is one alarm.

    Source: conformal p-values after Vovk et al. (2005); left nearest neighbours of raw windows; the sketch is ours.
    Memory: 816 bytes a definition.
    Warm-up: `warm_up` usable readings; NaN until then, on readings of bad quality, and while the value has not moved at all.
    Fails when: what is odd lasts, or comes every day: then it is no longer rare. A sensor that rests most of the time is odd whenever
        it moves. Of a wave whose period divides sixteen readings it remembers one phase only, and courses say little. It says that something is new, not that it is wrong.
        A wild reading among its first fifty, but for the very first, sets the scale: what is less than a 250th of it is then alike, for ever.
    """

    name = "odd"
    unit = "1"
    parameters = OddParameters

    def __init__(self, definitions: DefinitionSet) -> None:
        super().__init__(definitions)
        count = len(self)
        self._known: Rows = aligned_zeros(count, _KNOWN)
        for name in ("heard", "first", "scale", "total"):
            self._column(name, self._known[name])
        self._known["memory"], self._known["warm_up"] = self._settings["memory"], self._settings["warm_up"]
        self._counts: Float32 = aligned_zeros((count, WAYS, BINS), np.float32)
        self._recent: Float32 = aligned_zeros((count, RECENT), np.float32)
        self._remembered: UInt16 = aligned_zeros((count, LENGTH, KEPT), np.uint16)
        self._column("counts", self._counts)
        self._column("recent", self._recent)
        self._column("remembered", self._remembered)
        self._lanes = _Lanes(
            np.empty((WAYS, LANES)),
            np.empty(KEPT),
            np.empty(LANES, np.int64),
            np.empty(LANES, np.int64),
            np.empty(LANES, np.int64),
        )

    @classmethod
    def reach(cls, given: Mapping[str, float], readings: int) -> float:
        """Each p-value is a rank among what it remembers, and nothing is rarer than once in all of that."""
        return math.log10(min(float(readings), given.get("memory", OddParameters().memory)) + 1.0)

    def _numbers(self, heard: Heard) -> Float64:
        return _odd(heard, self._known, self._counts, self._recent, self._remembered, self._lanes)


@kernel
def _step(recent: Float32, d: int, x: float) -> float:
    """How far a reading is from the median of the five before it."""
    first = LENGTH - BEFORE
    return abs(
        x
        - median_of_five(
            recent[d, first], recent[d, first + 1], recent[d, first + 2], recent[d, first + 3], recent[d, first + 4]
        )
    )


@kernel
def _course(recent: Float32, remembered: UInt16, d: int, heard: int, x: float, apart: Float64) -> float:
    """The square of how far the last readings are from the nearest stretch that is remembered, one that they are not part of.

    Args:
        apart: shape (KEPT,), to work in.
    """
    for k in range(LENGTH - 1):
        recent[d, k] = recent[d, k + 1]
    recent[d, LENGTH - 1] = np.float32(x)
    known = max(heard + 1 - LENGTH, 0) // LENGTH
    nearest = 0.0
    if known > 0:
        squares_apart(recent, remembered, d, apart)
        nearest, c = np.inf, (known - 1) % KEPT
        for _ in range(min(known, COURSES)):
            nearest = min(nearest, apart[c])
            c = c - 1 if c > 0 else KEPT - 1
    if (heard + 1) % LENGTH == 0:
        place = ((heard + 1) // LENGTH - 1) % KEPT
        remember(recent, remembered, d, place)
    return nearest


@kernel
def _measure(
    d: int, x: float, lane: int, known: Rows, recent: Float32, remembered: UInt16, scores: Float64, apart: Float64
) -> None:
    """How far a reading stepped and what course it takes, into a lane of `scores`, shape (WAYS, LANES); it is remembered."""
    so_far = int(known[d].heard)
    if so_far == 1 and abs(x - known[d].first) > COARSE * abs(x):
        so_far = 0  # the first was wild: all begins with this one
    known[d].heard = so_far + 1.0
    if so_far == 0:
        known[d].first = x
    away = max(min(x - known[d].first, REACH), -REACH)
    scores[0, lane] = _step(recent, d, away) if so_far >= BEFORE else 0.0
    scores[1, lane] = math.sqrt(_course(recent, remembered, d, so_far, away, apart))


@kernel
def _places(known: Rows, rows: Int64, lanes: int, scores: Float64, stage: Int64) -> None:
    """Where in its sketch each score of each lane belongs; below 0: nothing is known to compare it with."""
    for way in range(WAYS):
        for lane in range(lanes):
            d, score = rows[lane], scores[way, lane]
            scale = known[d].scale[way]
            if stage[lane] == STARTS or scale == 0.0:
                scale = max(scale, score)
                known[d].scale[way] = scale
            scores[way, lane] = place_of(scale, score) if scale > 0.0 else -1.0


@kernel
def _rare(known: Rows, counts: Float32, d: int, way: int, place: float) -> float:
    """The p-value of a score by its place, 1 where nothing is known; it is learnt."""
    if place < 0.0:
        return 1.0
    p = share_above(counts, d, way, place, known[d].total[way])
    known[d].total[way] += 1.0
    if known[d].total[way] >= 2.0 * known[d].memory:
        known[d].total[way] *= 0.5
        for b in range(BINS):
            counts[d, way, b] *= np.float32(0.5)
    return p


@kernel
def _odd(heard: Heard, known: Rows, counts: Float32, recent: Float32, remembered: UInt16, room: _Lanes) -> Float64:
    """Some readings at a time, one step after the other for all of them: what waits for nothing of its own is done meanwhile."""
    entries = len(heard.member)
    number, n = np.full(entries, np.nan), 0
    heard, known, counts, recent, remembered, room = borrowed((heard, known, counts, recent, remembered, room))
    scores, apart, stage, rows, places = room.scores, room.apart, room.stage, room.rows, room.places
    while n < entries:
        lanes = 0
        while n < entries and lanes < LANES:
            if n + AHEAD < entries:
                soon = heard.member[n + AHEAD]
                prefetch(known, soon, 0)
                prefetch(recent, soon, 0)
                prefetch(recent, soon, 1)
                for line in range(WAYS * BINS * 4 // LINE):
                    prefetch(counts, soon, line)
                for line in range(KEPT * LENGTH * 2 // LINE):
                    prefetch(remembered, soon, line)
            d, x = heard.member[n], heard.value[n]
            if np.isfinite(x):
                so_far = known[d].heard
                stage[lanes] = STARTS if so_far < FIRST else LEARNS if so_far < known[d].warm_up else KNOWS
                _measure(d, x, lanes, known, recent, remembered, scores, apart)
                rows[lanes], places[lanes] = d, n
                lanes += 1
            n += 1
        _places(known, rows, lanes, scores, stage)
        for lane in range(lanes):
            d = rows[lane]
            p = _rare(known, counts, d, 0, scores[0, lane]) * _rare(known, counts, d, 1, scores[1, lane])
            number[places[lane]] = p if stage[lane] == KNOWS and scores[0, lane] >= 0.0 else np.nan
        for lane in range(lanes):
            number[places[lane]] = max(-math.log10(number[places[lane]]) / WAYS, 0.0)
    return number
