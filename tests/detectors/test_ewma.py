"""Unusual values: what the number of `ewma` means."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.batch import Quality
from detectors.ewma import Ewma
from tests.detectors.streams import Reading, batch, definition, in_force

WARM = {"warm_up": 50.0}


def noisy(count: int, *, level: float = 20.0, spread: float = 0.5, seed: int = 1) -> list[float]:
    """A signal that stands still but for its noise."""
    return [float(x) for x in np.random.default_rng(seed).normal(level, spread, count)]


def numbers(values: list[float], *, setpoint: float = 6.0, every_s: float = 1.0, **parameters: float) -> list[float]:
    """The numbers for readings a second apart."""
    stream = [Reading(0, i * every_s, value) for i, value in enumerate(values)]
    found = Ewma(in_force(definition("ewma", setpoint=setpoint, parameters=WARM | parameters))).score(batch(stream))
    return [float(x) for x in found.number]


def test_says_nothing_before_it_is_warm() -> None:
    """`warm_up` readings without a word, then a number for each."""
    found = numbers(noisy(80))
    assert all(math.isnan(x) for x in found[:50])
    assert all(x < 5.0 for x in found[50:])


def test_measures_both_sides_in_standard_deviations() -> None:
    """Ten standard deviations up or down are about ten, without a sign."""
    for value in (25.0, 15.0):
        assert numbers([*noisy(300), value])[-1] == pytest.approx(10.0, rel=0.2)


def test_a_leak_is_not_learnt_while_it_is_beyond_the_setpoint() -> None:
    """An hour at the new level is as unusual at its end as at its beginning: nothing is absorbed."""
    found = numbers([*noisy(300), *noisy(3600, level=30.0, seed=2)])
    assert min(found[301:]) > 15.0
    assert np.mean(found[300:400]) == pytest.approx(np.mean(found[-100:]), rel=0.05)


def test_a_plant_that_stays_at_another_point_is_learnt_anew_in_the_end() -> None:
    """After `relearn_s` beyond the setpoint without a break the warm-up begins again, and the new level is normal."""
    found = numbers([*noisy(300), *noisy(1000, level=30.0, seed=2)], relearn_s=600.0)
    assert found[899] > 15.0
    assert all(math.isnan(x) for x in found[901:949])
    assert all(x < 5.0 for x in found[960:])


def test_a_silence_is_a_break() -> None:
    """One spike, nine hours without readings, then a leak: nobody knows what was between, so the leak is not the normal."""
    values = [*noisy(300), 99.0, *noisy(3, level=30.0, seed=2)]
    stream = [Reading(0, i + (9 * 3600.0 if i > 300 else 0.0), value) for i, value in enumerate(values)]
    found = Ewma(in_force(definition("ewma", setpoint=6.0, parameters=WARM))).score(batch(stream)).number
    assert all(x > 15.0 for x in found[300:])


def test_one_spike_does_not_blind_it() -> None:
    """A spike below the setpoint is drawn in before it is learnt: the next one is as unusual as the first."""
    values = [*noisy(600), 22.8, *noisy(5, seed=3), 22.8]
    found = numbers(values)
    assert found[600] == pytest.approx(found[606], rel=0.1)


@pytest.mark.parametrize("wild", [1e6, -1e30, 1e300])
def test_a_wild_reading_of_the_warm_up_does_not_make_it_deaf(wild: float) -> None:
    """A float whose words were swapped, before it has said anything: what lies ten standard deviations off after it is far, and noise is not."""
    values = [*noisy(300), 25.0]
    values[30] = wild
    found = numbers(values)
    assert found[-1] > 6.0
    assert max(found[51:-1]) < 6.0  # the warm-up is a reading longer


def test_a_value_that_never_moved_cannot_be_judged_until_it_does() -> None:
    """Without noise there is no measure; `floor` gives one."""
    assert all(math.isnan(x) for x in numbers([5.0] * 200 + [6.0])[:201])
    assert numbers([5.0] * 200 + [6.0], floor=0.1)[-1] == pytest.approx(10.0)


def test_a_long_silence_does_not_make_one_reading_the_whole_memory() -> None:
    """After a week without readings the level is still the old one."""
    stream = [Reading(0, float(i), value) for i, value in enumerate(noisy(300))]
    stream += [Reading(0, 604_800.0, 20.4), Reading(0, 604_801.0, 25.0)]
    found = Ewma(in_force(definition("ewma", setpoint=6.0, parameters=WARM))).score(batch(stream)).number
    assert found[-1] == pytest.approx(10.0, rel=0.2)


def test_bad_quality_teaches_nothing() -> None:
    """A reading that its device calls bad is passed over."""
    stream = [Reading(0, float(i), value) for i, value in enumerate(noisy(300))]
    worse = [*stream, *(Reading(0, 300.0 + i, 9e9, Quality.BAD) for i in range(50)), Reading(0, 400.0, 25.0)]
    found = Ewma(in_force(definition("ewma", setpoint=6.0, parameters=WARM))).score(batch(worse)).number
    assert np.all(np.isnan(found[300:350]))
    assert found[-1] == pytest.approx(10.0, rel=0.2)


HOURS_8 = 28_800


@pytest.mark.parametrize("memory_s", [3600.0, 86_400.0])
@pytest.mark.parametrize("size", [8.0, 20.0])
def test_a_fault_is_held_for_relearn_s_at_either_half_life(memory_s: float, size: float) -> None:
    """Both memories that come as a pair (`signal.unusual`, `signal.unusual-day`) say a fault until they may forget: it is not absorbed on the way."""
    every_s, day = 10.0, 8640
    long = {"memory_s": memory_s, "relearn_s": float(HOURS_8), "every_s": every_s, "warm_up": 600.0, "back": 0.5}
    found = numbers([*noisy(day), *noisy(2 * day, level=20.0 + 0.5 * size, seed=2)], **long)
    held = np.array(found[day : day + int(HOURS_8 / every_s)])
    assert np.mean(held >= 6.0) > 0.95
    assert np.mean(held[-100:]) == pytest.approx(np.mean(held[:100]), rel=0.15)


@pytest.mark.parametrize("memory_s", [3600.0, 86_400.0])
@pytest.mark.parametrize("size", [7.0, 8.0, 20.0])
def test_a_level_that_has_changed_for_good_is_normal_in_the_end(memory_s: float, size: float) -> None:
    """However far it went, and though noise brings it back below the setpoint now and then: two days later it is usual."""
    every_s, day = 10.0, 8640
    long = {"memory_s": memory_s, "relearn_s": float(HOURS_8), "every_s": every_s, "warm_up": 600.0, "back": 0.5}
    found = np.array(numbers([*noisy(day), *noisy(3 * day, level=20.0 + 0.5 * size, seed=2)], **long))
    assert np.nanmean(found[-day:] >= 6.0) < 0.001


def test_back_from_a_long_fault_it_is_normal_at_once() -> None:
    """A sensor that was mended after four hours is measured against what it was before the fault."""
    values = [*noisy(3000), *noisy(1440, level=40.0, seed=2), *noisy(500, seed=3)]
    found = numbers(values, every_s=10.0)
    assert min(found[3001:4440]) > 30.0
    assert max(found[4440:]) < 6.0
