"""Members on a course of their own: a temperature that climbs while its machine is learnt has no level to be far from."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.batch import Float64

STRETCHES: Final = 8  # that an interval is cut into
OWN_COURSE: Final = (
    0.5  # share of a member's variance that lies between their means; white noise has 1 / (rows in a stretch)
)


def on_own_course(rows: Float64) -> NDArray[np.bool_]:
    """Which members mostly wander: half or more of their variance lies between the means of eight stretches of the interval.

    Such a member says more of when it was than of how the machine runs. It is judged by what it does, with limits, rates and times
    to a limit, or by a model that is fitted on days; not by one of minutes.

    Args:
        rows: shape (n, members), in time order; NaN where a member was missing.
    """
    parts = [part for part in np.array_split(rows, STRETCHES) if len(part)]
    counts = np.array([np.isfinite(part).sum(axis=0) for part in parts], np.float64)
    sums = np.array([np.where(np.isfinite(part), part, 0.0).sum(axis=0) for part in parts])
    means = sums / np.maximum(counts, 1.0)
    middle = sums.sum(axis=0) / np.maximum(counts.sum(axis=0), 1.0)
    between = (counts * (means - middle) ** 2).sum(axis=0)
    within = np.zeros(rows.shape[1])
    for part, mean in zip(parts, means, strict=True):
        within += np.where(np.isfinite(part), (part - mean) ** 2, 0.0).sum(axis=0)
    total = between + within
    found: NDArray[np.bool_] = between >= OWN_COURSE * np.where(total > 0.0, total, np.inf)
    return found
