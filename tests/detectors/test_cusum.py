"""Lasting shifts: what the number of `cusum` means."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.batch import Quality
from detectors.cusum import Cusum
from tests.detectors.streams import Reading, batch, definition, in_force

WARM = 200


def noisy(count: int, *, level: float = 20.0, spread: float = 0.5, seed: int = 1) -> list[float]:
    """A signal that stands still but for its noise."""
    return [float(x) for x in np.random.default_rng(seed).normal(level, spread, count)]


def numbers(values: list[float], *, setpoint: float = 12.0, every_s: float = 1.0, **parameters: float) -> list[float]:
    """The numbers for readings a second apart."""
    stream = [Reading(0, i * every_s, value) for i, value in enumerate(values)]
    own = definition("cusum", setpoint=setpoint, parameters={"warm_up": float(WARM)} | parameters)
    return [float(x) for x in Cusum(in_force(own)).score(batch(stream)).number]


def test_says_nothing_before_its_level_is_settled() -> None:
    """`warm_up` readings without a word, then a number for each; noise alone gathers little."""
    found = numbers(noisy(4000))
    assert all(math.isnan(x) for x in found[:WARM])
    assert np.isfinite(found[WARM:]).all()
    assert np.mean(np.array(found[WARM:]) >= 12.0) < 0.01


def test_gathers_by_hand() -> None:
    """Level 1 and spread 1 from four readings; then each reading adds its distance less the slack, and none counts for more than `clip`."""
    found = numbers([0.0, 2.0, 0.0, 2.0, 3.0, 3.0, 1.0, -9.0, -9.0], warm_up=4.0, slack=0.5, clip=4.0)
    assert found[4:] == [1.5, 3.0, 2.5, 3.5, 7.0]


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_drift_that_a_moving_level_would_learn_is_seen(side: float) -> None:
    """A hundredth of the noise a reading, up or down: after two hundred readings it is past, though no reading looks odd."""
    drift = [x + side * 0.005 * i for i, x in enumerate(noisy(400, seed=2))]
    found = numbers([*noisy(WARM), *drift])
    assert max(found[WARM : WARM + 20]) < 12.0
    assert found[-1] >= 12.0


def test_one_spike_is_no_shift() -> None:
    """However large a single reading is, it gathers no more than `clip`."""
    found = numbers([*noisy(WARM), 1e300, *noisy(50, seed=3)])
    assert max(found[WARM:]) < 12.0


@pytest.mark.parametrize("wild", [1e6, -1e300])
def test_a_wild_reading_of_the_warm_up_is_not_all_of_the_spread(wild: float) -> None:
    """A float whose words were swapped, while the level is settled: a drift after it is seen as it would be without."""
    warm = noisy(WARM)
    warm[50] = wild
    drift = [x + 0.005 * i for i, x in enumerate(noisy(500, seed=2))]
    assert numbers([*warm, *drift])[-1] >= 12.0


def test_it_ends_in_time() -> None:
    """A thousand readings at another level gather no more than twice the setpoint: back at its level the alarm ends within a minute."""
    found = numbers([*noisy(WARM), *noisy(1000, level=25.0, seed=2), *noisy(60, seed=3)])
    assert max(found[WARM:]) == 24.0
    assert found[-1] < 12.0


def test_what_is_beyond_the_setpoint_is_not_learnt() -> None:
    """A renewal takes its level from the readings that were not beyond the setpoint: a leak is not the new normal."""
    leak = [*noisy(300, seed=2), *noisy(400, level=25.0, seed=3)]
    found = numbers([*noisy(WARM), *leak], renew_s=600.0)
    assert found[-1] >= 12.0


def test_a_level_is_renewed_from_normal_readings() -> None:
    """What wandered within its setpoint is the level from the renewal on."""
    slow = [20.0 + 0.0004 * i + x for i, x in enumerate(noisy(1000, level=0.0, seed=2))]
    found = numbers([*noisy(WARM), *slow, *noisy(200, level=20.2, seed=4)], setpoint=200.0, renew_s=1000.0, slack=0.2)
    assert found[WARM + 990] > 30.0
    assert max(found[-150:]) < 60.0


def test_where_nothing_normal_is_left_it_begins_again() -> None:
    """Beyond the setpoint for a whole `renew_s`, it is forgotten: it has been said for so long."""
    found = numbers([*noisy(WARM), *noisy(1000, level=30.0, seed=2)], renew_s=600.0)
    assert found[700] == 24.0
    assert math.isnan(found[WARM + 700])
    assert max(found[-50:]) < 12.0


def test_what_never_moved_cannot_be_judged_without_a_floor() -> None:
    """A level without any spread says nothing of the first step; with a floor it does."""
    rested = [5.0] * 300 + [6.0] * 20
    assert all(math.isnan(x) for x in numbers(rested))
    assert numbers(rested, floor=0.1)[-1] == 24.0


def test_a_bad_reading_gathers_nothing() -> None:
    """It is NaN, and the sums are what they were."""
    values = noisy(300)
    stream = [Reading(0, float(i), x, Quality.BAD if i % 3 == 0 else Quality.GOOD) for i, x in enumerate(values)]
    own = definition("cusum", setpoint=12.0, parameters={"warm_up": 50.0})
    found = Cusum(in_force(own)).score(batch(stream)).number
    good = numbers([x for i, x in enumerate(values) if i % 3], warm_up=50.0)
    assert np.array_equal(found[[i for i in range(300) if i % 3]], good, equal_nan=True)
