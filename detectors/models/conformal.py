"""One scale for all models: -log10 of the share of normal windows that are at least as odd."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from core.batch import Float64

ONE_IN_TWENTY: Final = 0.95
MOST_WIDER: Final = math.log(10.0)  # beyond, runs are too few or too unlike to say anything of a further one
FURTHER_RUN: Final = (
    0.975  # of further runs stay below what is foretold of them; davy/evaluate/settings.py says what it buys
)


@dataclass(frozen=True, slots=True)
class Calibration:
    """The oddness of normal windows that the model was not fitted on.

    p = (1 + how many of them are at least as odd) / (n + 1), and the number is -log10 p. On windows like these, p <= 0.01
    comes in at most one of a hundred, whatever the model and however its oddness is distributed. It cannot exceed
    log10(n + 1): with 345 calibration windows 2.54 means "odder than all of them", and how much odder it does not say.
    What it does not promise: neighbouring windows are alike, so that hundredth comes in bursts (hence the on-delay), and
    a plant that has changed since is not what was calibrated.

    Source: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World (2005); split form after Lei et al. (2018).

    Args:
        oddness: float64, shape (n,), ascending.
    """

    oddness: Float64

    @staticmethod
    def of(oddness: Float64) -> Calibration:
        """The calibration by these numbers; NaN are passed over."""
        return Calibration(np.sort(oddness[np.isfinite(oddness)]))

    @staticmethod
    def of_runs(runs: Sequence[Float64]) -> Calibration:
        """The calibration by runs that each began at a state of its own; NaN are passed over.

        Rows of one run are alike, so many rows of few runs say little of how odd the next run will be: what counts is how much runs
        differ. The highest of a further run is foretold from the highest of each of these, as log-normal; where that is above all that
        was seen, every oddness is taken for as many times larger. Runs that are alike, or many, widen next to nothing.

        Source: Student's bound for one further observation, as in Hahn, J. American Statistical Association 64 (1969).
        Fails when: the runs that come differ in another way than these do among each other.
        """
        seen = [run[np.isfinite(run)] for run in runs]
        pooled = np.concatenate(seen)
        highest = np.array([run.max() for run in seen if len(run) and run.max() > 0.0])
        if len(highest) < 2:  # of one run nobody can say how much runs differ
            return Calibration.of(pooled)
        from scipy.stats import t as student  # here: it takes a second

        logs = np.log(highest)
        count = len(logs)
        reach = float(student.ppf(FURTHER_RUN, count - 1)) * float(logs.std(ddof=1)) * math.sqrt(1.0 + 1.0 / count)
        wider = math.exp(min(max(float(logs.mean()) + reach - float(logs.max()), 0.0), MOST_WIDER))
        return Calibration.of(pooled * wider)

    @property
    def highest(self) -> float:
        """The largest number it can give."""
        return math.log10(len(self.oddness) + 1)

    def times(self, oddness: Float64) -> Float64:
        """How many times as odd each is as what one normal window in twenty reaches; NaN stays NaN.

        Says how much, where `number` says how seldom: with few windows that calibrate, everything that is odder than all of them has one
        and the same number.
        """
        usual = float(np.quantile(self.oddness, ONE_IN_TWENTY))
        return oddness / usual

    def number(self, oddness: Float64) -> Float64:
        """-log10 p of each; NaN stays NaN: what cannot be judged is never a zero."""
        n = len(self.oddness)
        as_odd = n - np.searchsorted(self.oddness, oddness, side="left")
        return np.where(np.isfinite(oddness), -np.log10((1.0 + as_odd) / (n + 1.0)), np.nan)
