"""What the motor draws and how warm everything gets: power at the shaft, current, winding, bearing and pump casing."""

from __future__ import annotations

from typing import Final

import numpy as np

from core.batch import Float64
from simulators.hydraulics import DENSITY, GRAVITY, RATED_M3_H, WorkingPoint
from simulators.wander import Lag

IDLE_KW, RATED_KW = 26.0, 62.0  # at the shaft: against a shut valve, and at the rated flow
RATED_A: Final = 120.0  # at 62 kW: a 75 kW motor at 380 V
MAGNETISING_A: Final = 48.0
ACTIVE_A: Final = (RATED_A**2 - MAGNETISING_A**2) ** 0.5
CAVITY_SHARE: Final = 0.5  # of the lost head that saves power

WINDING_K, WINDING_TAU_S = 55.0, 900.0  # over the air at the rated current
BEARING_K, BEARING_LOAD_K, BEARING_TAU_S = 22.0, 10.0, 600.0  # over the air: idle, and what the rated load adds
WORN_K: Final = 45.0  # what a bearing at the end of its life adds

WATER_KJ_KG_K: Final = 4.186
CASING_KJ_K: Final = 95.0 * WATER_KJ_KG_K  # 82 l of water and 120 kg of iron
CASING_LOSS_KW_K: Final = 0.015


def shaft_kw(point: WorkingPoint) -> Float64:
    """Power at the shaft. That of a radial pump rises with the flow, in a straight line nearly."""
    power = IDLE_KW + (RATED_KW - IDLE_KW) * point.flow_m3_h / RATED_M3_H
    return power * (1.0 - CAVITY_SHARE * point.lost)


def current_a(shaft: Float64) -> Float64:
    """What the motor draws: active current goes with the load, the magnetising one stays."""
    return np.sqrt(MAGNETISING_A**2 + (ACTIVE_A * shaft / RATED_KW) ** 2)


class Warmth:
    """Winding, bearing and casing, each Celsius, as they follow the load."""

    def __init__(self, step_s: float) -> None:
        self._winding, self._bearing, self._casing = Lag(step_s), Lag(step_s), Lag(step_s)

    def winding(self, current: Float64, air: Float64) -> Float64:
        """Warmed by the square of the current."""
        return self._winding.follow(air + WINDING_K * (current / RATED_A) ** 2, WINDING_TAU_S)

    def bearing(self, shaft: Float64, air: Float64, worn: Float64) -> Float64:
        """Warmed by friction, which grows with the load and with wear."""
        return self._bearing.follow(air + BEARING_K + BEARING_LOAD_K * shaft / RATED_KW + WORN_K * worn, BEARING_TAU_S)

    def casing(self, point: WorkingPoint, shaft: Float64, water: Float64, air: Float64) -> Float64:
        """What the pump does not turn into head stays in its water, which the flow carries away: little flow, hot pump."""
        kg_s = DENSITY * point.flow_m3_h / 3_600.0
        stays_kw = shaft - kg_s * GRAVITY * point.head_m / 1_000.0
        carried = kg_s * WATER_KJ_KG_K + CASING_LOSS_KW_K
        rest = (stays_kw + kg_s * WATER_KJ_KG_K * water + CASING_LOSS_KW_K * air) / carried
        return self._casing.follow(rest, CASING_KJ_K / carried)
