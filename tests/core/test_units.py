"""The table of units against arithmetic done elsewhere."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from core.units import (
    GBZ_CELSIUS,
    UNITS,
    US_CELSIUS,
    affine,
    convert,
    gas_mg_m3_to_ppm,
    gas_ppm_to_mg_m3,
    known,
    same_quantity,
)

REFERENCE = Path(__file__).parents[2] / "docs/reference/units.md"
codes = st.sampled_from(sorted(UNITS))


@pytest.mark.parametrize(
    ("value", "code", "expected", "target"),
    [
        # fixed points and definitions, each worked out without the table
        (0.0, "Cel", 273.15, "K"),
        (100.0, "Cel", 212.0, "[degF]"),
        (-40.0, "[degF]", -40.0, "Cel"),
        (-459.67, "[degF]", 0.0, "K"),
        (1.0, "atm", 760.0021, "mm[Hg]"),  # UCUM rounds the column of mercury to 133.322 Pa
        (1.0, "atm", 14.695948775513, "[psi]"),
        (1.0, "bar", 100.0, "kPa"),
        (1.0, "MPa", 10.0, "bar"),
        (10.0, "m/s", 36.0, "km/h"),
        (60.0, "L/min", 3.6, "m3/h"),
        (1.0, "m3/s", 1000.0, "L/s"),
        (1.0, "%", 10_000.0, "[ppm]"),
        (1.0, "[ppm]", 1000.0, "[ppb]"),
        (50.0, "%", 0.5, "1"),
        (1.0, "mg/m3", 1000.0, "ug/m3"),
        (1.0, "mg/L", 1000.0, "mg/m3"),
        (3000.0, "{rpm}/min", 50.0, "Hz"),
        (25.4, "mm", 1.0, "[in_i]"),
        (1.0, "[g]", 9.80665, "m/s2"),
        (1.0, "kW.h", 3600.0, "kJ"),
        (1.0, "d", 86_400.0, "s"),
        (2.5, "t", 2500.0, "kg"),
        (4.0, "mA", 0.004, "A"),
        (3.6, "t/h", 1.0, "kg/s"),
    ],
)
def test_known_conversions(value: float, code: str, expected: float, target: str) -> None:
    """Conversions an engineer knows by heart."""
    assert convert(value, code, target) == pytest.approx(expected, rel=2e-7, abs=1e-12)
    assert convert(expected, target, code) == pytest.approx(value, rel=2e-7, abs=1e-10)


@given(codes, st.floats(-1e6, 1e6))
def test_there_and_back(code: str, value: float) -> None:
    """A value converted and converted back is itself, but for rounding."""
    for target, unit in UNITS.items():
        if unit.quantity == UNITS[code].quantity:
            back = convert(convert(value, code, target), target, code)
            assert back == pytest.approx(value, rel=1e-12, abs=1e-9)


@given(codes)
def test_same_unit_changes_nothing(code: str) -> None:
    """A sensor that sends its own unit is stored to the last bit."""
    assert affine(code, code) == (1.0, 0.0)


def test_array_is_converted_whole() -> None:
    """A column converts at once, and NaN stays NaN."""
    column = np.array([0.0, math.nan, 100.0])
    np.testing.assert_array_equal(convert(column, "Cel", "K"), [273.15, math.nan, 373.15])


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("°C", "Cel"),
        ("ppm", "[ppm]"),
        ("psi", "[psi]"),
        ("mmHg", "mm[Hg]"),
        ("rpm", "{rpm}/min"),
        ("mg/m³", "mg/m3"),
        ("%LEL", "%{LEL}"),
        ("lux", "lx"),
        ("KPA", "kPa"),
        ("m3/hr", "m3/h"),
        ("µg/m3", "ug/m3"),
        ("dB(A)", "dB"),
    ],
)
def test_unknown_code_suggests_a_known_one(code: str, advice: str) -> None:
    """What a data sheet writes leads to what we want."""
    assert not known(code)
    assert known(advice)
    with pytest.raises(BadInput) as caught:
        affine(code, "1")
    assert f'There is no unit "{code}"; did you mean {advice}' in str(caught.value)


def test_nonsense_points_to_the_table() -> None:
    """Where nothing is near, the sentence says where the codes are."""
    with pytest.raises(BadInput, match=r"docs/reference/units\.md"):
        convert(1.0, "quux", "Pa")


def test_lower_explosive_limit_is_not_a_share_of_volume() -> None:
    """A %LEL that passed for %vol would be wrong by a factor of twenty for methane."""
    for target in ("%", "[ppm]", "mg/m3"):
        assert not same_quantity("%{LEL}", target)
        with pytest.raises(BadInput, match="lower explosive limit differs from gas to gas"):
            convert(1.0, "%{LEL}", target)


def test_ppm_needs_the_gas() -> None:
    """Without gas and temperature there is no way from ppm to mg/m3, and the sentence says so."""
    with pytest.raises(BadInput, match="without the gas and its temperature"):
        convert(1.0, "[ppm]", "mg/m3")
    with pytest.raises(BadInput, match="give a unit of temperature"):
        convert(1.0, "bar", "Cel")


@pytest.mark.parametrize(
    ("gas", "molar_mass", "mg_m3", "ppm"),
    [
        ("H2S", 34.08, 10, 7.1),
        ("CO", 28.01, 20, 17),
        ("NH3", 17.03, 20, 28),
        ("Cl2", 70.91, 1, 0.34),
        ("SO2", 64.06, 5, 1.9),
        ("NO2", 46.01, 5, 2.6),
        ("HCN", 27.03, 1, 0.89),
        ("CO2", 44.01, 9000, 4900),
    ],
)
def test_limits_of_gb_50493_at_20_degrees(gas: str, molar_mass: float, mg_m3: float, ppm: float) -> None:
    """The first alarm limits of GB/T 50493 in mg/m3 and, at 20 °C, in ppm to two figures."""
    assert gas_mg_m3_to_ppm(mg_m3, molar_mass, GBZ_CELSIUS) == pytest.approx(ppm, rel=0.03), gas


def test_us_tables_use_25_degrees() -> None:
    """NIOSH Pocket Guide: carbon monoxide 1 ppm = 1.15 mg/m3, hydrogen sulfide 1.40, chlorine 2.90."""
    for molar_mass, factor in ((28.01, 1.15), (34.08, 1.40), (70.91, 2.90)):
        assert gas_ppm_to_mg_m3(1.0, molar_mass, US_CELSIUS) == pytest.approx(factor, abs=0.01)


@given(st.floats(0, 1e6), st.floats(1, 300), st.floats(-60, 100))
def test_gas_there_and_back(ppm: float, molar_mass: float, celsius: float) -> None:
    """The two ways undo each other."""
    there = gas_ppm_to_mg_m3(ppm, molar_mass, celsius)
    assert gas_mg_m3_to_ppm(there, molar_mass, celsius) == pytest.approx(ppm, rel=1e-12)


def test_impossible_gas_is_refused() -> None:
    """A molar mass of nothing and a temperature below absolute zero are mistakes."""
    with pytest.raises(BadInput, match="molar mass"):
        gas_ppm_to_mg_m3(1.0, 0.0, 20.0)
    with pytest.raises(BadInput, match=r"-273\.15"):
        gas_ppm_to_mg_m3(1.0, 28.0, -300.0)


def test_reference_lists_every_code() -> None:
    """docs/reference/units.md is complete."""
    text = REFERENCE.read_text(encoding="utf-8")
    assert [code for code in UNITS if f"`{code}`" not in text] == []
