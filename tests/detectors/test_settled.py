"""What is measured against a settled stretch: what the numbers of spike, shift, still and noise mean."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detectors.noise import Noise
from detectors.settled import Settled
from detectors.shift import Shift
from detectors.spike import Spike
from detectors.still import Still
from tests.detectors.streams import Reading, batch, definition, in_force

WARM = 200
EVERY: tuple[type[Settled], ...] = (Spike, Shift, Still, Noise)


def noisy(count: int, *, level: float = 20.0, spread: float = 0.5, seed: int = 1) -> list[float]:
    """A signal that stands still but for its noise."""
    return [float(x) for x in np.random.default_rng(seed).normal(level, spread, count)]


def numbers(
    kind: type[Settled], values: list[float], *, setpoint: float = 2.0, direction: str = "high", **parameters: float
) -> list[float]:
    """The numbers for readings a second apart."""
    stream = [Reading(0, float(i), value) for i, value in enumerate(values)]
    given = {"warm_up": float(WARM)} | parameters
    own = definition(kind.name, setpoint=setpoint, direction=direction, parameters=given)
    return [float(x) for x in kind(in_force(own)).score(batch(stream)).number]


def test_a_spike_is_measured_from_the_five_before_it() -> None:
    """By hand: the farthest of the stretch is 2, so 20 away is ten times that, and the reading behind it is as good as ever."""
    stretch = [1.0, 1.0, 1.0, 1.0, 1.0, 3.0] + [1.0] * 9
    found = numbers(Spike, [*stretch, 1.0, 21.0, 1.0], warm_up=10.0)
    assert found[-3:] == [0.0, 10.0, 0.0]


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_slow_drift_is_a_shift(side: float) -> None:
    """What no reading shows shows in their mean, up and down alike, and stays shown: it is not learnt."""
    drift = [x + side * 0.002 * i for i, x in enumerate(noisy(2000, seed=2))]
    found = numbers(Shift, [*noisy(WARM), *drift])
    assert max(found[WARM : WARM + 100]) < 2.0
    assert min(found[-500:]) >= 2.0


def test_what_rests_by_nature_is_still_when_it_rests_for_longer() -> None:
    """A value that moves each 30 readings is still at the 60th, twice as long; one that moves with each has 20 to begin with."""
    stepping = [float(i // 30) for i in range(300)]
    found = numbers(Still, [*stepping, *[99.0] * 70])
    assert found[300 + 58] == 2.0
    lively = numbers(Still, [*noisy(WARM), *[20.0] * 45])
    assert lively[WARM + 40] == 2.0


def test_noise_up_and_down() -> None:
    """Ten times the noise is rough; a tenth of it is smooth, which a definition of direction low asks for."""
    found = numbers(Noise, [*noisy(WARM + 20), *noisy(100, spread=5.0, seed=2)])
    assert found[-1] > 4.0
    smooth = numbers(Noise, [*noisy(WARM + 20), *noisy(100, spread=0.05, seed=2)], direction="low", setpoint=0.3)
    assert smooth[-1] < 0.3


@pytest.mark.parametrize("kind", EVERY)
def test_says_nothing_before_it_is_settled(kind: type[Settled]) -> None:
    """`warm_up` readings without a word; then a number for each, and noise that goes on as it was is below twice the largest."""
    found = numbers(kind, noisy(2000), warm_up=500.0)
    assert all(math.isnan(x) for x in found[:500])
    assert np.isfinite(found[520:]).all()
    assert max(found[520:]) < 2.0


@pytest.mark.parametrize("kind", [Spike, Shift, Noise])
def test_a_stretch_without_any_movement_goes_on(kind: type[Settled]) -> None:
    """Against nothing nothing can be measured: it waits until the signal has moved, unless there is a floor."""
    assert all(math.isnan(x) for x in numbers(kind, [5.0] * 500))
    assert numbers(kind, [5.0] * 500, floor=0.1)[-1] == 0.0


@pytest.mark.parametrize("kind", [Spike, Shift, Noise])
def test_one_move_after_a_rest_is_no_stretch(kind: type[Settled]) -> None:
    """A signal that rested until it was settled, and then lives: the warm-up begins anew, or all that follows would be far for ever."""
    found = numbers(kind, [*[5.0] * (WARM + 30), *noisy(WARM + 400)])
    assert all(math.isnan(x) for x in found[: 2 * WARM + 20])
    assert max(found[-300:]) < 2.0


@pytest.mark.parametrize("kind", EVERY)
def test_what_was_beyond_the_setpoint_is_not_settled_anew(kind: type[Settled]) -> None:
    """A renewal takes the readings that were within it: after one, as before, the same fault has about the same number."""
    fault = {
        Spike: [20.0, 20.0, 20.0, 20.0, 20.0, 40.0],
        Shift: [40.0] * 40,
        Still: [20.0] * 60,
        Noise: [20.0, 40.0] * 20,
    }[kind]
    stream = [*noisy(WARM + 20), *noisy(100, seed=2), *fault, *noisy(500, seed=3), *fault]
    found = numbers(kind, stream, renew_s=450.0)
    first = max(found[WARM + 120 : WARM + 120 + len(fault)])
    assert first >= 2.0
    assert max(found[-len(fault) :]) == pytest.approx(first, rel=0.5)


def test_where_nothing_normal_is_left_it_begins_again() -> None:
    """Beyond the setpoint for a whole `renew_s`, the stretch is forgotten."""
    found = numbers(Shift, [*noisy(WARM), *noisy(1200, level=60.0, seed=2)], renew_s=600.0)
    assert found[WARM + 400] > 2.0
    assert math.isnan(found[WARM + 650])
    assert max(found[-50:]) < 2.0


def test_a_memory_longer_than_the_stretch_is_as_wary_of_one_reading() -> None:
    """It remembers what it has heard and no more: a spark moves that mean by half of the largest, as it does any other."""
    found = numbers(Shift, [*noisy(WARM + 20), 1e6, *noisy(200, seed=2)], memory=1000.0)
    assert max(found[WARM:]) < 2.0
    assert max(numbers(Shift, [*noisy(WARM + 20), *[60.0] * 200], memory=1000.0)[WARM:]) > 2.0


FAULTS: dict[type[Settled], list[float]] = {
    Spike: [20.0, 20.0, 20.0, 20.0, 20.0, 32.0],
    Shift: [24.0] * 60,
    Noise: [20.0, 27.0] * 30,
}
WILD = 1e6 * 0.5  # a million times the scale of the noise


@pytest.mark.parametrize("wild", [WILD, -WILD, 1e300, 200.0 * 0.5])
@pytest.mark.parametrize("place", [0, 1, 4, 11, 90, WARM - 1])
@pytest.mark.parametrize("kind", FAULTS.keys())
def test_a_wild_reading_in_the_stretch_costs_nothing(kind: type[Settled], place: int, wild: float) -> None:
    """One in the warm-up, wherever: a fault is as far as it would have been without it, but for what noise makes of the stretch."""
    stretch = noisy(2 * WARM)
    without = max(numbers(kind, [*stretch, *FAULTS[kind]])[-len(FAULTS[kind]) :])
    stretch[place] = wild
    found = numbers(kind, [*stretch, *FAULTS[kind]])
    assert without >= 2.0
    assert max(found[-len(FAULTS[kind]) :]) == pytest.approx(without, rel=0.25)
    assert np.nanmax(found[WARM + 60 : 2 * WARM]) < 2.0


@pytest.mark.parametrize("place", [0, 3, 50])
@pytest.mark.parametrize("kind", FAULTS.keys())
def test_a_wild_burst_in_the_stretch_costs_nothing(kind: type[Settled], place: int) -> None:
    """Four in a hundred of it, one after the other and each another one, or apart from each other: a fault is as far as without them."""
    values = [float(x) for x in np.random.default_rng(5).normal(0.0, WILD, WARM // 25)]
    stretch = noisy(2 * WARM)
    without = max(numbers(kind, [*stretch, *FAULTS[kind]])[-len(FAULTS[kind]) :])
    for apart in (1, 17):
        spoilt = list(stretch)
        for i, value in enumerate(values):
            spoilt[place + i * apart] = value
        found = numbers(kind, [*spoilt, *FAULTS[kind]])
        assert max(found[-len(FAULTS[kind]) :]) >= 0.75 * without >= 1.5


@pytest.mark.parametrize("kind", FAULTS.keys())
def test_a_signal_that_rests_is_not_deaf_for_a_wild_reading(kind: type[Settled]) -> None:
    """It moves once in fifteen readings by a tenth, and once by a million: that one is not its normal."""
    resting = [20.0 + 0.1 * (i % 15 == 14) for i in range(2 * WARM)]
    resting[70] = WILD
    found = numbers(kind, [*resting, *FAULTS[kind]])
    assert max(found[-len(FAULTS[kind]) :]) > 10.0


@pytest.mark.parametrize("kind", FAULTS.keys())
def test_what_stays_or_comes_often_is_no_wild_reading(kind: type[Settled]) -> None:
    """A step of a hundred times the noise to where the plant runs from then on, and one that comes and goes each fifteen readings, are normal."""
    stepped = [*noisy(WARM // 2), *noisy(WARM // 2 + 40, level=100.0)]
    assert np.nanmax(numbers(kind, [*stepped, *noisy(100, level=100.0)], setpoint=2.0)) < 2.0
    busy = [x + 100.0 * (i % 15 > 12) for i, x in enumerate(noisy(1000))]
    assert np.nanmax(numbers(kind, busy)[-400:]) < 2.0
