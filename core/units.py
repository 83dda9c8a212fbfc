"""Units of measure: UCUM codes, converted once, at the edge, by our own affine table.

Codes are those of UCUM (https://ucum.org/ucum), case-sensitive: `Cel`, not `°C`; `[ppm]`, not `ppm`. Text in braces is an
annotation. UCUM gives it no meaning and neither do we, with one exception: `%{LEL}` is a quantity of its own, because a
share of a gas's lower explosive limit must never pass for a share of volume.
"""

from __future__ import annotations

from difflib import get_close_matches
from fractions import Fraction
from functools import cache
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput

Values = TypeVar("Values", float, NDArray[np.float64])

KELVIN_AT_ZERO_CELSIUS: Final = 273.15
MOLAR_GAS_CONSTANT: Final = 8.31446261815324  # J/(mol K), exact since the SI of 2019 (CODATA 2018)
STANDARD_ATMOSPHERE: Final = 101_325.0  # Pa, 10th CGPM 1954
GBZ_CELSIUS: Final = 20.0  # GBZ 2.1-2019 states its limits in mg/m3 at 20 °C and 101.3 kPa
US_CELSIUS: Final = 25.0  # OSHA 29 CFR 1910.1000 table Z-1 and the NIOSH Pocket Guide: 25 °C and 760 mmHg


class Unit(NamedTuple):
    """A value in this unit is `value * scale + offset` in the base unit of its quantity."""

    quantity: str
    scale: Fraction
    offset: Fraction = Fraction(0)


# quantity -> code -> factor to the quantity's base unit (the code with factor 1). Source: UCUM 2.1, tables 3-9; factors are
# exact, as decimal text or a fraction, so that there and back again differs by one rounding at most.
_FACTORS: Final[dict[str, dict[str, str]]] = {
    "pressure": {
        "Pa": "1", "hPa": "100", "kPa": "1000", "MPa": "1e6", "ubar": "0.1", "mbar": "100", "bar": "1e5", "atm": "101325",
        "mm[Hg]": "133.322", "mm[H2O]": "9.80665", "[psi]": "8896443230521/1290320000",
    },
    "fraction": {"1": "1", "%": "0.01", "[ppth]": "0.001", "[ppm]": "1e-6", "[ppb]": "1e-9"},
    "share of the lower explosive limit": {"%{LEL}": "1"},
    "mass concentration": {"g/m3": "1", "mg/m3": "1e-3", "ug/m3": "1e-6", "mg/L": "1", "g/L": "1000", "kg/m3": "1000"},
    "speed": {"m/s": "1", "mm/s": "1e-3", "cm/s": "1e-2", "m/min": "1/60", "km/h": "1/3.6"},
    "volume flow": {
        "m3/s": "1", "m3/min": "1/60", "m3/h": "1/3600", "L/s": "1e-3", "L/min": "1/60000", "L/h": "1/3600000",
        "mL/min": "1/60000000",
    },
    "mass flow": {"kg/s": "1", "kg/min": "1/60", "kg/h": "1/3600", "t/h": "1/3.6"},
    "length": {"m": "1", "um": "1e-6", "mm": "1e-3", "cm": "1e-2", "km": "1000", "[in_i]": "0.0254", "[ft_i]": "0.3048"},
    "volume": {"m3": "1", "L": "1e-3", "mL": "1e-6"},
    "mass": {"kg": "1", "g": "1e-3", "mg": "1e-6", "t": "1000"},
    "acceleration": {"m/s2": "1", "mm/s2": "1e-3", "[g]": "9.80665"},
    "force": {"N": "1", "kN": "1000"},
    "angle": {"deg": "1"},
    "current": {"A": "1", "mA": "1e-3", "uA": "1e-6", "kA": "1000"},
    "voltage": {"V": "1", "mV": "1e-3", "kV": "1000"},
    "resistance": {"Ohm": "1", "kOhm": "1000", "MOhm": "1e6"},
    "frequency": {"Hz": "1", "/s": "1", "kHz": "1000", "/min": "1/60", "{rpm}/min": "1/60", "/h": "1/3600"},
    "power": {"W": "1", "mW": "1e-3", "kW": "1000", "MW": "1e6"},
    "energy": {"J": "1", "kJ": "1000", "W.h": "3600", "kW.h": "3600000"},
    "time": {"s": "1", "ms": "1e-3", "min": "60", "h": "3600", "d": "86400"},
    "sound level": {"dB": "1"},
    "illuminance": {"lx": "1"},
    "irradiance": {"W/m2": "1", "kW/m2": "1000"},
    "dose rate": {"Sv/h": "1", "mSv/h": "1e-3", "uSv/h": "1e-6"},
    "activity concentration": {"Bq/m3": "1"},
    "acidity": {"[pH]": "1"},
}  # fmt: skip


def _fraction(text: str) -> Fraction:
    above, _, below = text.partition("/")
    return Fraction(above) / Fraction(below or 1)


UNITS: Final[dict[str, Unit]] = {
    **{
        code: Unit(quantity, _fraction(factor))
        for quantity, factors in _FACTORS.items()
        for code, factor in factors.items()
    },
    "K": Unit("temperature", Fraction(1)),
    "Cel": Unit("temperature", Fraction(1), Fraction("273.15")),
    "[degF]": Unit("temperature", Fraction(5, 9), Fraction("459.67") * Fraction(5, 9)),
}

