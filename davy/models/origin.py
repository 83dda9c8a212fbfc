"""What a version is made of, so that it can be made again to the bit: readings, settings, seed and libraries."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import version
from typing import Any, Final

import numpy as np

from core.batch import Float64
from davy.models.contamination import SEED
from detectors.models.ahead import KIND as FORECAST
from detectors.models.ahead import SETTINGS as FORECAST_SETTINGS
from detectors.models.contract import whole_rows
from detectors.models.registry import model_class

# What a fit computes with; another version of one of them may round otherwise.
LIBRARIES: Final = ("numpy", "scipy", "scikit-learn", "pyod", "numba")
BLOCK_S: Final = 60.0  # spreads are those of minute means, which are what is kept of later weeks
HOUR: Final = 60  # blocks; how much a member moves is how much it moves within the hour, whatever the day does
RARE: Final = 0.005  # on either side of a member's range in training


def made_with(kind: str, *, memory: int) -> dict[str, Any]:
    """Settings, seed and libraries of one kind of model, the forecast among them.

    Args:
        memory: rows between what fits and what calibrates.
    """
    return {
        "split": "earlier half fits, later half calibrates",
        "between": memory,
        "memory": FORECAST_SETTINGS.memory if kind == FORECAST else model_class(kind).memory,
        "seed": SEED,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def digest(rows: Float64, members: tuple[str, ...], *, first: int, window_s: float) -> bytes:
    """sha256 of the windows that a version is made of: the mean of each member's readings in each, without what was cut.

    Args:
        rows: shape (n, members), from window number `first` on.
    """
    told = hashlib.sha256(f"{window_s!r} {first} {' '.join(members)}\n".encode())
    # One NaN and one zero, whatever their bits.
    told.update(np.where(np.isnan(rows), np.nan, rows + 0.0).astype("<f8").tobytes())
    return told.digest()


def training(rows: Float64, members: tuple[str, ...], *, window_s: float) -> dict[str, dict[str, float]]:
    """What each member did while it was learnt: between which values it was, and how much its minutes varied.

    Returns:
        By member: `low` and `high` (one window in two hundred lies below, one above) and `spread`, the standard deviation of its
        minute means within the hour, all in its unit; 0 where the interval has too few minutes to say.
    """
    seen = rows[whole_rows(rows)]
    block = max(round(BLOCK_S / window_s), 1)
    low, high = np.quantile(seen, [RARE, 1.0 - RARE], axis=0)
    hours = [
        minutes.std(axis=0, ddof=1)
        for hour in np.array_split(seen, max(len(seen) // (HOUR * block), 1))
        if len(minutes := hour[: len(hour) // block * block].reshape(-1, block, seen.shape[1]).mean(axis=1)) > 1
    ]
    spread = np.median(hours, axis=0) if hours else np.zeros(seen.shape[1])
    return {
        member: {"low": float(low[i]), "high": float(high[i]), "spread": float(spread[i])}
        for i, member in enumerate(members)
    }
