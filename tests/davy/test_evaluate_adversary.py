"""Folders made to trip: each data set with each kind of damage ends with a figure, or with one sentence; never with NaN or a traceback."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import BadInput
from davy.evaluate.command import PROTOCOLS, evaluate
from tests.davy.small_folders import FOLDERS, mine

Rows = list[list[str]]
KEYS = {"datetime", "timestamp", "Time", "DATETIME", "series", "row", "fault", "first_row", "last_row"}
LABELS = {"anomaly", "changepoint", "EVENT", "ATT_FLAG", "MM116_pred"}
STAMPS = {"datetime", "timestamp", "Time", "DATETIME"}
THIRD = 300  # a row in what is learnt from, or in what is scored, by the data set


def _values(header: list[str]) -> list[str]:
    return [column for column in header if column not in KEYS | LABELS]


def _put(columns: Callable[[list[str]], list[str]], cell: Callable[[int, str], str]) -> Callable[[Rows], Rows]:
    """Writes other cells into some columns."""

    def change(rows: Rows) -> Rows:
        header = rows[0]
        places = {header.index(column) for column in columns(header)}
        return [
            header,
            *([cell(n, c) if k in places else c for k, c in enumerate(row)] for n, row in enumerate(rows[1:])),
        ]

    return change


def _of(known: set[str]) -> Callable[[list[str]], list[str]]:
    return lambda header: [column for column in header if column in known]


def _scaled(by: float) -> Callable[[int, str], str]:
    return lambda _, cell: str(float(cell) * by) if cell else cell


DAMAGE: dict[str, Callable[[Rows], Rows]] = {
    "two rows": lambda rows: rows[:3],
    "a header alone": lambda rows: rows[:1],
    "nothing": lambda rows: [[""]],
    "one column missing": _put(lambda header: _values(header)[:1], lambda _, cell: ""),
    "all missing": _put(_values, lambda _, cell: ""),
    "every other row missing": _put(_values, lambda n, cell: "" if n % 2 else cell),
    "one column constant": _put(lambda header: _values(header)[-1:], lambda _, cell: "5"),
    "all constant": _put(_values, lambda _, cell: "5"),
    "columns in another order": lambda rows: [row[::-1] for row in rows],
    "a column of words": lambda rows: [[*row, "note" if n == 0 else "abc"] for n, row in enumerate(rows)],
    "a column of numbers": lambda rows: [[*row, "more" if n == 0 else str(n % 7)] for n, row in enumerate(rows)],
    "no labels": lambda rows: [[c for k, c in enumerate(row) if rows[0][k] not in LABELS | {"fault"}] for row in rows],
    "all is an event": _put(_of(LABELS), lambda _, cell: "1"),
    "nothing is an event": _put(_of(LABELS), lambda _, cell: "0"),
    "marks that are none": _put(_of(LABELS), lambda _, cell: "maybe"),
    "a gap": lambda rows: rows[:500] + rows[640:],
    "rows backwards": lambda rows: [rows[0], *rows[:0:-1]],
    "one instant": _put(_of(STAMPS), lambda _, cell: "2026-01-01 00:00:00"),
    "instants with a zone": _put(_of(STAMPS), lambda _, cell: cell + "Z"),
    "largest numbers": _put(lambda header: _values(header)[:1], lambda n, cell: "1e308" if n % 2 else "-1e308"),
    "large numbers late": _put(lambda header: _values(header)[:1], lambda n, cell: "1e308" if n > THIRD else cell),
    "all large": _put(_values, _scaled(1e200)),
    "all small": _put(_values, _scaled(1e-300)),
    "comma for a point": _put(lambda header: _values(header)[:1], lambda _, cell: '"1,5"'),
    "blanks in the header": lambda rows: [[f" {column} " for column in rows[0]], *rows[1:]],
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each data set's small folder as it should be."""
    root = tmp_path_factory.mktemp("plain")
    for name, make in FOLDERS.items():
        (mine if name == "calibration" else make)(root / name)  # of its three kinds the quickest
    return root


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numbers that overflow are what is tried here
@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_folder_gives_a_figure_or_a_sentence(name: str, damage: str, plain: Path, tmp_path: Path) -> None:
    """Scored by what a good folder has taught, and by itself."""
    folder = tmp_path / name
    shutil.copytree(plain / name, folder)
    for path in folder.rglob("*.csv.gz"):
        text = gzip.decompress(path.read_bytes()).decode()
        mark = ";" if ";" in text.partition("\n")[0] else ","
        rows = DAMAGE[damage]([line.split(mark) for line in text.splitlines()])
        path.write_bytes(gzip.compress("\n".join(mark.join(row) for row in rows).encode()))
    for fit in (plain / name, folder) if PROTOCOLS[name].fits else (folder,):
        said = _said(name, fit, folder)
        assert said.startswith("{") or (len(said) > 20 and said.rstrip().endswith((".", "...")))


def _said(name: str, fit: Path, folder: Path) -> str:
    """The answer as JSON that every reader takes, or the sentence in its place; whatever else is raised is a traceback to whoever asked."""
    try:
        return json.dumps(evaluate(name, fit, folder, None), allow_nan=False)
    except BadInput as told:
        return str(told)
