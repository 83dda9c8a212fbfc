"""PCA-Q: what is left of each row when the ways in which its signals usually move together are taken out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self

import numpy as np

from core.batch import Float64
from detectors.models.contract import Explained, Model, whole_rows
from detectors.models.mewma import KEPT, pulled, row_sums, smoothed

LEAST_SHARE: Final = 1.0  # of one member's variance: a direction with less is no way of moving together (Kaiser 1960)
MOST: Final = 4.0  # of its own spreads that one member counts: no single one speaks for all
LEAST_SPREAD: Final = (
    1e-3  # of a member's own spread: what the others tell to the last digit says nothing about a plant
)


class PcaQ(Model):
    """The smoothed sum of the members' squared remainders, each in its own spread and drawn in to four of them.

    Directions are the principal components that carry more than one member's variance; what is left beside them is the remainder. All
    remainders count alike, whereas T2 weighs each direction by how little it varied: where a plant runs a little otherwise a
    year later, T2 of many members finds each hour odd, and this does not.

    Source: Jackson and Mudholkar, Technometrics 21 (1979), for Q; Kaiser, Educational and Psychological Measurement 20 (1960), for how
        many components; drawing in and smoothing are ours.
    Memory: 30 rows.
    Warm-up: 8 rows after a gap; NaN until then.
    Fails when: what is wrong moves all signals the way they usually move together (then it is only far, and `mewma` sees it); members
        are few or have little to do with each other.
    """

    kind = "pca_q"
    memory = KEPT

    def __init__(self, level: Float64, spread: Float64, outside: Float64, unit: Float64) -> None:
        self._level, self._spread, self._outside, self._unit = level, spread, outside, unit

    @classmethod
    def fit(cls, rows: Float64) -> Self:
        """See `Model.fit`."""
        level, spread = np.nanmean(rows, axis=0), np.nanstd(rows, axis=0, ddof=1)
        z = ((rows - level) / spread)[whole_rows(rows)]
        values, directions = np.linalg.eigh(z.T @ z / len(z))
        kept = directions[:, values > LEAST_SHARE]
        if kept.shape[1] == z.shape[1]:
            kept = kept[:, 1:]  # something must be left to look at
        outside = np.eye(z.shape[1]) - kept @ kept.T
        unit = np.maximum((z @ outside).std(axis=0), LEAST_SPREAD)
        return cls(level, spread, outside.astype(np.float64), unit)

    def oddness(self, rows: Float64) -> Float64:
        """See `Model.oddness`: Q."""
        counted: Float64 = smoothed(self._counted(rows))
        return row_sums(counted)

    def explain(self, rows: Float64) -> Explained:
        """See `Model.explain`: a member's share is its squared remainder, not drawn in; expected is the row without its remainder."""
        counted = smoothed(self._left(rows) ** 2)[-1]
        total = counted.sum()
        share = counted / total if total > 0 else np.full(len(counted), 1.0 / len(counted))
        z = (rows[-1:] - self._level) / self._spread
        inside = (z - pulled(z, self._outside))[0]
        return Explained(rows[-1].astype(np.float64), self._level + inside * self._spread, share)

    def _counted(self, rows: Float64) -> Float64:
        """What each member counts, unsmoothed: shape (n, members)."""
        left = self._left(rows)
        return np.minimum(left * left, MOST * MOST)

    def _left(self, rows: Float64) -> Float64:
        """The remainders, each in its own spread: shape (n, members)."""
        return pulled((rows - self._level) / self._spread, self._outside) / self._unit

    def parameters(self) -> dict[str, Any]:
        """See `Model.parameters`."""
        return {name: getattr(self, f"_{name}").tolist() for name in _KEPT}

    @classmethod
    def restored(cls, parameters: Mapping[str, Any]) -> Self:
        """See `Model.restored`."""
        return cls(*(np.array(parameters[name], np.float64) for name in _KEPT))


_KEPT: Final = ("level", "spread", "outside", "unit")
