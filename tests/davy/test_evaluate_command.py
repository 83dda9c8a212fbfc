"""`davy evaluate`: every protocol on a small generated folder, its answer's keys, and what bad input is told."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from core.errors import BadInput
from davy.cli import app
from davy.evaluate.command import PROTOCOLS, evaluate
from tests.davy import small_folders
from tests.davy.small_folders import FOLDERS, network, plant, skab, water

KEYS = {
    "skab": ["f1", "far", "mar", "cp_nab_standard"],
    "nab": ["standard", "low_fp", "low_fn"],
    "tep": ["far", "fdr"],
    "gecco": ["events_found", "events", "false_per_day", "f1"],
    "batadal": ["s", "tnr", "detected", "attacks"],
    "methane": ["rmse", "ap_new_exceedance", "rmse_persistence", "rmse_own_lags"],
    "faults": ["recall", "false_per_1000"],
    "calibration": ["ratio_min", "ratio_max", "ratios"],
}
needs_real = pytest.mark.skipif(not os.environ.get("DAVY_DATA"), reason="set DAVY_DATA to the folder of the data sets")


@pytest.mark.parametrize("name", FOLDERS)
def test_the_command_answers_with_the_keys_of_its_data_set(name: str, tmp_path: Path) -> None:
    """One JSON object with exactly these keys and finite numbers, for a folder that nobody has seen and another to fit on."""
    folder, other = FOLDERS[name](tmp_path / "one"), tmp_path / "two"
    shutil.copytree(folder, other)
    said = CliRunner().invoke(app, ["evaluate", name, "--fit", str(other), "--data", str(folder), "--json"])
    assert said.exit_code == 0, said.output
    answer = json.loads(said.stdout.splitlines()[-1])
    assert list(answer) == KEYS[name]
    numbers = [value for value in answer.values() if not isinstance(value, dict)]
    assert all(np.isfinite(number) for number in numbers)


def test_a_plain_fault_is_found_by_each_protocol(tmp_path: Path) -> None:
    """The generated faults are large: whatever the settings are, they are found, and the rest is mostly quiet."""
    assert evaluate("skab", None, skab(tmp_path / "skab"), None)["f1"] > 0.8
    found = evaluate("tep", plant(tmp_path / "tep"), tmp_path / "tep", None)
    assert found["fdr"] > 0.9
    assert found["far"] < 0.1
    found = evaluate("gecco", water(tmp_path / "gecco"), tmp_path / "gecco", None)
    assert (found["events_found"], found["events"]) == (1, 1)
    found = evaluate("batadal", network(tmp_path / "batadal"), tmp_path / "batadal", None)
    assert (found["detected"], found["attacks"]) == (2, 2)
    assert found["tnr"] > 0.95
    mine = evaluate("methane", small_folders.mine(tmp_path / "mine"), tmp_path / "mine", None)
    assert mine["rmse"] < mine["rmse_persistence"]


def test_what_fits_is_not_scored(tmp_path: Path) -> None:
    """Of one folder the first 60 % fit and the rest is scored; of two, all of the second."""
    folder = water(tmp_path / "a")
    assert evaluate("gecco", folder, folder, None)["events"] == 1
    assert evaluate("gecco", water(tmp_path / "b", seed=2), folder, None)["events"] == 2


def test_where_normal_rows_are_marked_only_they_say_how_quiet_it_is(tmp_path: Path) -> None:
    """Rows marked -999 count neither way; without marked normal rows the unfitted rest of the normal year does."""
    unmarked, marked = network(tmp_path / "a"), network(tmp_path / "b", normal_too=True)
    assert evaluate("batadal", unmarked, unmarked, None)["attacks"] == 2
    assert evaluate("batadal", unmarked, marked, None)["attacks"] == 2


def test_where_nothing_scored_is_normal_the_rest_of_the_year_that_fits_is(tmp_path: Path) -> None:
    """A folder with attacks and unmarked rows alone is measured: the year that fits keeps its last 40 % back for that."""
    folder, other = network(tmp_path / "a"), network(tmp_path / "b")
    (other / "year.csv.gz").unlink()
    assert evaluate("batadal", folder, other, None) == evaluate("batadal", folder, folder, None)


def test_bad_input_is_one_sentence_and_status_two(tmp_path: Path) -> None:
    """No such data set, no such folder, no data at all: told, nothing is measured."""
    with pytest.raises(BadInput, match=r"There is no data set skap; did you mean skab\? There are skab, nab"):
        evaluate("skap", None, tmp_path, None)
    with pytest.raises(BadInput, match=r"Give --data DIR, or set DAVY_DATA"):
        evaluate("skab", None, None, None)
    with pytest.raises(BadInput, match=r"nowhere is no folder; give the folder that holds the files of tep"):
        evaluate("tep", tmp_path / "nowhere", tmp_path, None)
    for name in PROTOCOLS:
        with pytest.raises(BadInput, match=r"holds no \.csv or \.csv\.gz file"):
            evaluate(name, tmp_path, tmp_path, None)


def test_files_that_are_too_short_or_do_not_fit_together_are_told(tmp_path: Path) -> None:
    """Two rows, windows of other files, a fault of an unknown series, nothing normal, nothing to find."""
    small_folders.write(
        tmp_path / "s/a.csv.gz", ["datetime", "x", "y", "anomaly", "changepoint"], [["2026-01-01", 1, 2, 0, 0]] * 2
    )
    with pytest.raises(BadInput, match=r"a\.csv holds 2 rows; at least 401 are needed"):
        evaluate("skab", None, tmp_path / "s", None)
    folder = small_folders.nab(tmp_path / "n")
    (folder / "combined_windows.json").write_text('{"other.csv": [["2026-01-01 00:00:00", "2026-01-02 00:00:00"]]}')
    with pytest.raises(BadInput, match=r"The windows of .* name none of its files; they name other\.csv"):
        evaluate("nab", None, folder, None)
    folder = small_folders.injected(tmp_path / "f")
    small_folders.write(
        folder / "labels.csv.gz", ["series", "fault", "first_row", "last_row"], [("four", "spike", 1, 2)]
    )
    with pytest.raises(BadInput, match=r"labels\.csv, line 2: there is no series 'four'"):
        evaluate("faults", None, folder, None)
    folder = plant(tmp_path / "t")
    (folder / "normal_a.csv.gz").unlink()
    with pytest.raises(BadInput, match=r"tep: 240 complete rows to learn 52 signals from; at least 260 are needed"):
        evaluate("tep", folder, folder, None)
    folder = network(tmp_path / "b")
    (folder / "later.csv.gz").unlink()
    with pytest.raises(BadInput, match=r"No row of .* is marked as an attack"):
        evaluate("batadal", folder, folder, None)


@needs_real
def test_the_public_halves_are_reached() -> None:
    """What the settings are there for, on the quick ones of the real data sets."""
    root = Path(os.environ["DAVY_DATA"])
    pump = evaluate("skab", None, None, root)
    assert pump["f1"] >= 0.80
    assert pump["far"] <= 0.125
    assert pump["cp_nab_standard"] >= 31
    chemical = evaluate("tep", None, None, root)
    assert chemical["far"] <= 0.015
    assert chemical["fdr"] >= 0.95
    mine = evaluate("methane", None, None, root)
    assert mine["rmse"] < min(mine["rmse_persistence"], mine["rmse_own_lags"])
