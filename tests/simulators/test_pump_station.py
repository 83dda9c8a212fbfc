"""The pump station: faults unfold as they do in life, and signals hang together as they do in a pump."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.batch import Float64
from simulators.hydraulics import RATED_M3_H, Pipes, work
from simulators.instrument import Trace
from simulators.pump_station import SENSORS, PumpStation, Schedule, Trouble
from simulators.scenarios.pumping import LIMITS
from simulators.wander import Lag

COLUMN = {instrument.key: n for n, instrument in enumerate(SENSORS)}
BEGINS = 600.0


def play(seconds: int = 1_800, seed: int = 3, *, local_s: float = 36_000.0, **troubles: Trouble) -> Trace:
    """A trace of the station with some trouble."""
    return PumpStation(Schedule(local_s=local_s, **troubles), seed).advance(seconds)


def of(trace: Trace, key: str) -> Float64:
    """What one instrument shows."""
    return trace.value[:, COLUMN[key]]


def before_and_after(trace: Trace, key: str, *, last: int = 300) -> tuple[float, float]:
    """Means of one instrument in the ten minutes before the trouble, and at the end."""
    shown = of(trace, key)
    return float(shown[: int(BEGINS)].mean()), float(shown[-last:].mean())


def test_the_seed_decides_everything() -> None:
    """Same seed, same rows; another seed, other rows."""
    one, same, other = (play(300, seed) for seed in (7, 7, 8))
    assert np.array_equal(one.value, same.value)
    assert not np.array_equal(one.value, other.value)


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(0, 90), min_size=1, max_size=8))
def test_how_often_one_asks_does_not_matter(cuts: list[int]) -> None:
    """A trace in pieces is the trace, to the last bit, faults and all."""
    schedule = Schedule(
        clogged=Trouble(begins_s=20, grows_s=200), worn=Trouble(begins_s=0, grows_s=900), local_s=20_000.0
    )
    whole, pieces = PumpStation(schedule, 3).advance(sum(cuts)), PumpStation(schedule, 3)
    parts = [pieces.advance(cut) for cut in cuts]
    assert np.array_equal(np.concatenate([p.value for p in parts]), whole.value)
    assert np.array_equal(np.concatenate([p.at_s for p in parts]), whole.at_s)


@settings(max_examples=40)
@given(
    demand=st.floats(0.5, 1.2),
    level=st.floats(0.0, 6.0),
    screen=st.floats(0.0, 1.0),
    valve=st.floats(0.0, 1.0),
    shut_more=st.floats(0.5, 0.99),
)
def test_the_working_point_is_a_balance(
    demand: float, level: float, screen: float, valve: float, shut_more: float
) -> None:
    """Whatever the pipes: pressures above a vacuum, outlet above inlet; and closing a valve or a screen never gives more flow."""

    def at(screen_open: float, valve_open: float) -> tuple[float, float, float]:
        point = work(Pipes(*(np.array([x]) for x in (demand, level, screen_open, valve_open))))
        assert point.flow_m3_h[0] >= 0.0
        assert -101.4 < point.inlet_kpa[0] < point.outlet_kpa[0]
        assert 0.0 <= point.cavitation[0] <= 1.5
        assert 0.0 <= point.lost[0] <= 0.95
        return float(point.flow_m3_h[0]), float(point.inlet_kpa[0]), float(point.outlet_kpa[0])

    flow, _, _ = at(screen, valve)
    assert at(screen * shut_more, valve)[0] <= flow + 1e-6
    assert at(screen, valve * shut_more)[0] <= flow + 1e-6


def test_a_healthy_pump_gives_what_is_asked_for() -> None:
    """With screen and valve open the flow is the demand, from a trickle of a night to all a pump can do."""
    demand = np.linspace(0.6, 1.1, 20)
    full = np.ones_like(demand)
    point = work(Pipes(demand=demand, level_m=3.5 * full, screen_open=full, valve_open=full))
    assert point.flow_m3_h == pytest.approx(demand * RATED_M3_H, rel=1e-6)
    assert not point.cavitation.any()


def test_signals_hang_together_on_an_ordinary_day() -> None:
    """More flow: more current, less pressure at both gauges, and a warmer winding; the two axes of vibration shake by themselves."""
    trace = play(7_200)
    flow = of(trace, "lift-flow")

    def together(key: str) -> float:
        return float(np.corrcoef(flow, of(trace, key))[0, 1])

    assert together("lift-current") > 0.75
    assert together("lift-discharge") < -0.8
    assert -0.8 < together("lift-suction") < -0.4
    warmed = Lag(1.0).follow(of(trace, "lift-current") ** 2, 900.0)
    assert np.corrcoef(warmed[900:], of(trace, "lift-winding")[900:])[0, 1] > 0.5
    assert abs(np.corrcoef(of(trace, "lift-vib-h"), of(trace, "lift-vib-v"))[0, 1]) < 0.2


def test_load_follows_the_day() -> None:
    """A town that sleeps asks for less: at four in the morning less flow than at noon, by more than it wanders."""
    night, noon = (
        np.mean([of(play(1_800, seed, local_s=hour * 3_600.0), "lift-flow").mean() for seed in range(4)])
        for hour in (2.0, 10.0)
    )
    assert noon - night > 20.0


def test_a_clogged_screen_makes_the_pump_cavitate() -> None:
    """Suction pressure falls first, alone; then flow and outlet pulsate and fall, and vibration rises in both directions."""
    trace = play(1_500, clogged=Trouble(begins_s=BEGINS, grows_s=900.0, most=0.72))
    vapour = np.flatnonzero(trace.true["cavitation"] > 0.0)[0]
    assert vapour > BEGINS + 300
    at_first, ordinary = slice(vapour - 60, vapour), slice(0, int(BEGINS))
    assert of(trace, "lift-suction")[at_first].mean() < of(trace, "lift-suction")[ordinary].mean() - 15.0
    assert of(trace, "lift-vib-h")[at_first].mean() == pytest.approx(of(trace, "lift-vib-h")[ordinary].mean(), rel=0.1)
    for key, least in (("lift-vib-h", 3.0), ("lift-vib-v", 2.5)):
        healthy, ill = before_and_after(trace, key, last=150)
        assert ill > healthy + least
    for key in ("lift-flow", "lift-discharge", "lift-current"):
        healthy, ill = before_and_after(trace, key, last=150)
        assert ill < healthy
    for key in ("lift-flow", "lift-discharge"):
        quick = np.diff(of(trace, key))
        assert quick[-150:].std() > 3.0 * quick[: int(BEGINS)].std()


def test_a_blocked_valve_makes_the_pump_churn() -> None:
    """Flow falls, pressure rises, current falls, and what little water there is heats the casing."""
    trace = play(3_000, blocked=Trouble(begins_s=BEGINS, grows_s=300.0))
    flow, pressure, current, casing = (
        before_and_after(trace, key) for key in ("lift-flow", "lift-discharge", "lift-current", "lift-casing")
    )
    assert flow[1] < 0.05 * flow[0]
    assert pressure[1] > pressure[0] + 60.0
    assert current[1] < 0.75 * current[0]
    assert casing[1] > casing[0] + 10.0
    assert not trace.true["cavitation"].any()


def test_a_worn_bearing_shakes_and_warms_slowly() -> None:
    """Vibration and bearing temperature rise over an hour; what the pump gives stays as it was."""
    trace = play(3_600, worn=Trouble(begins_s=BEGINS, grows_s=3_600.0))
    assert before_and_after(trace, "lift-vib-h")[1] > 2.0 * before_and_after(trace, "lift-vib-h")[0]
    healthy, ill = before_and_after(trace, "lift-bearing")
    assert ill > healthy + 15.0
    per_minute = np.diff(of(trace, "lift-bearing")[::60])
    assert per_minute.max() < 2.0
    assert before_and_after(trace, "lift-flow")[1] == pytest.approx(before_and_after(trace, "lift-flow")[0], rel=0.15)


def test_trouble_that_is_put_right_is_over() -> None:
    """A raked screen gives the pump its suction back at once."""
    trace = play(1_500, clogged=Trouble(begins_s=BEGINS, grows_s=600.0, most=0.72, ends_s=1_300.0))
    healthy, after = before_and_after(trace, "lift-suction", last=150)
    assert of(trace, "lift-suction")[1_250] < -20.0
    assert after == pytest.approx(healthy, abs=3.0)


def test_unattended_means_nobody_comes() -> None:
    """In the plant without people the screen goes on clogging, until the water fails."""
    schedule = Schedule(clogged=Trouble(begins_s=BEGINS, grows_s=600.0, most=0.72, ends_s=1_100.0))
    tended, alone = (PumpStation(s, 4).advance(1_500).true for s in (schedule, schedule.unattended()))
    assert (alone["flow"] <= tended["flow"] + 1e-6).all()
    assert alone["flow"][-1] < 0.5 * alone["demand"][-1]


@pytest.mark.parametrize("hour", [3.0, 9.0, 15.0, 21.0])
def test_no_limit_is_near_on_an_ordinary_day(hour: float) -> None:
    """Two hours of any time of day stay clear of every limit, by a tenth of the range between mean and limit at least."""
    trace = play(7_200, seed=5, local_s=hour * 3_600.0)
    for limit in LIMITS:
        shown = of(trace, limit.sensor)
        room = abs(limit.setpoint - shown.mean())
        nearest = shown.max() if limit.high else shown.min()
        assert abs(limit.setpoint - nearest) > 0.1 * room, limit
        assert bool(nearest < limit.setpoint) is limit.high, limit
