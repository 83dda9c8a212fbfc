"""What is measured against the largest that was seen while a sensor's normal was settled: no setpoint in its unit is needed.

A number says "three times as far as ever then". The stretch stands: what comes after it is not learnt on the way, so that neither a
drift nor a fault becomes normal by lasting. Each `renew_s` it is settled anew from the readings since, those left out that came while
the number was beyond the setpoint; where too few are left, the warm-up begins again: it has been said for all that time.
A wild reading of a warm-up is passed over (`detectors.wild`); against a stretch that stands none moves a mean by more than half of the
largest, or of what the mean is away by then (`WEIGHT`).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Annotated, ClassVar, Final

import numpy as np
from msgspec import Meta

from core.aligned import aligned_zeros
from core.alike import settings_of
from core.batch import NEVER, Float64
from core.borrow import borrowed
from core.kernel_cache import kernel
from core.model import DefinitionSet
from core.prefetch import AHEAD, prefetch
from detectors.contract import LARGEST, SECOND_US, Detector, Parameters, Rows
from detectors.hearing import Heard
from detectors.medians import median_of_five
from detectors.wild import ANEW, WILD, another_stretch, how_wild, warming_rows

# What is measured of a reading; each detector says in its own file what it is for.
SPIKE: Final = 0
SHIFT: Final = 1
STILL: Final = 2
NOISE: Final = 3
CLIPPED: Final = 4
BEFORE: Final = 5  # readings before it that a spike is measured from: their median lets two wild ones pass
ENDS: Final = 8  # a line of memory, of which seven are values of the past that a clipped signal is known by: highest and lowest of two blocks, two shares, readings of the block
A_LINE: Final = 8  # numbers in a line of memory
# A reading counts for so many memories of the largest, or of what is measured by then, at most: that moves a mean by half of it. A spark on the line
# is then no shift, and four or five readings in a row that are truly elsewhere are one, as each lets the next count for more. Ours (decision 0070).
WEIGHT: Final = 0.5
LEAST_WEIGHT: Final = 10.0  # and no fewer than so many times: single readings of a quiet mean go as far
BLOCK: Final = 50.0  # memories: so far back its ends are looked for, in the block that runs and the one before it
# A line of memory.
_SETTLED: Final = np.dtype(
    [
        ("readings", np.uint32),  # the stretch: how many it is made of; 0: none yet
        ("next_readings", np.uint32),  # the one that follows it
        ("heard", np.uint32),
        ("setting", np.uint32),
        ("middle", np.float64),
        ("largest", np.float64),
        ("settled_at", np.int64),
        ("next_middle", np.float64),
        ("next_low", np.float64),
        ("next_high", np.float64),
    ]
)
MANY: Final = 4_000_000_000  # readings; who has heard so many counts on from half of it, which changes nothing


class SettledParameters(Parameters, frozen=True):
    """What a definition against a settled stretch may set.

    Args:
        warm_up: usable readings that the first stretch is made of.
        floor: the largest of the stretch is taken for no less than this.
        renew_s: after so long it is settled anew.
        memory: readings that what is measured remembers, where it is a mean.
    """

    warm_up: Annotated[float, Meta(ge=10.0, le=1_000_000.0)] = 3600.0
    floor: Annotated[float, Meta(ge=0.0)] = 0.0
    renew_s: Annotated[float, Meta(ge=60.0, le=31_536_000.0)] = 604_800.0
    memory: Annotated[float, Meta(ge=1.0, le=1_000_000.0)] = 20.0


class Settled(Detector):
    """What the detectors against a settled stretch share.

    Of a definition of direction low the number is the share of the smallest, not of the largest.
    """

    remembers: ClassVar[int] = 2  # values of the past that the measure needs
    wary: ClassVar[bool] = False  # wild readings of a warm-up are passed over: one would be the largest
    unit = "1"
    parameters = SettledParameters

    def __init__(self, definitions: DefinitionSet) -> None:
        super().__init__(definitions)
        mine = self._definition
        low = definitions.is_low()[mine]
        # What asks for a signal that is too quiet measures against the smallest: nearly every reading is far beyond that.
        weight = np.where(low, np.inf, np.maximum(WEIGHT * self._settings["memory"], LEAST_WEIGHT))
        setpoint = definitions.definitions.floats("setpoint")[mine]
        asked = [
            *(self._settings[name] for name in ("warm_up", "floor", "renew_s", "memory")),
            setpoint,
            low.astype(float),
            weight,
        ]
        setting, self._set = settings_of(asked)
        self._past: Float64 = aligned_zeros((len(self), self.remembers), np.float64)
        self._rows: Rows = aligned_zeros(len(self), _SETTLED)
        self._rows["settled_at"] = NEVER
        self._column("past", self._past)
        self._fields(self._rows)
        self._rows["setting"] = setting
        self._warming: Rows = warming_rows(len(self) if self.wary else 0)
        if self.wary:
            self._fields(self._warming, "warming_")

    @abstractmethod
    def _measure(self) -> int:
        """What is measured of a reading: one of the constants above."""

    def _numbers(self, heard: Heard) -> Float64:
        return _settled(heard, self._measure(), self._set, self._past, self._rows, self._warming)


@kernel
def _at_an_end(past: Float64, d: int, heard: float, memory: float, x: float) -> float:
    """The share of the last readings at the highest or the lowest value of late, whichever is more; it is remembered."""
    if heard == 0.0:
        past[d, 0] = past[d, 1] = past[d, 2] = past[d, 3] = x
    elif past[d, 6] >= BLOCK * memory:
        past[d, 1], past[d, 3] = past[d, 0], past[d, 2]
        past[d, 0] = past[d, 2] = x
        past[d, 6] = 0.0
    highest, lowest = max(past[d, 0], past[d, 1]), min(past[d, 2], past[d, 3])
    share = max(1.0 / memory, 1.0 / (heard + 1.0))
    if x > highest:
        past[d, 4] = 0.0  # another end: nothing has piled up there
    if x < lowest:
        past[d, 5] = 0.0
    past[d, 4] += ((1.0 if x >= highest else 0.0) - past[d, 4]) * share
    past[d, 5] += ((1.0 if x <= lowest else 0.0) - past[d, 5]) * share
    past[d, 0], past[d, 2] = max(past[d, 0], x), min(past[d, 2], x)
    past[d, 6] += 1.0
    return max(past[d, 4], past[d, 5]) if heard >= memory else np.nan


@kernel
def _measured(measure: int, past: Float64, d: int, rows: Rows, settings: Float64, x: float) -> float:
    """What is measured of a usable reading, which is remembered; NaN while there is too little before it."""
    heard, memory, stands, largest = float(rows[d].heard), settings[3], rows[d].readings > 0, rows[d].largest
    if measure == SPIKE:
        found = np.nan
        if heard >= BEFORE:
            found = abs(x - median_of_five(past[d, 0], past[d, 1], past[d, 2], past[d, 3], past[d, 4]))
        past[d, int(heard) % BEFORE] = x
        return found
    if measure == STILL:
        past[d, 1] = past[d, 1] + 1.0 if heard > 0.0 and x == past[d, 0] else 0.0
        past[d, 0] = x
        return past[d, 1]  # type: ignore[no-any-return]
    if measure == CLIPPED:
        return _at_an_end(past, d, heard, memory, x)
    share = max(1.0 / memory, 1.0 / (heard + 1.0))
    if measure == SHIFT:
        if stands:
            weight = settings[6]
            if heard + 1.0 < memory and weight < np.inf:  # it remembers no more than it has heard
                weight = max(WEIGHT * (heard + 1.0), LEAST_WEIGHT)
            reach = weight * max(largest, abs(past[d, 0] - rows[d].middle))
            x = min(max(x, rows[d].middle - reach), rows[d].middle + reach)
        mean = past[d, 0] + share * (x - past[d, 0]) if heard > 0.0 else x
        if np.isfinite(mean):
            past[d, 0] = mean
        return past[d, 0]  # type: ignore[no-any-return]
    moved = x - past[d, 0] if heard > 0.0 else 0.0
    past[d, 0] = x
    square = moved * moved
    if stands:
        square = min(square, settings[6] * max(largest * largest, past[d, 1]))
    rough = past[d, 1] + share * (square - past[d, 1])
    if np.isfinite(rough):
        past[d, 1] = rough
    return math.sqrt(past[d, 1]) if heard >= memory else np.nan


@kernel
def _settle(rows: Rows, d: int, found: float) -> None:
    """One more for the stretch that is being settled."""
    readings = float(rows[d].next_readings)
    rows[d].next_low = min(rows[d].next_low, found) if readings > 0.0 else found
    rows[d].next_high = max(rows[d].next_high, found) if readings > 0.0 else found
    rows[d].next_middle += (found - rows[d].next_middle) / (readings + 1.0)
    rows[d].next_readings = np.uint32(min(readings + 1.0, 1.0 * MANY))


@kernel
def _renew(rows: Rows, d: int, is_shift: bool, settings: Float64, t: int) -> None:
    """The stretch that was being settled is the one to measure against; one without any movement goes on."""
    middle, high, low = rows[d].next_middle, rows[d].next_high, rows[d].next_low
    if is_shift:
        rows[d].middle, rows[d].largest = middle, max(high - middle, middle - low, settings[1])
    else:
        rows[d].middle, rows[d].largest = 0.0, max(low if settings[5] > 0.0 else high, settings[1])
    enough = rows[d].next_readings >= settings[0] and 0.0 < rows[d].largest < np.inf
    rows[d].readings = rows[d].next_readings if enough else np.uint32(0)
    if enough or rows[d].next_readings < settings[0]:
        rows[d].next_readings, rows[d].next_middle = 0, 0.0
    rows[d].settled_at = t


@kernel
def _judge(rows: Rows, d: int, is_shift: bool, settings: Float64, t: int, found: float) -> float:
    """The number of what was measured, which is settled where it may be."""
    if rows[d].readings == 0:
        rested = rows[d].next_readings >= settings[0]
        if rested and not rows[d].next_low <= found <= rows[d].next_high:
            rows[d].next_readings, rows[d].next_middle = (
                0,
                0.0,
            )  # all the while, and not any more: one move is no stretch
        _settle(rows, d, found)
        if rows[d].next_readings >= settings[0]:
            _renew(rows, d, is_shift, settings, t)
        return np.nan
    if t - rows[d].settled_at >= settings[2] * SECOND_US:
        _renew(rows, d, is_shift, settings, t)
        if rows[d].readings == 0:
            _settle(rows, d, found)
            return np.nan
    number = min(abs(found - rows[d].middle) / rows[d].largest, LARGEST)
    if (number > settings[4]) if settings[5] > 0.0 else (number < settings[4]):
        _settle(rows, d, found)
    return number  # type: ignore[no-any-return]


@kernel
def _is_passed_over(warming: Rows, rows: Rows, d: int, warm_up: float, x: float) -> bool:
    """Whether a reading of a warm-up is wild; where those before it were, the stretch begins with this one."""
    how = how_wild(warming, d, warm_up, float(rows[d].heard), x)
    if how == ANEW:
        rows[d].heard, rows[d].next_readings, rows[d].next_middle = 0, 0, 0.0
    return how == WILD


@kernel
def _settled(heard: Heard, measure: int, settings: Float64, past: Float64, rows: Rows, warming: Rows) -> Float64:
    heard, settings, past, rows, warming = borrowed((heard, settings, past, rows, warming))
    count = len(heard.member)
    number = np.full(count, np.nan)
    for n in range(count):
        if n + AHEAD < count:
            prefetch(rows, heard.member[n + AHEAD], 0)
            prefetch(past, heard.member[n + AHEAD], 0)
        d, x = heard.member[n], heard.value[n]
        if not np.isfinite(x):
            continue
        setting = settings[rows[d].setting]
        is_warming = rows[d].readings == 0 and len(warming) > 0
        if is_warming and _is_passed_over(warming, rows, d, setting[0], x):
            continue
        found = _measured(measure, past, d, rows, setting, x)
        rows[d].heard = rows[d].heard + 1 if rows[d].heard < MANY else MANY // 2
        if not np.isnan(found):
            number[n] = _judge(rows, d, measure == SHIFT, setting, heard.at[n], min(found, LARGEST))
            if not is_warming and rows[d].readings == 0 and len(warming) > 0:
                another_stretch(warming, d)
    return number
