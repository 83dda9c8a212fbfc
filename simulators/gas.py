"""Propane: how it gets out of a vessel, and how air takes it away. Pure functions of SI values; no state, no chance.

Sources, by their short names below:
    Yellow Book: CPR 14E, "Methods for the calculation of physical effects", TNO, 3rd edition 2005, chapter 2.
    Nicas: M. Nicas, "Estimating exposure intensity in an imperfectly mixed room", AIHA Journal 57 (1996) 542-550.
    Briggs: G. A. Briggs, "Diffusion estimation for small emissions", ATDL report 79 (1973), open country.
    NIST: NIST Chemistry WebBook, propane, saturation properties and the Antoine constants of Helgeson and Sage (1967).
What they leave out: gas heavier than air lies low, so near the ground and in calm air these figures are too friendly; a
plume is taken to stand, so the seconds of travel are missing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from core.units import KELVIN_AT_ZERO_CELSIUS, MOLAR_GAS_CONSTANT, STANDARD_ATMOSPHERE

MOLAR_MASS: Final = 0.044097  # kg/mol
HEAT_RATIO: Final = 1.13  # cp/cv of propane gas near 20 °C and 1 bar (NIST)
LOWER_EXPLOSIVE_LIMIT: Final = 0.021  # volume share, NFPA 497; IEC 60079-20-1 states 0.017
SHARP_EDGE: Final = 0.62  # discharge coefficient of a sharp-edged hole, Yellow Book 2.5.3.2 and 2.5.3.3


def vapour_pressure_pa(celsius: float) -> float:
    """Absolute pressure over boiling propane, valid from 4.5 to 87.6 °C.

    Source:
        NIST: log10(p / bar) = 4.53678 - 1149.36 / (T / K + 24.906).

    >>> round(vapour_pressure_pa(20.0) / 1000)
    838
    """
    kelvin = celsius + KELVIN_AT_ZERO_CELSIUS
    return float(1e5 * 10.0 ** (4.53678 - 1149.36 / (kelvin + 24.906)))


def liquid_density(celsius: float) -> float:
    """kg/m3 of saturated liquid: a line through NIST's 528.6 at 0 °C and 500.1 at 20 °C."""
    return 528.6 - 1.425 * celsius


def gas_density(celsius: float) -> float:
    """kg/m3 of the gas at one atmosphere, as an ideal gas.

    >>> round(gas_density(20.0), 2)
    1.83
    """
    return STANDARD_ATMOSPHERE * MOLAR_MASS / (MOLAR_GAS_CONSTANT * (celsius + KELVIN_AT_ZERO_CELSIUS))


def liquid_release(area_m2: float, overpressure_pa: float, density: float) -> float:
    """kg/s of liquid through a hole: Bernoulli, Cd A sqrt(2 rho dp).

    Source:
        Yellow Book, section 2.5.3.3 (outflow of liquids through an orifice).
    """
    return SHARP_EDGE * area_m2 * math.sqrt(2.0 * density * max(overpressure_pa, 0.0))


def vapour_release(area_m2: float, absolute_pa: float, celsius: float) -> float:
    """kg/s of gas through a hole into the open, at the speed of sound in the hole where the pressure is above 1.7 bar.

    Source:
        Yellow Book, section 2.5.3.2 (gas outflow through an orifice), critical and subcritical branch.
    """
    ratio = STANDARD_ATMOSPHERE / absolute_pa
    if ratio >= 1.0:
        return 0.0
    g = HEAT_RATIO
    critical = (2.0 / (g + 1.0)) ** (g / (g - 1.0))
    throat = max(ratio, critical)
    density = absolute_pa * MOLAR_MASS / (MOLAR_GAS_CONSTANT * (celsius + KELVIN_AT_ZERO_CELSIUS))
    flow = 2.0 * g / (g - 1.0) * (throat ** (2.0 / g) - throat ** ((g + 1.0) / g))
    return SHARP_EDGE * area_m2 * math.sqrt(absolute_pa * density * flow)


def plume(rate: float, wind: float, downwind: float, crosswind: float, *, height: float, spread: float) -> float:
    """kg/m3 in a steady plume from a source near the ground, neutral air (class D).

    Source:
        Gaussian plume with total reflection at the ground; widths after Briggs, made wider by the source's own size.

    Args:
        rate: kg/s.
        wind: m/s, above zero.
        downwind: m from the source along the wind; not above zero means no gas.
        crosswind: m beside the axis.
        height: m above the ground, of source and receiver alike.
        spread: m, standard deviation of the source itself (a jet, the wake of a building).
    """
    if downwind <= 0.0:
        return 0.0
    wide = math.hypot(0.08 * downwind / math.sqrt(1.0 + 0.0001 * downwind), spread)
    high = math.hypot(0.06 * downwind / math.sqrt(1.0 + 0.0015 * downwind), spread)
    across = math.exp(-0.5 * (crosswind / wide) ** 2)
    upward = 1.0 + math.exp(-0.5 * (2.0 * height / high) ** 2)
    return rate / (2.0 * math.pi * wind * wide * high) * across * upward


def share_of_limit(volume_share: float) -> float:
    """Volume share of propane as %LEL."""
    return 100.0 * volume_share / LOWER_EXPLOSIVE_LIMIT


@dataclass(slots=True)
class Room:
    """A ventilated room with a leak in it: the air around the leak, and the rest, each well mixed.

    Source:
        Nicas' two-zone model: Vn dCn/dt = G + beta (Cf - Cn), Vf dCf/dt = beta (Cn - Cf) - Q Cf. The near zone is a half
        sphere; half its free surface times the random air speed is the exchange beta. Stepped by implicit Euler, which
        keeps the gas balance exactly and is stable for any step.

    Args:
        volume_m3: of the whole room.
        near_radius_m: of the zone around the leak.
        air_speed: m/s, random motion of the air indoors.
        near: volume share in the near zone.
        far: volume share in the rest; what leaves the room has it.
    """

    volume_m3: float
    near_radius_m: float
    air_speed: float
    near: float = 0.0
    far: float = 0.0

    @property
    def near_m3(self) -> float:
        """Volume of the near zone."""
        return 2.0 / 3.0 * math.pi * self.near_radius_m**3

    @property
    def exchange_m3_s(self) -> float:
        """Air that passes between the zones each way."""
        return 0.5 * 2.0 * math.pi * self.near_radius_m**2 * self.air_speed

    @property
    def gas_m3(self) -> float:
        """Gas in the room."""
        return self.near_m3 * self.near + (self.volume_m3 - self.near_m3) * self.far

    def step(self, gas_m3_s: float, fresh_m3_s: float, seconds: float) -> None:
        """Let `gas_m3_s` into the near zone and `fresh_m3_s` of clean air through the rest, for `seconds`."""
        beta = self.exchange_m3_s
        near_rate, far_rate = self.near_m3 / seconds, (self.volume_m3 - self.near_m3) / seconds
        a, b = near_rate + beta, far_rate + beta + fresh_m3_s
        p, q = near_rate * self.near + gas_m3_s, far_rate * self.far
        determinant = a * b - beta * beta
        self.near = (p * b + beta * q) / determinant
        self.far = (a * q + beta * p) / determinant


def natural_ventilation(opening_m2: float, wind: float) -> float:
    """m3/s that wind drives through the openings of a building.

    Source:
        ASHRAE Handbook Fundamentals, natural ventilation: Q = Cv A U, Cv 0.25 to 0.35 for diagonal winds; 0.3 taken.
    """
    return 0.3 * opening_m2 * wind
