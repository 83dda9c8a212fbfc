"""How rare must it be before somebody is called? The setpoint of a statistical alarm from the false alarms that its site bears. Pure.

A p-value says how often one number is as odd. People do not hear numbers; they hear *episodes*: the condition with its delays, votes and
deadband begins. Numbers that are neighbours are alike, so odd ones come in bursts, and no formula turns the one rate into the other.
So episodes are counted: the numbers of a stretch of normal operation go through the very conditions that judge in production, at many
setpoints at once (`curve`). A budget is rarer than what a stretch of days can show; beyond what was counted the curve is continued
(`Curve.rate`), and it is said how far. What cannot be reached because too few windows calibrate is said too (`choose`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from alerting.condition import Conditions
from core.batch import Float64, Int64, Scores
from core.model import AlarmDefinition, DefinitionSet, Priority

WEEK_S: Final = 604_800.0
US: Final = 1_000_000
STEPS: Final = 49  # setpoints that are tried at once
ENOUGH: Final = 30  # episodes from which on a tail is continued: their mean excess is known to a sixth. Ours
FEWEST: Final = 8  # below so many a curve says nothing. Ours
RULE_OF_THREE: Final = 3.0  # none of something in a stretch: with 95 % it is at most three in as long a one (Hanley, Lippman-Hand, JAMA 249, 1983)
FAR: Final = 50.0  # rarer than so many times what was counted is a guess, and errs towards fewer alarms. Ours
LASTING: Final = (
    1.0,
    2.0,
    4.0,
    8.0,
)  # how many times as long an alarm may have to last where its setpoint cannot go higher. Ours
LONGEST_DELAY_S: Final = 86_400.0  # what davy_budget_apply() takes (0030)
BELOW_TOP: Final = 1e-6  # a setpoint at the largest number itself is reached by what rounds to it
KEPT, UNUSED, CAPPED, UNKNOWN = "kept", "unused", "capped", "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What a statistic said of normal operation.

    Args:
        at: int64, microseconds UTC, ascending; number: float64, NaN where it could not judge, and where it was not normal.
        period_s: from one number to the next.
        calibrated: windows or readings that its p-values are ranks among; None: its number is no p-value.
        reach: the largest number that its detector can say, where that is not by a calibration.
    """

    at: Int64
    number: Float64
    period_s: float
    calibrated: int | None = None
    reach: float = math.inf

    @property
    def seconds(self) -> float:
        """How long was judged."""
        return float(np.isfinite(self.number).sum()) * self.period_s

    @property
    def highest(self) -> float:
        """The largest number there can be."""
        return self.reach if self.calibrated is None else math.log10(self.calibrated + 1.0)

    @property
    def reachable(self) -> float:
        """The highest setpoint at which an alarm can come at all."""
        return self.highest - BELOW_TOP


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting:
    """What a limit asks of its numbers beside the setpoint.

    Args:
        least, most: between which its setpoint may be; a statistic that is anything but rare is none.
    """

    on_delay_s: float
    off_delay_s: float
    deadband: float
    least: float
    most: float
    votes: int = 1
    votes_of: int = 1


