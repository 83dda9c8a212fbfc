"""Rules of measuring that no number shows: labels teach nothing, nothing is fetched, and no row of the data is in this repository."""

from __future__ import annotations

import ast
import gzip
import json
from datetime import timedelta
from pathlib import Path

import numpy as np

import davy.evaluate
from davy.evaluate import gecco, nab, skab
from tests.davy import small_folders
from tests.davy.test_evaluate_strangers import rewrite, unmarked

ROOT = Path(__file__).resolve().parents[2]
HISTORIES = ROOT / "tests" / "histories"
REACHING_OUT = {"socket", "ssl", "http", "urllib", "requests", "httpx", "subprocess", "psycopg", "paho"}
# Names that stand in the first lines of the data sets and nowhere else.
OF_THE_DATA = ("Accelerometer1RMS", "XMEAS_1", "MM116", "ATT_FLAG", "Trueb", "realKnownCause", "Inp OutRange")


def test_labels_change_no_alarm(tmp_path: Path) -> None:
    """Where people have marked something else, or nothing, the same rows alarm: marks are looked at by scorers only."""
    pump = small_folders.skab(tmp_path / "s")
    before = [file.marked.alarm for file in skab.judge(pump)]
    for path in (pump / "x").iterdir():
        rewrite(path, unmarked("anomaly"), ";")
    assert all(np.array_equal(a, file.marked.alarm) for a, file in zip(before, skab.judge(pump), strict=True))
    water = small_folders.water(tmp_path / "w")
    ((_, alarm),) = gecco.judge(water)
    rewrite(water / "some.csv.gz", unmarked(gecco.EVENT, "1"))
    assert np.array_equal(gecco.judge(water)[0][1], alarm)
    series = small_folders.nab(tmp_path / "n")
    detected = {name: found for name, (found, _) in nab.judge(series).items()}
    said = json.loads((series / "combined_windows.json").read_text())
    stamps = small_folders.stamps(2_000, timedelta(minutes=5))
    moved = {name: [[stamps[900] + ".000000", stamps[990] + ".000000"]] for name in said}
    (series / "combined_windows.json").write_text(json.dumps(moved))
    assert all(np.array_equal(found, detected[name]) for name, (found, _) in nab.judge(series).items())


def test_nothing_is_fetched() -> None:
    """What measures reads folders and nothing else: no module of it opens a connection or starts a program."""
    for path in Path(davy.evaluate.__path__[0]).glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {
            each.name.partition(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for each in node.names
        } | {(node.module or "").partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not names & REACHING_OUT, path.name


def test_no_row_of_the_data_is_in_this_repository() -> None:
    """Licences differ, some are for evaluation only: tables that are committed are of our own making."""
    for path in ROOT.rglob("*"):
        inside = path.relative_to(ROOT).parts
        if any(part.startswith(".") or part == "node_modules" for part in inside) or not path.is_file():
            continue
        if path.parent == HISTORIES:
            continue  # of the data's shape, made by the generator that lies beside them
        if path.name.endswith((".csv", ".csv.gz", ".json", ".json.gz", ".tsv")):
            content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            assert not [name for name in OF_THE_DATA if name.encode() in content[:100_000]], path
        assert not path.name.endswith((".npz", ".npy", ".parquet", ".pickle", ".pkl", ".joblib")), path