# What people and data sheets write where UCUM has another code.
_SPELLINGS: Final = {
    "°c": "Cel", "℃": "Cel", "c": "Cel", "degc": "Cel", "celsius": "Cel", "°f": "[degF]", "degf": "[degF]", "f": "[degF]",
    "ppm": "[ppm]", "ppb": "[ppb]", "‰": "[ppth]", "percent": "%", "lel": "%{LEL}", "%lel": "%{LEL}", "psi": "[psi]", "mmhg": "mm[Hg]",
    "mmh2o": "mm[H2O]", "rpm": "{rpm}/min", "mg/m³": "mg/m3", "µg/m3": "ug/m3", "µg/m³": "ug/m3", "μg/m³": "ug/m3", "g/m³": "g/m3",
    "m³/h": "m3/h", "m³/s": "m3/s", "m³/min": "m3/min", "lpm": "L/min", "l/min": "L/min", "l/s": "L/s", "m³": "m3", "l": "L",
    "lux": "lx", "db(a)": "dB", "dba": "dB", "ph": "[pH]", "kwh": "kW.h", "wh": "W.h", "sec": "s", "hour": "h", "hr": "h",
    "day": "d", "ton": "t", "°": "deg", "m/s²": "m/s2", "g": "[g]", "ω": "Ohm", "ohm": "Ohm", "inch": "[in_i]", "µsv/h": "uSv/h",
}  # fmt: skip


def known(code: str) -> bool:
    """Whether `code` is in the table."""
    return code in UNITS


def same_quantity(a: str, b: str) -> bool:
    """Whether a value in `a` can be given in `b`.

    Raises:
        BadInput: one of them is unknown.

    >>> same_quantity("kPa", "[psi]"), same_quantity("%", "%{LEL}")
    (True, False)
    """
    return _unit(a).quantity == _unit(b).quantity


@cache
def affine(from_code: str, to_code: str) -> tuple[float, float]:
    """`(scale, offset)` so that `value * scale + offset` is the value in `to_code`.

    Raises:
        BadInput: an unknown code, or two units of different quantities.

    >>> affine("Cel", "K")
    (1.0, 273.15)
    """
    have, want = _unit(from_code), _unit(to_code)
    if have.quantity != want.quantity:
        raise BadInput(_incompatible(from_code, have.quantity, to_code, want.quantity))
    return float(have.scale / want.scale), float((have.offset - want.offset) / want.scale)


def convert(values: Values, from_code: str, to_code: str) -> Values:
    """`values`, one or an array, of `from_code` in `to_code`. NaN stays NaN.

    Raises:
        BadInput: as `affine`.

    >>> round(convert(20.0, "Cel", "[degF]"), 9)
    68.0
    """
    scale, offset = affine(from_code, to_code)
    return values * scale + offset


def gas_ppm_to_mg_m3(ppm: Values, molar_mass: float, temperature_celsius: float) -> Values:
    """Volume share of an ideal gas at 101.325 kPa as a mass concentration.

    Args:
        ppm: parts per million by volume.
        molar_mass: g/mol of the gas.
        temperature_celsius: that of the table the limit comes from, `GBZ_CELSIUS` or `US_CELSIUS`; it changes the result by 1.7 %.

    Returns:
        mg/m3.

    >>> round(gas_ppm_to_mg_m3(10.0, 34.08, GBZ_CELSIUS), 2)  # hydrogen sulfide
    14.17
    """
    return ppm * (molar_mass / _molar_volume_litres(molar_mass, temperature_celsius))


def gas_mg_m3_to_ppm(mg_m3: Values, molar_mass: float, temperature_celsius: float) -> Values:
    """The way back of `gas_ppm_to_mg_m3`."""
    return mg_m3 * (_molar_volume_litres(molar_mass, temperature_celsius) / molar_mass)


def _molar_volume_litres(molar_mass: float, temperature_celsius: float) -> float:
    kelvin = temperature_celsius + KELVIN_AT_ZERO_CELSIUS
    if not molar_mass > 0:
        raise BadInput(f"The molar mass is {molar_mass}; it must be above 0 g/mol.")
    if not kelvin > 0:
        raise BadInput(f"The temperature is {temperature_celsius} °C; it must be above -273.15 °C.")
    return MOLAR_GAS_CONSTANT * kelvin / STANDARD_ATMOSPHERE * 1000.0


def _unit(code: str) -> Unit:
    unit = UNITS.get(code)
    if unit is None:
        near = _near(code)
        advice = (
            f"did you mean {' or '.join(near)}?" if near else "use one of the UCUM codes in docs/reference/units.md."
        )
        raise BadInput(f'There is no unit "{code}"; {advice}')
    return unit


def _near(code: str) -> list[str]:
    folded = code.strip().lower()
    if folded in _SPELLINGS:
        return [_SPELLINGS[folded]]
    by_folded: dict[str, str] = {}
    for spelling in UNITS:
        by_folded.setdefault(spelling.lower(), spelling)
    return [by_folded[match] for match in get_close_matches(folded, by_folded, n=3, cutoff=0.6)]


def _incompatible(from_code: str, have: str, to_code: str, want: str) -> str:
    start = f"{from_code} ({have}) does not convert to {to_code} ({want})"
    pair = {have, want}
    if "share of the lower explosive limit" in pair and pair & {"fraction", "mass concentration"}:
        return f"{start}: the lower explosive limit differs from gas to gas, so give the sensor the unit its device reports."
    if pair == {"fraction", "mass concentration"}:
        return f"{start} without the gas and its temperature: use gas_ppm_to_mg_m3 with the molar mass, or correct the unit."
    return f"{start}; give a unit of {want}."
