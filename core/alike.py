"""Rows that are alike, found once: a hundred thousand definitions have a few dozen different settings between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.batch import Float64, Int32


def alike(*columns: NDArray[Any]) -> tuple[Int32, NDArray[np.intp]]:
    """A number for each row, the same where rows are alike in all columns, and a row that has each number.

    What a compiled loop needs of a setting is then in a table so small that it stays in the processor's cache.

    Args:
        columns: each of shape (rows,), at least one; NaN is like NaN.

    >>> number, first = alike(np.array([5, 5, 7]), np.array([0.5, 0.5, 0.5]))
    >>> number.tolist(), first.tolist()
    ([0, 0, 1], [0, 2])
    """
    number = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        distinct, place = np.unique(column, return_inverse=True)
        _, number = np.unique(number * max(len(distinct), 1) + place, return_inverse=True)
    _, first = np.unique(number, return_index=True)
    return number.astype(np.int32), first


def settings_of(asked: Sequence[NDArray[Any]]) -> tuple[Int32, Float64]:
    """Which setting each row has, and the settings, each once: float64, shape (settings, columns).

    >>> setting, table = settings_of([np.array([5, 5, 7]), np.array([0.5, 0.5, 0.5])])
    >>> setting.tolist(), table.tolist()
    ([0, 0, 1], [[5.0, 0.5], [7.0, 0.5]])
    """
    setting, first = alike(*asked)
    return setting, np.array(asked, np.float64).T[first].copy()
