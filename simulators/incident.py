"""Incidents laid over real readings: what would have been measured, had it happened then. Pure, by columns.

A shape adds to what is stored, so noise, rhythm and holes of the site's own history stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from core.batch import Float64, Int64
from simulators.instrument import LN_10

SECOND_US: Final = 1_000_000
# How long each takes to its full size. Ours: a flange that fails, a valve that is left open, a seal that goes, a puff.
RAMP_S: Final = 600.0
LEAK_S: Final = 1_800.0
PUFF_S: Final = 20.0
T90_S: Final = 30.0  # of a catalytic gas detector, GB 15322.1 allows as much for methane; not verified against its text
LONGEST_S: Final = 2_700.0  # from the onset: after it every shape has stood at its full size for a quarter of an hour


def _step(since_s: Float64, size: float) -> Float64:
    return np.where(since_s >= 0, size, 0.0)


def _ramp(since_s: Float64, size: float) -> Float64:
    return size * np.clip(since_s / RAMP_S, 0.0, 1.0)


def _leak(since_s: Float64, size: float) -> Float64:
    """A source that grows evenly, seen through a first-order lag: the exact answer, so no step width enters."""
    tau = T90_S / LN_10
    t = np.clip(since_s, 0.0, LEAK_S)
    grown = size / LEAK_S * (t - tau * (1.0 - np.exp(-t / tau)))
    after = np.clip(since_s - LEAK_S, 0.0, None)
    at_end = size / LEAK_S * (LEAK_S - tau * (1.0 - np.exp(-LEAK_S / tau)))
    return np.where(since_s <= LEAK_S, grown, size - (size - at_end) * np.exp(-after / tau))


def _puff(since_s: Float64, size: float) -> Float64:
    return np.where((since_s >= 0) & (since_s < PUFF_S), size, 0.0)


ADDED: Final[Mapping[str, Callable[[Float64, float], Float64]]] = MappingProxyType(
    {"step": _step, "ramp": _ramp, "slow_leak": _leak, "spike": _puff}
)
STUCK: Final = "stuck"
SHAPES: Final = (*ADDED, STUCK)


def lay_over(shape: str, at_us: Int64, value: Float64, onset_us: int, size: float) -> Float64:
    """The values with an incident in them.

    Args:
        at_us: int64, microseconds UTC, ascending; value: float64 of the same shape, NaN stays NaN.
        size: what is added in the end, in the sensor's unit; negative where it falls. A stuck signal has none.

    >>> at = np.array([0, 1, 2], np.int64) * SECOND_US
    >>> lay_over("step", at, np.array([1.0, 2.0, 3.0]), SECOND_US, 10.0).tolist()
    [1.0, 12.0, 13.0]
    >>> lay_over("stuck", at, np.array([1.0, 2.0, 3.0]), SECOND_US, 0.0).tolist()
    [1.0, 2.0, 2.0]
    """
    if shape == STUCK:
        first = int(np.searchsorted(at_us, onset_us))
        frozen = value.copy()
        if first < len(value):
            frozen[first:] = value[first]
        return frozen
    since_s = (at_us - onset_us) / SECOND_US
    return value + ADDED[shape](since_s, size)
