"""Measuring the second opinion: by chance is what it says, files that will not do have a sentence, and on real data it beats chance."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from core.errors import BadInput
from davy.second.measure import SETS, by_chance, measure

REAL = pytest.mark.skipif(
    not os.environ.get("DAVY_DATA"), reason="set DAVY_DATA to the folder of the data sets to judge real ones"
)


def folder_of(where: Path, *, faulty: bool) -> Path:
    """Two series as those of injected faults; one bears a noise of ten times the usual over two windows."""
    rng = np.random.default_rng(5)
    lines, rows = ["series,row,value"], 400 + 40 * 15
    for name in ("a", "b"):
        values = 20.0 + rng.normal(0.0, 0.2, rows)
        if faulty and name == "a":
            values[700:730] += rng.normal(0.0, 3.0, 30)
        lines += [f"{name},{row},{value:.6f}" for row, value in enumerate(values)]
    (where / "series.csv").write_text("\n".join(lines), "utf-8")
    (where / "labels.csv").write_text(
        "series,fault,first_row,last_row\n" + ("a,noise,700,729\n" if faulty else ""), "utf-8"
    )
    return where


def test_a_planted_fault_is_among_the_ten(tmp_path: Path) -> None:
    """It is shown, and ten of forty windows by chance would have met two of them in less than half of all draws."""
    found = measure("faults", folder_of(tmp_path, faulty=True), None)
    assert (found["nights"], found["nights_with_event"], found["events"]) == (2, 1, 1)
    assert found["events_shown"] == 1.0
    assert found["events_shown_by_chance"] < 0.6
    assert found["share_there"] > found["share_there_by_chance"]


def test_chance_is_drawing_without_putting_back() -> None:
    """One window of ten touched and five drawn: a half."""
    assert by_chance(10, 1, 5) == 0.5


def test_what_is_wrong_has_a_sentence(tmp_path: Path) -> None:
    """No such data set, none given, no folder, and files without the columns."""
    for name, data, said in (
        ("fauts", tmp_path, "did you mean faults"),
        ("faults", None, "set DAVY_DATA"),
        ("faults", tmp_path / "gone", "is no folder"),
        ("skab", folder_of(tmp_path, faulty=False), "has the columns"),
    ):
        with pytest.raises(BadInput, match=said):
            measure(name, data, None)


@REAL
@pytest.mark.parametrize("name", ["skab", "faults"])
def test_on_real_data_it_beats_chance(name: str) -> None:
    """What is shown touches a labelled event more often than windows that are drawn at random."""
    found = measure(name, None, Path(os.environ["DAVY_DATA"]))
    assert found["share_there"] > found["share_there_by_chance"]
    assert name in SETS
