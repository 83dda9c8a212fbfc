"""One scale for all models: -log10 of the share of normal windows that are at least as odd."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from core.batch import Float64

ONE_IN_TWENTY: Final = 0.95


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
