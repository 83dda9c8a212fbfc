"""Stuck: seconds since the value last moved."""

from __future__ import annotations

import math

from core.batch import Quality
from detectors.stuck import Stuck
from tests.detectors.streams import Reading, batch, definition, in_force


def seconds(stream: list[Reading], **parameters: float) -> list[float]:
    numbers: list[float] = (
        Stuck(in_force(definition("stuck", parameters=parameters))).score(batch(stream)).number.tolist()
    )
    return numbers


def test_counts_from_the_last_move() -> None:
    """The number grows with judged time while the value stands, and starts again at a move."""
    values = [1.0, 1.0, 1.0, 2.0, 2.0, 1.0]
    assert seconds([Reading(0, 10.0 * i, v) for i, v in enumerate(values)]) == [0.0, 10.0, 20.0, 0.0, 10.0, 0.0]


def test_noise_within_the_tolerance_is_no_move() -> None:
    """A move must be larger than the tolerance: as large is not enough."""
    values = [5.0, 5.5, 4.5, 5.0, 5.51, 5.2]
    assert seconds([Reading(0, i, v) for i, v in enumerate(values)], tolerance=0.5) == [0.0, 1.0, 2.0, 3.0, 0.0, 1.0]


def test_a_slow_drift_is_a_move() -> None:
    """Measured from where the value came to rest: ten steps below the tolerance add up to a move."""
    found = seconds([Reading(0, i, 0.25 * i) for i in range(20)], tolerance=1.0)
    assert max(found) == 4.0


def test_a_bad_reading_neither_moves_nor_judges() -> None:
    """A wild value of bad quality says nothing of the sensor's standing still."""
    stream = [Reading(0, 0, 3.0), Reading(0, 1, 99.0, Quality.BAD), Reading(0, 2, math.nan), Reading(0, 3, 3.0)]
    found = seconds(stream)
    assert math.isnan(found[1])
    assert math.isnan(found[2])
    assert (found[0], found[3]) == (0.0, 3.0)


def test_a_frozen_sensor_among_live_ones_is_the_one_found() -> None:
    """Three sensors interleaved, one frozen after a minute: only its number passes ten minutes."""
    stream = [
        Reading(slot, float(s), 7.0 if slot == 1 and s > 60 else math.sin(s + slot))
        for s in range(800)
        for slot in range(3)
    ]
    own = in_force(*(definition("stuck", slot, definition_id=slot + 1) for slot in range(3)))
    scores = Stuck(own).score(batch(stream))
    assert set(scores.definition[scores.number >= 600.0].tolist()) == {1}
