"""The plants: determinism, balance, and instruments that follow as their data sheets say."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import units
from core.wire_rules import ID
from simulators import gas, mine, pump_station, tank_farm
from simulators.instrument import Instrument, Panel, Plant
from simulators.tank_farm import TANK_M3, Leak, Schedule, Span, TankFarm

LEAK = Leak(place="pump-seal", tank=2, area_mm2=1.3, begins_s=60, grows_s=120, ends_s=400)
LEAKING = Schedule(leaks=(LEAK,), pumped=(Span(0, 400, 2),), fan_off=(Span(100, 500),))
COLUMN = {instrument.key: n for n, instrument in enumerate(tank_farm.SENSORS)}


def sheet(**changes: Any) -> Instrument:
    """A gas detector in a room of its own."""
    found = next(i for i in tank_farm.SENSORS if i.key == "lel-yard-1")
    return replace(found, **changes)


@pytest.mark.parametrize("t90_s", [5.0, 12.0, 20.0, 60.0])
@pytest.mark.parametrize("step_s", [0.5, 1.0])
def test_a_step_reaches_90_percent_after_t90(t90_s: float, step_s: float) -> None:
    """The data sheet's T90 is what the trace shows."""
    panel = Panel([sheet(t90_s=t90_s, zero=0.0, noise=0.0)], step_s, np.random.SeedSequence(1), np.zeros(1))
    signal, _ = panel.follow(np.full((round(4 * t90_s / step_s), 1), 50.0))
    reached = (1 + np.argmax(signal[:, 0] >= 45.0 - 1e-9)) * step_s
    assert reached == pytest.approx(t90_s, abs=1e-9)


def test_an_instrument_shows_no_more_than_its_range_and_resolution() -> None:
    """Above the range it stands at the end of it, below it at zero, and in between on its steps."""
    panel = Panel([sheet()], 1.0, np.random.SeedSequence(1), np.zeros(1))
    _, value = panel.follow(np.linspace(-50, 250, 300)[:, None])
    assert value.min() == 0.0
    assert value.max() == 100.0
    assert np.allclose(value * 10, np.rint(value * 10))


@pytest.mark.parametrize("make", [lambda seed: TankFarm(LEAKING, seed), mine.MineReturn])
def test_the_seed_decides_everything(make: Callable[[int], Plant]) -> None:
    """Same seed, same rows; another seed, other rows."""
    one, same, other = (make(seed).advance(300) for seed in (7, 7, 8))
    assert np.array_equal(one.value, same.value)
    assert not np.array_equal(one.value, other.value)


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(1, 90), min_size=1, max_size=8))
def test_how_often_one_asks_does_not_matter(cuts: list[int]) -> None:
    """A trace in pieces is the trace."""
    whole, pieces = TankFarm(LEAKING, 3).advance(sum(cuts)), TankFarm(LEAKING, 3)
    parts = [pieces.advance(cut) for cut in cuts]
    assert np.array_equal(np.concatenate([p.value for p in parts]), whole.value)
    assert np.array_equal(np.concatenate([p.at_s for p in parts]), whole.at_s)


def test_the_tank_loses_what_leaks_and_what_is_pumped() -> None:
    """Liquid in the tanks, liquid pumped out and liquid leaked add up to what was there."""
    plant = TankFarm(LEAKING, 1)
    trace = plant.advance(600)
    before = LEAKING.levels[1] / 100.0 * TANK_M3
    after = trace.signal[-1, COLUMN["level-t2"]] / 100.0 * TANK_M3
    pumped = trace.signal[:, COLUMN["pump-flow"]].sum() / 3_600.0
    pumped -= 600 * 0.2 / 3_600.0  # the flow meter's zero error
    density = gas.liquid_density(trace.signal[-1, COLUMN["temp-t2"]])
    assert plant.released_kg > 3.0
    assert after == pytest.approx(before - pumped - plant.released_kg / density, abs=0.01)
    assert trace.signal[-1, COLUMN["level-t1"]] == pytest.approx(LEAKING.levels[0])


