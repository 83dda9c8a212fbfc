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
def share_above(counts: Float32, scale: float, score: float, total: float) -> float:
    """A conformal p-value: the share of the past, this one counted in, that is at or above `score`; the score is then one of the past.

    Args:
        counts: shape (BINS,), float32; scale: the largest of the first scores, above 0; total: how many are in the counts.

    Source: Vovk, Gammerman, Shafer (2005), Algorithmic Learning in a Random World: p = (1 + #{past >= score}) / (n + 1).
    """
    place = math.log2(score / scale) * AN_OCTAVE + BELOW if score > 0.0 else 0.0
    place = min(max(place, 0.0), TOP)
    own = int(place)
    above = counts[own] * (1.0 - (place - own)) if own > 0 else 1.0 * counts[own]
    for b in range(own + 1, BINS):
        above += counts[b]
    counts[own] += 1.0
    return (1.0 + above) / (total + 1.0)  # type: ignore[no-any-return]
