"""A sketch of what a score has been: how rare one is among its own past, in 128 bytes instead of all of it.

Counts in bins of a third of an octave: eight octaves below the largest of the first scores, and nearly three above. Within a bin the
past is taken to lie evenly, so that a rank is right to within a bin's share. The rule is a compiled function of one row; the columns
are their user's.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.kernel_cache import kernel

Float32 = NDArray[np.float32]

BINS: Final = 32
AN_OCTAVE: Final = 3.0  # bins
BELOW: Final = 24.0  # bins below the scale
TOP: Final = BINS - 1e-6


@kernel
def place_of(scale: float, score: float) -> float:
    """Where a score belongs among the bins: a number of one, and how far it is within it.

    Args:
        scale: the largest of the first scores, above 0.
    """
    place = math.log2(score / scale) * AN_OCTAVE + BELOW if score > 0.0 else 0.0
    return min(max(place, 0.0), TOP)


@kernel
def share_above(counts: Float32, d: int, way: int, place: float, total: float) -> float:
    """A conformal p-value: the share of the past, this one counted in, that is at or above a score; the score is then one of the past.

    Args:
        counts: shape (n, m, BINS), float32, of which `counts[d, way]` is meant; place: of the score; total: how many are in the counts.

    Source: Vovk, Gammerman, Shafer (2005), Algorithmic Learning in a Random World: p = (1 + #{past >= score}) / (n + 1).
    """
    own = int(place)
    # Counts are whole numbers, halved now and then: whatever the order, their sum is the same.
    one, two, three, four = 0.0, 0.0, 0.0, 0.0
    for b in range(0, BINS, 4):
        one += np.float64(counts[d, way, b]) if b > own else 0.0
        two += np.float64(counts[d, way, b + 1]) if b + 1 > own else 0.0
        three += np.float64(counts[d, way, b + 2]) if b + 2 > own else 0.0
        four += np.float64(counts[d, way, b + 3]) if b + 3 > own else 0.0
    here = np.float64(counts[d, way, own])
    above = (here * (1.0 - (place - own)) if own > 0 else here) + (one + two + three + four)
    counts[d, way, own] += np.float32(1.0)
    return (1.0 + above) / (total + 1.0)
