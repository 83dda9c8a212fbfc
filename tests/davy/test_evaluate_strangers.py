"""Folders as somebody else would give them: other names, fewer files, strange ones beside, and nothing in them to be found."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import BadInput
from davy.evaluate import gecco, methane, settings, tep
from davy.evaluate.assets import fitted
from davy.evaluate.batadal import UNMARKED
from davy.evaluate.command import evaluate
from davy.evaluate.judging import Stream, alarms, any_of
from tests.davy import small_folders
from tests.davy.small_folders import FOLDERS, network, plant, signals, stamps, write

Rows = list[list[str]]


def rewrite(path: Path, change: Callable[[Rows], Rows], separator: str = ",") -> None:
    """Changes a packed table, header and all."""
    text = gzip.decompress(path.read_bytes()).decode()
    rows = change([line.split(separator) for line in text.splitlines()])
    path.write_bytes(gzip.compress("\n".join(separator.join(row) for row in rows).encode()))


@pytest.mark.parametrize("name", [name for name in FOLDERS if name not in ("nab", "tep", "calibration")])
def test_other_names_and_ends_of_lines_give_the_same_answer(name: str, tmp_path: Path) -> None:
    """Files are known by their columns: renamed, unpacked, in one folder, with CR LF and a byte order mark they say the same."""
    folder, other = FOLDERS[name](tmp_path / "one"), tmp_path / "two"
    other.mkdir()
    numbers = count()
    for path in sorted(folder.rglob("*.csv.gz")):
        text = gzip.decompress(path.read_bytes()).decode().replace("\r\n", "\n").replace("\n", "\r\n")
        (other / f"{next(numbers):03d}.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert evaluate(name, other, other, None) == evaluate(name, folder, folder, None)


@pytest.mark.parametrize("name", FOLDERS)
def test_strange_files_beside_change_nothing(name: str, tmp_path: Path) -> None:
    """A README, a table in another encoding, what a file manager leaves, a broken JSON: passed over."""
    folder, other = FOLDERS[name](tmp_path / "one"), tmp_path / "two"
    shutil.copytree(folder, other)
    (other / "README.md").write_text("series,row,value\n")
    (other / "latin.csv").write_bytes("Zeit;Höhe\n1;2\n".encode("latin-1"))
    (other / "._one.csv.gz").write_bytes(b"\x00\x05\x16\x07")
    (other / "empty.csv").write_bytes(b"")
    (other / "broken.json").write_text("{")
    assert evaluate(name, other, other, None) == evaluate(name, folder, folder, None)


def test_one_file_is_enough_where_each_is_judged_by_itself(tmp_path: Path) -> None:
    """A part of a folder is measured as it is."""
    folder = small_folders.skab(tmp_path / "s")
    (folder / "x/0.csv.gz").unlink()
    (folder / "free.csv.gz").unlink()
    assert evaluate("skab", None, folder, None)["f1"] > 0.8
    folder = small_folders.nab(tmp_path / "n")
    (folder / "kind/calm.csv.gz").unlink()
    assert evaluate("nab", None, folder, None)["standard"] > 50.0


def test_a_window_that_reaches_beyond_its_file_is_cut(tmp_path: Path) -> None:
    """Of a part of a series the rows that lie in the window are its rows."""
    folder = small_folders.nab(tmp_path)
    rewrite(folder / "kind/jump.csv.gz", lambda rows: rows[:1_551])
    assert evaluate("nab", None, folder, None)["standard"] > 50.0


@pytest.mark.parametrize("name", ["tep", "gecco", "batadal", "methane", "calibration"])
def test_a_folder_to_fit_on_must_be_of_the_data_set(name: str, tmp_path: Path) -> None:
    """One of another plant is refused, and the sentence says what it lacks."""
    folder = FOLDERS[name](tmp_path / "one")
    other = small_folders.skab(tmp_path / "two")
    with pytest.raises(BadInput, match=r"two has the columns .* lacks|could be fitted for"):
        evaluate(name, other, folder, None)


def test_what_is_ignored_may_be_anything(tmp_path: Path) -> None:
    """Each file's own first rows teach skab, nab and faults: a folder to fit on changes nothing, wherever it points."""
    for name in ("skab", "nab", "faults"):
        folder = FOLDERS[name](tmp_path / name)
        assert evaluate(name, tmp_path / "nowhere", folder, None) == evaluate(name, None, folder, None)


