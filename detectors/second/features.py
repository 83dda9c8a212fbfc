"""What a window of one signal looks like, as a few numbers: its level, its spread, its slope and the shape of short stretches in it. Pure.

A window is `ROWS` samples of one length, on a site minutes of readings (mean, lowest and highest of each). Spread, roughness, bump and
range are logarithms, so that "four times the usual" is the same step for a quiet signal and a loud one; none is smaller than a floor that the
history sets, so that a signal that stands still gives a number and not minus infinity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from core.batch import Float64

ROWS: Final = 15  # samples a window: a quarter of an hour of minutes
PARTS: Final = 5  # short stretches in it, whose means give its shape
LEAST_KNOWN: Final = 9  # samples that must be there; with fewer the window is not judged
FEATURES: Final = ("level", "spread", "slope", "roughness", "bump", "range")
LOGARITHMIC: Final = frozenset(("spread", "roughness", "bump", "range"))
FLOOR_SHARE: Final = 1e-3  # of the stretch in which nine tenths of the history lie: below it nothing is told apart
LEAST_FLOOR: Final = 1e-9  # of the largest value: what is left of a number's digits


@dataclass(frozen=True, slots=True)
class Samples:
    """One signal on an even grid.

    Args:
        mean, low, high: float64, shape (n,), in the signal's unit; NaN in all three where nothing usable is known.
    """

    mean: Float64
    low: Float64
    high: Float64

    @staticmethod
    def of(values: Float64) -> Samples:
        """A signal of which each sample is one reading."""
        return Samples(values, values, values)

    def __len__(self) -> int:
        return len(self.mean)


def floor_of(history: Samples) -> float:
    """Below which a spread is no spread, by what the signal has done; 0 where it has never said anything.

    >>> floor_of(Samples.of(np.array([0.0, 10.0] * 50)))
    0.01
    """
    known = history.mean[np.isfinite(history.mean)]
    if len(known) == 0:
        return 0.0
    low, high = np.quantile(known, (0.05, 0.95))
    return max(FLOOR_SHARE * float(high - low), LEAST_FLOOR * float(np.abs(known).max()), 1e-300)


def features(samples: Samples, floor: float) -> Float64:
    """Every whole window from the first sample on.

    Args:
        floor: of `floor_of`, the same for the history and for what is judged by it.

    Returns:
        float64, shape (len(samples) // ROWS, len(FEATURES)); a row of NaN where fewer than `LEAST_KNOWN` samples are known.
    """
    count = len(samples) // ROWS
    if count == 0 or floor <= 0.0:
        return np.full((count, len(FEATURES)), np.nan)
    mean, low, high = (each[: count * ROWS].reshape(count, ROWS) for each in (samples.mean, samples.low, samples.high))
    known = np.isfinite(mean)
    enough = known.sum(axis=1) >= LEAST_KNOWN
    found = np.full((count, len(FEATURES)), np.nan)
    found[enough] = _shape(mean[enough], low[enough], high[enough], known[enough], floor)
    return found


def _shape(mean: Float64, low: Float64, high: Float64, known: np.ndarray, floor: float) -> Float64:
    """Of windows that have enough samples: float64, shape (windows, len(FEATURES))."""
    counts = known.sum(axis=1)
    level = np.where(known, mean, 0.0).sum(axis=1) / counts
    off = np.where(known, mean - level[:, None], 0.0)
    place = np.where(known, np.arange(ROWS) - (known * np.arange(ROWS)).sum(axis=1)[:, None] / counts[:, None], 0.0)
    slope = (place * off).sum(axis=1) / (place**2).sum(axis=1)
    around = np.where(known, off - slope[:, None] * place, 0.0)
    steps = np.diff(mean, axis=1)
    stepped = np.isfinite(steps)
    rough = np.sqrt((np.where(stepped, steps, 0.0) ** 2).sum(axis=1) / np.maximum(stepped.sum(axis=1), 1) / 2.0)
    parts = known.reshape(len(mean), PARTS, ROWS // PARTS).sum(axis=2)
    bumps = around.reshape(len(mean), PARTS, ROWS // PARTS).sum(axis=2) / np.maximum(parts, 1)
    spread = np.sqrt((off**2).sum(axis=1) / counts)
    reach = np.where(known, high, -np.inf).max(axis=1) - np.where(known, low, np.inf).min(axis=1)
    logs = [np.log(np.maximum(each, floor)) for each in (spread, rough, np.abs(bumps).max(axis=1), reach)]
    return np.stack([level, logs[0], slope * ROWS, *logs[1:]], axis=1)
