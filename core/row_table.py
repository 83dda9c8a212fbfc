"""Rows of one dataclass kept as columns: 300,000 alarm definitions take 20 MB so, and 450 as objects.

A row becomes an object when somebody asks for it, which is rare and may be slow; whoever needs a field of all of them asks
for the column.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from enum import Enum
from typing import Any, Final, Generic, TypeVar, get_type_hints, overload

import numpy as np
from numpy.typing import NDArray

from core.batch import Float64, Int64

Row = TypeVar("Row")
FIRST: Final = 64
# So many different texts in a column, half of its rows or more: they are kept compressed, not as objects.
MANY: Final = 1024
TOGETHER: Final = 512  # texts in a block


class _Growing:
    """An array that grows: large ones go back to the system whole when they are let go of, many small pieces do not."""

    def __init__(self, kind: type[np.generic]) -> None:
        self._room = np.empty(FIRST, kind)
        self._used = 0

    def add(self, values: NDArray[Any]) -> None:
        end = self._used + len(values)
        if end > len(self._room):
            room = np.empty(max(end, 2 * len(self._room)), self._room.dtype)
            room[: self._used] = self._room[: self._used]
            self._room = room
        self._room[self._used : end] = values
        self._used = end

    def all(self) -> NDArray[Any]:
        """A view of what was added."""
        return self._room[: self._used]


class _Numbers:
    """A column of numbers of one type. None among floats is NaN, so that NaN in a field of float | None comes back as None."""

    def __init__(self, kind: type[np.generic], *, is_optional: bool = False) -> None:
        self._is_optional = is_optional
        self._growing = _Growing(kind)
        self.values: NDArray[Any] = np.empty(0, kind)

    def add(self, values: Sequence[Any]) -> None:
        self._growing.add(np.array(values, self.values.dtype))

    def close(self) -> None:
        values = self._growing.all()
        kind = _narrowest(values) if values.dtype == np.int64 else values.dtype
        self.values = values.astype(kind)
        self._growing = _Growing(np.bool_)

    def at(self, row: int) -> Any:
        value = self.values[row].item()
        return None if self._is_optional and value != value else value

    def packed(self) -> tuple[str, bytes, list[Any] | None]:
        return self.values.dtype.str, self.values.tobytes(), None

    def unpack(self, values: NDArray[Any], distinct: list[Any] | None) -> None:
        self.values = values.copy()

    def take(self, rows: NDArray[np.bool_]) -> _Numbers:
        taken = _Numbers(np.bool_, is_optional=self._is_optional)
        taken.values = self.values[rows]
        return taken


def _narrowest(values: NDArray[np.int64]) -> np.dtype[Any]:
    least, most = (values.min(), values.max()) if len(values) else (0, 0)
    fitting = (kind for kind in (np.int8, np.int32) if np.iinfo(kind).min <= least and most <= np.iinfo(kind).max)
    return np.dtype(next(fitting, np.int64))


class _Words:
    """A column of anything else, each different value once; where nearly all differ, as compressed texts.

    Different is what compares so: of {a: 0} and {a: -0.0}, or of 1 and 1.0, all rows get the one that came first.
    """

    def __init__(self, convert: Callable[[Any], Any]) -> None:
        self._convert = convert
        self._code_of: dict[Hashable, int] = {}
        self._growing = _Growing(np.int32)
        self.distinct: Sequence[Any] = []
        self._codes: NDArray[Any] | None = None  # None: each row has a value of its own, in the order of the rows

    @property
    def codes(self) -> NDArray[Any]:
        """For each row the place of its value in `distinct`."""
        return np.arange(len(self.distinct), dtype=np.int32) if self._codes is None else self._codes

    def add(self, values: Sequence[Any]) -> None:
        if isinstance(self.distinct, _Texts):
            self.distinct.add(values)
            return
        known, distinct = self._code_of, self.distinct
        assert isinstance(distinct, list)
        codes = np.empty(len(values), np.int32)
        for place, value in enumerate(values):
            key = tuple(sorted(value.items())) if isinstance(value, Mapping) else value
            code = known.get(key)
            if code is None:
                code = known[key] = len(distinct)
                distinct.append(self._convert(value))
            codes[place] = code
        self._growing.add(codes)
        so_far = self._growing.all()
        if len(distinct) >= MANY and 2 * len(distinct) >= len(so_far) and all(type(word) is str for word in distinct):
            self.distinct = _Texts()
            self.distinct.add([distinct[code] for code in so_far.tolist()])
            self._code_of = {}

    def close(self) -> None:
        if not isinstance(self.distinct, _Texts):
            self._codes = self._growing.all().astype(np.min_scalar_type(len(self.distinct)))
        self._growing, self._code_of = _Growing(np.int32), {}

    def at(self, row: int) -> Any:
        return self.distinct[row if self._codes is None else self._codes[row]]

    def packed(self) -> tuple[str, bytes, list[Any] | None]:
        codes = self.codes
        return codes.dtype.str, codes.tobytes(), list(self.distinct)

    def unpack(self, values: NDArray[Any], distinct: list[Any] | None) -> None:
        self._codes = values.copy()
        self.distinct = [self._convert(value) for value in distinct or ()]

    def replaced(self, rows: NDArray[np.bool_], value: Any) -> _Words:
        made = _Words(self._convert)
        made.distinct = [*self.distinct, value]
        made._codes = np.where(rows, len(self.distinct), self.codes).astype(np.min_scalar_type(len(made.distinct)))
        return made

    def take(self, rows: NDArray[np.bool_]) -> _Words:
        taken = _Words(self._convert)
        taken.distinct, taken._codes = self.distinct, self.codes[rows]
        return taken


class _Texts(Sequence[str]):
    """Many texts, a block of them compressed together: keys of one plant are much alike. Reading on in a block costs nothing."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._waiting: list[str] = []  # fewer than a block
        self._opened: tuple[int, list[str]] = (-1, [])

    def add(self, texts: Sequence[str]) -> None:
        self._waiting += texts
        while len(self._waiting) >= TOGETHER:
            block, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
            self._blocks.append(zlib.compress(json.dumps(block).encode(), 1))

    def __len__(self) -> int:
        return len(self._blocks) * TOGETHER + len(self._waiting)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        if not 0 <= place < len(self):
            raise IndexError(f"there are {len(self)} texts, no number {place}")
        number, within = divmod(place, TOGETHER)
        return (self._block(number) if number < len(self._blocks) else self._waiting)[within]

    def _block(self, number: int) -> list[str]:
        opened = self._opened
        if opened[0] != number:
            self._opened = opened = (number, json.loads(zlib.decompress(self._blocks[number])))
        return opened[1]


