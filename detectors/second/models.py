"""Four models of PyOD over the features of windows, each with a fixed seed, on one scale by windows they were not fitted on.

Never ECOD or COPOD: they score a row against the batch it comes in, so that the same window is odd alone and ordinary in an incident
(detection notes, section 7, measured). PyOD's own threshold is not used either: its contamination of 0.1 by default calls one window in ten odd
whatever they are. It is named here because the models ask for it, and what counts as odd is taken from windows kept apart.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from core.batch import Float64, Int64

SEED: Final = 56
CONTAMINATION: Final = 0.01  # share of windows kept apart that count as odd; explicit wherever PyOD would take 0.1
MOST_FITTED: Final = 2_000  # windows a model is fitted on: three weeks of quarters of an hour
NEIGHBOURS: Final = 10
TREES: Final = 100
CALIBRATES: Final = 3  # each third block (day) is kept apart
MOST_STEPS: Final = 1e6  # usual deviations beyond which a feature is no farther out: squares of it stay numbers
TELLS: Final = ("pca", "mcd", "knn", "iforest")


def _pca() -> Any:
    from pyod.models.pca import PCA

    return PCA(contamination=CONTAMINATION, random_state=SEED)


def _mcd() -> Any:
    from pyod.models.mcd import MCD

    return MCD(contamination=CONTAMINATION, random_state=SEED)


def _knn() -> Any:
    from pyod.models.knn import KNN

    return KNN(contamination=CONTAMINATION, n_neighbors=NEIGHBOURS, method="mean", n_jobs=1)


def _iforest() -> Any:
    from pyod.models.iforest import IForest

    return IForest(contamination=CONTAMINATION, n_estimators=TREES, random_state=SEED, n_jobs=1)


MAKERS: Final[Mapping[str, Callable[[], Any]]] = MappingProxyType(
    {"pca": _pca, "mcd": _mcd, "knn": _knn, "iforest": _iforest}
)


@dataclass(frozen=True, slots=True)
class Fitted:
    """The four, fitted on the windows of one signal or one machine.

    Args:
        centre, scale: float64, shape (features,): by which features are made comparable.
        used: which of the features moved in the history: the others say nothing.
        usual, odd: float64, shape (models,): the median of scores of windows kept apart, and what one of a hundred of them reaches.
    """

    centre: Float64
    scale: Float64
    used: np.ndarray
    models: tuple[Any, ...]
    usual: Float64
    odd: Float64

    def excess(self, rows: Float64) -> Float64:
        """How far each window is out by each model: 0 as the middle of the history, 1 as its oddest hundredth.

        float64, shape (n, models); NaN for a model that can say nothing of it.
        """
        return (_scores(self.models, self._scaled(rows)) - self.usual) / (self.odd - self.usual)

    def steps(self, rows: Float64) -> Float64:
        """How many usual deviations each feature lies from its middle: float64, shape (n, features)."""
        return (rows - self.centre) / self.scale

    def _scaled(self, rows: Float64) -> Float64:
        return _within(self.steps(rows)[:, self.used])


def scale_of(rows: Float64) -> tuple[Float64, Float64]:
    """The middle of each feature and its usual deviation: by quartiles, or, where half of the windows are alike, by all of them."""
    centre = np.median(rows, axis=0)
    low, high = np.quantile(rows, (0.25, 0.75), axis=0)
    quartiles, whole = (high - low) / 1.349, rows.std(axis=0)  # 1.349: between the quartiles of a normal distribution
    scale = np.where(quartiles > 0.05 * whole, quartiles, whole)
    return centre, np.where(scale > 1e-12 * np.maximum(1.0, np.abs(centre)), scale, 1.0)


def fit(rows: Float64, blocks: Int64) -> Fitted:
    """Fits on two blocks of three and takes the measure from the third: a limit from a model's own windows calls far too many odd.

    Args:
        rows: float64, shape (n, features), finite.
        blocks: which day, or which stretch, each window is of: neighbours are alike, so a block is kept apart whole.
    """
    apart = _apart(rows, blocks)
    learnt, kept = _at_most(rows[~apart]), _at_most(rows[apart])
    centre, scale = scale_of(learnt)
    used = _moves(learnt)
    scaled = _within(((learnt - centre) / scale)[:, used])
    models = tuple(_fitted(MAKERS[name], scaled) for name in TELLS)
    scores = _scores(models, _within(((kept - centre) / scale)[:, used]))
    usual, odd = np.median(scores, axis=0), np.quantile(scores, 1.0 - CONTAMINATION, axis=0)
    return Fitted(centre, scale, used, models, usual, np.where(odd > usual, odd, usual + 1.0))


def _apart(rows: Float64, blocks: Int64) -> np.ndarray:
    """Which windows are kept apart: each third block, and of the three ways to count them the first that leaves something that moved to learn from.

    A gas head that stood at 0 for three weeks but for one day has moved in two of the three.
    """
    ways = [blocks % CALIBRATES == way for way in (CALIBRATES - 1, *range(CALIBRATES - 1))]
    return next((each for each in ways if each.any() and _moves(_at_most(rows[~each])).any()), ways[0])


def _moves(rows: Float64) -> np.ndarray:
    """Which features do."""
    found: np.ndarray = rows.std(axis=0) > 1e-12 * np.maximum(1.0, np.abs(np.median(rows, axis=0)))
    return found


def _within(steps: Float64) -> Float64:
    return np.clip(steps, -MOST_STEPS, MOST_STEPS)


def _at_most(rows: Float64) -> Float64:
    """Evenly taken where there are too many: which ones is no matter of chance."""
    if len(rows) <= MOST_FITTED:
        return rows
    return rows[np.linspace(0, len(rows) - 1, MOST_FITTED).astype(np.int64)]


def _fitted(make: Callable[[], Any], rows: Float64) -> Any:
    """None where it cannot be: of a switch, half of whose windows are alike, a robust covariance is nothing. The other three judge."""
    with warnings.catch_warnings():
        # Of a covariance that is nearly singular, which a robust fit tells of at every step; the scores are held finite by a test.
        warnings.simplefilter("ignore")
        try:
            return make().fit(rows)
        except ValueError:
            return None


def _scores(models: tuple[Any, ...], rows: Float64) -> Float64:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        none = np.full(len(rows), np.nan)
        scores = [none if model is None else np.asarray(model.decision_function(rows), np.float64) for model in models]
    found = np.stack(scores, axis=1)
    return np.where(
        np.isfinite(found), found, np.nan
    )  # PCA divides by the variance of each direction, of a switch by none
