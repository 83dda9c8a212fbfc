"""The demo's second company: the return airway of a coal mine on an ordinary day. Nothing happens in it.

It is there so that two tenants have readings. Levels are those of a well-ventilated return: methane far below the 1.0 % of
AQ 1029-2019 (unverified against the standard's text), carbon monoxide far below 24 ppm.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from simulators.instrument import Instrument, Panel, Trace
from simulators.weather import Chance

COMPANY: Final = "qinling-coal"
SITE: Final = "qinling-mine"
ZONE: Final = "return-airway"
DEVICE: Final = "qm-gas-1"

SENSORS: Final[tuple[Instrument, ...]] = tuple(
    Instrument(company=COMPANY, site=SITE, zone=ZONE, device=DEVICE, key=key, unit=unit, period_s=5.0, **sheet)
    for key, unit, sheet in (
        ("ch4-return", "%", {"low": 0.0, "high": 4.0, "t90_s": 20.0, "noise": 0.006, "resolution": 0.001}),
        ("co-return", "[ppm]", {"low": 0.0, "high": 500.0, "t90_s": 30.0, "noise": 0.2, "resolution": 0.1}),
        ("airspeed", "m/s", {"low": 0.0, "high": 15.0, "t90_s": 2.0, "noise": 0.03, "resolution": 0.01}),
    )
)

AIR_M_S, AIR_WANDERS = 2.6, (0.08, 600.0)  # mean; relative standard deviation and memory in seconds
METHANE_PERCENT, METHANE_WANDERS = 0.32, (0.12, 1_800.0)
MONOXIDE_PPM, MONOXIDE_WANDERS = 5.0, (0.15, 3_600.0)


class MineReturn:
    """Air, methane and carbon monoxide of one airway: the strata give off gas as they like, the air thins it.

    Args:
        seed: source of its wandering and noise.
        step_s: seconds a step.
    """

    def __init__(self, seed: int, step_s: float = 1.0) -> None:
        wander, noise = np.random.SeedSequence([seed, 1]).spawn(2)
        self.instruments: Sequence[Instrument] = SENSORS
        self.step_s = step_s
        self._random = np.random.default_rng(wander)
        first = self._random.standard_normal(3)
        pairs = zip((METHANE_WANDERS, MONOXIDE_WANDERS, AIR_WANDERS), first, strict=True)
        self._chances = [Chance(sigma, tau, step_s, float(start)) for (sigma, tau), start in pairs]
        self._steps = 0
        self._panel = Panel(SENSORS, step_s, noise, np.array([METHANE_PERCENT, MONOXIDE_PPM, AIR_M_S]))

    def advance(self, steps: int) -> Trace:
        """The next `steps` rows."""
        rows = np.empty((steps, len(SENSORS)))
        for row, normals in enumerate(self._random.standard_normal((steps, 3))):
            methane, monoxide, air = (c.step(float(n)) for c, n in zip(self._chances, normals, strict=True))
            thinner = 1.0 + air
            rows[row] = (
                METHANE_PERCENT * (1 + methane) / thinner,
                MONOXIDE_PPM * (1 + monoxide) / thinner,
                AIR_M_S * thinner,
            )
        at = np.arange(self._steps, self._steps + steps, dtype=np.float64) * self.step_s
        self._steps += steps
        signal, value = self._panel.follow(rows)
        return Trace(at, signal, value, {})
