"""Drift against a neighbour: the slow departure of one of two sensors that used to keep their distance."""

from __future__ import annotations

import math
from typing import Annotated, Final

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from core.alike import settings_of
from core.batch import NEVER, Float64, Int64, ReadingBatch, Scores
from core.borrow import borrowed
from core.kernel_cache import kernel
from core.model import DefinitionSet
from detectors.contract import LARGEST, SECOND_US, Parameters, Rows
from detectors.cusum import FEW, RESTING, SUMS, WILD, gather_sums, lent_by
from detectors.difference import Difference

# How far the other one must have gone from its own place, and how much farther than this one, before the departure is held to be its own.
FAR: Final = 3.0
FARTHER: Final = 2.0
RECENT: Final = 0.1  # what a new mean weighs in where each of the two is now: some ten of them
_MEANS: Final = np.dtype(
    [
        ("stretch", np.int64),  # number of the stretch of time that a mean is being made of
        ("count", np.float64),
        ("apart", np.float64),  # means of the stretch so far: of the difference, and of each of the two
        ("own", np.float64),
        ("other", np.float64),
        ("said", np.float64),  # the number, until the next mean is there
        (
            "settled",
            np.float64,
            (4,),
        ),  # level and variance of this one and of the other, while their difference was settled
        ("next", np.float64, (4,)),
        ("now", np.float64, (2,)),
        ("means", np.float64),  # how many there have been
    ]
)


class DriftParameters(Parameters, frozen=True):
    """What a drift may set; which the other sensor is stands in the definition itself.

    Args:
        own: 1: what is clearly the other sensor's departure does not count; 0: it counts whichever of the two has gone.
        mean_s: differences are taken together to means of so many seconds: a drift is slow, and single readings are not alike from
            instant to instant.
        slack: what a mean may be off the settled difference and gather nothing, in standard deviations of means.
        clip: no mean counts for more than so many.
        warm_up: means that settle the first difference and its spread.
        floor: smallest spread it believes in, in the sensor's unit; 0 where none is given.
        renew_s: after so long the difference is settled anew, from the means since that were not beyond the setpoint.
        hold_s: a reading stands for no longer than this; an import takes it from the sensor's period where it is declared.
    """

    own: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.0
    mean_s: Annotated[float, Meta(ge=0.001, le=86_400.0)] = 600.0
    slack: Annotated[float, Meta(ge=0.0, le=100.0)] = 0.5
    clip: Annotated[float, Meta(ge=0.5, le=1000.0)] = 4.0
    warm_up: Annotated[float, Meta(ge=3.0, le=1_000_000.0)] = 144.0
    floor: Annotated[float, Meta(ge=0.0)] = 0.0
    renew_s: Annotated[float, Meta(ge=60.0, le=31_536_000.0)] = 2_592_000.0
    hold_s: Annotated[float, Meta(ge=0.001, le=86_400.0)] = 60.0


class Drift(Difference):
    """What has gathered of a difference of two sensors on one side of the difference they used to have, in standard deviations.

    The two need not agree, only keep their distance: two gas heads of one room, two transmitters of one line, an inlet and an outlet.
    The differences (as `difference` finds them, both sensors brought to one instant) are taken together to means of `mean_s`, and a
    two-sided CUSUM runs over the means (as `cusum` does), against a difference that was settled once and stands: what
    departs slowly is not learnt on the way. What both see, as a rise of the temperature they both measure, is in no difference and
    gathers nothing, which no detector of one sensor can say.

    Which of the two has gone is told where it can be: each has a place of its own, where it was while the difference was settled. The
    other is held to have gone where it is three of its standard deviations from its place, and twice as far as this one. With `own` = 1
    that is 0 here; whoever wants to know of both defines it on both. Where both have moved it cannot be told, and counts.

    Source: Page (1954) on the mean difference; telling the two apart is ours.
    Memory: 1312 bytes a definition.
    Warm-up: `warm_up` means of `mean_s`, a day as it stands; NaN until then, while one of the two is silent or bad, and while the
        difference has not moved at all and no `floor` is given.
    Fails when: both drift alike (one batch of cells, one sample line). What lies between the two changes by plan, such as a valve
        that is throttled: the difference is another one, and said until it is settled anew. One of the two had drifted before.
    """

    name = "drift"
    unit = "1"
    parameters = DriftParameters

    def __init__(self, definitions: DefinitionSet) -> None:
        super().__init__(definitions)
        mine = self._definition
        beyond = np.where(definitions.is_low()[mine], LARGEST, definitions.definitions.floats("setpoint")[mine])
        names = ("slack", "clip", "warm_up", "floor", "renew_s")  # as `gather_sums` takes them, the setpoint last
        asked = [*(self._settings[name] for name in names), beyond, self._settings["own"], self._settings["mean_s"]]
        setting, self._set = settings_of(asked)
        self._sums: Rows = np.zeros(len(self), SUMS)
        self._sums["setting"] = setting
        self._sums["settled_at"] = NEVER
        self._means: Rows = np.zeros(len(self), _MEANS)
        self._means["stretch"] = NEVER
        self._means["said"] = np.nan
        self._fields(self._sums)
        self._fields(self._means)
        self._warming = lent_by(self._sums)

    def _is_signed(self) -> NDArray[np.bool_]:
        return np.ones(len(self), np.bool_)

    def score(self, batch: ReadingBatch) -> Scores:
        """A number for each instant at which the two can be compared, as `difference` has them."""
        apart, own = self._compare(batch)
        member = np.searchsorted(self._definition, apart.definition)
        number = _drift(member, apart.at, apart.number, own, self._set, self._sums, self._warming, self._means)
        return Scores(apart.definition, apart.row, apart.at, number)


