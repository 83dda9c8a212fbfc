"""What every model keeps, so that the process that runs them need not know which kinds there are.

A model sees *rows*: one a window of time, one column a member, each the mean of the member's usable readings in that window.
It is *causal* (a number depends on nothing later), looks back over `memory` rows and no further, and gives a row with its
memory the same number alone as among thousands. So nothing has to be kept between two windows, a restart changes no number,
and what was published can be worked out again from stored readings. tests/detectors/test_models.py holds this for every kind.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from core.batch import Float64


def whole_rows(rows: Float64) -> NDArray[np.bool_]:
    """bool, shape (n,): in which rows no member is missing."""
    found: NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(rows), axis=1)
    return found


class Explained(NamedTuple):
    """One row beside what the model would have expected of it.

    Args:
        observed: float64, shape (members,), in the members' units, as the model sees them (smoothed where it smooths).
        expected: float64, shape (members,), what each would be if it went with the others as in normal operation.
        share: float64, shape (members,), how much of the oddness lies in each; 0 or more, sum 1.
    """

    observed: Float64
    expected: Float64
    share: Float64


class Model(ABC):
    """One kind of model, fitted.

    Class attributes:
        kind: its name; the virtual sensor of its score is `_{kind}`.
        memory: how many rows back a number looks, its own included.
    """

    kind: ClassVar[str]
    memory: ClassVar[int]

    @classmethod
    @abstractmethod
    def fit(cls, rows: Float64) -> Self:
        """Learns from normal operation.

        Args:
            rows: shape (n, members), in time order, a row a window; NaN where a member was missing. No column is constant.
        """

    @abstractmethod
    def oddness(self, rows: Float64) -> Float64:
        """How odd each row is, in the model's own measure: larger is odder, never negative.

        Args:
            rows: shape (n, members), in time order, one a window.

        Returns:
            Shape (n,); NaN where the row, or too much of its memory, is missing.
        """

    @abstractmethod
    def explain(self, rows: Float64) -> Explained:
        """The last row beside what was to be expected.

        Args:
            rows: shape (n, members), the row and its memory; its oddness is a number.
        """

    @abstractmethod
    def parameters(self) -> dict[str, Any]:
        """Everything needed to score again, as JSON."""

    @classmethod
    @abstractmethod
    def restored(cls, parameters: Mapping[str, Any]) -> Self:
        """The model of earlier `parameters()`, bit-equal."""
