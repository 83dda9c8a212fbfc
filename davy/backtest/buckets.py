"""Minutes and hours in the place of readings that are gone: what of them a condition is given.

A minute knows its lowest, highest and mean value, and not when they were. A limit is given the value that is nearest to beginning
it first, and the other end of the minute last: so it begins wherever it can have begun, and goes on only through minutes that lie
beyond it as a whole. Delays under a minute cannot be judged, and the answer says so. What is about movement is given the mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from core.batch import Float64, Int64
from core.model import AlarmDefinition
from davy.backtest.columns import Stored, instants, numbers

SECOND_US: Final = 1_000_000
WIDTH_US: Final = {"minute": 60 * SECOND_US, "hour": 3_600 * SECOND_US}
HIGH, LOW, MEAN = "high", "low", "mean"

Row = tuple[bytes | None, ...]


def view_of(definition: AlarmDefinition) -> str:
    """Which numbers of a minute a definition is given."""
    return definition.direction if definition.detector == "limit" else MEAN


def begins(row: Row) -> tuple[int, Int64]:
    """The sensor of a row of binary arrays, and when its buckets begin."""
    return int.from_bytes(row[0] or b"", "big"), instants(row[1])


def views(rows: Sequence[Row], grain: str) -> dict[str, list[Stored]]:
    """Each view's readings in the place of the buckets."""
    width = WIDTH_US[grain]
    found: dict[str, list[Stored]] = {HIGH: [], LOW: [], MEAN: []}
    for row in rows:
        sensor_id, at = begins(row)
        low, high, mean = (numbers(row[column]) for column in (2, 3, 4))
        found[HIGH].append(_pair(sensor_id, at, high, low, width))
        found[LOW].append(_pair(sensor_id, at, low, high, width))
        middle = at + width // 2
        found[MEAN].append(Stored(sensor_id, middle, middle, mean, np.zeros(len(at), np.uint8)))
    return found


def _pair(sensor_id: int, at: Int64, first: Float64, last: Float64, width: int) -> Stored:
    both = np.empty(2 * len(at), np.int64)
    both[0::2], both[1::2] = at, at + width - SECOND_US
    value = np.empty(2 * len(at), np.float64)
    value[0::2], value[1::2] = first, last
    return Stored(sensor_id, both, both, value, np.zeros(len(both), np.uint8))
