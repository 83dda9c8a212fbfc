"""Odd readings: rare among everything this sensor has done, in how far it stepped and in what course it takes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Final

import numpy as np
from msgspec import Meta

from core.batch import Float64
from core.kernel_cache import kernel
from core.model import DefinitionSet
from core.prefetch import AHEAD, LINE, prefetch
from detectors.contract import Detector, Parameters, Rows
from detectors.hearing import Heard
from detectors.sketch import BINS, Float32, share_above

WAYS: Final = 2  # a step, a course
BEFORE: Final = 5  # readings before it that a step is measured from
LENGTH: Final = 16  # readings of a course
COURSES: Final = 10  # that it is compared with, one after the other; an older one makes room
KEPT: Final = COURSES + 1  # the newest of them is still part of the last readings
FIRST: Final = 50  # readings that set the scales of the sketches
REACH: Final = 1e30  # farthest from the first reading that a course remembers: float32 ends at 3e38
_KNOWN: Final = np.dtype(
    [
        ("heard", np.float64),
        ("first", np.float64),  # courses are kept as distances from the first reading: float32 is exact enough then
        ("scale", np.float64, (WAYS,)),
        ("total", np.float64, (WAYS,)),
        ("memory", np.float64),
    ]
)


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
    Memory: 1072 bytes a definition.
    Warm-up: `warm_up` usable readings; NaN until then, on readings of bad quality, and while the value has not moved at all.
    Fails when: what is odd lasts, or comes every day: then it is no longer rare. A sensor that rests most of the time is odd whenever
        it moves. Of a wave whose period divides sixteen readings it remembers one phase only, and courses say little. It says that something is new, not that it is wrong.
    """

    name = "odd"
    unit = "1"
    parameters = OddParameters

    def __init__(self, definitions: DefinitionSet) -> None:
        super().__init__(definitions)
        count = len(self)
        self._warm_up = self._settings["warm_up"]
        self._known: Rows = np.zeros(count, _KNOWN)
        for name in ("heard", "first", "scale", "total"):
            self._column(name, self._known[name])
        self._known["memory"] = self._settings["memory"]
        self._counts: Float32 = np.zeros((count, WAYS, BINS), np.float32)
        self._course: Float32 = np.zeros(
            (count, 1 + KEPT, LENGTH), np.float32
        )  # the last readings; then what is remembered
        self._column("counts", self._counts)
        self._column("course", self._course)

    @classmethod
    def reach(cls, given: Mapping[str, float], readings: int) -> float:
        """Each p-value is a rank among what it remembers, and nothing is rarer than once in all of that."""
        return math.log10(min(float(readings), given.get("memory", OddParameters().memory)) + 1.0)

    def _numbers(self, heard: Heard) -> Float64:
        return _odd(heard, self._warm_up, self._known, self._counts, self._course)


@kernel
def _step(last: Float32, heard: int, x: float) -> float:
    """How far a reading is from the median of those just before it; 0 while there are too few."""
    if heard < BEFORE:
        return 0.0
    values = np.empty(BEFORE)
    for i in range(BEFORE):
        then, k = np.float64(last[LENGTH - BEFORE + i]), i
        while k > 0 and values[k - 1] > then:
            values[k] = values[k - 1]
            k -= 1
        values[k] = then
    return abs(x - values[BEFORE // 2])  # type: ignore[no-any-return]


@kernel
def _course(course: Float32, d: int, heard: int, x: float) -> float:
    """How far the last readings are from the nearest stretch that is remembered, one that they are not part of."""
    last = course[d, 0]
    for k in range(LENGTH - 1):
        last[k] = last[k + 1]
    last[LENGTH - 1] = x
    known = max(heard + 1 - LENGTH, 0) // LENGTH
    nearest = np.inf
    for c in range(max(known - COURSES, 0), known):
        distance = 0.0
        for k in range(LENGTH):
            apart = np.float64(last[k]) - np.float64(course[d, 1 + c % KEPT, k])
            distance += apart * apart
        nearest = min(nearest, distance)
    if (heard + 1) % LENGTH == 0:
        course[d, 1 + ((heard + 1) // LENGTH - 1) % KEPT] = last
    return math.sqrt(nearest) if known > 0 else 0.0


@kernel
def _rare(known: Rows, counts: Float32, d: int, way: int, is_first: bool, score: float) -> float:
    """The p-value of one score, 1 where nothing is known; it is learnt."""
    if is_first or known[d].scale[way] == 0.0:
        known[d].scale[way] = max(known[d].scale[way], score)
    if known[d].scale[way] == 0.0:
        return 1.0
    p = share_above(counts[d, way], known[d].scale[way], score, known[d].total[way])
    known[d].total[way] += 1.0
    if known[d].total[way] >= 2.0 * known[d].memory:
        known[d].total[way] *= 0.5
        for b in range(BINS):
            counts[d, way, b] *= np.float32(0.5)
    return p


@kernel
def _odd(heard: Heard, warm_up: Float64, known: Rows, counts: Float32, course: Float32) -> Float64:
    entries = len(heard.member)
    number = np.full(entries, np.nan)
    for n in range(entries):
        if n + AHEAD < entries:
            soon = heard.member[n + AHEAD]
            prefetch(known, soon, 0)
            prefetch(known, soon, 1)
            for line in range(WAYS * BINS * 4 // LINE):
                prefetch(counts, soon, line)
            for line in range((1 + KEPT) * LENGTH * 4 // LINE + 1):
                prefetch(course, soon, line)
        d, x = heard.member[n], heard.value[n]
        if not np.isfinite(x):
            continue
        so_far = int(known[d].heard)
        known[d].heard += 1.0
        if so_far == 0:
            known[d].first = x
        is_first, away = so_far < FIRST, max(min(x - known[d].first, REACH), -REACH)
        p = _rare(known, counts, d, 0, is_first, _step(course[d, 0], so_far, away))
        p *= _rare(known, counts, d, 1, is_first, _course(course, d, so_far, away))
        if so_far >= warm_up[d] and known[d].scale[0] > 0.0:
            number[n] = max(-math.log10(p) / WAYS, 0.0)
    return number
