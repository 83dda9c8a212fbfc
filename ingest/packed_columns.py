"""Columns of numbers as bytes and back, bit by bit: for checkpoints and for the spool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.contract import Columns

FEW: Final = 1000  # values; shorter columns are written as they are
SAMPLE: Final = 101
NARROW: Final = np.iinfo(np.int32)


class _Column(msgspec.Struct):
    """How a column lies in a checkpoint.

    Args:
        others: None: all its values. Else the value that most have, or, where `narrow`, one that most are near, and for each value
            how far it is from that (int32); then the places (int32) of so many others, then those.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    others: int | None = None
    narrow: bool = False


def pack(columns: Mapping[str, NDArray[np.generic]]) -> bytes:
    """Columns as bytes: the length of a JSON list that describes them, the list, then the columns one after the other."""
    listed: list[_Column] = []
    raw: list[memoryview] = []
    for name, column in columns.items():
        how = _Column(name, column.dtype.str, column.shape)
        values = np.ascontiguousarray(column).reshape(-1)
        raw += _as_few(values, how) if len(values) >= FEW and values.dtype.itemsize in (4, 8) else [_bytes(values)]
        listed.append(how)
    head = msgspec.json.encode(listed)
    return b"".join([len(head).to_bytes(4, "little"), head, *raw])


def _as_few(values: NDArray[np.generic], how: _Column) -> list[memoryview]:
    """The bytes of a column, as few as they may be; `how` says what was done."""
    usual = _usual(values)
    head, places = [_bytes(values[usual][None])], _unlike(values, usual)
    if places is None and (narrowed := _narrowed(values, usual)) is not None:
        near, places = narrowed
        how.narrow = True
        head.append(_bytes(near))
    if places is None:
        return [_bytes(values)]
    how.others = len(places)
    return [*head, _bytes(places), _bytes(values[places])]


def unpack(packed: bytes) -> Columns:
    """The columns of `pack`, each writable."""
    start = 4 + int.from_bytes(packed[:4], "little")
    columns: Columns = {}
    for how in msgspec.json.decode(packed[4:start], type=list[_Column]):
        kind, count = np.dtype(how.type), int(np.prod(how.shape, dtype=np.int64))
        if how.others is None:
            found, start = _cut(packed, start, count, kind)
            values = found.copy()
        else:
            usual, start = _cut(packed, start, 1, kind)
            values = np.full(count, usual[0])
            if how.narrow:
                near, start = _cut(packed, start, count, np.dtype(np.int32))
                values += near
            places, start = _cut(packed, start, how.others, np.dtype(np.int32))
            values[places], start = _cut(packed, start, how.others, kind)
        columns[how.name] = values.reshape(how.shape)
    return columns


def _cut(packed: bytes, start: int, count: int, kind: np.dtype[Any]) -> tuple[NDArray[Any], int]:
    """So many values from `start` on, and where the next begin."""
    return np.frombuffer(packed, kind, count, start), start + count * kind.itemsize


def _usual(values: NDArray[np.generic]) -> int:
    """A place whose value most others have, or are near, if most are alike: the middle one of a hundred by their bits."""
    places = np.linspace(0, len(values) - 1, SAMPLE, dtype=np.intp)
    return int(places[np.argsort(_bits(values)[places], kind="stable")[SAMPLE // 2]])


def _bits(values: NDArray[np.generic]) -> NDArray[np.unsignedinteger[Any]]:
    return values.view(f"u{values.dtype.itemsize}")


def _unlike(values: NDArray[np.generic], usual: int) -> NDArray[np.int32] | None:
    """The places of values that differ from the usual one, bit by bit; None where that are too many to be worth while."""
    bits = _bits(values)
    return _few(bits != bits[usual])


def _narrowed(values: NDArray[np.generic], usual: int) -> tuple[NDArray[np.int32], NDArray[np.int32]] | None:
    """How far each of some int64 (instants, most of them of the same half hour) is from the usual one, int32, and the places of
    those that are too far away, for which that says nothing; None where that are too many to be worth while.
    """
    if values.dtype != np.int64:
        return None
    away = values - values[usual]
    # The difference of two far ones wraps round; it may look near then, but adding it again gives the value all the same.
    places = _few((away < NARROW.min) | (away > NARROW.max))
    return None if places is None else (away.astype(np.int32), places)


def _few(others: NDArray[np.bool_]) -> NDArray[np.int32] | None:
    """Where others are; None where they are more than a quarter: each takes its place and its value."""
    places = np.flatnonzero(others)
    return places.astype(np.int32) if 4 * len(places) < len(others) else None


def _bytes(values: NDArray[np.generic]) -> memoryview:
    """The bytes of values, not copied."""
    return values.view(np.uint8).data