@dataclass(frozen=True, slots=True)
class Curve:
    """Episodes by setpoint.

    Args:
        setpoints: float64, rising; episodes: int64, how often each would have begun.
        seconds: in so long.
    """

    setpoints: Float64
    episodes: Int64
    seconds: float

    @property
    def _from(self) -> int:
        """Where the tail begins: the highest setpoint with episodes enough, right of where most are; low down they run into one."""
        peak = int(np.argmax(self.episodes))
        enough = np.flatnonzero(self.episodes[peak:] >= min(ENOUGH, max(int(self.episodes[peak]) // 2, 1)))
        return peak + int(enough[-1])

    @property
    def says(self) -> bool:
        """Whether there were episodes enough to say anything."""
        return bool(self.episodes.max(initial=0) >= FEWEST)

    @property
    def excess(self) -> float:
        """By how much an episode goes on average beyond the setpoint at which the tail begins: the mean of their largest numbers, which
        is the area below the curve beside its height."""
        first = self._from
        area = float(np.trapezoid(self.episodes[first:], self.setpoints[first:]))
        return max(area / float(self.episodes[first]), 1e-3)

    def rate(self, setpoint: float, *, careful: bool = False) -> float:
        """Episodes a week: counted, and beyond that continued as an exponential, the tail of what is rare in numbers that are -log10 p.

        Never more at a higher setpoint: where a curve rises because low down many run into one, its largest number stands for those.

        Args:
            careful: with a tail that is longer by its own uncertainty, one standard error of a mean excess.
        """
        counted = np.maximum.accumulate(self.episodes[::-1])[::-1].astype(np.float64)
        first = self._from
        begins, excess = float(self.setpoints[first]), self.excess
        if careful:
            excess *= 1.0 + 1.0 / math.sqrt(max(float(self.episodes[first]), 1.0))
        if setpoint <= begins:
            found = float(np.interp(setpoint, self.setpoints[: first + 1], counted[: first + 1]))
        else:
            found = float(counted[first]) * math.exp(-(setpoint - begins) / excess)
        return found / self.seconds * WEEK_S

    def setpoint(self, per_week: float) -> float:
        """The lowest setpoint with at most so many episodes a week; carefully, where that is a guess."""
        careful = self.far(per_week) > FAR
        low, high = float(self.setpoints[0]), float(self.setpoints[-1])
        while self.rate(high, careful=careful) > per_week:
            high += 1.0
        if self.rate(low, careful=careful) <= per_week:
            return low
        for _ in range(60):
            middle = (low + high) / 2.0
            low, high = (middle, high) if self.rate(middle, careful=careful) > per_week else (low, middle)
        return high

    def far(self, per_week: float) -> float:
        """How many times rarer than what was counted this is; 1: it was counted."""
        counted = float(self.episodes[self._from]) / self.seconds * WEEK_S
        return max(counted / per_week, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a limit is to be judged by.

    Args:
        state: "kept": within its part of the budget; "unused": at the lowest setpoint there is, which uses less; "capped": the
            calibration is too small, and this is the most that it can; "unknown": too little is known of normal operation.
        expected: false alarms a week; None: not known.
        needs: windows that would have to calibrate; None: enough do, or its number is no p-value.
        far: how many times rarer than what was counted.
    """

    setpoint: float
    on_delay_s: float
    state: str
    expected: float | None = None
    needs: int | None = None
    far: float | None = None


def shares(per_week: float, scores: int) -> float:
    """What each of a site's statistical alarms may use: all alike, so that one more makes every other one rarer.

    >>> shares(2.0, 4)
    0.5
    """
    return per_week / max(scores, 1)


def curve(numbers: Numbers, lasting: Lasting) -> Curve:
    """How often each of many setpoints would have begun, by the conditions of production."""
    known = np.isfinite(numbers.number)
    low = 0.0 if numbers.calibrated is not None else min(lasting.least, _middle(numbers.number[known]))
    top = min(numbers.highest, float(numbers.number[known].max(initial=low)))
    setpoints = np.linspace(low, max(top, low + 1e-3), STEPS)
    return Curve(setpoints, _begun(numbers, lasting, setpoints), max(numbers.seconds, numbers.period_s))


def _middle(number: Float64) -> float:
    return float(np.median(number)) if len(number) else 0.0


def _begun(numbers: Numbers, lasting: Lasting, setpoints: Float64) -> Int64:
    rows = [
        AlarmDefinition(
            definition_id=place + 1, company_id=1, site_id=1, sensor_id=1, key=str(place), detector="limit", direction="high",
            setpoint=setpoint, deadband=lasting.deadband, on_delay_us=round(lasting.on_delay_s * US),
            off_delay_us=round(lasting.off_delay_s * US), votes=lasting.votes, votes_of=lasting.votes_of, priority=Priority.LOW,
        )
        for place, setpoint in enumerate(setpoints.tolist())
    ]  # fmt: skip
    tried = len(rows)
    conditions = Conditions(DefinitionSet(1, rows, np.zeros(tried, np.int32), 1))
    known = np.flatnonzero(np.isfinite(numbers.number))
    begun = np.zeros(tried, np.int64)
    for first in range(0, len(known), _AT_ONCE):
        part = known[first : first + _AT_ONCE]
        scores = Scores(
            np.tile(np.arange(tried, dtype=np.int32), len(part)),
            np.repeat(part.astype(np.int32), tried),
            np.repeat(numbers.at[part], tried),
            np.repeat(numbers.number[part], tried),
        )
        for event in conditions.step(scores):
            begun[event.definition_id - 1] += event.active
    return begun


_AT_ONCE: Final = 20_000


def choose(numbers: Numbers, lasting: Lasting, per_week: float) -> Choice:
    """What a limit is to be judged by so that it begins falsely `per_week` times a week at most.

    The setpoint that the budget wants; where it is beyond the largest number that the calibration allows, the largest, and the alarm must last longer.
    """
    found: Choice | None = None
    for times in LASTING:
        tried = replace(lasting, on_delay_s=max(lasting.on_delay_s, numbers.period_s if times > 1.0 else 0.0) * times)
        if times > 1.0 and tried.on_delay_s > LONGEST_DELAY_S:
            break
        by = curve(numbers, tried)
        if not by.says:
            return found or _of_few(by, tried, per_week)
        at = _at(by, numbers, tried, per_week)
        if found is not None:
            at = replace(at, needs=found.needs)  # what would do without a longer delay
        if found is None or at.expected is None or found.expected is None or at.expected < found.expected:
            found = at
        if at.state != CAPPED:
            break
    return found or Choice(setpoint=math.nan, on_delay_s=lasting.on_delay_s, state=UNKNOWN)


def _of_few(by: Curve, lasting: Lasting, per_week: float) -> Choice:
    """Where hardly anything began at any setpoint: after a stretch that is long against the budget, that says enough."""
    begun = int(by.episodes[np.searchsorted(by.setpoints, lasting.least) :].max(initial=0))
    if (begun + RULE_OF_THREE) / by.seconds * WEEK_S > per_week:
        return Choice(setpoint=math.nan, on_delay_s=lasting.on_delay_s, state=UNKNOWN)
    expected = begun / by.seconds * WEEK_S
    return Choice(setpoint=lasting.least, on_delay_s=lasting.on_delay_s, state=UNUSED, expected=expected, far=1.0)


def _at(by: Curve, numbers: Numbers, lasting: Lasting, per_week: float) -> Choice:
    wanted, top = by.setpoint(per_week), min(numbers.reachable, lasting.most)
    setpoint = min(max(wanted, lasting.least), top)
    state = CAPPED if wanted > top else UNUSED if wanted < lasting.least else KEPT
    too_few = numbers.calibrated is not None and wanted > numbers.reachable
    return Choice(
        setpoint=setpoint,
        on_delay_s=lasting.on_delay_s,
        state=state,
        expected=by.rate(setpoint),
        needs=needed(wanted) if too_few else None,
        far=by.far(max(by.rate(setpoint), per_week)),
    )


def needed(setpoint: float) -> int:
    """Windows that must calibrate so that a number can reach this; more than a year of seconds is said as that.

    >>> needed(2.0)
    100
    """
    return int(min(math.ceil(10.0 ** min(setpoint, 9.0)), MOST_NEEDED))


MOST_NEEDED: Final = 31_557_600

# A setpoint moves only where it matters: what a history says differs a little from day to day, and each change begins a detector anew.
STEADY: Final = 1.5


def moves(expected: float | None, now: float | None) -> bool:
    """Whether a setpoint in force is far enough from the one that was chosen to be changed.

    Args:
        expected: false alarms a week at what was chosen; now: at what is in force; None: nothing is known of it.

    >>> moves(1.0, 1.2), moves(1.0, 2.0), moves(1.0, 0.5), moves(None, 1.0)
    (False, True, True, False)
    """
    if expected is None:
        return False
    if now is None or expected <= 0.0:
        return now is None or now > 0.0
    return not 1.0 / STEADY <= now / expected <= STEADY


def realised(counted: Sequence[int], weeks: float) -> float:
    """False alarms a week of those that people called nuisance, a sensor's fault, or could not tell.

    >>> realised([3, 1, 0], 2.0)
    2.0
    """
    return sum(counted) / weeks
