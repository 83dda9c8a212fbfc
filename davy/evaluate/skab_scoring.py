"""SKAB's changepoint score: marks within a minute to the right of each change count, flicker costs.

Written afresh; agrees with the reference scorer of the data to the last digit (tests/davy/test_evaluate_scorers.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.batch import Float64
from davy.evaluate.measures import Bool

WINDOW_S: Final = 60.0
# Weights of a mark in its window, of one outside any, and of a window without one: NAB's, as SKAB's leaderboard has them.
PROFILES: Final = {"standard": (1.0, -0.11, -1.0), "low_fp": (1.0, -0.22, -1.0), "low_fn": (1.0, -0.11, -2.0)}
STEPS: Final = 1000  # the leaderboard reads the curve at a thousand places


class Marked(NamedTuple):
    """One file: seconds of its rows, its changes, and what alarmed."""

    seconds: Float64
    changes: Bool
    alarm: Bool


def marks(alarm: Bool) -> Bool:
    """Where the alarm begins or ends; an alarm on the first row is a mark."""
    return np.concatenate([alarm[:1], alarm[1:] != alarm[:-1]])


def changepoint(files: Iterable[Marked], profile: str = "standard") -> float:
    """0 for silence, 100 for a mark at each change and no other; below 0 for worse than silence."""
    hit, false, miss = PROFILES[profile]
    total, count = 0.0, 0
    for file in files:
        found = file.seconds[marks(file.alarm)]
        windows = _windows(file.seconds[file.changes])
        inside = np.zeros(len(found), bool)
        for left, right in windows:
            within = (found >= left) & (found <= right)
            inside |= within
            total += _worth((found[within][0] - left) / (right - left), hit, false) if within.any() else miss
        total += false * int((~inside).sum())
        count += len(windows)
    perfect, silent = count * hit, count * miss
    return float(100.0 * (total - silent) / (perfect - silent)) if count else 0.0


def _windows(changes: NDArray[np.float64]) -> list[list[float]]:
    """A minute from each change on; where two overlap, the later one begins where the earlier one ends."""
    windows = [[float(at), float(at) + WINDOW_S] for at in changes]
    for before, after in pairwise(windows):
        if before[1] >= after[0]:
            after[0] = before[1]
    return windows


def _worth(place: float, hit: float, false: float) -> float:
    """What the first mark in a window counts: `hit` at its left edge, falling to `false` at its right."""
    step = min(int(place * STEPS), STEPS - 1)
    x = np.linspace(-np.pi / 2, np.pi / 2, STEPS)[step]
    return float((hit - false) / 2 * (-np.tanh(x) / np.tanh(np.pi / 2)) + (hit - false) / 2 + false)