def test_a_tanker_fills_what_it_brings() -> None:
    """An hour at 60 m3/h is 60 m3."""
    trace = TankFarm(Schedule(filled=(Span(10, 3_610, 3),)), 1).advance(3_700)
    rise = trace.signal[-1, COLUMN["level-t3"]] - trace.signal[0, COLUMN["level-t3"]]
    assert rise / 100.0 * TANK_M3 == pytest.approx(60.0, rel=1e-3)


def test_nothing_leaks_without_a_leak() -> None:
    """A quiet plant has clean air everywhere."""
    trace = TankFarm(Schedule(pumped=(Span(5, 200),)), 1).advance(300)
    assert all(not air.any() for air in trace.true.values())


def test_the_fan_keeps_the_house_thinner() -> None:
    """The same leak with and without the fan: first and last stage of the far detector tell the difference."""
    fan, none = (TankFarm(replace(LEAKING, fan_off=off), 1).advance(400) for off in ((), (Span(0, 900),)))
    assert fan.true["house"][-1] < 0.7 * none.true["house"][-1]
    assert none.true["house"][-1] > 20.0


def test_wind_carries_the_gas_where_it_blows_and_thins_it() -> None:
    """A flange's gas reaches the detector downwind, not the one upwind, and less of it in more wind."""
    leak = Leak(place="tank-flange", tank=1, area_mm2=150.0, begins_s=0, grows_s=0)
    # Detector 3 stands 10 m east and 2 m south of tank 1, detector 1 to the west of it.
    wind_from = 270.0 + math.degrees(math.atan2(2.0, 10.0))
    west = TankFarm(Schedule(leaks=(leak,), wind_from=wind_from), 1).advance(300)
    assert west.true["yard-3"].mean() > 5.0
    assert west.true["yard-1"].max() == 0.0
    windy = TankFarm(Schedule(leaks=(leak,), wind_from=wind_from, wind=9.0), 1).advance(300)
    assert windy.true["yard-3"].mean() < west.true["yard-3"].mean() / 2


def test_unattended_means_nobody_comes() -> None:
    """In the plant without people the leak goes on, and the harm is at least as great at every instant."""
    tended, alone = (TankFarm(s, 4).advance(900).true for s in (LEAKING, LEAKING.unattended()))
    assert (alone["motor"] >= tended["motor"] - 1e-9).all()
    assert alone["house"][-1] > 100.0


def test_a_pump_draws_its_inrush_once() -> None:
    """Five times the rated current as it starts, the rated current with full flow, nothing while it stands."""
    trace = TankFarm(Schedule(pumped=(Span(50, 150),)), 1).advance(200)
    current = trace.signal[:, COLUMN["pump-current"]]
    assert current[49] < 1.0
    assert current[50] > 400.0
    assert current[140] == pytest.approx(82.8, abs=0.5)
    assert current[199] < 1.0


def test_the_list_of_sensors_is_what_the_portfolio_has() -> None:
    """24 sensors on five devices, three on the mine's one, ten on the pump station's three; ids of the wire, units of the table.

    Keys are unique over all sites, because a truth names sensors by their key alone."""
    every = tank_farm.SENSORS + mine.SENSORS + pump_station.SENSORS
    assert len({i.key for i in every}) == len(every) == 37
    assert {i.device for i in tank_farm.SENSORS} == {"tf-gas-1", "tf-gas-2", "tf-tank-1", "tf-weather", "tf-pump-1"}
    assert {i.device for i in mine.SENSORS} == {"qm-gas-1"}
    assert {i.device for i in pump_station.SENSORS} == {"ps-plc-1", "ps-vib-1", "ps-motor-1"}
    for instrument in every:
        assert units.known(instrument.unit)
        assert ID.fullmatch(instrument.key)
        assert re.fullmatch(r"[a-z-]+", instrument.zone)
        assert instrument.low < instrument.high
