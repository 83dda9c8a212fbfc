"""Unusual values: how far a reading lies from what its own sensor has lately been like."""

from __future__ import annotations

import math
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
from detectors.wild import ANEW, another_stretch, how_wild, warming_rows
from detectors.wild import WILD as PASSED_OVER

# A step of learning never weighs more than this: after a silence one reading must not be the whole memory.
HEAVIEST: Final = 0.1
HEAVY_AFTER: Final = -math.log(1.0 - HEAVIEST)  # memories of silence that weigh so much
CLIP: Final = (
    3.0  # standard deviations to which a reading is drawn in before it is learnt (winsorised): Tukey's far-out point
)
WILD: Final = 10.0  # standard deviations to which a reading of the warm-up is drawn in,
FEW: Final = (
    10.0  # from so many readings on: what is less than wild (`detectors.wild`) would be most of the spread for days
)
RESTING: Final = 1e-9  # a spread below this share of the level is rounding, not noise
BREAK: Final = 0.25  # of `relearn_s`: a silence longer than this breaks a stretch beyond the setpoint
_KNOWN: Final = row_of(
    LINE,
    [
        ("readings", np.float64),  # how many were learnt
        ("level", np.float64),
        ("variance", np.float64),
        ("learnt_at", np.int64),
        ("beyond_at", np.int64),  # beyond the setpoint since then
        ("setting", np.int64),
    ],
)


class EwmaParameters(Parameters, frozen=True):
    """What an ewma definition may set.

    Args:
        memory_s: time constant of level and spread, in seconds: what is older than three of it hardly counts.
        warm_up: usable readings before it says anything.
        floor: smallest spread it believes in, in the sensor's unit; 0 where none is given.
        relearn_s: after so long beyond the setpoint without a break, what it knew is forgotten and it learns anew.
        back: a stretch beyond the setpoint is over below this share of it: at 0.5 the noise of a fault, which dips just below the
            setpoint now and then, teaches nothing.
    """

    memory_s: Annotated[float, Meta(ge=1.0, le=2_592_000.0)] = 3600.0
    warm_up: Annotated[float, Meta(ge=3.0, le=1_000_000.0)] = 60.0
    floor: Annotated[float, Meta(ge=0.0)] = 0.0
    relearn_s: Annotated[float, Meta(ge=60.0, le=31_536_000.0)] = 28_800.0
    back: Annotated[float, Meta(gt=0.0, le=1.0)] = 1.0


class Ewma(Detector):
    """Distance from the sensor's own recent level, in its own recent standard deviations: |z|, so one setpoint has two sides.

    Level and spread are exponentially weighted in judged time. A reading is scored before it is learnt. What is learnt is
    drawn in to three standard deviations (in the warm-up to ten, wild readings left out), so that one spike does not widen the spread; while the number is at or beyond
    the definition's setpoint, and from then on until it is below `back` of it, nothing is learnt at all, so that a leak is not taken
    for the new normal, neither whole nor in the dips of its noise. Only after
    `relearn_s` beyond it without a break (a silence longer than a quarter of it is one) everything is forgotten and the
    warm-up begins again: by then people have been called, and a plant that runs at another point for good must not be in alarm for ever.

    Source: EWMA chart after Roberts (1959) and the moving variance of Finch (2009); winsorising and freezing are ours.
    Memory: 64 bytes a definition, of which 24 are looked at in the warm-up only.
    Warm-up: `warm_up` usable readings; NaN until then, on readings of bad quality, and while the value has not moved at all
        and no `floor` is given.
    Fails when: a drift is slow against `memory_s`: it is learnt. A process changes its operating point by plan: that is
        unusual, and said. Day and night differ by more than the noise within an hour: choose a longer memory.
    """

    name = "ewma"
    unit = "1"
    parameters = EwmaParameters

    def __init__(self, definitions: DefinitionSet) -> None:
        super().__init__(definitions)
        mine = self._definition
        # |z| has no low side to freeze at; a definition of direction low asks for a signal that is too quiet.
        frozen = np.where(definitions.is_low()[mine], np.inf, definitions.definitions.floats("setpoint")[mine])
        names = ("memory_s", "warm_up", "floor", "relearn_s")
        asked = [*(self._settings[name] for name in names), frozen, self._settings["back"] * frozen]
        setting, self._set = settings_of(asked)
        self._known: Rows = aligned_zeros(len(self), _KNOWN)
        self._known["setting"] = setting
        self._known["learnt_at"] = self._known["beyond_at"] = NEVER
        self._fields(self._known)
        self._warming: Rows = warming_rows(len(self))
        self._fields(self._warming, "warming_")

    def _numbers(self, heard: Heard) -> Float64:
        return _ewma(heard, self._set, self._known, self._warming)


