"""Drift against a neighbour: what the number of `drift` means, and which of the two it is."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.batch import Float64
from detectors.drift import Drift
from tests.detectors.streams import Reading, batch, definition, in_force

WARM = 100


def weather(count: int, seed: int = 1) -> Float64:
    """What both of them see, and wander with: far more than either drifts."""
    return 20.0 + np.cumsum(np.random.default_rng(seed).normal(0.0, 0.2, count))


def numbers(first: Float64, second: Float64, *, setpoint: float = 12.0, **parameters: float) -> list[float]:
    """The number at each second at which both speak."""
    stream = [
        Reading(slot, float(i), float(x))
        for i, pair in enumerate(zip(first, second, strict=True))
        for slot, x in enumerate(pair)
    ]
    given = {"mean_s": 1.0, "warm_up": float(WARM)} | parameters
    found = Drift(in_force(definition("drift", setpoint=setpoint, parameters=given))).score(batch(stream))
    return [float(x) for x in found.number]


def pair(count: int, seed: int = 1, wander: float = 1.0) -> tuple[Float64, Float64]:
    """Two sensors of one thing, three apart."""
    noise = np.random.default_rng(seed + 50).normal(0.0, 0.2, (2, count))
    both = 20.0 + wander * (weather(count, seed) - 20.0)
    return both + noise[0], both + 3.0 + noise[1]


def test_says_nothing_before_the_difference_is_settled() -> None:
    """`warm_up` means without a word, then a number for each instant; what both see gathers nothing, however far it goes."""
    found = numbers(*pair(2000))
    assert all(math.isnan(x) for x in found[:WARM])
    assert np.isfinite(found[WARM + 1 :]).all()
    assert np.mean(np.array(found[WARM + 1 :]) >= 12.0) < 0.02


@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize("whose", [0, 1])
def test_a_slow_departure_of_either_is_seen(side: float, whose: int) -> None:
    """A hundredth of the noise a second, hidden in a process that moves by more: no reading of one sensor shows it."""
    two = pair(800)
    two[whose][300:] += side * 0.004 * np.arange(500)
    found = numbers(*two)
    assert max(found[WARM + 1 : 320]) < 12.0
    assert found[-1] >= 12.0


def test_a_wild_reading_while_it_is_settled_does_not_make_it_deaf() -> None:
    """A value that stands for none, once in the first means: the departure after them is said, not in a month."""
    two = pair(800)
    two[0][40] = 999_999.0
    two[0][300:] += 0.01 * np.arange(500)
    assert numbers(*two)[-1] >= 12.0


def test_it_is_not_learnt_while_it_lasts_and_ends_when_it_is_mended() -> None:
    """Two thousand seconds off are as far as ever; calibrated, it is over soon."""
    two = pair(2600)
    two[0][300:2300] += 2.0
    found = numbers(*two)
    assert min(found[400:2300]) >= 12.0
    assert found[-1] < 12.0


@pytest.mark.parametrize(("whose", "counts"), [(0, True), (1, False)])
def test_told_apart_where_it_can_be(whose: int, counts: bool) -> None:
    """Of a process that stands still it is known which of the two has left its place: with `own` the other's departure is not this one's."""
    two = pair(1500, wander=0.0)
    two[whose][300:] += 0.003 * np.arange(1200)
    found = numbers(*two, own=1.0)
    assert (found[-1] >= 12.0) == counts


@pytest.mark.parametrize("wild", [None, 999_999.0])
def test_where_both_have_moved_it_counts(wild: float | None) -> None:
    """What cannot be told apart is not hidden, nor is it where a wild reading came while their places were settled."""
    two = pair(1500)
    two[0][40] = two[0][40] if wild is None else wild
    two[1][300:] += 0.01 * np.arange(1200)
    two[0][300:] += 0.2 * np.arange(1200)
    assert numbers(*two, own=1.0)[-1] >= 12.0


def test_a_silent_neighbour_is_no_agreement() -> None:
    """While one of them says nothing, nobody can judge."""
    own, other = pair(300)
    stream = [Reading(0, float(i), float(x)) for i, x in enumerate(own)]
    stream += [Reading(1, float(i), float(x)) for i, x in enumerate(other[:200])]
    given = {"mean_s": 1.0, "warm_up": float(WARM), "hold_s": 5.0}
    found = Drift(in_force(definition("drift", parameters=given))).score(batch(stream))
    assert np.isfinite(found.number[WARM + 1 : 200]).all()
    assert np.isnan(found.number[206:]).all()


def test_single_readings_are_taken_together() -> None:
    """The number moves when a mean is there, and a mean of sixty is judged like one reading of less noise."""
    found = numbers(*pair(600), mean_s=60.0, warm_up=3.0)
    assert all(math.isnan(x) for x in found[:180])
    assert len({x for x in found if not math.isnan(x)}) <= 7
