"""Readings that pile up at the end of a range: what the number of `clipped` means, and of `outside` beside it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detectors.clipped import Clipped
from detectors.outside import Outside
from tests.detectors.streams import Reading, batch, definition, in_force

WARM = 300
LEARNT = WARM + 20  # the first share is there after `memory` readings


def wave(count: int, *, size: float = 10.0, seed: int = 1) -> list[float]:
    """A signal that goes up and down in forty readings, with noise."""
    noise = np.random.default_rng(seed).normal(0.0, 0.3, count)
    return [float(50.0 + size * math.sin(i / 6.4) + x) for i, x in enumerate(noise)]


def numbers(values: list[float], **parameters: float) -> list[float]:
    stream = [Reading(0, float(i), value) for i, value in enumerate(values)]
    given = {"warm_up": float(WARM)} | parameters
    own = definition("clipped", setpoint=2.0, parameters=given)
    return [float(x) for x in Clipped(in_force(own)).score(batch(stream)).number]


def test_a_signal_that_is_held_back_is_clipped() -> None:
    """It swings farther than the transmitter can tell, at the upper end or at the lower: a third of each wave is one value."""
    for cut in (lambda x: min(x, 62.0), lambda x: max(x, 38.0)):
        found = numbers([*wave(LEARNT), *map(cut, wave(200, size=30.0, seed=2))])
        assert np.nanmax(found[LEARNT:]) >= 2.0


def test_a_signal_that_swings_farther_and_is_not_held_back_is_not() -> None:
    """A new highest value with every swing is nothing that piles up."""
    assert np.nanmax(numbers([*wave(LEARNT), *wave(400, size=30.0, seed=2)])) < 2.0


def test_what_lies_at_an_end_by_nature_is_never_clipped() -> None:
    """A gas that is not there, and a contact: at their end while their normal was settled."""
    gas = [0.0 if i % 10 else 0.1 for i in range(LEARNT)]
    assert max(numbers([*gas, *[0.0] * 300])[LEARNT:]) < 2.0
    contact = [float(i // 50 % 2) for i in range(800)]
    assert max(x for x in numbers(contact) if not math.isnan(x)) < 2.0


def test_one_wild_reading_hides_it_for_a_hundred_memories_at_most() -> None:
    """Ends are those of late: what lay beyond them once is forgotten."""
    clipped = [min(x, 62.0) for x in wave(4000, size=30.0, seed=2)]
    found = numbers([*wave(LEARNT), 500.0, *clipped])
    assert max(found[LEARNT + 50 : LEARNT + 500]) < 2.0
    assert max(found[-300:]) >= 2.0


def test_outside_is_a_share_of_the_range() -> None:
    """Percent of the range beyond the nearer end, 0 within it; what is no number cannot be judged."""
    own = definition("outside", parameters={"low": 4.0, "high": 20.0})
    values = [12.0, 4.0, 20.0, 3.6, 21.0, math.nan, 1.7e308, -1.7e308]
    found = Outside(in_force(own)).score(batch([Reading(0, float(i), x) for i, x in enumerate(values)])).number
    assert found[:3].tolist() == [0.0, 0.0, 0.0]
    assert found[3:5].tolist() == pytest.approx([2.5, 6.25])
    assert math.isnan(found[5])
    assert np.isfinite(found[6:]).all()
    nobody_knows = definition("outside", parameters={"low": 20.0, "high": 4.0})
    assert np.isnan(Outside(in_force(nobody_knows)).score(batch([Reading(0, 0.0, 5.0)])).number).all()
