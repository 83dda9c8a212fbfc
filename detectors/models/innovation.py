"""What is new in each signal: its distance from what all signals of the row before led one to expect, smoothed and taken together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self

import numpy as np

from core.batch import Float64
from detectors.models.contract import Explained, Model, whole_rows
from detectors.models.mewma import KEPT, NEWEST, losses, pulled, row_sums, shrunk_covariance, smoothed

# Of the rows: how strongly the expectation is drawn to the level. On the public halves of SKAB and TEP from half to four times of it
# did nearly as well; with none of it a level that has shifted for good is expected at once.
RIDGE: Final = 0.1
LEAST_SPREAD: Final = 1e-3  # of a member's own spread: what is foretold to the last digit says nothing about a plant


class Innovation(Model):
    """Hotelling's T2 of the smoothed residuals of a ridge regression of each signal on all signals one row earlier.

    A signal that follows the load, or its own slow course, is foretold by the row before, so its usual movement counts little
    and needs no one to leave it out; what nothing foretold counts in full. The ridge draws the expectation to the level, so a
    shift that stays goes on counting. Residuals are smoothed and judged as `mewma` judges rows.

    Source: multivariate exponentially weighted averages of residuals, Lowry et al., Technometrics 34 (1992) and Harris and Ross,
        Canadian J. Chemical Engineering 69 (1991); Hoerl and Kennard, Technometrics 12 (1970).
    Memory: 31 rows.
    Warm-up: 9 rows after a gap; NaN until then.
    Fails when: rows are so far apart that one says nothing of the next (then it is `mewma`); a fault creeps in more slowly than the
        signals wander by themselves.
    """

    kind = "innovation"
    memory = KEPT + 1

    def __init__(self, level: Float64, spread: Float64, ahead: Float64, unit: Float64, precision: Float64) -> None:
        self._level, self._spread, self._ahead, self._unit, self._precision = level, spread, ahead, unit, precision

    @classmethod
    def fit(cls, rows: Float64, ridge: float = RIDGE) -> Self:
        """See `Model.fit`; `ridge` as `RIDGE`."""
        level, spread = np.nanmean(rows, axis=0), np.nanstd(rows, axis=0, ddof=1)
        z = (rows - level) / spread
        both = whole_rows(z[1:]) & whole_rows(z[:-1])
        before, after = z[:-1][both], z[1:][both]
        members = z.shape[1]
        ahead = np.linalg.solve(before.T @ before + ridge * len(before) * np.eye(members), before.T @ after)
        residual = after - before @ ahead
        unit = np.maximum(residual.std(axis=0), LEAST_SPREAD)
        covariance, _ = shrunk_covariance(residual / unit)
        # Residuals are nearly independent, so smoothing makes their covariance smaller by NEWEST / (2 - NEWEST), in all directions.
        return cls(level, spread, ahead, unit, np.linalg.inv(covariance * (NEWEST / (2.0 - NEWEST))).astype(np.float64))

    def oddness(self, rows: Float64) -> Float64:
        """See `Model.oddness`: T2."""
        new = self._new(rows)
        return np.maximum(row_sums(new * pulled(new, self._precision)), 0.0)

    def explain(self, rows: Float64) -> Explained:
        """See `Model.explain`: shares as in `mewma`; expected is what the rows before and the other members lead one to expect."""
        new = self._new(rows)[-1]
        loss, usual = losses(new, self._precision)
        total = loss.sum()
        share = loss / total if total > 0 else np.full(len(new), 1.0 / len(new))
        observed = rows[-1].astype(np.float64)
        return Explained(observed, observed - (new - usual) * self._unit * self._spread, share)

    def _new(self, rows: Float64) -> Float64:
        """Smoothed residuals, each in its own spread: shape (n, members); NaN where a row or the one before is not there."""
        z = (rows - self._level) / self._spread
        new = np.full_like(z, np.nan)
        new[1:] = (z[1:] - pulled(z[:-1], self._ahead)) / self._unit
        return smoothed(new)

    def parameters(self) -> dict[str, Any]:
        """See `Model.parameters`."""
        return {name: getattr(self, f"_{name}").tolist() for name in _KEPT}

    @classmethod
    def restored(cls, parameters: Mapping[str, Any]) -> Self:
        """See `Model.restored`."""
        return cls(*(np.array(parameters[name], np.float64) for name in _KEPT))


_KEPT: Final = ("level", "spread", "ahead", "unit", "precision")
