"""Columns as PostgreSQL's binary formats, built by numpy: COPY rows in and out, and array parameters.

Source: PostgreSQL documentation, COPY, "Binary Format"; src/backend/utils/adt/arrayfuncs.c, array_recv.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Dumper, PyFormat
from psycopg.pq import Format

from core.batch import Int32, Int64, ReadingBatch

EPOCH_2000_US: Final = 946_684_800_000_000  # timestamptz counts from 2000-01-01, we from 1970-01-01
_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = b"\xff\xff"
_LENGTHS: Final = {"sensor_id": 4, "measured_at": 8, "value": 8, "quality": 2, "batch_no": 8, "judged_at": 8}
_TYPES: Final = {
    "sensor_id": ">i4",
    "measured_at": ">i8",
    "value": ">f8",
    "quality": ">i2",
    "batch_no": ">i8",
    "judged_at": ">i8",
}
READING_COLUMNS: Final = ("sensor_id", "measured_at", "value", "quality", "batch_no")


def _row_type(columns: tuple[str, ...]) -> np.dtype[np.void]:
    parts: list[tuple[str, str]] = [("fields", ">i2")]
    for name in columns:
        parts += [(f"{name}_length", ">i4"), (name, _TYPES[name])]
    return np.dtype(parts)


_SAME: Final = _row_type(READING_COLUMNS)
_JUDGED: Final = _row_type((*READING_COLUMNS, "judged_at"))
_STORED: Final = _row_type(("batch_no", "sensor_id", "measured_at", "judged_at", "value", "quality"))


def _blank(kind: np.dtype[np.void], n: int) -> tuple[bytearray, NDArray[np.void]]:
    """The whole input of a COPY, written once where it lies, and its rows, which wait for their values."""
    whole = bytearray(len(_HEADER) + n * kind.itemsize + len(_TRAILER))
    whole[: len(_HEADER)] = _HEADER
    whole[-len(_TRAILER) :] = _TRAILER
    rows = np.frombuffer(whole, kind, n, len(_HEADER))
    names = [name for name in kind.names or () if name in _LENGTHS]
    rows["fields"] = len(names)
    for name in names:
        rows[f"{name}_length"] = _LENGTHS[name]
    return whole, rows


def reading_rows(batch: ReadingBatch, sensor_id: Int32, batch_no: int, *, judged: bool) -> bytearray:
    """Readings as the input of a binary COPY.

    Args:
        sensor_id: int32, of each slot.
        judged: with `judged_at` as a sixth column.
    """
    whole, rows = _blank(_JUDGED if judged else _SAME, len(batch))
    rows["sensor_id"] = sensor_id[batch.sensor]
    rows["measured_at"] = batch.measured_at - EPOCH_2000_US
    rows["value"] = batch.value
    rows["quality"] = batch.quality
    rows["batch_no"] = batch_no
    if judged:
        rows["judged_at"] = batch.judged_at - EPOCH_2000_US
    return whole


def stored_rows(copied: bytes) -> NDArray[np.void]:
    """The output of a binary COPY of (batch_no, sensor_id, measured_at, judged_at, value, quality), none of them null."""
    body = memoryview(copied)[len(_HEADER) : -len(_TRAILER)]
    return np.frombuffer(body, _STORED)


# element type -> (oid of the array, oid of the element), PostgreSQL's pg_type.dat
_ARRAY_OIDS: Final = {"i2": (1005, 21), "i4": (1007, 23), "i8": (1016, 20), "f8": (1022, 701), "b1": (1000, 16)}


class ColumnDumper(Dumper):
    """A one-dimensional numpy array as an array parameter."""

    format = Format.BINARY

    def get_key(self, obj: Any, format: PyFormat) -> Any:
        """Arrays of different element types are different parameters."""
        return (self.cls, obj.dtype.str)

    def upgrade(self, obj: Any, format: PyFormat) -> ColumnDumper:
        """A dumper that knows the element type."""
        dumper = ColumnDumper(self.cls)
        dumper.oid = _ARRAY_OIDS[obj.dtype.str[1:]][0]
        return dumper

    def dump(self, obj: Any) -> Buffer:
        """The binary form."""
        kind = obj.dtype.str[1:]
        element = _ARRAY_OIDS[kind][1]
        if len(obj) == 0:
            return np.array([0, 0, element], ">i4").tobytes()
        rows = np.empty(len(obj), np.dtype([("length", ">i4"), ("value", f">{kind}" if kind != "b1" else "?")]))
        rows["length"] = obj.dtype.itemsize
        rows["value"] = obj
        return np.array([1, 0, element, len(obj), 1], ">i4").tobytes() + rows.tobytes()


def adapt_columns(connection: AdaptContext | Connection[Any]) -> None:
    """Lets numpy arrays stand as array parameters on this connection."""
    adapters = connection.adapters
    assert adapters is not None
    adapters.register_dumper(np.ndarray, ColumnDumper)


def pack_judged(batch: ReadingBatch, sensor_id: Int32) -> bytes:
    """Readings that were judged but are not stored under their own key, for `ingest_batch.judged`."""
    rows = np.zeros(len(batch), JUDGED)
    rows["sensor_id"] = sensor_id[batch.sensor]
    rows["measured_at"], rows["judged_at"] = batch.measured_at, batch.judged_at
    rows["value"], rows["quality"] = batch.value, batch.quality
    return rows.tobytes()


JUDGED: Final = np.dtype(
    [("sensor_id", "<i4"), ("measured_at", "<i8"), ("judged_at", "<i8"), ("value", "<f8"), ("quality", "u1")]
)


def unpack_judged(packed: bytes) -> NDArray[np.void]:
    """The rows of `pack_judged`."""
    return np.frombuffer(packed, JUDGED)


def from_2000(us_since_2000: NDArray[Any]) -> Int64:
    """Microseconds since 1970, int64 in the machine's order."""
    since_1970: Int64 = us_since_2000.astype(np.int64) + EPOCH_2000_US
    return since_1970
