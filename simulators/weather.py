"""Wind and air temperature as a plant feels them: a daily course with chance on top, the same for the same seed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

CALM: Final = 0.5  # m/s; below this neither an anemometer nor a plume model says anything
DAY_S: Final = 86_400.0
WARMEST_H: Final = 15.0  # local time
GUST: Final = (0.25, 60.0)  # standard deviation of ln(speed), and how many seconds it remembers
VEER: Final = (12.0, 120.0)  # degrees, seconds
AIR: Final = (0.3, 1_800.0)  # Celsius, seconds


@dataclass(frozen=True, slots=True)
class Weather:
    """The air at one instant.

    Args:
        wind: m/s, not below `CALM`.
        wind_from: degrees clockwise from north, the side the wind comes from.
        air_celsius: in the shade.
    """

    wind: float
    wind_from: float
    air_celsius: float


class Chance:
    """A number that wanders around zero and comes back.

    Source:
        Ornstein-Uhlenbeck process, stepped exactly: x' = x r + sigma sqrt(1 - r^2) N(0, 1) with r = exp(-dt / tau).
    """

    def __init__(self, sigma: float, tau_s: float, step_s: float, start: float) -> None:
        self._keep = math.exp(-step_s / tau_s)
        self._kick = sigma * math.sqrt(1.0 - self._keep**2)
        self.now = sigma * start

    def step(self, normal: float) -> float:
        """The next number, from a standard normal one."""
        self.now = self.now * self._keep + self._kick * normal
        return self.now


class Climate:
    """A day's weather in steps.

    Args:
        wind: mean speed, m/s.
        wind_from: mean direction, degrees.
        air_celsius: mean of the day; it is 5 degrees warmer at 15:00 and 5 colder at 03:00.
        local_s: seconds since local midnight at the first step.
    """

    def __init__(
        self,
        wind: float,
        wind_from: float,
        air_celsius: float,
        local_s: float,
        step_s: float,
        seed: np.random.SeedSequence,
    ) -> None:
        self._random = np.random.default_rng(seed)
        self._mean = (wind, wind_from, air_celsius)
        self._local_s = local_s
        first = self._random.standard_normal(3)
        pairs = zip((GUST, VEER, AIR), first, strict=True)
        self._chances = [Chance(sigma, tau, step_s, float(start)) for (sigma, tau), start in pairs]

    def at(self, seconds: float) -> Weather:
        """The weather `seconds` after the first step. Once for each step, in order."""
        gust, veer, air = (
            c.step(float(n)) for c, n in zip(self._chances, self._random.standard_normal(3), strict=True)
        )
        wind, wind_from, celsius = self._mean
        day = math.cos(2.0 * math.pi * ((self._local_s + seconds) / DAY_S - WARMEST_H / 24.0))
        return Weather(
            wind=max(CALM, wind * (1.0 + 0.25 * day) * math.exp(gust)),
            wind_from=(wind_from + veer) % 360.0,
            air_celsius=celsius + 5.0 * day + air,
        )