@kernel
def _share(memories: float) -> float:
    """1 - exp(-memories) for no more than `HEAVY_AFTER`, to eight digits: exp itself is half of the work."""
    return memories * (1.0 - memories / 2.0 * (1.0 - memories / 3.0 * (1.0 - memories / 4.0)))


@kernel
def _learn(known: Rows, d: int, share: float, distance: float) -> None:
    """Level and variance move by `share` of the way to the reading; what would overflow is not learnt."""
    level = known[d].level + share * distance
    variance = (1.0 - share) * (known[d].variance + share * distance * distance)
    if np.isfinite(level) and np.isfinite(variance):
        known[d].readings += 1.0
        known[d].level = level
        known[d].variance = variance


@kernel
def _judge(known: Rows, warming: Rows, d: int, settings: Float64, t: int, x: float) -> float:
    """The number for a usable reading of one definition, which is learnt where it may be."""
    memory_s, warm_up, floor, relearn_s, frozen = settings[0], settings[1], settings[2], settings[3], settings[4]
    before = known[d].learnt_at
    if known[d].beyond_at != NEVER:
        if t - before > BREAK * relearn_s * SECOND_US:
            known[d].beyond_at = NEVER  # nobody knows what was in between
        elif t - known[d].beyond_at >= relearn_s * SECOND_US:
            known[d].readings = 0.0
            known[d].beyond_at = NEVER
            another_stretch(warming, d)
    if known[d].readings < warm_up:
        how = how_wild(warming, d, warm_up, known[d].readings, x)
        if how == PASSED_OVER:
            return np.nan
        if how == ANEW:
            known[d].readings = 0.0
    known[d].learnt_at = t  # time beyond the limit teaches nothing: the first reading back weighs no more than any
    if known[d].readings < 1.0:
        known[d].readings, known[d].level, known[d].variance = 1.0, x, 0.0
        return np.nan
    distance = x - known[d].level
    spread = max(math.sqrt(known[d].variance), floor)
    share = _share(min((t - before) / (SECOND_US * memory_s), HEAVY_AFTER))
    if known[d].readings < warm_up:
        reach, learnt = WILD * math.sqrt(known[d].variance), known[d].readings
        if known[d].readings >= FEW and reach > RESTING * abs(known[d].level):
            distance = max(min(distance, reach), -reach)
        _learn(known, d, max(share, 1.0 / (known[d].readings + 1.0)), distance)
        if known[d].readings == learnt:  # as far apart as numbers go: nothing could ever be learnt from there
            known[d].readings, known[d].level, known[d].variance = 1.0, x, 0.0
        return np.nan
    if spread <= RESTING * abs(known[d].level) or spread == 0.0:
        _learn(known, d, share, distance)
        return np.nan
    number = min(abs(distance / spread), LARGEST)
    if number >= (frozen if known[d].beyond_at == NEVER else settings[5]):
        if known[d].beyond_at == NEVER:
            known[d].beyond_at = t
        return number  # type: ignore[no-any-return]
    known[d].beyond_at = NEVER
    _learn(known, d, share, max(min(distance, CLIP * spread), -CLIP * spread))
    return number  # type: ignore[no-any-return]


@kernel
def _ewma(heard: Heard, settings: Float64, known: Rows, warming: Rows) -> Float64:
    heard, settings, known, warming = borrowed((heard, settings, known, warming))
    count = len(heard.member)
    number = np.empty(count)
    for n in range(count):
        if n + AHEAD < count:
            prefetch(known, heard.member[n + AHEAD], 0)
        d, x = heard.member[n], heard.value[n]
        setting = settings[known[d].setting]
        number[n] = _judge(known, warming, d, setting, heard.at[n], x) if np.isfinite(x) else np.nan
    return number
