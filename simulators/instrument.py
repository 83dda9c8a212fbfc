"""What stands between a physical quantity and the number a device sends: lag, zero error, noise, range and resolution."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from core.batch import Float64

LN_10: Final = math.log(10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One sensor of one device, as its data sheet describes it.

    Args:
        zone: key of the zone it stands in.
        unit: UCUM code.
        period_s: how often it samples.
        low: lower end of the measuring range; what is below reads as this.
        high: upper end; what is above reads as this.
        t90_s: time to 90 % of a step, seconds; 0 follows at once.
        noise: standard deviation of the reading, in `unit`.
        zero: what it shows too much at rest, in `unit`.
        resolution: smallest step of the output, in `unit`.
    """

    company: str
    site: str
    zone: str
    device: str
    key: str
    unit: str
    period_s: float
    low: float
    high: float
    t90_s: float = 0.0
    noise: float = 0.0
    zero: float = 0.0
    resolution: float

    @property
    def decimals(self) -> int:
        """Digits after the point that its resolution needs.

        >>> [max(0, math.ceil(-math.log10(step))) for step in (1.0, 0.5, 0.01)]
        [0, 1, 2]
        """
        return max(0, math.ceil(-math.log10(self.resolution)))


@dataclass(frozen=True, slots=True)
class Trace:
    """What a plant did over some steps.

    Args:
        at_s: float64, shape (n,), seconds from the plant's start.
        signal: float64, shape (n, k), in each instrument's unit: lagged and with its zero error, but without noise and
            without end of range. What a perfect observer would expect the instruments to show.
        value: float64, shape (n, k): what the instruments do show.
        true: physical quantities by name, each float64 of shape (n,).
    """

    at_s: Float64
    signal: Float64
    value: Float64
    true: Mapping[str, Float64]

    def __len__(self) -> int:
        return len(self.at_s)


class Plant(Protocol):
    """Something that happens, and the instruments that watch it."""

    @property
    def instruments(self) -> Sequence[Instrument]:
        """The columns of its traces, in order."""
        ...

    @property
    def step_s(self) -> float:
        """Seconds between two rows of a trace."""
        ...

    def advance(self, steps: int) -> Trace:
        """The next `steps` rows. The same rows come whatever the lengths of the calls."""
        ...


class Panel:
    """All instruments of a plant at once: lag and noise as columns.

    Source:
        A gas detector is taken as a first-order lag, so that a step reaches 90 % after T90 = tau ln 10. With the input held
        over a step, y' = x + (y - x) exp(-dt / tau) is exact for any dt.

    Args:
        seed: source of the noise; nothing else draws from it.
        start: float64, shape (k,), the quantities at rest before the first step.
    """

    def __init__(
        self, instruments: Sequence[Instrument], step_s: float, seed: np.random.SeedSequence, start: Float64
    ) -> None:
        t90 = np.array([i.t90_s for i in instruments])
        self._memory = np.where(t90 > 0, np.exp(-step_s * LN_10 / np.where(t90 > 0, t90, 1.0)), 0.0)
        self._noise = np.array([i.noise for i in instruments])
        self._zero = np.array([i.zero for i in instruments])
        self._low = np.array([i.low for i in instruments])
        self._high = np.array([i.high for i in instruments])
        self._resolution = np.array([i.resolution for i in instruments])
        self._random = np.random.default_rng(seed)
        self._lagged = start.astype(np.float64)

    def follow(self, quantities: Float64) -> tuple[Float64, Float64]:
        """`(signal, value)` for `quantities`, all of shape (n, k), each in its instrument's unit."""
        lagged = np.empty_like(quantities)
        state = self._lagged
        for row, target in enumerate(quantities):
            state = target + (state - target) * self._memory
            lagged[row] = state
        self._lagged = state
        signal = lagged + self._zero
        noisy = signal + self._noise * self._random.standard_normal(quantities.shape)
        steps = np.rint(np.clip(noisy, self._low, self._high) / self._resolution)
        return signal, steps * self._resolution
