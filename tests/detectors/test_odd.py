"""Odd readings: what the number of `odd` means."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detectors.odd import Odd
from detectors.sketch import BINS, place_of, share_above
from tests.detectors.streams import Reading, batch, definition, in_force


def noisy(count: int, *, level: float = 20.0, spread: float = 0.5, seed: int = 1) -> list[float]:
    """A signal that stands still but for its noise."""
    return [float(x) for x in np.random.default_rng(seed).normal(level, spread, count)]


def numbers(values: list[float], **parameters: float) -> list[float]:
    """The numbers for readings a second apart."""
    stream = [Reading(0, float(i), value) for i, value in enumerate(values)]
    found = Odd(in_force(definition("odd", parameters=parameters))).score(batch(stream))
    return [float(x) for x in found.number]


def test_says_nothing_before_it_knows_anything() -> None:
    """`warm_up` readings without a word, and none at all of what never moved."""
    found = numbers(noisy(400), warm_up=100.0)
    assert all(math.isnan(x) for x in found[:100])
    assert np.isfinite(found[100:]).all()
    assert all(math.isnan(x) for x in numbers([5.0] * 400, warm_up=100.0))


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_one_setpoint_does_for_every_unit(scale: float) -> None:
    """Of noise one reading in some hundreds has 2 or more, in whatever unit; a leap has the most that its past allows."""
    values = [scale * x for x in [*noisy(5000), 60.0]]
    found = numbers(values)
    assert 0.0 < np.mean(np.array(found[1000:-1]) >= 2.0) < 0.01
    assert found[-1] > 3.0


@pytest.mark.parametrize("wild", [1e300, -1.7e308, 4_294_967_295.0])
def test_a_wild_first_reading_is_no_place_to_count_from(wild: float) -> None:
    """All courses are kept as distances from the first reading: from one that is as far as numbers go everything was alike, for ever."""
    values = [*noisy(999), 60.0]
    without, found = numbers(values), numbers([wild, *values])
    assert found[1:] == pytest.approx(without, nan_ok=True)
    assert found[-1] > 2.0


@pytest.mark.parametrize("memory", [200.0, 2000.0])
def test_it_says_how_far_its_number_goes(memory: float) -> None:
    """No leap is rarer than once in all that is remembered, which is `memory` readings to twice as many; a budget asks for no more than that."""
    found = numbers([*noisy(5000), 1e6], memory=memory)
    assert Odd.reach({"memory": memory}, 5000) == pytest.approx(math.log10(memory + 1.0))
    assert np.nanmax(found) <= math.log10(2.0 * memory + 1.0)
    assert Odd.reach({}, 900) == pytest.approx(math.log10(901.0))


def test_what_goes_on_is_odd_no_longer() -> None:
    """Everything is learnt: a thousand readings at another level are ordinary."""
    found = numbers([*noisy(1000), *noisy(1000, level=30.0, seed=2)])
    assert max(found[1000:1010]) > 2.0
    assert np.mean(found[-300:]) < 1.0


def test_a_sketch_gives_the_rank_among_the_past() -> None:
    """Within a few parts in a hundred of counting all of it, over four orders of magnitude of scores."""
    scores = np.random.default_rng(3).lognormal(0.0, 1.0, 3000)
    counts, scale = np.zeros((1, 1, BINS), np.float32), float(scores[:50].max())
    shares = [share_above(counts, 0, 0, place_of(scale, float(x)), float(n)) for n, x in enumerate(scores)]
    for n in range(500, 3000, 97):
        true = (1.0 + (scores[:n] >= scores[n]).sum()) / (n + 1.0)
        assert shares[n] == pytest.approx(true, abs=0.04, rel=0.35)