class RowTable(Sequence[Row], Generic[Row]):
    """The rows, in the order they were added.

    Args:
        kind: the dataclass. Its fields of int, float, float | None and bool are columns of numbers; all others are kept once
            for each different value, and must not be changed.
        rows: objects of `kind`.
    """

    def __init__(self, kind: type[Row], rows: Iterable[Row] = ()) -> None:
        names = [each.name for each in fields(kind)]  # type: ignore[arg-type]
        self._fill(kind, names, [[tuple(getattr(row, name) for name in names) for row in rows]], {})

    @classmethod
    def read(
        cls,
        kind: type[Row],
        names: Sequence[str],
        pieces: Iterable[Sequence[tuple[Any, ...]]],
        convert: Mapping[str, Callable[[Any], Any]] | None = None,
    ) -> RowTable[Row]:
        """Rows as a database gives them, a piece at a time: no more than one piece of them exists as objects.

        Args:
            names: the fields in the order of the tuples: all of `kind`, in any order.
            convert: field -> what makes its value of what the database gives; asked once for each different one.
        """
        table = cls.__new__(cls)
        table._fill(kind, names, pieces, convert or {})
        return table

    def _fill(
        self,
        kind: type[Row],
        names: Sequence[str],
        pieces: Iterable[Sequence[tuple[Any, ...]]],
        convert: Mapping[str, Callable[[Any], Any]],
    ) -> None:
        hints = get_type_hints(kind)
        self.kind = kind
        self._columns = {name: _column(hints[name], convert.get(name)) for name in names}
        self._length = 0
        for piece in pieces:
            for name, values in zip(names, zip(*piece, strict=True), strict=bool(piece)):
                self._columns[name].add(values)
            self._length += len(piece)
        for column in self._columns.values():
            column.close()

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(self._length))]
        row = int(place) + self._length if place < 0 else int(place)
        if not 0 <= row < self._length:
            raise IndexError(f"there are {self._length} rows, no number {place}")
        return self.kind(**{name: column.at(row) for name, column in self._columns.items()})

    def __iter__(self) -> Iterator[Row]:
        return (self[row] for row in range(self._length))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, RowTable)
            and len(self) == len(other)
            and all(a == b for a, b in zip(self, other, strict=True))
        )

    __hash__ = None  # type: ignore[assignment]

    def numbers(self, name: str) -> NDArray[Any]:
        """The column of a field of numbers as it is kept, not a copy: int8 to int64, as narrow as they let it be, float64 or bool."""
        column = self._columns[name]
        assert isinstance(column, _Numbers)
        return column.values

    def integers(self, name: str) -> Int64:
        """The column of a field of int, int64."""
        return self.numbers(name).astype(np.int64)

    def floats(self, name: str) -> Float64:
        """The column of a field of float, float64; NaN where it is None."""
        return self.numbers(name).astype(np.float64)

    def flags(self, name: str) -> NDArray[np.bool_]:
        """The column of a field of bool."""
        return self.numbers(name).astype(np.bool_)

    def words(self, name: str) -> tuple[NDArray[Any], Sequence[Any]]:
        """For each row the place of its value among those of the field, each of which is there once if there are few."""
        column = self._columns[name]
        assert isinstance(column, _Words)
        return column.codes, column.distinct

    def where(self, name: str, value: object) -> NDArray[np.bool_]:
        """Which rows have `value` in a field that is not a number, bool."""
        codes, distinct = self.words(name)
        return np.isin(codes, [code for code, word in enumerate(distinct) if word == value])

    def replaced(self, name: str, rows: NDArray[np.bool_], value: object) -> RowTable[Row]:
        """The same table but for `value` in the rows where `rows` is true, of a field that is not a number."""
        column = self._columns[name]
        assert isinstance(column, _Words)
        made = RowTable(self.kind)
        made._columns, made._length = {**self._columns, name: column.replaced(rows, value)}, self._length
        return made

    def take(self, rows: NDArray[np.bool_]) -> RowTable[Row]:
        """The rows where `rows` is true; the table itself where that is all of them."""
        if rows.all():
            return self
        taken = RowTable(self.kind)
        taken._columns = {name: column.take(rows) for name, column in self._columns.items()}
        taken._length = int(np.count_nonzero(rows))
        return taken

    def packed(self) -> dict[str, tuple[str, bytes, list[Any] | None]]:
        """Field -> type and bytes of its column, and the values it counts through, as a file can hold them."""
        return {name: column.packed() for name, column in self._columns.items()}

    @classmethod
    def unpacked(cls, kind: type[Row], packed: Mapping[str, tuple[str, bytes, list[Any] | None]]) -> RowTable[Row]:
        """The table of `packed`."""
        table = cls.read(kind, list(packed), [])
        for name, (type_, raw, distinct) in packed.items():
            table._columns[name].unpack(np.frombuffer(raw, type_), distinct)
            table._length = len(raw) // np.dtype(type_).itemsize
        return table


def _column(hint: Any, convert: Callable[[Any], Any] | None) -> _Numbers | _Words:
    if hint in _NUMBERS:
        return _Numbers(_NUMBERS[hint], is_optional=hint == float | None)
    if convert is None and isinstance(hint, type) and issubclass(hint, Enum):
        return _Words(hint)
    return _Words(convert or (lambda value: value))


_NUMBERS: Final[Mapping[Any, type[np.generic]]] = {
    int: np.int64,
    float: np.float64,
    bool: np.bool_,
    float | None: np.float64,
}
