"""How a pump's bearing housing shakes: velocity in mm/s, root mean square over a second, in two directions."""

from __future__ import annotations

from typing import Final

import numpy as np

from core.batch import Float64
from simulators.hydraulics import RATED_M3_H

# Across and upright: a good pump at its best point (zone A of ISO 10816-7), what cavitation of intensity 1 adds, and what a
# bearing at the end of its life adds. The plant's own numbers.
SMOOTH: Final = np.array([1.4, 1.1])
CAVITATING: Final = np.array([5.2, 4.4])
WORN: Final = np.array([6.5, 5.0])
OFF_BEST: Final = 0.8  # how much more at no flow or twice the best one
SCATTER: Final = 0.035  # relative; a mean square over a second is never the same twice
BROADBAND_SCATTER: Final = 0.06  # relative, of what cavitation adds: it is noise by nature


def housing(flow_m3_h: Float64, cavitation: Float64, worn: Float64, chance: Float64) -> Float64:
    """Velocity, shape (n, 2); independent sources add by their squares.

    Args:
        flow_m3_h: shape (n,), as `cavitation` and `worn`, which goes from 0 to 1.
        chance: standard normal, shape (n, 4).
    """
    off = (flow_m3_h / RATED_M3_H - 1.0)[:, None]
    smooth = SMOOTH * (1.0 + OFF_BEST * off**2) * (1.0 + SCATTER * chance[:, :2])
    noisy = CAVITATING * cavitation[:, None] * (1.0 + BROADBAND_SCATTER * chance[:, 2:])
    return np.sqrt(smooth**2 + noisy**2 + (WORN * worn[:, None]) ** 2)
