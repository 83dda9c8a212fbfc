"""Quantities that wander around a mean and come back, and quantities that follow others slowly: in columns, step by step alike.

Each works through a trace of any length and remembers where it stopped, so that a trace in pieces is the trace, to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Final

import numpy as np

from core.batch import Float64

DAY_S: Final = 86_400.0


class Wander:
    """Several independent quantities that wander around zero.

    Source:
        Ornstein-Uhlenbeck process, stepped exactly: x' = x r + sigma sqrt(1 - r^2) N(0, 1) with r = exp(-dt / tau); the first
        value is drawn from the process at rest, so that no beginning can be told from any other instant.

    Args:
        specified: for each its standard deviation and how many seconds it remembers.
        seed: source of the chance; nothing else draws from it.
    """

    def __init__(self, specified: Sequence[tuple[float, float]], step_s: float, seed: np.random.SeedSequence) -> None:
        self._random = np.random.default_rng(seed)
        keeps = [math.exp(-step_s / tau_s) for _, tau_s in specified]
        self._steps = [
            (keep, sigma * math.sqrt(1.0 - keep**2)) for (sigma, _), keep in zip(specified, keeps, strict=True)
        ]
        first = self._random.standard_normal(len(specified)).tolist()
        self._now = [sigma * start for (sigma, _), start in zip(specified, first, strict=True)]

    def advance(self, steps: int) -> Float64:
        """The next `steps` rows, shape (steps, k)."""
        normals = self._random.standard_normal((steps, len(self._steps)))
        rows = np.empty_like(normals)
        for column, (keep, kick) in enumerate(self._steps):
            walk = list(accumulate((normals[:, column] * kick).tolist(), _stepping(keep), initial=self._now[column]))
            rows[:, column] = walk[1:]
            self._now[column] = walk[-1]
        return rows


def _stepping(keep: float) -> Callable[[float, float], float]:
    return lambda now, kick: now * keep + kick


class Lag:
    """A first-order lag behind a column that may change how fast it is followed; it starts where the column starts.

    Source:
        With the input held over a step, y' = x + (y - x) exp(-dt / tau) is exact for any dt.
    """

    def __init__(self, step_s: float) -> None:
        self._step_s = step_s
        self._now: float | None = None

    def follow(self, target: Float64, tau_s: Float64 | float) -> Float64:
        """What lags behind `target`, both of shape (n,), with a time constant or one for each row."""
        keep = np.broadcast_to(np.exp(-self._step_s / np.asarray(tau_s)), target.shape)
        now = float(target[0]) if self._now is None and len(target) else self._now or 0.0
        followed = np.empty_like(target)
        for row, (wanted, kept) in enumerate(zip(target.tolist(), keep.tolist(), strict=True)):
            now = wanted + (now - wanted) * kept
            followed[row] = now
        if len(target):
            self._now = now
        return followed


def of_day(local_s: Float64, peak_h: float, *, times: int = 1) -> Float64:
    """A daily course between -1 and 1 with its maximum at `peak_h` o'clock, `times` a day.

    >>> of_day(np.array([15.0, 3.0]) * 3600.0, 15.0).round(3).tolist()
    [1.0, -1.0]
    """
    return np.cos(2.0 * math.pi * times * (local_s / DAY_S - peak_h / 24.0))
