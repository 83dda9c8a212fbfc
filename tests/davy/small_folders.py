"""Small generated folders of the same shape as the data sets, so that no test depends on those being there."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from core.batch import Float64
from davy.evaluate import batadal, gecco, methane, tep

START = datetime(2026, 1, 1, tzinfo=UTC)


def write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]], separator: str = ",") -> None:
    """A table, packed; NaN is an empty cell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream, delimiter=separator)
        out.writerow(columns)
        out.writerows([["" if isinstance(cell, float) and np.isnan(cell) else cell for cell in row] for row in rows])


def stamps(count: int, period: timedelta) -> list[str]:
    """Instants without a zone, as the data sets write them."""
    return [(START + row * period).strftime("%Y-%m-%d %H:%M:%S") for row in range(count)]


def signals(rows: int, columns: int, seed: int) -> Float64:
    """Signals that follow one load, each with noise of its own."""
    random = np.random.default_rng(seed)
    load = np.sin(np.arange(rows) / 17.0) + random.normal(0, 0.3, rows)
    return 10.0 + load[:, None] * np.linspace(0.2, 1.0, columns) + random.normal(0, 0.3, (rows, columns))


def skab(folder: Path, seed: int = 1) -> Path:
    """Two experiments of 900 rows with a fault from row 600 to 799, and a file without labels."""
    for number in range(2):
        values, fault = signals(900, 4, seed + number), np.zeros(900, int)
        fault[600:800] = 1
        values[600:800, 1] -= 4.0
        change = np.abs(np.diff(fault, prepend=0))
        rows = zip(stamps(900, timedelta(seconds=1)), *values.T.tolist(), fault.tolist(), change.tolist(), strict=True)
        write(folder / f"x/{number}.csv.gz", ["datetime", "a", "b", "c", "d", "anomaly", "changepoint"], rows, ";")
    free = zip(stamps(500, timedelta(seconds=1)), *signals(500, 4, 9).T.tolist(), strict=True)
    write(folder / "free.csv.gz", ["datetime", "a", "b", "c", "d"], free, ";")
    return folder


def nab(folder: Path) -> Path:
    """Two series of 2,000 rows, one with a jump in its window."""
    at = stamps(2_000, timedelta(minutes=5))
    for name in ("jump", "calm"):
        values = np.random.default_rng(3).normal(50, 1, 2_000)
        if name == "jump":
            values[1_500:1_520] += 40.0
        write(folder / f"kind/{name}.csv.gz", ["timestamp", "value"], zip(at, values.tolist(), strict=True))
    windows = {"kind/jump.csv": [[at[1_450] + ".000000", at[1_600] + ".000000"]], "kind/calm.csv": []}
    (folder / "combined_windows.json").write_text(json.dumps(windows))
    (folder / "combined_labels.json").write_text(json.dumps({"kind/jump.csv": [at[1_500]], "kind/calm.csv": []}))
    return folder


def plant(folder: Path, seed: int = 1) -> Path:
    """The chemical plant: one normal run, two faults that count and one that does not."""
    write(folder / "normal_a.csv.gz", tep.MEMBERS, signals(600, len(tep.MEMBERS), seed).tolist())
    for number in (3, 4, 16):
        values = signals(400, len(tep.MEMBERS), seed + number)
        values[tep.FAULT_FROM :, 6] += 0.0 if number == 3 else 5.0
        write(folder / f"fault_{number:02d}.csv.gz", tep.MEMBERS, values.tolist())
    return folder


def water(folder: Path, seed: int = 1) -> Path:
    """The water plant: 4,000 minutes with two events of 30 that two sensors see."""
    values, event = signals(4_000, 9, seed), np.zeros(4_000, int)
    for first in (1_500, 3_000):
        event[first : first + 30] = 1
        values[first : first + 30, 1:3] += 15.0
    values[50:60] = np.nan
    columns = ["Time", "Tp", *gecco.QUALITY[:5], "Cl_2", "Fm", "Fm_2", "EVENT"]
    rows = zip(stamps(4_000, timedelta(minutes=1)), *values.T.tolist(), event.tolist(), strict=True)
    write(folder / "some.csv.gz", columns, rows)
    return folder


def network(folder: Path, seed: int = 1, *, normal_too: bool = False) -> Path:
    """The water network: a year without attacks, and half a year with two that are marked."""
    members = ["L_T1", "L_T2", "F_PU1", "S_PU1", "P_J1"]
    for name, rows, attacks in (("year", 3_000, ()), ("later", 1_000, ((400, 460), (700, 740)))):
        values = signals(rows, 5, seed + len(name))
        label = np.full(rows, batadal.NORMAL if normal_too or not attacks else batadal.UNMARKED)
        values[:, 3] = 1.0
        for first, end in attacks:
            values[first:end, 0] += 5.0
            label[first:end] = batadal.ATTACK
        table = zip(stamps(rows, timedelta(hours=1)), *values.T.tolist(), label.tolist(), strict=True)
        write(folder / f"{name}.csv.gz", [batadal.TIME, *members, batadal.LABEL], table)
    return folder


def mine(folder: Path, seed: int = 1) -> Path:
    """The coal mine: 3,000 rows whose methane follows the cutter, and passes 1.5 % now and then."""
    random = np.random.default_rng(seed)
    values = signals(3_000, len(methane.MEMBERS), seed)
    values[:, 0] = 1.25 + 0.15 * np.convolve(random.normal(0, 1, 3_000), np.ones(20) / 5, "same")
    ahead = np.lib.stride_tricks.sliding_window_view(np.append(values[1:, 0], np.full(6, values[-1, 0])), 6).max(axis=1)
    rows = np.column_stack([values, ahead[:3_000]])
    write(folder / "m.csv.gz", [*methane.MEMBERS, methane.TARGET], rows.tolist())
    return folder


def injected(folder: Path) -> Path:
    """Three series of 1,000 rows; a dropout, a spike and a stuck sensor."""
    rows, labels = [], [("one", "spike", 700, 701), ("two", "stuck", 600, 800), ("three", "dropout", 500, 600)]
    for seed, name in enumerate(("one", "two", "three")):
        values = np.random.default_rng(seed).normal(20, 1, 1_000)
        values[700:702] += 60.0 if name == "one" else 0.0
        values[600:801] = values[600] if name == "two" else values[600:801]
        values[500:601] = np.nan if name == "three" else values[500:601]
        rows += [(name, row, value) for row, value in enumerate(values.tolist())]
    write(folder / "series.csv.gz", ["series", "row", "value"], rows)
    write(folder / "labels.csv.gz", ["series", "fault", "first_row", "last_row"], labels)
    return folder


def everything(folder: Path, seed: int = 1) -> Path:
    """What calibration looks through."""
    plant(folder / "a", seed)
    water(folder / "b", seed)
    mine(folder / "c", seed)
    return folder


FOLDERS = {
    "skab": skab, "nab": nab, "tep": plant, "gecco": water, "batadal": network, "methane": mine, "faults": injected,
    "calibration": everything,
}  # fmt: skip
