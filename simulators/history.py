"""The rows of a CSV as instants and values, by a replay map. What cannot be played is told with line and column, and counted."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from core.errors import BadInput
from core.wire_rules import MAX_MS, MIN_MS
from simulators.csv_rows import check_header, row_reader
from simulators.replay_map import ReplayMap, RowTime

MOST_TOLD: Final = 20  # sentences; beyond that they are counted
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_SHOWN: Final = 40  # characters of a cell in a sentence


class Cell(NamedTuple):
    """One reading of a row: what the device said, and `q` of the wire."""

    value: float
    quality: str


class Row(NamedTuple):
    """One row that can be played.

    Args:
        at_ms: milliseconds UTC.
        cells: in the order of the map's columns; None: no reading.
    """

    at_ms: int
    cells: list[Cell | None]


@dataclass(slots=True)
class Tally:
    """What a file held.

    Args:
        rows: rows of the file, the header and empty lines left out.
        skipped_rows: of those, rows that could not be played at all; told says why.
        missing_values: cells that say there is no value; unreadable_values: that are no number; bad_values: sent as bad.
        told: the first sentences; untold: how many more there were.
        unused: columns of the file that the map does not name.
    """

    rows: int = 0
    skipped_rows: int = 0
    missing_values: int = 0
    unreadable_values: int = 0
    bad_values: int = 0
    readings: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    told: list[str] = field(default_factory=list)
    untold: int = 0
    unused: list[str] = field(default_factory=list)

    def tell(self, sentence: str) -> None:
        """Keeps a sentence, or counts it."""
        if len(self.told) < MOST_TOLD:
            self.told.append(sentence)
        else:
            self.untold += 1


class _Skipped(Exception):
    """A row cannot be played."""


def read_rows(lines: Iterable[str], plan: ReplayMap, file: str, tally: Tally) -> Iterator[Row]:
    """The rows that can be played, in the file's order.

    Args:
        lines: of the file.
        file: its name, for sentences.
        tally: filled while the rows are read.

    Raises:
        BadInput: a column is missing, time goes backwards, or the file cannot be cut into rows.
    """
    rows = row_reader(iter(lines), plan, file)
    names = plan.header or next(rows, (1, "it is empty"))[1]
    if isinstance(names, str):
        raise BadInput(f"{file} has no header: {names}. Its first row must name the columns, or the map its header.")
    header = [name.strip() for name in names]
    check_header(plan, header, file)
    yield from _Rows(plan, header, file, tally).read(rows)
    if tally.rows == 0:
        raise BadInput(f"{file} has a header and no rows; there is nothing to play.")


class _Rows:
    """One file on its way."""

    def __init__(self, plan: ReplayMap, header: list[str], file: str, tally: Tally) -> None:
        self._plan, self._file, self._tally = plan, file, tally
        self._width = len(header)
        self._places = [(header.index(column.name), column) for column in plan.columns]
        self._time_place = None if plan.time.column is None else header.index(plan.time.column)
        self._last: list[float | None] = [None] * len(plan.columns)
        self._before: tuple[int, int, str] | None = None  # milliseconds, line and words of the last row's time
        used = {column.name for column in plan.columns} | {plan.time.column}
        tally.unused = [name for name in header if name not in used]

    def read(self, rows: Iterator[tuple[int, list[str] | str]]) -> Iterator[Row]:
        """The rows that can be played."""
        tally = self._tally
        for line, cells in rows:
            tally.rows += 1
            try:
                if isinstance(cells, str):
                    raise _Skipped(f"cannot be cut into cells ({cells})")
                if len(cells) != self._width:
                    raise _Skipped(f"has {len(cells)} cells and the header {self._width}")
                at_ms = self._instant(line, cells)
            except _Skipped as why:
                tally.skipped_rows += 1
                tally.tell(f"{self._file}, line {line} {why}; the row is left out.")
                continue
            row = Row(at_ms, [self._cell(line, place, cells) for place in range(len(self._places))])
            tally.readings += sum(cell is not None for cell in row.cells)
            tally.first_ms = at_ms if tally.first_ms is None else tally.first_ms
            tally.last_ms = at_ms
            yield row

    def _instant(self, line: int, cells: list[str]) -> int:
        time = self._plan.time
        if self._time_place is None:
            return time.begins_ms + (self._tally.rows - 1) * time.every_ms
        text = cells[self._time_place].strip()
        before = None if self._before is None else self._before[0]
        try:
            at_ms = instant_ms(text, time, before)
        except (ValueError, OverflowError):
            raise _Skipped(f"has the time {_shown(text)}, which is not of the form {time.form}") from None
        if at_ms is None:
            raise BadInput(
                f"{self._file}, line {line}: the time {text} names no zone; write zone below time in {self._plan.name}, "
                "such as Asia/Shanghai or UTC."
            )
        if self._before is not None and at_ms <= self._before[0]:
            _, earlier, words = self._before
            if at_ms == self._before[0]:
                raise _Skipped(f"has the time of line {earlier}, {words}, and a sensor has one reading an instant")
            raise BadInput(
                f"{self._file}, line {line}: the time {text} is before that of line {earlier}, {words}; rows must be in the "
                "order of time. Sort them, or give times in UTC where a clock change made an hour twice."
            )
        self._before = at_ms, line, text
        return at_ms

    def _cell(self, line: int, place: int, cells: list[str]) -> Cell | None:
        at, column = self._places[place]
        text = cells[at].strip()
        word = text.casefold()
        if word in self._plan.missing:
            self._tally.missing_values += 1
            return None
        if word in self._plan.bad:
            return self._bad(place)
        number = _number(text, self._plan.decimal)
        value = math.nan if number is None else number * column.scale + column.offset
        if not math.isfinite(value):
            self._tally.unreadable_values += 1
            self._tally.tell(
                f"{self._file}, line {line}, column {column.name}: {_shown(text)} is no number; the value is left out. Words that "
                "stand for no value or for a bad one are named in the map, under missing and bad."
            )
            return None
        self._last[place] = value
        return Cell(value, "good")

    def _bad(self, place: int) -> Cell | None:
        """As a gateway says it: the last value it had, marked as bad. Without one it has nothing to say."""
        last = self._last[place]
        if last is None:
            self._tally.missing_values += 1
            return None
        self._tally.bad_values += 1
        return Cell(last, "bad")


def instant_ms(text: str, time: RowTime, before_ms: int | None) -> int | None:
    """Milliseconds UTC of a time as a file has it; None where neither the text nor the map names a zone.

    Args:
        before_ms: of the row before: says which of the two it is where a clock was set back and an hour came twice.

    Raises:
        ValueError: it is not of the map's form.
    """
    if time.form in ("unix_s", "unix_ms"):
        if not _NUMBER.fullmatch(text):
            raise ValueError(text)
        at_ms = round(float(text) * (1000 if time.form == "unix_s" else 1))
        if not MIN_MS <= at_ms <= MAX_MS:
            raise ValueError(text)
        return at_ms
    stamp = datetime.fromisoformat(text) if time.form == "iso" else datetime.strptime(text, time.form)  # noqa: DTZ007
    if stamp.tzinfo is not None:
        return (stamp - _EPOCH) // _MS
    if time.zone is None:
        return None
    first, second = ((stamp.replace(tzinfo=time.zone, fold=fold) - _EPOCH) // _MS for fold in (0, 1))
    return second if before_ms is not None and first <= before_ms < second else first


def _number(text: str, decimal: str) -> float | None:
    if decimal == ",":
        if "." in text:
            return None
        text = text.replace(",", ".")
    return float(text) if _NUMBER.fullmatch(text) else None


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")
