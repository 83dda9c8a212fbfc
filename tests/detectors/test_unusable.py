"""Readings that cannot be used, counted."""

from __future__ import annotations

import math

from core.batch import Quality
from detectors.unusable import Unusable
from tests.detectors.streams import Reading, batch, definition, in_force


def test_counts_what_cannot_be_used_in_a_row() -> None:
    """Bad quality and no number count alike; uncertain and substituted values can be used; a good one ends the row."""
    bad, unsure = Quality.BAD, Quality.UNCERTAIN
    values = [(1.0, 0), (1.0, bad), (math.nan, bad), (math.inf, 0), (1.0, unsure), (math.nan, bad), (2.0, 3)]
    stream = [Reading(0, float(i), value, quality) for i, (value, quality) in enumerate(values)]
    found = Unusable(in_force(definition("unusable"))).score(batch(stream)).number
    assert found.tolist() == [0.0, 1.0, 2.0, 3.0, 0.0, 1.0, 0.0]
