"""Where a centrifugal pump works in its pipes, and whether it cavitates there. Everything in columns, one row an instant.

Heads are metres of water, flows m3/h, pressures kPa over the air.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from core.batch import Float64
from core.units import STANDARD_ATMOSPHERE

DENSITY: Final = 999.0  # kg/m3, water of 15 Celsius
GRAVITY: Final = 9.80665
KPA_A_METRE: Final = DENSITY * GRAVITY / 1_000.0
AIR_M: Final = STANDARD_ATMOSPHERE / 1_000.0 / KPA_A_METRE
VAPOUR_M: Final = 1.706 / KPA_A_METRE  # vapour pressure of water at 15 Celsius (IAPWS-IF97)

RATED_M3_H: Final = 400.0
SHUTOFF_M: Final = 58.0
CURVE: Final = 13.0 / RATED_M3_H**2  # head lost to flow: 45 m at the rated flow
STATIC_M: Final = 20.0  # from the pump's axis to where the water goes
SUCTION_LOSS: Final = 1.2 / RATED_M3_H**2  # clean screen, foot bell and pipe
VALVE_LOSS: Final = 2.0 / RATED_M3_H**2  # discharge valve fully open
SUCTION_PIPE_M2: Final = 0.0491  # DN 250

# NPSH at which 3 % of the head is gone. Cavitation begins long before that is measured: at 1.6 times it here; a range of 2 to 4
# is usual for incipient bubbles, which harm little (Guelich, Centrifugal Pumps, 6.2; unverified against the book's text).
NPSH_REST_M, NPSH_RATED_M = 3.0, 2.5
INCEPTION: Final = 1.6
LOST_AT_NPSH3: Final = 0.03
STEEPNESS: Final = 4.0  # how sharply the head breaks down beyond
WORST: Final = 1.5  # of the intensity: vapour fills the inlet, and more of it makes no more noise
SCREEN_LEAKS, VALVE_LEAKS = 0.03, 0.001  # a blocked screen and a shut valve still let a little through

MOST_M3_H: Final = 900.0
HALVINGS: Final = 44  # of 900 m3/h: below 1e-10


@dataclass(frozen=True, slots=True)
class Pipes:
    """What surrounds the pump, each of shape (n,).

    Args:
        demand: share of the rated flow that the network would take of a healthy pump.
        level_m: of the water over the pump's axis.
        screen_open: share of the intake screen that is free.
        valve_open: share of the discharge valve that is open.
    """

    demand: Float64
    level_m: Float64
    screen_open: Float64
    valve_open: Float64


@dataclass(frozen=True, slots=True)
class WorkingPoint:
    """Where it works, each of shape (n,).

    Args:
        inlet_kpa: gauge pressure at the pump's inlet.
        outlet_kpa: gauge pressure between pump and valve.
        cavitation: 0 none, 1 where 3 % of the head is lost, at most `WORST`.
        lost: share of the head that cavitation takes.
    """

    flow_m3_h: Float64
    inlet_kpa: Float64
    outlet_kpa: Float64
    head_m: Float64
    cavitation: Float64
    lost: Float64


def _cavitation(flow: Float64, inlet_m: Float64) -> tuple[Float64, Float64]:
    """Intensity, and the share of the head that it takes."""
    speed = flow / 3_600.0 / SUCTION_PIPE_M2
    available = AIR_M - VAPOUR_M + inlet_m + speed**2 / (2.0 * GRAVITY)
    needed = NPSH_REST_M + NPSH_RATED_M * (flow / RATED_M3_H) ** 2
    beyond = np.maximum(0.0, INCEPTION - available / needed) / (INCEPTION - 1.0)
    return np.minimum(beyond, WORST), np.minimum(LOST_AT_NPSH3 * beyond**STEEPNESS, 0.95)


def work(pipes: Pipes) -> WorkingPoint:
    """The flow at which the pump's head is what the pipes take.

    Source:
        Head SHUTOFF - a Q2, pipes STATIC + k Q2; k is what makes a healthy pump deliver the demand. A valve or a screen of which
        a share s is open loses 1 / s2 of what it loses when open. The balance falls with the flow, so halving finds its zero.

    Fails when: the water should run backwards; the flow is then zero, as behind a check valve.
    """
    wanted = np.maximum(pipes.demand, 0.05) * RATED_M3_H
    network = (SHUTOFF_M - STATIC_M + pipes.level_m) / wanted**2 - CURVE - SUCTION_LOSS
    valve = VALVE_LOSS * (1.0 / np.maximum(pipes.valve_open, VALVE_LEAKS) ** 2 - 1.0)
    suction = SUCTION_LOSS / np.maximum(pipes.screen_open, SCREEN_LEAKS) ** 2
    low, high = np.zeros_like(wanted), np.full_like(wanted, MOST_M3_H)
    for _ in range(HALVINGS):
        flow = 0.5 * (low + high)
        inlet_m = pipes.level_m - suction * flow**2
        _, lost = _cavitation(flow, inlet_m)
        left = (SHUTOFF_M - CURVE * flow**2) * (1.0 - lost) + inlet_m - STATIC_M - (network + valve) * flow**2
        low, high = np.where(left > 0.0, flow, low), np.where(left > 0.0, high, flow)
    flow = 0.5 * (low + high)
    inlet_m = np.maximum(pipes.level_m - suction * flow**2, VAPOUR_M - AIR_M)
    cavitation, lost = _cavitation(flow, inlet_m)
    head = (SHUTOFF_M - CURVE * flow**2) * (1.0 - lost)
    return WorkingPoint(
        flow_m3_h=flow,
        inlet_kpa=inlet_m * KPA_A_METRE,
        outlet_kpa=(inlet_m + head) * KPA_A_METRE,
        head_m=head,
        cavitation=cavitation,
        lost=lost,
    )
