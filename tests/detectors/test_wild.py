"""One wild reading (a spark on the line, a float whose words were swapped): no alarm of minutes, and no deafness, wherever it comes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from core.batch import Float64
from detectors.registry import DETECTORS
from tests.detectors.streams import Reading, batch, definition, in_force

WARM = 200
BEGIN = 20 * WARM  # where what is tried begins
WILD = 1e6


@dataclass(frozen=True)
class Case:
    """A definition, and what is a fault for it.

    Args:
        fault: is added to the signal, of noise with a standard deviation of 1, from `BEGIN` on.
        longest: readings that one wild one may keep it beyond its setpoint.
    """

    setpoint: float
    fault: Float64
    parameters: dict[str, float] = field(default_factory=lambda: {"warm_up": float(WARM)})
    longest: int = 1


# Setpoints as the lines of packs/signal_limits.yaml have them, or near.
CASES = {
    "spike": Case(2.0, np.array([15.0])),
    "shift": Case(2.0, np.full(200, 6.0), longest=0),
    "noise": Case(2.0, np.resize([-6.0, 6.0], 200), longest=0),
    "clipped": Case(3.0, np.zeros(0), longest=0),
    "still": Case(3.0, np.zeros(0), longest=0),
    "ewma": Case(6.0, np.full(200, 12.0)),
    "cusum": Case(12.0, np.full(200, 2.0), longest=0),
    "drift": Case(12.0, np.full(200, 3.0), {"warm_up": float(WARM), "mean_s": 1.0}, longest=0),
    "deviation": Case(10.0, np.full(100, 15.0), {"window_s": 600.0}),
    "odd": Case(3.0, np.zeros(0), longest=16),
}
EVERY = pytest.mark.parametrize("name", CASES.keys())
HEARING = [name for name, case in CASES.items() if len(case.fault)]


def signal(count: int = BEGIN + 600) -> Float64:
    """20 and noise of 1."""
    return np.random.default_rng(4).normal(20.0, 1.0, count)


def numbers(name: str, values: Float64, at_s: Float64 | None = None) -> Float64:
    """The numbers for readings a second apart; of a detector of two the other sensor has noise of its own."""
    case = CASES[name]
    kind = DETECTORS[name]
    at = np.arange(len(values)) if at_s is None else at_s
    other = np.random.default_rng(9).normal(25.0, 1.0, len(values))
    both = ((0, values), (1, other)) if kind.is_of_two else ((0, values),)
    stream = [Reading(slot, float(t), float(x[i])) for i, t in enumerate(at) for slot, x in both]
    own = definition(name, setpoint=case.setpoint, parameters=case.parameters)
    return kind(in_force(own)).score(batch(stream)).number


@pytest.mark.parametrize("wild", [WILD, -WILD, 1e300, 1e3])
@EVERY
def test_one_wild_reading_is_no_alarm_of_minutes(name: str, wild: float) -> None:
    """Once it is warm, a reading that has nothing to do with the others keeps a number beyond its setpoint for a few readings at most."""
    values = signal()
    assert np.nanmax(numbers(name, values)[WARM:]) < CASES[name].setpoint
    values[BEGIN] += wild
    assert int((numbers(name, values)[WARM:] >= CASES[name].setpoint).sum()) <= CASES[name].longest


@EVERY
def test_nor_are_two_that_come_apart(name: str) -> None:
    """A bad contact that sparks twice in a minute is no shift: the first must not have left more room for the second."""
    values = signal()
    values[BEGIN] = values[BEGIN + 40] = WILD
    longest = CASES[name].longest * 2
    if name == "deviation":
        return  # of its sixteen buckets it leaves out one
    assert int((numbers(name, values)[WARM:] >= CASES[name].setpoint).sum()) <= longest


@pytest.mark.parametrize("name", HEARING)
def test_what_stays_is_said_as_soon_as_ever(name: str) -> None:
    """What is truly elsewhere is beyond the setpoint within the readings that it took before, and a reading or two more."""
    values = signal()
    case = CASES[name]
    values[BEGIN : BEGIN + len(case.fault)] += case.fault
    found = numbers(name, values)[BEGIN : BEGIN + len(case.fault)]
    assert np.nanmax(found) >= case.setpoint
    far = signal()
    far[BEGIN : BEGIN + len(case.fault)] += 1000.0 * case.fault
    if name not in ("cusum", "drift"):  # how far a reading counts is one of their parameters
        assert int(np.argmax(numbers(name, far)[BEGIN:] >= case.setpoint)) <= 7


@pytest.mark.parametrize("wild", [WILD, -WILD, 1e300])
@pytest.mark.parametrize("place", [0, 1, 2, 4, 9, 10, 11, 50, WARM - 1])
@pytest.mark.parametrize("name", [name for name in HEARING if name != "deviation"])
def test_one_wild_reading_of_the_warm_up_leaves_it_its_ears(name: str, place: int, wild: float) -> None:
    """Among the first ten as well, when nothing is known yet: a fault is about as far as it would have been without it (a mean that begins anew is a
    noisy one), and noise is none."""
    values = signal()
    values[BEGIN : BEGIN + len(CASES[name].fault)] += CASES[name].fault
    without = np.nanmax(numbers(name, values)[BEGIN:])
    values[place] += wild
    found = numbers(name, values)
    assert np.nanmax(found[BEGIN:]) >= max(0.4 * without, CASES[name].setpoint)
    assert np.nanmax(found[WARM + 20 : BEGIN]) < CASES[name].setpoint


def test_a_wild_reading_of_the_neighbour_is_not_its_departure() -> None:
    """With `own` what is clearly the other's drift does not count: one spark on its line takes away no hour of ours."""
    values, other = signal(), np.random.default_rng(9).normal(25.0, 1.0, BEGIN + 600)
    values[BEGIN:] += 3.0
    other[BEGIN + 100] = WILD
    given = {"warm_up": float(WARM), "mean_s": 1.0, "own": 1.0}
    stream = [
        Reading(slot, float(i), float(x))
        for i, two in enumerate(zip(values, other, strict=True))
        for slot, x in enumerate(two)
    ]
    own = definition("drift", setpoint=12.0, parameters=given)
    found = DETECTORS["drift"](in_force(own)).score(batch(stream)).number
    assert (found[BEGIN + 110 : BEGIN + 300] >= 12.0).all()
