"""Lasting shifts: what a sensor has gathered against a level that was settled once and is not learnt while it drifts."""

from __future__ import annotations

import math
from typing import Annotated, Final

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
from detectors.wild import ANEW, forget, how_wild, lent
from detectors.wild import WILD as PASSED_OVER

RESTING: Final = 1e-9  # a spread below this share of the level is rounding, not noise
WILD: Final = 10.0  # standard deviations to which a reading of the warm-up is drawn in,
FEW: Final = 10.0  # from so many readings on
SUMS: Final = np.dtype(
    [
        ("readings", np.float64),  # of the reference: how many it is made of
        ("level", np.float64),
        ("spread", np.float64),  # 0: it never moved
        ("high", np.float64),  # what has gathered above the level
        ("low", np.float64),  # and below it
        ("settled_at", np.int64),
        ("next_readings", np.float64),  # of the reference that follows it
        ("next_level", np.float64),
        ("next_variance", np.float64),
        ("setting", np.int64),
    ]
)


class CusumParameters(Parameters, frozen=True):
    """What a cusum definition may set.

    Args:
        slack: what a reading may be off its level and gather nothing, in standard deviations: half of the shift that is sought.
        clip: no reading counts for more than so many standard deviations, so that one spike gathers little.
        warm_up: usable readings that settle the first level and spread.
        floor: smallest spread it believes in, in the sensor's unit; 0 where none is given.
        renew_s: after so long the level is settled anew, from the readings since that were not beyond the setpoint.
    """

    slack: Annotated[float, Meta(ge=0.0, le=100.0)] = 0.5
    clip: Annotated[float, Meta(ge=0.5, le=1000.0)] = 4.0
    warm_up: Annotated[float, Meta(ge=3.0, le=1_000_000.0)] = 300.0
    floor: Annotated[float, Meta(ge=0.0)] = 0.0
    renew_s: Annotated[float, Meta(ge=60.0, le=31_536_000.0)] = 604_800.0


class Cusum(Detector):
    """What has gathered above or below a settled level, the larger of both, in standard deviations: a drift and a leak add up.

    `high = max(0, high + z - slack)`, `low = max(0, low - z - slack)`, with z the distance from the level in standard
    deviations, drawn in to `clip`. Level and spread are settled from the first `warm_up` readings, wild ones left out, and then stand:
    what drifts slowly is not learnt on the way. Each `renew_s` they are settled anew from the readings since, those left out that came
    while the number was at or beyond the setpoint; where too few are left, everything is forgotten and the warm-up begins
    again: it has been said for all that time. A sum stops growing at twice the setpoint, so that it ends in time as well.

    Source: Page (1954), two-sided with winsorised increments; renewing is ours.
    Memory: 72 bytes a definition.
    Warm-up: `warm_up` usable readings; NaN until then, on readings of bad quality, and while the value has not moved at all
        and no `floor` is given.
    Fails when: the warm-up is not of normal operation: then what is normal gathers. A process that wanders by more than `slack`
        for longer than a few readings gathers too: settle it over a stretch in which it wanders as it does.
    """

    name = "cusum"
    unit = "1"
    parameters = CusumParameters

    def __init__(self, definitions: DefinitionSet) -> None:
        super().__init__(definitions)
        mine = self._definition
        # A definition of direction low asks for what does not gather: nothing is beyond it.
        beyond = np.where(definitions.is_low()[mine], LARGEST, definitions.definitions.floats("setpoint")[mine])
        asked = [*(self._settings[name] for name in CusumParameters.__struct_fields__), beyond]
        setting, self._set = settings_of(asked)
        self._sums: Rows = aligned_zeros(len(self), SUMS)
        self._sums["setting"] = setting
        self._sums["settled_at"] = NEVER
        self._fields(self._sums)
        self._warming = lent_by(self._sums)

    def _numbers(self, heard: Heard) -> Float64:
        return _cusum(heard, self._set, self._sums, self._warming)


def lent_by(sums: Rows) -> Rows:
    """How wild the readings of a warm-up are is kept where nothing is yet: in the level, the spread and a sum to measure by."""
    return lent(sums, "level", "spread", "high")


