"""Folders that nobody has seen before: found by columns, and what is wrong said in one sentence."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from core.errors import BadInput
from davy.evaluate.reading import Header, having, headers, table

GOOD = "datetime;flow;anomaly\n2026-01-01 00:00:00;1.5;0\n2026-01-01 00:00:01;;1\n"


def put(folder: Path, name: str, text: str) -> Header:
    """A file, packed where its name says so; its header."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return next(header for header in headers(folder) if header.path == path)


def test_files_are_known_by_their_columns(tmp_path: Path) -> None:
    """Whatever they are called, however deep they lie, packed or not, and whatever else lies beside them."""
    put(tmp_path, "a/b/whatever.csv.gz", GOOD)
    put(tmp_path, "other.csv", GOOD.replace(";", ","))
    put(tmp_path, "stranger.csv", "x,y\n1,2\n")
    (tmp_path / "notes.txt").write_text("no table")
    assert [header.name for header in having(tmp_path, ("anomaly", "datetime"))] == ["a/b/whatever.csv", "other.csv"]


def test_what_is_missing_is_nan_and_stays_there(tmp_path: Path) -> None:
    """An empty cell, a written nan and what is not finite are missing values; instants ascend."""
    text = "t,v,w\n2026-01-01 00:00:00,,nan\n2026-01-01 00:00:00,1,inf\n2025-12-31 23:00:00,2,3\n"
    found = table(put(tmp_path, "a.csv", text))
    assert np.array_equal(found.numbers(["v", "w"]), [[np.nan, np.nan], [1.0, np.nan], [2.0, 3.0]], equal_nan=True)
    assert np.diff(found.instants("t")).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GOOD.replace("1.5", "Bad"), r"a\.csv, line 2, column flow: 'Bad' is no number; leave it empty"),
        (GOOD.replace(";1\n", ";7\n"), r"a\.csv, line 3, column anomaly: '7' is no label; it must be 0 or 1"),
        (GOOD.replace(";1\n", ";\n"), r"a\.csv, line 3, column anomaly: '' is no label"),
        (GOOD.replace("2026-01-01 00:00:01", "noon"), r"a\.csv, line 3, column datetime: 'noon' is no instant"),
        (GOOD.replace("2026-01-01 00:00:01", ""), r"a\.csv, column datetime: a row has no instant"),
        (GOOD + "2026-01-01 00:00:02;3\n", r"a\.csv, line 4, has 2 fields; its header has 3"),
        (GOOD.splitlines()[0] + "\n", r"a\.csv holds 0 rows; at least 1 are needed"),
    ],
)
def test_a_bad_file_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    """What is wrong, where, and what would be right."""
    header = put(tmp_path, "a.csv", text)

    def read() -> None:
        found = table(header)
        found.instants("datetime")
        found.numbers(["flow"])
        found.labels("anomaly")

    with pytest.raises(BadInput, match=told):
        read()


def test_a_folder_without_what_is_needed_says_what_the_nearest_file_lacks(tmp_path: Path) -> None:
    """No folder, an empty folder, and one whose files have other columns."""
    with pytest.raises(BadInput, match=r"nowhere is no folder"):
        having(tmp_path / "nowhere", ("a",))
    with pytest.raises(BadInput, match=r"holds no \.csv or \.csv\.gz file"):
        having(tmp_path, ("a",))
    put(tmp_path, "a.csv", GOOD)
    with pytest.raises(BadInput, match=r"the nearest, a\.csv, lacks changepoint"):
        having(tmp_path, ("datetime", "anomaly", "changepoint"))


def test_a_broken_archive_and_a_column_that_stands_twice(tmp_path: Path) -> None:
    """Cut off within, no gzip at all, or ambiguous."""
    whole = gzip.compress(("a,b\n" + "1,2\n" * 5_000).encode())
    (tmp_path / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match=r"cut\.csv cannot be read"):
        table(headers(tmp_path)[0])
    (tmp_path / "cut.csv.gz").write_bytes(b"a,b\n1,2\n")
    with pytest.raises(BadInput, match=r"cut\.csv cannot be read"):
        headers(tmp_path)
    (tmp_path / "cut.csv.gz").unlink()
    (tmp_path / "twice.csv").write_text("a,a\n1,2\n")
    (strange,) = headers(tmp_path)  # it may lie beside what is looked for
    with pytest.raises(BadInput, match=r"twice\.csv has the column 'a' more than once"):
        table(strange)
