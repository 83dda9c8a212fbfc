"""MEWMA-T2: the distance of the smoothed signals from normal operation, in the directions in which they usually move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self

import numpy as np

from core.batch import Float64
from detectors.models.contract import Explained, Model, whole_rows

# Weight of the newest row; a span of ten windows. On SKAB's held-out files it was the best of what was tried (F1 0.877 at a
# false-alarm rate of 10.8 %; settings picked on the public ones).
NEWEST: Final = 2.0 / 11.0
KEPT: Final = 30  # rows: the 31st would weigh 0.24 %; cutting there leaves nothing to be kept between two windows
ENOUGH: Final = 0.8  # of the weight of the memory must be there


class Mewma(Model):
    """Hotelling's T2 of exponentially smoothed rows, with a covariance that is shrunk so that it can be inverted.

    Rows are measured in the fit's own standard deviations and smoothed over the last 30 rows (weights falling by 9/11 from the
    newest on). The covariance is that of the smoothed rows; because neighbours among them share most of their readings, the
    shrinkage counts as independent only n * NEWEST / (2 - NEWEST) of them.

    Source: Lowry et al., Technometrics 34 (1992), cut at 30 rows; Ledoit and Wolf, J. Multivariate Analysis 88 (2004);
        what a member adds given the others: Mason, Young and Tracy, J. Quality Technology 27 (1995).
    Memory: 30 rows.
    Warm-up: 8 rows after a gap; NaN until then.
    Fails when: the machine has an operating point that the fit has not seen; members are slow against the window (a
        temperature that follows the day): leave them out.
    """

    kind = "mewma"
    memory = KEPT

    def __init__(self, level: Float64, spread: Float64, precision: Float64, shrinkage: float) -> None:
        self._level, self._spread, self._precision, self._shrinkage = level, spread, precision, shrinkage

    @classmethod
    def fit(cls, rows: Float64) -> Self:
        """See `Model.fit`."""
        level, spread = np.nanmean(rows, axis=0), np.nanstd(rows, axis=0, ddof=1)
        seen = smoothed((rows - level) / spread)
        seen = seen[whole_rows(seen)]
        covariance, shrinkage = shrunk_covariance(seen, independent=len(seen) * NEWEST / (2.0 - NEWEST))
        return cls(level, spread, np.linalg.inv(covariance).astype(np.float64), shrinkage)

    def oddness(self, rows: Float64) -> Float64:
        """See `Model.oddness`: T2."""
        z = smoothed((rows - self._level) / self._spread)
        return np.maximum(row_sums(z * pulled(z, self._precision)), 0.0)

    def explain(self, rows: Float64) -> Explained:
        """See `Model.explain`: the members one by one, each time the one without which T2 loses most.

        Its share is that loss, and its expectation is what those not yet named lead one to expect. So a flow that fails is not
        also held against the pressure that goes with it: once flow is named, pressure is looked at without it.
        """
        z = smoothed((rows - self._level) / self._spread)[-1]
        loss, expected = losses(z, self._precision)
        total = loss.sum()
        share = loss / total if total > 0 else np.full(len(z), 1.0 / len(z))
        return Explained(self._level + z * self._spread, self._level + expected * self._spread, share)

    def parameters(self) -> dict[str, Any]:
        """See `Model.parameters`."""
        return {
            "level": self._level.tolist(),
            "spread": self._spread.tolist(),
            "precision": self._precision.tolist(),
            "shrinkage": self._shrinkage,
        }

    @classmethod
    def restored(cls, parameters: Mapping[str, Any]) -> Self:
        """See `Model.restored`."""
        level, spread, precision = (np.array(parameters[n], np.float64) for n in ("level", "spread", "precision"))
        return cls(level, spread, precision, float(parameters["shrinkage"]))


def smoothed(rows: Float64) -> Float64:
    """The weighted mean of each row and those before it.

    Args:
        rows: shape (n, members); a row with a NaN in it is not there.

    Returns:
        Shape (n, members); NaN where the row itself is not there, or less than `ENOUGH` of the weight before it is.
    """
    there = whole_rows(rows)
    clean = np.where(there[:, None], rows, 0.0)
    total, weight, whole = np.zeros_like(clean), np.zeros(len(rows)), 0.0
    for back in range(KEPT):
        share = (1.0 - NEWEST) ** back
        whole += share
        total[back:] += share * clean[: max(len(rows) - back, 0)]
        weight[back:] += share * there[: max(len(rows) - back, 0)]
    enough = there & (weight >= ENOUGH * whole)
    return np.where(enough[:, None], total / np.where(enough, weight, 1.0)[:, None], np.nan)


def shrunk_covariance(rows: Float64, independent: float | None = None) -> tuple[Float64, float]:
    """The covariance drawn towards a multiple of the identity, by as much as the sample is too small to be believed.

    Args:
        rows: shape (n, members), without NaN.
        independent: how many of the rows count as independent; None: all of them.

    Returns:
        Shape (members, members), and the shrinkage from 0 to 1.
    """
    n, p = rows.shape
    centred = rows - rows.mean(axis=0)
    sample = centred.T @ centred / n
    mean = np.trace(sample) / p
    apart = ((sample - mean * np.eye(p)) ** 2).sum()
    squares = (centred**2).sum(axis=1)
    noise = ((squares**2).sum() / n - (sample**2).sum()) / (independent or n)
    shrinkage = float(min(max(noise / apart, 0.0), 1.0)) if apart > 0 else 1.0
    return shrinkage * mean * np.eye(p) + (1.0 - shrinkage) * sample, shrinkage


def losses(z: Float64, precision: Float64) -> tuple[Float64, Float64]:
    """Members one by one, each time the one without which T2 loses most: what it loses, and what the rest leads one to expect.

    Args:
        z: shape (members,), one row as the model sees it.
    """
    covariance = np.linalg.inv(precision)
    expected, loss = np.zeros_like(z), np.zeros_like(z)
    rest = list(range(len(z)))
    while rest:
        own_precision = np.linalg.inv(covariance[np.ix_(rest, rest)])
        pull, own = own_precision @ z[rest], np.diagonal(own_precision)
        worst = int(np.argmax(pull * pull / own))
        member = rest.pop(worst)
        loss[member] = pull[worst] ** 2 / own[worst]
        expected[member] = z[member] - pull[worst] / own[worst]
    return loss, expected


def pulled(z: Float64, matrix: Float64) -> Float64:
    """`z @ matrix`, member by member: a matrix product rounds otherwise for one row than for many."""
    found = np.zeros_like(z)
    for k in range(z.shape[1]):
        found += z[:, k : k + 1] * matrix[k]
    return found


def row_sums(rows: Float64) -> Float64:
    """Sums along rows, column after column: numpy's own sum rounds by the number of rows it is given."""
    found = np.zeros(len(rows))
    for k in range(rows.shape[1]):
        found += rows[:, k]
    return found
