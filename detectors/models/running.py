"""A model's number against what it has lately said itself: for plants that never come back to where they were calibrated."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from core.batch import Float64
from core.kernel_cache import kernel


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How often a number may be beyond its setpoint while all is well, and how that is kept.

    The p-value of a number is its rank among the model's own last `kept` numbers. Where a plant drifts, ranks are beyond a
    setpoint more often than their p-value says; so the share that counts as beyond is moved, a little with each number, against how
    often it was: with `step` towards the budget, as adaptive conformal inference does.

    Source: Gibbs and Candès, Adaptive Conformal Inference Under Distribution Shift, NeurIPS 2021; the bounds are ours.
    Memory: 8 bytes for each number kept, and one for the share.
    Warm-up: `least` numbers; NaN until then.
    Fails when: something wrong lasts longer than the numbers kept: it is then what is usual. So nothing of life safety hangs on it,
        and a frozen calibration stands beside it.

    Args:
        rate: the budget, as a share of all numbers.
        kept: numbers that a new one is ranked among.
        least: numbers before anything is said.
        step: by how much of the budget a number beyond the setpoint lowers the share; 0: it stays.
    """

    rate: float
    kept: int
    least: int
    step: float

    @property
    def setpoint(self) -> float:
        """What a number must reach to be one of the budget's."""
        return -math.log10(self.rate)

    def numbers(self, oddness: Float64, before: Float64) -> Float64:
        """-log10 of each p-value, moved so that `setpoint` is reached as often as the budget allows.

        Args:
            oddness: shape (n,), in time order; NaN where it cannot be judged, and stays NaN.
            before: what was said earlier, of normal operation; the last `kept` of it are ranked among.
        """
        earlier = before[np.isfinite(before)][-self.kept :]
        return _numbers(oddness, np.sort(earlier), earlier, self.rate, self.kept, self.least, self.step)


LEAST_SHARE, MOST_SHARE = 0.05, 5.0  # of the budget: however quiet or loud it was, the share stays between


@kernel
def _numbers(
    oddness: Float64, ordered: Float64, earlier: Float64, rate: float, kept: int, least: int, step: float
) -> Float64:
    ring, held = np.empty(kept), np.empty(kept)
    count = len(ordered)
    held[:count] = ordered
    ring[:count] = earlier
    place = count % kept
    share = rate
    found = np.full(len(oddness), np.nan)
    for k in range(len(oddness)):
        x = oddness[k]
        if not np.isfinite(x):
            continue
        below = np.searchsorted(held[:count], x)
        if count >= least:
            p = (1.0 + count - below) / (count + 1.0)
            found[k] = -math.log10(p * rate / share)
            beyond = 1.0 if p <= share else 0.0
            share = min(max(share + step * rate * (rate - beyond), LEAST_SHARE * rate), MOST_SHARE * rate)
        if count == kept:
            gone = np.searchsorted(held, ring[place])
            for i in range(gone, count - 1):
                held[i] = held[i + 1]
            count -= 1
            below = np.searchsorted(held[:count], x)
        for i in range(count, below, -1):
            held[i] = held[i - 1]
        held[below] = x
        count += 1
        ring[place] = x
        place = (place + 1) % kept
    return found
