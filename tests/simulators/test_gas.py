"""The physics behaves as the books say, and keeps its balance."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators import gas

SHARES = st.floats(0.0, 0.5)
FLOWS = st.floats(0.001, 5.0)


@pytest.mark.parametrize(("celsius", "kilopascal"), [(10.0, 636.6), (20.0, 836.5), (30.0, 1079.0), (40.0, 1369.4)])
def test_vapour_pressure_is_that_of_the_tables(celsius: float, kilopascal: float) -> None:
    """Within 1 % of NIST's saturation pressures of propane."""
    assert gas.vapour_pressure_pa(celsius) / 1_000 == pytest.approx(kilopascal, rel=0.01)


def test_liquid_leaves_as_bernoulli_says() -> None:
    """1 mm2 at 8 bar over the air loses about 17 g/s of propane; four times the pressure, twice the flow."""
    flow = gas.liquid_release(1e-6, 8e5, 500.0)
    assert flow == pytest.approx(0.62 * 1e-6 * math.sqrt(2 * 500 * 8e5))
    assert gas.liquid_release(1e-6, 3.2e6, 500.0) == pytest.approx(2 * flow)
    assert gas.liquid_release(1e-6, -1.0, 500.0) == 0.0


def test_vapour_is_choked_above_twice_the_air() -> None:
    """In critical flow the release is in proportion to the pressure; it joins the subcritical branch without a step, and
    ends where the pressures meet."""
    assert gas.vapour_release(1e-6, 8e5, 20.0) == pytest.approx(2 * gas.vapour_release(1e-6, 4e5, 20.0))
    critical = 101_325 * ((gas.HEAT_RATIO + 1) / 2) ** (gas.HEAT_RATIO / (gas.HEAT_RATIO - 1))
    below, above = (gas.vapour_release(1e-6, critical * k, 20.0) for k in (0.9999, 1.0001))
    assert below == pytest.approx(above, rel=1e-3)
    assert gas.vapour_release(1e-6, 101_325, 20.0) == 0.0
    assert 0.0 < gas.vapour_release(1e-6, 102_000, 20.0) < above


@given(near=SHARES, far=SHARES, leak=st.floats(0.0, 0.05), fresh=FLOWS, seconds=st.floats(0.1, 60.0))
def test_no_gas_appears_or_disappears_in_the_room(
    near: float, far: float, leak: float, fresh: float, seconds: float
) -> None:
    """What is in the room afterwards is what was in it, plus what leaked, less what the air took out."""
    room = gas.Room(240.0, 1.5, 0.1, near, far)
    before = room.gas_m3
    room.step(leak, fresh, seconds)
    assert room.gas_m3 == pytest.approx(before + seconds * (leak - fresh * room.far), abs=1e-9)
    assert room.near >= 0.0
    assert room.far >= 0.0


def test_the_room_comes_to_rest_where_leak_and_air_agree() -> None:
    """At rest the air that leaves carries what leaks in, and the near zone is richer by leak over exchange (Nicas)."""
    room = gas.Room(240.0, 1.5, 0.1)
    for _ in range(20_000):
        room.step(0.01, 1.0, 1.0)
    assert room.far == pytest.approx(0.01 / 1.0, rel=1e-6)
    assert room.near - room.far == pytest.approx(0.01 / room.exchange_m3_s, rel=1e-6)


def test_an_empty_leak_clears_with_the_change_of_air() -> None:
    """Without a leak the gas falls by e in the time the fan changes the air once, while the near zone is small."""
    room = gas.Room(240.0, 0.2, 5.0, far=0.02, near=0.02)
    for _ in range(2_400):
        room.step(0.0, 1.0, 0.1)
    assert room.far == pytest.approx(0.02 / math.e, rel=0.01)


@given(wind=st.floats(0.5, 20.0), more=st.floats(1.01, 3.0), downwind=st.floats(1.0, 200.0), aside=st.floats(0.0, 20.0))
def test_more_wind_means_less_gas(wind: float, more: float, downwind: float, aside: float) -> None:
    """A plume thins in proportion to the wind."""
    calm, windy = (gas.plume(0.1, w, downwind, aside, height=0.5, spread=0.4) for w in (wind, wind * more))
    assert windy == pytest.approx(calm / more)


def test_a_plume_carries_what_its_source_loses() -> None:
    """Through any plane across the wind flows what the source gives off."""
    wind, rate, height = 3.0, 0.2, 0.5
    total, step = 0.0, 0.1
    for n in range(-200, 200):
        # The height is that of the receiver and of the source, so the vertical is integrated in closed form instead.
        total += gas.plume(rate, wind, 50.0, n * step, height=height, spread=0.4) * step
    high = math.hypot(0.06 * 50.0 / math.sqrt(1.075), 0.4)
    expected = rate / wind / (math.sqrt(2 * math.pi) * high) * (1 + math.exp(-0.5 * (2 * height / high) ** 2))
    assert total == pytest.approx(expected, rel=1e-3)


def test_there_is_no_gas_upwind() -> None:
    """The wind takes gas one way only."""
    assert gas.plume(0.1, 3.0, -5.0, 0.0, height=0.5, spread=0.4) == 0.0


def test_air_changes_hold_the_room_below_the_limit() -> None:
    """The same leak, more ventilation, less gas; without it the room becomes explosive."""

    def after_ten_minutes(fresh: float) -> float:
        room = gas.Room(240.0, 1.5, 0.1)
        for _ in range(600):
            room.step(0.015, fresh, 1.0)
        return gas.share_of_limit(room.far)

    levels = [after_ten_minutes(fresh) for fresh in (0.05, 0.2, 1.0, 2.0)]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] > 100.0 > levels[2]
