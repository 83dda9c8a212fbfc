"""Whether a model's number keeps its promise: the share of windows beyond each number, beside the share it stands for. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from api.plot import Course, Plot, plot
from api.store.model_numbers import STEPS_A_ONE, Binned

AT: Final = 2.0  # the number whose share is said in words: one window in a hundred
FEWEST: Final = 300  # windows from which on that is said
ALIKE: Final = (
    10.0  # neighbouring windows share what they are made of: so many count as one (a smoothing of ten windows)
)
WITHIN: Final = 1.96  # standard deviations within which 95 of 100 fall
KEPT, OFTEN, SELDOM, UNKNOWN = "kept", "often", "seldom", "unknown"
MOST, LEAST = 2.0, 0.5  # of what was promised: our own measure of a model (docs/detection.md)


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What the numbers came to.

    Args:
        windows: that were counted; left_out: those during real alarms.
        share: of them at `AT` or beyond; promised: what it should be. None: too few.
        verdict: kept, often, seldom or unknown.
        steps: (number, promised share, observed share), ascending.
        plot: its x is the number, its y the logarithm of a share: the band is what chance allows, the second curve what was observed.
    """

    windows: int
    left_out: int
    share: float | None
    promised: float
    verdict: str
    steps: list[tuple[float, float, float]]
    plot: Plot | None


def calibrated(bins: Sequence[Binned], highest: float) -> Calibrated:
    """Of the numbers that were counted.

    Args:
        highest: the largest number the model can say; nothing is promised beyond it.

    >>> even = [Binned(step, round(100_000 * (10 ** (-step / 20) - 10 ** (-(step + 1) / 20))), 0) for step in range(60)]
    >>> calibrated(even, 2.6).verdict
    'kept'
    >>> calibrated([Binned(0, 10, 3)], 2.6).verdict
    'unknown'
    """
    windows = sum(each.windows for each in bins)
    left_out = sum(each.left_out for each in bins)
    last = math.floor(highest * STEPS_A_ONE + 1e-9)
    beyond = {step: sum(each.windows for each in bins if each.step >= step) for step in range(last + 1)}
    steps = [
        (step / STEPS_A_ONE, 10.0 ** (-step / STEPS_A_ONE), count / windows)
        for step, count in beyond.items()
        if windows
    ]
    promised = 10.0**-AT
    told = windows >= FEWEST and highest >= AT
    share = beyond.get(round(AT * STEPS_A_ONE), 0) / windows if told else None
    return Calibrated(windows, left_out, share, promised, _verdict(share, promised), steps, _drawn(steps, windows))


def _verdict(share: float | None, promised: float) -> str:
    if share is None:
        return UNKNOWN
    return OFTEN if share > MOST * promised else SELDOM if share < LEAST * promised else KEPT


def _drawn(steps: Sequence[tuple[float, float, float]], windows: int) -> Plot | None:
    """On a logarithmic scale; shares that no window has come to are not drawn."""
    if not steps or windows < ALIKE:
        return None
    floor = 0.3 / windows
    low, high = [], []
    for _, promised, _ in steps:
        spread = WITHIN * math.sqrt(promised * (1.0 - promised) * ALIKE / windows)
        low.append(math.log10(max(promised - spread, floor)))
        high.append(math.log10(min(promised + spread, 1.0)))
    seen = [math.log10(observed) if observed > 0.0 else None for _, _, observed in steps]
    return plot(Course([step[0] for step in steps], low, high, seen), since=0.0, until=max(steps[-1][0], 1.0))
