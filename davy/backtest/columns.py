"""Stored readings as columns of a batch: arrays that PostgreSQL has gathered by sensor, in its binary form.

A COPY hands over a message a row, which costs a turn of a Python loop each; an array a sensor and column costs one for
thousands of readings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.batch import NEVER, Float64, Int64, Mark, ReadingBatch, UInt8
from ingest.copy_rows import EPOCH_2000_US

_HEAD: Final = 20  # bytes before the first element of a one-dimensional array; PostgreSQL's array_send
_LATE: Final = np.uint8(Mark.LATE)


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored of one sensor in a stretch, ascending by `measured_at`.

    Args:
        measured_at, judged_at: int64, microseconds UTC; value: float64, NaN where there is none; quality: uint8.
    """

    sensor_id: int
    measured_at: Int64
    judged_at: Int64
    value: Float64
    quality: UInt8

    def __len__(self) -> int:
        return len(self.measured_at)


def numbers(array: bytes | None) -> Float64:
    """The elements of a binary double precision[] without nulls."""
    if array is None:
        return np.empty(0, np.float64)
    return np.frombuffer(array, np.dtype([("length", ">i4"), ("value", ">f8")]), offset=_HEAD)["value"].astype(
        np.float64
    )


def instants(array: bytes | None) -> Int64:
    """The elements of a binary timestamptz[] without nulls, microseconds since 1970."""
    if array is None:
        return np.empty(0, np.int64)
    found = np.frombuffer(array, np.dtype([("length", ">i4"), ("value", ">i8")]), offset=_HEAD)["value"]
    since_1970: Int64 = found.astype(np.int64) + EPOCH_2000_US
    return since_1970


def marks(array: bytes | None) -> UInt8:
    """The elements of a binary smallint[] without nulls, as qualities."""
    if array is None:
        return np.empty(0, np.uint8)
    return np.frombuffer(array, np.dtype([("length", ">i4"), ("value", ">i2")]), offset=_HEAD)["value"].astype(np.uint8)


def stored(
    sensor_id: int,
    measured: bytes | None,
    value: bytes | None,
    unusual_at: bytes | None,
    unusual: bytes | None,
    moved_at: bytes | None,
    moved_to: bytes | None,
) -> Stored:
    """One sensor's readings.

    Args:
        measured, value: of all readings, in one order.
        unusual_at, unusual: stamp and quality of those whose quality is not plainly good.
        moved_at, moved_to: stamp and judged time of those that were judged at another instant than their stamp.
    """
    at, number = instants(measured), numbers(value)
    if (at[1:] < at[:-1]).any():
        order = np.argsort(at, kind="stable")
        at, number = at[order], number[order]
    quality, judged_at = np.zeros(len(at), np.uint8), at
    if unusual is not None:
        quality[np.searchsorted(at, instants(unusual_at))] = marks(unusual)
    if moved_to is not None:
        judged_at = at.copy()
        judged_at[np.searchsorted(at, instants(moved_at))] = instants(moved_to)
    return Stored(sensor_id, at, judged_at, number, quality)


def joined(parts: list[Stored], slot_of: dict[int, int]) -> ReadingBatch:
    """The readings of several sensors in the order in which they were judged."""
    if not parts:
        return ReadingBatch.empty()
    slots = np.concatenate([np.full(len(part), slot_of[part.sensor_id], np.int32) for part in parts])
    measured_at = np.concatenate([part.measured_at for part in parts])
    judged_at = np.concatenate([part.judged_at for part in parts])
    value = np.concatenate([part.value for part in parts])
    quality = np.concatenate([part.quality for part in parts])
    batch = ReadingBatch(slots, measured_at, judged_at, judged_at, value, quality)
    return (
        batch
        if len(parts) == 1 and not (judged_at[1:] < judged_at[:-1]).any()
        else batch.take(np.argsort(judged_at, kind="stable"))
    )


class Order:
    """Which readings come on time: those that are not above what their sensor was judged by last are late.

    Args:
        slots: how many sensors the directory has.
    """

    def __init__(self, slots: int) -> None:
        self._judged_to: Int64 = np.full(slots, NEVER, np.int64)
        self._averaged_to = self._judged_to.copy()

    def late(self, batch: ReadingBatch) -> NDArray[np.bool_]:
        """bool, one a reading: what ingest marked as late, and what a clock that was set puts behind its time."""
        marked = (batch.quality & _LATE) != 0
        late: NDArray[np.bool_] = marked | (batch.judged_at <= self._judged_to[batch.sensor])
        on_time = ~late
        np.maximum.at(self._judged_to, batch.sensor[on_time], batch.judged_at[on_time])
        return late

    def behind(self, batch: ReadingBatch) -> NDArray[np.bool_]:
        """bool, one a reading: what averages leave out. A late one has come to its place in history; what a clock that was set puts
        behind an earlier piece has not."""
        behind: NDArray[np.bool_] = batch.judged_at <= self._averaged_to[batch.sensor]
        np.maximum.at(self._averaged_to, batch.sensor[~behind], batch.judged_at[~behind])
        return behind