@kernel
def _settle(sums: Rows, d: int, x: float) -> None:
    """One reading more for the level that is being settled; what would overflow is left out."""
    readings = sums[d].next_readings + 1.0
    share, distance = 1.0 / readings, x - sums[d].next_level
    level = sums[d].next_level + distance * share
    variance = sums[d].next_variance + (distance * (x - level) - sums[d].next_variance) * share
    if np.isfinite(level) and np.isfinite(variance):
        sums[d].next_readings, sums[d].next_level, sums[d].next_variance = readings, level, max(variance, 0.0)


@kernel
def _tame(sums: Rows, d: int, x: float) -> float:
    """A reading of the warm-up, drawn in: one wild one would be all of the spread, and nothing would gather until it is settled anew."""
    level, reach = sums[d].next_level, WILD * math.sqrt(sums[d].next_variance)
    if sums[d].next_readings < FEW or reach <= RESTING * abs(level):
        return x
    return min(max(x, level - reach), level + reach)  # type: ignore[no-any-return]


@kernel
def _renew(sums: Rows, d: int, warm_up: float, floor: float, t: int) -> None:
    """The level that was being settled is the one to measure against; with too few readings behind it there is none."""
    enough = sums[d].next_readings >= warm_up
    sums[d].readings = sums[d].next_readings if enough else 0.0
    spread = math.sqrt(sums[d].next_variance)
    sums[d].level = sums[d].next_level
    sums[d].spread = max(spread if spread > RESTING * abs(sums[d].level) else 0.0, floor)
    sums[d].next_readings = sums[d].next_level = sums[d].next_variance = 0.0
    sums[d].high = sums[d].low = 0.0
    sums[d].settled_at = t


@kernel
def _warm_up(sums: Rows, warming: Rows, d: int, warm_up: float, x: float) -> None:
    """A reading for the first level and spread; a wild one is passed over, and where those before it were, all begins with this one."""
    how = how_wild(warming, d, warm_up, sums[d].next_readings, x)
    if how == ANEW:
        sums[d].next_readings = sums[d].next_level = sums[d].next_variance = 0.0
    if how != PASSED_OVER:
        _settle(sums, d, _tame(sums, d, x))


@kernel
def gather_sums(sums: Rows, warming: Rows, d: int, settings: Float64, t: int, x: float) -> float:
    """The number for a usable reading of one definition, which gathers."""
    slack, clip, warm_up, floor, setpoint = settings[0], settings[1], settings[2], settings[3], settings[5]
    if sums[d].readings == 0.0:
        _warm_up(sums, warming, d, warm_up, x)
        if sums[d].next_readings >= warm_up:
            _renew(sums, d, warm_up, floor, t)
        return np.nan
    if t - sums[d].settled_at >= settings[4] * SECOND_US:
        _renew(sums, d, warm_up, floor, t)
        if sums[d].readings == 0.0:
            forget(warming, d)
            _warm_up(sums, warming, d, warm_up, x)
            return np.nan
    spread = sums[d].spread
    if spread == 0.0:
        _settle(sums, d, x)
        if x != sums[d].level:
            sums[d].readings = 0.0  # it rested while it was settled, and does not any more
            forget(warming, d)
        return np.nan
    z = max(min((x - sums[d].level) / spread, clip), -clip)
    most = max(min(2.0 * setpoint, LARGEST), 0.0)
    sums[d].high = min(max(sums[d].high + z - slack, 0.0), most)
    sums[d].low = min(max(sums[d].low - z - slack, 0.0), most)
    number = max(sums[d].high, sums[d].low)
    if number < setpoint:
        _settle(sums, d, sums[d].level + z * spread)
    return number  # type: ignore[no-any-return]


@kernel
def _cusum(heard: Heard, settings: Float64, sums: Rows, warming: Rows) -> Float64:
    heard, settings, sums, warming = borrowed((heard, settings, sums, warming))
    count = len(heard.member)
    number = np.empty(count)
    for n in range(count):
        if n + AHEAD < count:
            prefetch(sums, heard.member[n + AHEAD], 0)
            prefetch(sums, heard.member[n + AHEAD], 1)
        d, x = heard.member[n], heard.value[n]
        setting = settings[sums[d].setting]
        number[n] = gather_sums(sums, warming, d, setting, heard.at[n], x) if np.isfinite(x) else np.nan
    return number
