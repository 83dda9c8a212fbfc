"""Columns of numbers as bytes and back, bit by bit: for checkpoints and for the spool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from ingest.organs import Columns

FEW: Final = 1000  # rows; shorter columns are written as they are


class _Column(msgspec.Struct):
    """How a column lies in a checkpoint.

    Args:
        others: None: all its values; else the value that most rows have, then the rows (int32) of so many others, then theirs.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    others: int | None = None


def pack(columns: Mapping[str, NDArray[np.generic]]) -> bytes:
    """Columns as bytes: the length of a JSON list that describes them, the list, then the columns one after the other."""
    listed: list[_Column] = []
    raw: list[memoryview] = []
    for name, column in columns.items():
        rows = _others(column)
        listed.append(_Column(name, column.dtype.str, column.shape, None if rows is None else len(rows)))
        if rows is None:
            raw.append(_bytes(column))
        else:
            raw += [_bytes(column[_usual(column)][None]), _bytes(rows), _bytes(column[rows])]
    head = msgspec.json.encode(listed)
    return b"".join([len(head).to_bytes(4, "little"), head, *raw])


def unpack(packed: bytes) -> Columns:
    """The columns of `pack`, each writable."""
    start = 4 + int.from_bytes(packed[:4], "little")
    columns: Columns = {}
    for column in msgspec.json.decode(packed[4:start], type=list[_Column]):
        kind = np.dtype(column.type)
        if column.others is None:
            values, start = _cut(packed, start, int(np.prod(column.shape, dtype=np.int64)), kind)
            columns[column.name] = values.reshape(column.shape).copy()
        else:
            usual, start = _cut(packed, start, 1, kind)
            rows, start = _cut(packed, start, column.others, np.dtype(np.int32))
            values, start = _cut(packed, start, column.others, kind)
            columns[column.name] = np.full(column.shape, usual[0])
            columns[column.name][rows] = values
    return columns


def _cut(packed: bytes, start: int, count: int, kind: np.dtype[Any]) -> tuple[NDArray[Any], int]:
    """So many values from `start` on, and where the next begin."""
    return np.frombuffer(packed, kind, count, start), start + count * kind.itemsize


def _usual(column: NDArray[np.generic]) -> int:
    """A row whose value most others may have."""
    return len(column) // 2


def _others(column: NDArray[np.generic]) -> NDArray[np.int32] | None:
    """The rows that have another value than most, bit by bit; None where that are too many to be worth while."""
    if column.ndim != 1 or len(column) < FEW or column.dtype.itemsize not in (4, 8):
        return None
    bits = column.view(f"u{column.dtype.itemsize}")
    rows = np.flatnonzero(bits != bits[_usual(column)])
    return rows.astype(np.int32) if 4 * len(rows) < len(column) else None


def _bytes(column: NDArray[np.generic]) -> memoryview:
    """The bytes of a column, not copied where they lie in a row."""
    return np.ascontiguousarray(column).reshape(-1).view(np.uint8).data