def test_all_of_another_folder_is_scored(tmp_path: Path) -> None:
    """The first rows of another folder's runs are normal rows like any other: an alarm there is a false one."""
    fit, scored = plant(tmp_path / "fit"), plant(tmp_path / "scored")
    quiet = evaluate("tep", fit, scored, None)["far"]
    wild = lambda rows: [rows[0], *([*row[:6], "99", *row[7:]] for row in rows[1:61]), *rows[61:]]  # noqa: E731
    rewrite(scored / "fault_04.csv.gz", wild)
    normal = 600 + 3 * tep.FAULT_FROM
    assert evaluate("tep", fit, scored, None)["far"] - quiet > 50 / normal


@pytest.mark.parametrize("kept", ["normal", "fault"])
def test_one_kind_of_runs_fits_and_calibrates(kept: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the chemical plant only normal runs, or only fault runs, are there to fit on: block by block they calibrate themselves, and it is said."""
    fit, scored = plant(tmp_path / "fit"), plant(tmp_path / "scored", seed=20)
    for number in (5, 6, 7):
        write(fit / f"fault_{number:02d}.csv.gz", tep.MEMBERS, signals(400, len(tep.MEMBERS), 30 + number).tolist())
    for path in fit.iterdir():
        if not path.name.startswith(kept):
            path.unlink()
    found = evaluate("tep", fit, scored, None)
    assert found["far"] < 0.03
    assert found["fdr"] > 0.9
    assert "block by block" in capsys.readouterr().err


def test_runs_of_one_kind_are_scored_for_what_they_can_say(tmp_path: Path) -> None:
    """Normal runs alone, or a fault that nobody counts, say how quiet it is; nothing is found in them, and that is no zero."""
    fit = plant(tmp_path / "fit")
    for number, kept in enumerate(("normal_a.csv.gz", "fault_03.csv.gz")):
        scored = plant(tmp_path / str(number), seed=20)
        for path in scored.iterdir():
            if path.name != kept:
                path.unlink()
        found = evaluate("tep", fit, scored, None)
        assert found["far"] < 0.03
        assert found["fdr"] is None
    (scored / "fault_03.csv.gz").rename(scored / "run.csv.gz")
    with pytest.raises(BadInput, match=r"holds no file fault_NN and no file normal_\*: there is nothing to score"):
        evaluate("tep", fit, scored, None)


def unmarked(column: str, mark: str = "0") -> Callable[[Rows], Rows]:
    """Puts a mark in every row of a column."""

    def change(rows: Rows) -> Rows:
        place = rows[0].index(column)
        return [rows[0], *([*row[:place], mark, *row[place + 1 :]] for row in rows[1:])]

    return change


def test_where_there_is_nothing_to_find_no_number_says_how_much_was_found(tmp_path: Path) -> None:
    """Null, which is "cannot judge": a zero would be a verdict. What can be said is said."""
    folder = small_folders.skab(tmp_path / "s")
    for path in sorted((folder / "x").iterdir()):
        rewrite(path, lambda rows: unmarked("anomaly")(unmarked("changepoint")(rows)), ";")
    found = evaluate("skab", None, folder, None)
    assert (found["f1"], found["mar"], found["cp_nab_standard"]) == (None, None, None)
    assert found["far"] > 0.0
    folder = small_folders.water(tmp_path / "w")
    rewrite(folder / "some.csv.gz", unmarked("EVENT"))
    found = evaluate("gecco", folder, folder, None)
    assert (found["events"], found["f1"]) == (0, None)
    assert found["false_per_day"] > 0.0
    folder = small_folders.mine(tmp_path / "m")
    rewrite(folder / "m.csv.gz", unmarked(methane.TARGET, "0.9"))
    assert evaluate("methane", folder, folder, None)["ap_new_exceedance"] is None


def test_where_nothing_can_be_said_the_sentence_says_why(tmp_path: Path) -> None:
    """No windows, only rows that nobody has marked, a value that is never there."""
    folder = small_folders.nab(tmp_path / "n")
    (folder / "kind/jump.csv.gz").unlink()
    with pytest.raises(BadInput, match=r"None of the 1 files of .* has a window: there is nothing to find"):
        evaluate("nab", None, folder, None)
    folder = network(tmp_path / "b")
    rewrite(folder / "later.csv.gz", unmarked("ATT_FLAG", str(UNMARKED)))
    with pytest.raises(BadInput, match=r"No row of .* is marked as an attack"):
        evaluate("batadal", folder, folder, None)
    folder, other = small_folders.mine(tmp_path / "m"), small_folders.mine(tmp_path / "n2")
    rewrite(other / "m.csv.gz", unmarked("MM116", ""))
    with pytest.raises(BadInput, match=r"None of the rows of .* can be forecast"):
        evaluate("methane", folder, other, None)
    folder, other = small_folders.water(tmp_path / "w1"), small_folders.water(tmp_path / "w2")
    for column in gecco.QUALITY:
        rewrite(other / "some.csv.gz", unmarked(column, ""))
    with pytest.raises(BadInput, match=r"holds normal rows of none of tep, gecco, methane"):
        evaluate("calibration", folder, other, None)
    folder = small_folders.injected(tmp_path / "f")
    (folder / "labels.csv.gz").unlink()
    with pytest.raises(BadInput, match=r"the nearest, series\.csv, lacks fault, first_row, last_row"):
        evaluate("faults", None, folder, None)


def constant(values: Any) -> None:
    """It never moves."""
    values[:] = 5.0


def absent(values: Any) -> None:
    """It is never there."""
    values[:] = np.nan


@pytest.mark.parametrize("spoil", [constant, absent])
def test_a_sensor_that_says_nothing_is_told_and_the_others_are_judged(
    spoil: Callable[[Any], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One signal of an experiment is constant, or missing, while it is learnt: named on the way, and left out."""
    values, fault = signals(900, 4, 3), np.zeros(900, int)
    fault[600:800] = 1
    values[600:800, 1] -= 4.0
    spoil(values[:, 3])
    rows = zip(stamps(900, timedelta(seconds=1)), *values.T.tolist(), fault.tolist(), fault.tolist(), strict=True)
    write(tmp_path / "a.csv.gz", ["datetime", "a", "b", "c", "d", "anomaly", "changepoint"], rows, ";")
    assert evaluate("skab", None, tmp_path, None)["f1"] > 0.8
    assert "cannot judge d" in capsys.readouterr().err


def test_one_sensor_is_no_asset(tmp_path: Path) -> None:
    """A model of one signal has nothing that it could go with."""
    rows = zip(stamps(900, timedelta(seconds=1)), signals(900, 1, 3)[:, 0].tolist(), [0] * 900, [0] * 900, strict=True)
    write(tmp_path / "a.csv.gz", ["datetime", "a", "anomaly", "changepoint"], rows, ";")
    with pytest.raises(BadInput, match=r"a\.csv: of 1 signals 1 moves in what is learnt from; two at least must"):
        evaluate("skab", None, tmp_path, None)


def test_thousands_of_sensors_are_too_many_for_a_short_stretch() -> None:
    """A covariance of 5,000 signals from 400 rows would be shrinkage alone: refused before it is worked out."""
    rows = np.random.default_rng(1).normal(0.0, 1.0, (400, 5_000))
    with pytest.raises(BadInput, match=r"big: 400 complete rows to learn 5000 signals from; at least 25000 are needed"):
        fitted(settings.TEP, "big", [f"s{n}" for n in range(5_000)], [rows], None)


def test_recall_is_said_for_each_kind_of_fault(tmp_path: Path) -> None:
    """An average of 56 % once hid that no stuck sensor was found: each kind has its own number, and null where there is none of it."""
    recall = evaluate("faults", None, small_folders.injected(tmp_path), None)["recall"]
    assert list(recall) == ["all", "spike", "bias", "drift", "stuck", "noise", "dropout", "leak"]
    assert [kind for kind, share in recall.items() if share is None] == ["bias", "drift", "noise", "leak"]


@pytest.mark.parametrize("spoil", [constant, absent])
def test_a_series_that_says_nothing_while_it_is_learnt_gives_no_alarm_without_end(
    spoil: Callable[[Any], None],
) -> None:
    """Constant, or not there, and then alive: what has no setpoint from its warm-up is out of use; a fault is still found by the others."""
    values = np.random.default_rng(2).normal(20.0, 1.0, (1_400, 1))
    spoil(values[:400])
    values[1_200:] = np.nan
    held = any_of(alarms(Stream.clockless(values, 1.0), settings.FAULTS, 400))
    assert held[402:1_200].mean() < 0.05
    assert held[1_202:].all()


def test_the_answer_is_json_that_every_reader_takes(tmp_path: Path) -> None:
    """No NaN and no infinity: numbers, or null."""
    for name in FOLDERS:
        answer = evaluate(name, FOLDERS[name](tmp_path / name), tmp_path / name, None)
        json.dumps(answer, allow_nan=False)
