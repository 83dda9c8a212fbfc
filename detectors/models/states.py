"""In which state a machine runs: stopped, half speed, full speed. What is normal in one is odd in another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.batch import Float64
from detectors.models.contract import whole_rows

Intp = NDArray[np.intp]
MISSING: Final = -1  # what tells the state is not there
STRANGE: Final = -2  # it is there, and like nothing that was seen
SEED: Final = 0
MOST_KEPT: Final = 5_000  # rows, evenly taken: clusters of a load are seen in fewer
BEYOND: Final = 1.5  # times as far from its cluster's centre as any row of the fit: a load that it has not had


@dataclass(frozen=True, slots=True)
class Told:
    """States told by one signal, by declared bounds.

    Args:
        column: of the signal.
        bounds: ascending; a value under the first is state 0.
    """

    column: int
    bounds: tuple[float, ...]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.bounds) + 1

    @property
    def columns(self) -> tuple[int, ...]:
        """Of the signal alone."""
        return (self.column,)

    def of(self, rows: Float64) -> Intp:
        """The state of each row, from 0 on, or `MISSING`: shape (n,)."""
        value = rows[:, self.column]
        found: Intp = np.searchsorted(np.array(self.bounds), np.where(np.isfinite(value), value, 0.0), side="right")
        return np.where(np.isfinite(value), found, MISSING)

    def parameters(self) -> dict[str, Any]:
        """As JSON."""
        return {"column": self.column, "bounds": list(self.bounds)}


@dataclass(frozen=True, slots=True)
class Found:
    """States found as clusters of the load's values when a model was fitted.

    Only of the load: among all members a fault would be a state of its own, and nobody would be told of it.

    Source: k-means, Lloyd, IEEE Trans. Information Theory 28 (1982), as scikit-learn has it, with a fixed seed; clusters are numbered
        by their first load's level, the lowest first.
    Fails when: the load goes through all values evenly: then where one state ends is chance, and a row near there changes it often.

    Args:
        columns: of the load.
        level, spread: shape (load,), of the fit's rows.
        centres: shape (states, load), in spreads.
        reach: shape (states,), how far the fit's own rows lie from their centre.
    """

    columns: tuple[int, ...]
    level: Float64
    spread: Float64
    centres: Float64
    reach: Float64

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.centres)

    @staticmethod
    def fit(rows: Float64, columns: tuple[int, ...], count: int) -> Found:
        """Looks for `count` of them; fewer where the load has fewer values."""
        from sklearn.cluster import KMeans  # here: it takes a second

        load = rows[:, list(columns)]
        load = load[whole_rows(load)]
        level, spread = load.mean(axis=0), load.std(axis=0)
        spread[spread == 0.0] = 1.0
        z = (load - level) / spread
        kept = z[np.unique(np.linspace(0, len(z) - 1, min(len(z), MOST_KEPT)).astype(np.intp))]
        count = min(count, len(np.unique(kept, axis=0)))
        centres = KMeans(count, random_state=SEED, n_init=4).fit(kept).cluster_centers_.astype(np.float64)
        centres = centres[np.argsort(centres[:, 0], kind="stable")]
        distance = _distances(z, centres)
        nearest = distance.argmin(axis=1)
        reach = np.array([distance[nearest == state, state].max(initial=0.0) for state in range(count)])
        return Found(columns, level, spread, centres, reach)

    def of(self, rows: Float64) -> Intp:
        """The state of each row, from 0 on, or `MISSING`, or `STRANGE`: shape (n,)."""
        z = (rows[:, list(self.columns)] - self.level) / self.spread
        there = whole_rows(z)
        distance = _distances(np.where(there[:, None], z, 0.0), self.centres)
        nearest: Intp = distance.argmin(axis=1)
        near = distance[np.arange(len(rows)), nearest] <= BEYOND * self.reach[nearest]
        return np.where(there, np.where(near, nearest, STRANGE), MISSING)

    def parameters(self) -> dict[str, Any]:
        """As JSON."""
        numbers = {name: getattr(self, name).tolist() for name in _NUMBERS}
        return {"columns": list(self.columns), **numbers}


_NUMBERS: Final = ("level", "spread", "centres", "reach")
States = Told | Found


def restored(parameters: Mapping[str, Any]) -> States:
    """The states of earlier `parameters()`, bit-equal."""
    if "column" in parameters:
        return Told(parameters["column"], tuple(parameters["bounds"]))
    numbers = (np.array(parameters[name], np.float64) for name in _NUMBERS)
    return Found(tuple(parameters["columns"]), *numbers)


def _distances(z: Float64, centres: Float64) -> Float64:
    """From each row to each centre: shape (n, states); column after column, as numpy's own sum rounds by how many rows there are."""
    found = np.zeros((len(z), len(centres)))
    for column in range(z.shape[1]):
        found += (z[:, column : column + 1] - centres[:, column]) ** 2
    return np.sqrt(found)
