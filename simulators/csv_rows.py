"""A CSV as its text has it: the columns against the map, and rows with the line each begins in."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from core.errors import BadInput
from simulators.replay_map import ReplayMap, told

_MOST_NAMES: Final = 20
_LONGEST_NAME: Final = 40
# Of the csv module: the file ended within quotes, or the text within them has grown beyond any cell.
_OPEN_QUOTE: Final = ("unexpected end of data", "field larger than")


def check_header(plan: ReplayMap, header: list[str], file: str) -> None:
    """Holds the map against the columns a file has.

    Raises:
        BadInput: a column is missing, or there twice.
    """
    wanted = [(column.line, column.name) for column in plan.columns]
    if plan.time.column is not None:
        wanted.append((plan.time.line, plan.time.column))
    mistakes = []
    for line, name in wanted:
        if name not in header:
            near = get_close_matches(name, header, n=1, cutoff=0.6)
            advice = f"did you mean {near[0]}?" if near else f"its columns are {_shown(header)}."
            hint = _separator_hint(plan, header)
            mistakes.append((line, f"{file} has no column {name}; {hint or advice}"))
        elif header.count(name) > 1:
            mistakes.append((line, f"{file} has {header.count(name)} columns {name}; give one of them another name."))
    if mistakes:
        raise told(plan.name, mistakes)


def _shown(header: list[str]) -> str:
    """The names, as far as a person reads them, and nothing that a terminal would obey."""
    names = [name if name.isprintable() else repr(name) for name in header[:_MOST_NAMES]]
    more = f" and {len(header) - _MOST_NAMES} more" if len(header) > _MOST_NAMES else ""
    return ", ".join(name if len(name) <= _LONGEST_NAME else name[:_LONGEST_NAME] + "..." for name in names) + more


def _separator_hint(plan: ReplayMap, header: list[str]) -> str:
    """A header of one column that holds other separators was cut at the wrong one."""
    if len(header) != 1:
        return ""
    others = [mark for mark in (",", ";", "|", "\t") if mark != plan.separator and mark in header[0]]
    if not others:
        return ""
    mark = "tab" if others[0] == "\t" else others[0]
    return f"its first row is one piece and holds {mark!r}, so separator should be {mark!r}."


def row_reader(lines: Iterator[str], plan: ReplayMap, file: str) -> Iterator[tuple[int, list[str] | str]]:
    """(line, cells) of every row that is not empty, cut at the map's separator; instead of the cells what is wrong with the row.

    Raises:
        BadInput: a quote that never closes: what follows it cannot be told apart any more.
    """
    reader = csv.reader(lines, delimiter=plan.separator, strict=True)
    line = 1
    while True:
        try:
            cells: list[str] | str = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            cells = str(error)
            if cells.startswith(_OPEN_QUOTE):
                raise BadInput(
                    f"{file}, line {line}: a quotation mark is never closed; close it, or take it out where it belongs to the text."
                ) from error
        if cells:
            yield line, cells
        line = reader.line_num + 1
