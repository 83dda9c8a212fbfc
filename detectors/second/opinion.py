"""The opinion itself: every window of a day ranked by four models, and the ten that are least like the weeks before.

Each model's scores are put on the scale of windows it was not fitted on, all windows of the site are ranked by each model, and the ranks are
averaged, the worst of the four left out: never the scores, which differ by orders of magnitude between models, so that one of them would decide alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from core.batch import Float64, Int64
from detectors.second.case import Case, LeftOut
from detectors.second.models import TELLS, fit

SHOWN: Final = 10  # of a site and night
BEST: Final = 3  # of a window's four ranks that are averaged: one model that is blind to a kind of oddness hides none
REASONS: Final = 3  # features that are named of a window
LEAST_STEPS: Final = 2.0  # usual deviations from which on a feature is named
NEAR: Final = 2  # windows apart that are one thing to look at
LOOKED: Final = 500  # of the ranking, for windows that belong to one that is shown
USUAL: Final = (0.01, 0.99)  # of the history: what "usually" means


@dataclass(frozen=True, slots=True)
class Judged:
    """One case with its numbers.

    Args:
        excess: float64, shape (windows of the day, models): 1 is as odd as the oddest hundredth of windows kept apart.
        steps: float64, shape (windows of the day, columns): usual deviations of each feature.
        usual: float64, shape (2, columns): between which the history lies.
    """

    case: Case
    excess: Float64
    steps: Float64
    usual: Float64
    centre: Float64


@dataclass(slots=True)
class Opinion:
    """One thing to look at.

    Args:
        window: the one that was ranked; `first` and `last` reach over its neighbours that belong to it.
        rank: the mean of its three best ranks by the four models; 1 is the most unusual.
        models: those by which it is odder than ninety-nine of a hundred windows kept apart.
        sensor: the signal it is shown by.
        facts: which features are unusual, the most unusual first.
    """

    subject: tuple[str, int]
    group: tuple[str, int]
    window: int
    first: int
    last: int
    rank: float
    models: list[str]
    sensor: int
    facts: list[dict[str, Any]] = field(default_factory=list)


def judge(case: Case) -> Judged:
    """Fits the four on the history of a case and scores its day."""
    fitted = fit(case.history, case.blocks)
    return Judged(
        case,
        fitted.excess(case.day),
        np.where(fitted.used, fitted.steps(case.day), 0.0),
        np.quantile(case.history, USUAL, axis=0),
        fitted.centre,
    )


def judge_all(cases: Sequence[Case], is_over: Callable[[], bool]) -> Iterator[Judged | LeftOut]:
    """One after the other, until the time is up: what is left then is said, and of what no model has a number.

    What there is of the first signal is always judged, its machine before it too: however short the time, the next night can go on
    behind that signal, and does not begin with it again.
    """
    always = _of_the_first(cases)
    for n, case in enumerate(cases):
        if n >= always and is_over():
            yield LeftOut(case.subject, "time")
            continue
        judged = judge(case)
        known = np.isfinite(judged.excess).any(axis=1).all()
        yield judged if known else LeftOut(case.subject, "still", None, float(len(np.unique(case.blocks))))


def _of_the_first(cases: Sequence[Case]) -> int:
    """How many of them, from the beginning on, there are until the first signal has all of its own behind it."""
    numbers = [number if kind != "asset" else None for kind, number in (case.subject for case in cases)]
    first = next((number for number in numbers if number is not None), None)
    return max((n + 1 for n, number in enumerate(numbers) if number == first and number is not None), default=1)


def ranks(judged: Sequence[Judged]) -> Float64:
    """The mean of the three best ranks of every window of all cases, one after the other; 1 is the most unusual.

    An isolation forest cuts only where its history lay: a level far beyond it is to it as the highest there was, and a mean of all four ranks
    would put such a window behind thirty ordinary ones.
    """
    excess = np.vstack([each.excess for each in judged])
    places = np.sort(np.stack([_places(column) for column in excess.T], axis=1), axis=1)
    mean: Float64 = np.nanmean(places[:, :BEST], axis=1)  # NaN are sorted last: who says nothing is left out first
    return mean


def _places(excess: Float64) -> Float64:
    """The rank of each, the largest first; equal ones share the mean of theirs; NaN where the model says nothing."""
    _, place, counts = np.unique(-excess, return_inverse=True, return_counts=True)
    places: Float64 = (np.cumsum(counts) - (counts - 1) / 2.0)[place]
    return np.where(np.isnan(excess), np.nan, places)


def opinions(judged: Sequence[Judged], most: int = SHOWN) -> list[Opinion]:
    """The most unusual of them, in their order: neighbours of one group are one, and bear the number of the worst."""
    if not judged:
        return []
    mean = ranks(judged)
    of_case: Int64 = np.concatenate([np.full(len(each.excess), n) for n, each in enumerate(judged)])
    within: Int64 = np.concatenate([np.arange(len(each.excess)) for each in judged])
    total = np.concatenate([np.nansum(each.excess, axis=1) for each in judged])
    taken: list[Opinion] = []
    for n in np.lexsort((-total, mean))[:LOOKED].tolist():
        each, row = judged[of_case[n]], int(within[n])
        window = int(each.case.windows[row])
        same = next((one for one in taken if one.group == each.case.group and _touches(one, window)), None)
        if same is not None:
            if (each.excess[row] > 1.0).any():
                same.first, same.last = min(same.first, window), max(same.last, window)
        elif len(taken) < most:
            taken.append(_opinion(each, row, window, float(mean[n])))
    return taken


def top_windows(judged: Sequence[Judged], most: int = SHOWN) -> list[int]:
    """The windows of the day that rank first, whatever of them is odd, without their neighbours being made one: what a measurement asks for."""
    windows = np.concatenate([each.case.windows for each in judged])[np.argsort(ranks(judged), kind="stable")]
    return list(dict.fromkeys(windows.tolist()))[:most]


def _touches(one: Opinion, window: int) -> bool:
    return one.first - NEAR <= window <= one.last + NEAR


def _opinion(judged: Judged, row: int, window: int, rank: float) -> Opinion:
    case = judged.case
    agree = [name for name, excess in zip(TELLS, judged.excess[row].tolist(), strict=True) if excess > 1.0]
    facts = list(_facts(judged, row))
    sensor = int(facts[0]["sensor"]) if facts else case.columns[0].sensor
    return Opinion(case.subject, case.group, window, window, window, rank, agree, sensor, facts)


def _facts(judged: Judged, row: int) -> Iterator[dict[str, Any]]:
    steps = np.abs(judged.steps[row])
    for place in np.argsort(-steps, kind="stable")[:REASONS].tolist():
        if steps[place] < LEAST_STEPS:
            return
        column, value = judged.case.columns[place], float(judged.case.day[row, place])
        times = float(np.exp(np.clip(value - judged.centre[place], -30.0, 30.0))) if column.is_logarithm else None
        low, high = judged.usual[:, place].tolist()
        yield {
            "sensor": column.sensor,
            "feature": column.feature,
            "value": float(np.exp(min(value, 300.0))) if column.is_logarithm else value,
            "low": None if column.is_logarithm else low,
            "high": None if column.is_logarithm else high,
            "times": times,
            "steps": round(float(judged.steps[row, place]), 2),
        }
