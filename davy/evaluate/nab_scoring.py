"""NAB's score of detections at a threshold that was fixed before: the earliest in a window counts, the sooner the more.

Written afresh; agrees with the reference scorer of the data to the last digit (tests/davy/test_evaluate_scorers.py). NAB's own
scoreboard picks the threshold on the labels it scores; here it never is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.batch import Float64
from davy.evaluate.measures import Bool, Run

PROFILES: Final = {
    "standard": (1.0, 0.11, 1.0),
    "low_fp": (1.0, 0.22, 1.0),
    "low_fn": (1.0, 0.11, 2.0),
}  # hit, false, miss
OUTSIDE: Final = -1
PROBATION: Final = -2


def probation(rows: int) -> int:
    """How many of a file's first rows are not scored: 15 %, 750 at most.

    >>> probation(4032), probation(22695)
    (604, 750)
    """
    return int(np.ceil(min(np.floor(0.15 * rows), 750.0)))


def weights(rows: int, windows: Sequence[Run]) -> tuple[Float64, NDArray[np.int64]]:
    """Of each row what a detection there is worth, and its window: its number, `OUTSIDE` or `PROBATION`."""
    worth, window = np.full(rows, -1.0), np.full(rows, OUTSIDE, np.int64)
    place = np.arange(rows)
    before: Run | None = None
    for number, own in enumerate(windows):
        if before is not None:
            worth[before.last + 1 : own.first] = _after(place[before.last + 1 : own.first], before)
        inside = slice(own.first, own.last + 1)
        worth[inside] = _sigmoid(-(own.last - place[inside] + 1) / float(len(own))) / _sigmoid(np.array(-1.0))
        window[inside] = number
        before = own
    if before is not None:
        worth[before.last + 1 :] = _after(place[before.last + 1 :], before)
    window[: probation(rows)] = PROBATION
    return worth, window


def score(files: Sequence[tuple[Bool, Sequence[Run]]], profile: str = "standard") -> float:
    """0 for silence, 100 for a detection on the first row of each window and no other.

    Args:
        files: of each its detections, bool, and its windows, sorted, none overlapping another.
    """
    hit, false, miss = PROFILES[profile]
    total, count = 0.0, 0
    for detected, windows in files:
        worth, window = weights(len(detected), windows)
        scored = window != PROBATION
        total += float((worth[detected & (window == OUTSIDE)] * false).sum())
        for number in range(len(windows)):
            own = scored & (window == number)
            if own.any():  # a window that lies wholly within probation is never scored
                hits = worth[own & detected]
                total += float(hits.max()) * hit if len(hits) else -miss
        count += len(windows)
    silent, perfect = -miss * count, hit * count
    return 100.0 * (total - silent) / (perfect - silent) if count else 0.0


def _after(place: NDArray[np.int64], window: Run) -> Float64:
    return _sigmoid((place - window.last) / (float(len(window)) - 1.0))


def _sigmoid(x: Float64) -> Float64:
    return np.where(x > 3.0, -1.0, 2.0 / (1.0 + np.exp(5.0 * np.minimum(x, 3.0))) - 1.0)
