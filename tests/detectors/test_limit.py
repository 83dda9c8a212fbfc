"""Limit: the value itself."""

from __future__ import annotations

import math

import numpy as np

from core.batch import Mark, Quality
from detectors.limit import Limit
from tests.detectors.streams import Reading, batch, definition, in_force


def test_the_number_is_the_value() -> None:
    """A limit sees exactly what was measured, sign, zero and the smallest number included."""
    values = [0.0, -0.0, 25.0, -40.0, 5e-324, 1.7e308]
    scores = Limit(in_force(definition("limit"))).score(batch([Reading(0, i, v) for i, v in enumerate(values)]))
    assert scores.number.tobytes() == np.array(values).tobytes()


def test_doubtful_values_are_judged_and_bad_ones_are_not() -> None:
    """Only bad quality, or no number at all, cannot be judged; ingest's own marks change nothing."""
    good: list[int] = [Quality.GOOD, Quality.UNCERTAIN, Quality.SUBSTITUTED, Mark.CLOCK | Mark.REPLAYED]
    bad: list[int] = [Quality.BAD, Mark.CLOCK | Mark.LATE | Quality.BAD]
    stream = [Reading(0, i, 7.0, q) for i, q in enumerate([*good, *bad])] + [Reading(0, 9, math.nan)]
    number = Limit(in_force(definition("limit"))).score(batch(stream)).number
    assert number[: len(good)].tolist() == [7.0] * len(good)
    assert np.isnan(number[len(good) :]).all()


def test_each_definition_on_a_sensor_gets_the_number() -> None:
    """Two stages on one gas detector are two definitions: both are told of each reading, in definition order."""
    own = in_force(
        definition("limit", 1, definition_id=1), definition("stale", 1), definition("limit", 1, definition_id=2)
    )
    scores = Limit(own).score(batch([Reading(1, 1, 26.0), Reading(0, 1, 99.0), Reading(1, 2, 51.0)]))
    assert scores.definition.tolist() == [0, 2, 0, 2]
    assert scores.row.tolist() == [0, 0, 2, 2]
    assert scores.number.tolist() == [26.0, 26.0, 51.0, 51.0]
