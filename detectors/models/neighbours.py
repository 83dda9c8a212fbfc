"""The second opinion: how far a row is from anything seen in normal operation. PyOD's k nearest neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final, Self

import numpy as np

from core.batch import Float64
from detectors.models.contract import Explained, Model, whole_rows

NEIGHBOURS: Final = 5  # PyOD's default; the mean of their distances is steadier than the largest
MOST_KEPT: Final = 1_000  # rows, evenly taken from the fit: a look-up stays below 2 ms, and the model is what is kept


class NearestNeighbours(Model):
    """Mean distance to the five nearest rows of normal operation, each member in its own standard deviations.

    It knows nothing of means and correlations, so it does not share T2's blind spots: two operating points with nothing
    between them are two clouds for it, and the empty middle is odd. It looks at one window alone, unsmoothed: quicker, and
    noisier. Of PyOD only the distances are used; its own threshold (a tenth of the training rows, by construction) is not.
    ECOD and COPOD are never used here: they score a row against the batch it comes in.

    Source: Ramaswamy et al., SIGMOD 2000; Angiulli and Pizzuti 2002 for the mean; PyOD 3, `pyod.models.knn.KNN`.
    Memory: the row itself.
    Warm-up: none.
    Fails when: the fit holds a fault: what is near to it is then normal. Many members: distances grow alike.
    """

    kind = "knn"
    memory = 1

    def __init__(self, level: Float64, spread: Float64, seen: Float64) -> None:
        self._level, self._spread, self._seen = level, spread, seen

    @classmethod
    def fit(cls, rows: Float64) -> Self:
        """See `Model.fit`."""
        level, spread = np.nanmean(rows, axis=0), np.nanstd(rows, axis=0, ddof=1)
        z = (rows[whole_rows(rows)] - level) / spread
        kept = np.unique(np.linspace(0, len(z) - 1, min(len(z), MOST_KEPT)).astype(np.intp))
        return cls(level, spread, z[kept])

    def oddness(self, rows: Float64) -> Float64:
        """See `Model.oddness`."""
        z = (rows - self._level) / self._spread
        there = whole_rows(z)
        found = np.full(len(rows), np.nan)
        if there.any():
            found[there] = self._detector.decision_function(z[there])
        return found

    def explain(self, rows: Float64) -> Explained:
        """See `Model.explain`: each member beside the mean of the nearest normal rows."""
        z = (rows[-1] - self._level) / self._spread
        distance = ((self._seen - z) ** 2).sum(axis=1)
        near = self._seen[np.argsort(distance, kind="stable")[:NEIGHBOURS]].mean(axis=0)
        weight = (z - near) ** 2
        total = weight.sum()
        share = weight / total if total > 0 else np.full(len(z), 1.0 / len(z))
        return Explained(rows[-1].astype(np.float64), self._level + near * self._spread, share)

    def parameters(self) -> dict[str, Any]:
        """See `Model.parameters`: the rows themselves, as no pickle is ever read back from a database."""
        return {"level": self._level.tolist(), "spread": self._spread.tolist(), "seen": self._seen.tolist()}

    @classmethod
    def restored(cls, parameters: Mapping[str, Any]) -> Self:
        """See `Model.restored`."""
        level, spread, seen = (np.array(parameters[name], np.float64) for name in ("level", "spread", "seen"))
        return cls(level, spread, seen)

    @cached_property
    def _detector(self) -> Any:
        from pyod.models.knn import KNN  # here: it takes seconds and brings matplotlib

        # A tree, whatever the number of members: brute force rounds otherwise for one row than for many.
        return KNN(n_neighbors=NEIGHBOURS, method="mean", algorithm="ball_tree", n_jobs=1).fit(self._seen)