@kernel
def _place(kept: Float64, at: int, readings: float, x: float) -> None:
    """One more for the mean (at `at`) and the variance (beside it) of where one of the two is; a wild one is drawn in, as it is for the difference."""
    share, distance, reach = 1.0 / readings, x - kept[at], WILD * math.sqrt(kept[at + 1])
    if readings > FEW and reach > RESTING * abs(kept[at]):
        distance = max(min(distance, reach), -reach)
        x = kept[at] + distance
    level = kept[at] + distance * share
    variance = kept[at + 1] + (distance * (x - level) - kept[at + 1]) * share
    if np.isfinite(level) and np.isfinite(variance):
        kept[at], kept[at + 1] = level, max(variance, 0.0)


@kernel
def _gone(means: Rows, d: int, side: int) -> float:
    """How far one of the two is from its place, in its own standard deviations there."""
    level, spread = means[d].settled[2 * side], math.sqrt(means[d].settled[2 * side + 1])
    apart = abs(means[d].now[side] - level)
    if spread > RESTING * abs(level):
        return apart / spread  # type: ignore[no-any-return]
    return 0.0 if apart <= RESTING * abs(level) else LARGEST


@kernel
def _is_now(means: Rows, d: int, side: int, x: float, share: float, stands: bool) -> None:
    """A new mean of one of the two; none moves it by more than the spread of its place, or by as much again as it is away by then.

    One wild reading of the other sensor would be held to be its departure for hours, and this one's own would count for nothing.
    """
    place, spread = means[d].settled[2 * side], math.sqrt(means[d].settled[2 * side + 1])
    if stands and spread > RESTING * abs(place):
        reach = max(spread, abs(means[d].now[side] - place)) / RECENT
        x = min(max(x, place - reach), place + reach)
    now = means[d].now[side] + (x - means[d].now[side]) * share
    means[d].now[side] = now if np.isfinite(now) else means[d].now[side]


@kernel
def _mean_is_there(means: Rows, sums: Rows, warming: Rows, d: int, settings: Float64, t: int) -> None:
    """A stretch is over: its mean gathers, and each of the two is where it was in it."""
    own, other = means[d].own, means[d].other
    means[d].means += 1.0
    share = max(RECENT, 1.0 / means[d].means)
    stands = sums[d].readings > 0.0
    _is_now(means, d, 0, own, share, stands)
    _is_now(means, d, 1, other, share, stands)
    is_first, settled_at, learnt = sums[d].readings == 0.0, sums[d].settled_at, sums[d].next_readings
    number = gather_sums(sums, warming, d, settings, t, means[d].apart)
    is_new = sums[d].settled_at != settled_at
    if is_new and not is_first:  # settled anew first, and then this mean
        means[d].settled[:] = means[d].next
        means[d].next[:] = 0.0
        learnt = 0.0
    elif not is_new and sums[d].next_readings < learnt:  # those before were wild, or at rest: it begins with this one
        means[d].next[:] = 0.0
        learnt = 0.0
    if (is_new and is_first) or sums[d].next_readings > learnt:
        readings = learnt + 1.0
        _place(means[d].next, 0, readings, own)
        _place(means[d].next, 2, readings, other)
    if is_new and is_first:
        means[d].settled[:] = means[d].next
        means[d].next[:] = 0.0
        means[d].now[0], means[d].now[1] = means[d].settled[0], means[d].settled[2]  # a wild mean may be in it yet
    if settings[6] > 0.0 and not np.isnan(number):
        theirs = _gone(means, d, 1)
        if theirs >= FAR and theirs >= FARTHER * _gone(means, d, 0):
            number = 0.0
    means[d].said = number


@kernel
def _drift(
    member: Int64, at: Int64, apart: Float64, own: Float64, settings: Float64, sums: Rows, warming: Rows, means: Rows
) -> Float64:
    settings, sums, warming, means = borrowed((settings, sums, warming, means))
    number = np.full(len(member), np.nan)
    for n in range(len(member)):
        d, t, x = member[n], at[n], apart[n]
        if not np.isfinite(x):
            continue
        setting = settings[sums[d].setting]
        stretch = t // max(int(setting[7] * SECOND_US), 1)
        if stretch != means[d].stretch:
            if means[d].count > 0.0:
                _mean_is_there(means, sums, warming, d, setting, t)
            means[d].stretch = stretch
            means[d].count = means[d].apart = means[d].own = means[d].other = 0.0
        means[d].count += 1.0
        share = 1.0 / means[d].count
        together = means[d].apart + (x - means[d].apart) * share
        mine = means[d].own + (own[n] - means[d].own) * share
        theirs = means[d].other + (own[n] - x - means[d].other) * share
        if np.isfinite(together) and np.isfinite(mine) and np.isfinite(theirs):
            means[d].apart, means[d].own, means[d].other = together, mine, theirs
        number[n] = means[d].said
    return number
