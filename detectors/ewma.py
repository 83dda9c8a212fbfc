"""Unusual values: how far a reading lies from what its own sensor has lately been like."""

from __future__ import annotations

import math
from typing import Annotated, Final

import numba
import numpy as np
from msgspec import Meta

from core.batch import NEVER, QUALITY_CODE, Float64, Int32, Int64, ReadingBatch, Scores, UInt8
from core.model import DefinitionSet
from detectors.contract import BAD, LARGEST, SECOND_US, Detector, Parameters, SlotIndex

# A step of learning never weighs more than this: after a silence one reading must not be the whole memory.
HEAVIEST: Final = 0.1
CLIP: Final = (
    3.0  # standard deviations to which a reading is drawn in before it is learnt (winsorised): Tukey's far-out point
)
RESTING: Final = 1e-9  # a spread below this share of the level is rounding, not noise
BREAK: Final = 0.25  # of `relearn_s`: a silence longer than this breaks a stretch beyond the setpoint


class EwmaParameters(Parameters, frozen=True):
    """What an ewma definition may set.

    Args:
        memory_s: time constant of level and spread, in seconds: what is older than three of it hardly counts.
        warm_up: usable readings before it says anything.
        floor: smallest spread it believes in, in the sensor's unit; 0 where none is given.
        relearn_s: after so long beyond the setpoint without a break, what it knew is forgotten and it learns anew.
    """

    memory_s: Annotated[float, Meta(ge=1.0, le=2_592_000.0)] = 3600.0
    warm_up: Annotated[float, Meta(ge=3.0, le=1_000_000.0)] = 60.0
    floor: Annotated[float, Meta(ge=0.0)] = 0.0
    relearn_s: Annotated[float, Meta(ge=60.0, le=31_536_000.0)] = 28_800.0


class Ewma(Detector):
    """Distance from the sensor's own recent level, in its own recent standard deviations: |z|, so one setpoint has two sides.

    Level and spread are exponentially weighted in judged time. A reading is scored before it is learnt. What is learnt is
    drawn in to three standard deviations, so that one spike does not widen the spread; while the number is at or beyond
    the definition's setpoint nothing is learnt at all, so that a leak is not taken for the new normal. Only after
    `relearn_s` beyond it without a break (a silence longer than a quarter of it is one) everything is forgotten and the
    warm-up begins again: by then people have been called, and a plant that runs at another point for good must not be in alarm for ever.

    Source: EWMA chart after Roberts (1959) and the moving variance of Finch (2009); winsorising and freezing are ours.
    Memory: 40 bytes a definition.
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
        mine = self._index.definition
        # |z| has no low side to freeze at; a definition of direction low asks for a signal that is too quiet.
        frozen = np.where(definitions.is_low()[mine], np.inf, definitions.definitions.floats("setpoint")[mine])
        self._set = np.array(
            [self._settings[name] for name in ("memory_s", "warm_up", "floor", "relearn_s")] + [frozen], np.float64
        ).T.copy()
        self._known: Float64 = np.zeros((len(self), 3))  # readings learnt, level, variance
        self._at: Int64 = np.full((len(self), 2), NEVER, np.int64)  # last learnt, beyond the setpoint since
        self._column("known", self._known)
        self._column("at", self._at)

    def _fill(self, batch: ReadingBatch, out: Scores) -> None:
        _ewma(
            self._index, self._set, self._known, self._at,
            batch.sensor, batch.judged_at, batch.value, batch.quality,
            out.definition, out.row, out.at, out.number,
        )  # fmt: skip


@numba.njit(cache=True)
def _learn(d: int, known: Float64, share: float, distance: float) -> None:
    """Level and variance move by `share` of the way to the reading; what would overflow is not learnt."""
    level = known[d, 1] + share * distance
    variance = (1.0 - share) * (known[d, 2] + share * distance * distance)
    if np.isfinite(level) and np.isfinite(variance):
        known[d, 0] += 1.0
        known[d, 1] = level
        known[d, 2] = variance


@numba.njit(cache=True)
def _judge(d: int, settings: Float64, known: Float64, at: Int64, t: int, x: float) -> float:
    """The number for a usable reading of one definition, which is learnt where it may be."""
    if t - at[d, 0] > BREAK * settings[d, 3] * SECOND_US:
        at[d, 1] = NEVER  # nobody knows what was in between
    if at[d, 1] != NEVER and t - at[d, 1] >= settings[d, 3] * SECOND_US:
        known[d, 0] = 0.0
        at[d, 1] = NEVER
    if known[d, 0] < 1.0:
        known[d, 0], known[d, 1], known[d, 2] = 1.0, x, 0.0
        at[d, 0] = t
        return np.nan
    distance = x - known[d, 1]
    spread = max(math.sqrt(known[d, 2]), settings[d, 2])
    share = min(1.0 - math.exp((at[d, 0] - t) / (SECOND_US * settings[d, 0])), HEAVIEST)
    if known[d, 0] < settings[d, 1]:
        _learn(d, known, max(share, 1.0 / (known[d, 0] + 1.0)), distance)
        at[d, 0] = t
        return np.nan
    if spread <= RESTING * abs(known[d, 1]) or spread == 0.0:
        _learn(d, known, share, distance)
        at[d, 0] = t
        return np.nan
    number = min(abs(distance / spread), LARGEST)
    if number >= settings[d, 4]:
        if at[d, 1] == NEVER:
            at[d, 1] = t
        at[d, 0] = t  # time beyond the limit teaches nothing: the first reading back weighs no more than any
        return number  # type: ignore[no-any-return]
    at[d, 1] = NEVER
    _learn(d, known, share, max(min(distance, CLIP * spread), -CLIP * spread))
    at[d, 0] = t
    return number  # type: ignore[no-any-return]


@numba.njit(cache=True)
def _ewma(
    index: SlotIndex,
    settings: Float64,
    known: Float64,
    learnt_at: Int64,
    sensor: Int32,
    judged_at: Int64,
    value: Float64,
    quality: UInt8,
    definition: Int32,
    row: Int32,
    at: Int64,
    number: Float64,
) -> None:
    n = 0
    for r in range(len(sensor)):
        slot, t, x = sensor[r], judged_at[r], value[r]
        usable = (quality[r] & QUALITY_CODE) != BAD and np.isfinite(x)
        for k in range(index.offsets[slot], index.offsets[slot + 1]):
            d = index.members[k]
            definition[n] = index.definition[d]
            row[n] = r
            at[n] = t
            number[n] = _judge(d, settings, known, learnt_at, t, x) if usable else np.nan
            n += 1
