"""Folders of measured data: files known by their columns, never by their names; what is wrong has a sentence."""

from __future__ import annotations

import csv
import gzip
import io
import warnings
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.batch import Float64, Int64
from core.errors import BadInput

ENDINGS: Final = (".csv", ".csv.gz")
SEPARATORS: Final = (",", ";", "\t")
LONGEST_HEADER: Final = 65_536  # characters: a first line longer than this is no header
HIDDEN: Final = "."  # what a file manager leaves beside a file, "._a.csv.gz", is none of the data
NO_NUMBER: Final = frozenset(("", "nan", "na", "null", "none"))  # how a missing value is written


@dataclass(frozen=True, slots=True)
class Header:
    """A file that may be a table: where it is, and the names in its first line.

    Args:
        name: below its folder, without ".gz": how people are told of it, and how label files name it.
    """

    path: Path
    name: str
    separator: str
    columns: tuple[str, ...]

    def has(self, columns: Iterable[str]) -> bool:
        """Whether all of these are there."""
        return set(columns) <= set(self.columns)


@dataclass(frozen=True, slots=True)
class Table:
    """A file's rows, as text until a column is asked for.

    Args:
        columns: name -> one text a row; all of one length.
    """

    name: str
    columns: dict[str, list[str]]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def numbers(self, columns: Sequence[str]) -> Float64:
        """float64, shape (rows, columns); NaN where nothing, or nothing finite, is written.

        Raises:
            BadInput: something else than a number is.
        """
        found = np.empty((len(self), len(columns)))
        for place, column in enumerate(columns):
            found[:, place] = self._numbers(column)
        found[~np.isfinite(found)] = np.nan
        return found

    def instants(self, column: str) -> Int64:
        """int64, microseconds UTC of each row, ascending: a stamp that is not above the one before it is a microsecond later.

        Raises:
            BadInput: one is no instant.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # of a zone: the instant is counted in UTC, as is right
                found = np.array(self.columns[column], dtype="datetime64[us]").astype(np.int64)
        except ValueError:
            for row, text in enumerate(self.columns[column]):
                try:
                    np.datetime64(text, "us")
                except ValueError as error:
                    raise BadInput(
                        f"{self.name}, line {row + 2}, column {column}: {text[:40]!r} is no instant; write it as 2026-01-31 08:00:00."
                    ) from error
            raise
        if (found == np.datetime64("NaT").astype(np.int64)).any():
            raise BadInput(f"{self.name}, column {column}: a row has no instant; every row must have one.")
        rows = np.arange(len(found))
        return np.maximum.accumulate(found - rows) + rows  # strictly ascending, as judged time is

    def labels(self, column: str, allowed: Sequence[int] = (0, 1)) -> NDArray[np.int64]:
        """int64, shape (rows,): what people have marked.

        Raises:
            BadInput: a mark that is none of those allowed.
        """
        found = self.numbers([column])[:, 0]
        wrong = np.flatnonzero(~np.isin(found, allowed))
        if len(wrong):
            row = int(wrong[0])
            raise BadInput(
                f"{self.name}, line {row + 2}, column {column}: {self.columns[column][row][:40]!r} is no label; "
                f"it must be {' or '.join(map(str, allowed))}."
            )
        return found.astype(np.int64)

    def _numbers(self, column: str) -> Float64:
        """At once where all of it is numbers; else cell by cell."""
        texts = self.columns[column]
        try:
            return np.array(texts).astype(np.float64)
        except ValueError:
            return np.array([self._number(column, row, text) for row, text in enumerate(texts)])

    def _number(self, column: str, row: int, text: str) -> float:
        if text.strip().lower() in NO_NUMBER:
            return float("nan")
        try:
            return float(text)
        except ValueError as error:
            raise BadInput(
                f"{self.name}, line {row + 2}, column {column}: {text[:40]!r} is no number; leave it empty where there is none."
            ) from error


def headers(folder: Path) -> list[Header]:
    """The first lines of all tables below a folder, in the order of their names.

    Raises:
        BadInput: it is no folder, or holds no table.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder} is no folder; give the folder that holds the data set's files.")
    paths = sorted(
        path
        for path in folder.rglob("*")
        if path.name.endswith(ENDINGS) and not path.name.startswith(HIDDEN) and path.is_file()
    )
    found = [_header(folder, path) for path in paths]
    if not found:
        raise BadInput(f"{folder} holds no .csv or .csv.gz file.")
    return found


def having(folder: Path, columns: Sequence[str], but: Sequence[str] = ()) -> list[Header]:
    """The tables below a folder that have these columns, and none of those in `but`.

    Raises:
        BadInput: there is none; the sentence says what the nearest one lacks.
    """
    there = headers(folder)
    found = [header for header in there if header.has(columns) and not set(but) & set(header.columns)]
    if found:
        return found
    nearest = max(there, key=lambda header: len(set(columns) & set(header.columns)))
    missing = [column for column in columns if column not in nearest.columns]
    raise BadInput(
        f"No file in {folder} has the columns {', '.join(columns)}; "
        + (
            f"the nearest, {nearest.name}, lacks {', '.join(missing)}."
            if missing
            else f"{nearest.name} has others too."
        )
    )


def table(header: Header, least: int = 1) -> Table:
    """Reads a file.

    Raises:
        BadInput: it cannot be read, has a column twice, a row is not as long as the header, or there are fewer than `least` rows.
    """
    if twice := sorted({each for each in header.columns if header.columns.count(each) > 1}):
        raise BadInput(f"{header.name} has the column {twice[0]!r} more than once.")
    with _opened(header.path) as stream:
        try:
            rows = [row for row in csv.reader(stream, delimiter=header.separator) if row][1:]
        except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
            raise BadInput(f"{header.name} cannot be read: {error}.") from error
    if len(rows) < least:
        raise BadInput(f"{header.name} holds {len(rows)} rows; at least {least} are needed.")
    for line, row in enumerate(rows, start=2):
        if len(row) != len(header.columns):
            raise BadInput(f"{header.name}, line {line}, has {len(row)} fields; its header has {len(header.columns)}.")
    return Table(
        header.name,
        {column: list(texts) for column, texts in zip(header.columns, zip(*rows, strict=True), strict=True)},
    )


def _header(folder: Path, path: Path) -> Header:
    name = path.relative_to(folder).as_posix().removesuffix(".gz")
    # A line in another encoding has none of the columns that are looked for; a file that has them is read strictly by `table`.
    with _opened(path, errors="replace") as stream:
        try:
            line = stream.readline(LONGEST_HEADER).strip("\r\n\ufeff")
        except (OSError, EOFError, zlib.error) as error:
            raise BadInput(f"{name} cannot be read: {error}.") from error
    separator = max(SEPARATORS, key=line.count)
    columns = tuple(each.strip().strip('"') for each in line.split(separator))
    return Header(path, name, separator, columns)


def _opened(path: Path, errors: str = "strict") -> io.TextIOBase:
    if path.name.endswith(".gz"):
        return gzip.open(path, "rt", encoding="utf-8", errors=errors, newline="")
    return path.open(encoding="utf-8", errors=errors, newline="")
