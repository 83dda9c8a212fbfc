"""Tennessee Eastman: fits on normal runs, calibrates on the beginnings of fault runs, and counts both kinds of mistake.

Of a fault run rows 0..159 are normal and the fault acts from row 160 on. Of the folder that is fitted on rows 0..79 calibrate and
80..159 are scored; of another folder 0..159 are, with its normal runs.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np

from core.batch import Float64
from core.errors import BadInput
from davy.answer import progress
from davy.evaluate import settings
from davy.evaluate.assets import fitted, held
from davy.evaluate.judging import Stream
from davy.evaluate.measures import Bool, share
from davy.evaluate.reading import Header, having, table
from davy.evaluate.splitting import is_same

MEMBERS: Final = (*(f"XMEAS_{n}" for n in range(1, 42)), *(f"XMV_{n}" for n in range(1, 12)))
FAULT_FROM: Final = 160  # rows
CALIBRATED: Final = 80
PERIOD_S: Final = 180.0
HARDLY_THERE: Final = frozenset((3, 9, 15))  # faults that nothing published finds; counted by nobody
FAULT: Final = re.compile(r"fault_?(\d+)")


def evaluate(fit: Path, scored: Path) -> dict[str, Any]:
    """Share of normal rows that alarm, and of fault rows that do; None where nothing scored is of that kind.

    Raises:
        BadInput: files that will not do.
    """
    normal, faults = _runs(fit)
    watch = settings.TEP
    model = fitted(watch, "tep", MEMBERS, *_taught(fit, list(normal.values()), list(faults.values())))
    same = is_same(fit, scored)
    rest, judged = ({}, faults) if same else _runs(scored)
    first = CALIBRATED if same else 0
    quiet: list[Bool] = [held(watch, model, MEMBERS, Stream.clockless(run, PERIOD_S)) for run in rest.values()]
    acting: list[Bool] = []
    for name, run in judged.items():
        alarm = held(watch, model, MEMBERS, Stream.clockless(run, PERIOD_S))
        quiet.append(alarm[first:FAULT_FROM])
        if _number(name) not in HARDLY_THERE:
            acting.append(alarm[FAULT_FROM:])
    if not quiet:
        raise BadInput(
            f"{scored} holds no file fault_NN{'' if same else ' and no file normal_*'}: there is nothing to score."
        )
    if not acting:
        progress(
            f"tep: {scored} holds no file fault_NN with another fault than 3, 9 and 15: cannot judge what is found."
        )
    return {"far": _mean(quiet), "fdr": _mean(acting) if acting else None}


def _taught(fit: Path, normal: list[Float64], faults: list[Float64]) -> tuple[list[Float64], list[Float64] | None]:
    """What is fitted on, and what calibrates; None: the same rows, block by block, each judged by a model of the others."""
    beginnings = [run[:CALIBRATED] for run in faults]
    if normal and beginnings:
        progress(f"tep: fits on {len(normal)} normal runs, calibrates on the beginnings of {len(faults)} fault runs")
        return normal, beginnings
    if not normal and not beginnings:
        raise BadInput(f"{fit} holds no file normal_* to fit on and no file fault_NN to calibrate on.")
    missing = "fault_NN" if normal else "normal_*"
    progress(
        f"tep: {fit} holds no file {missing}: fits on what is there and calibrates on it block by block, each judged by a model of the "
        "others; fewer rows have taught each, so alarms come later than they would."
    )
    return normal or beginnings, None


def _runs(folder: Path) -> tuple[dict[str, Float64], dict[str, Float64]]:
    """The normal runs and the fault runs of a folder, by name; other files are passed over."""
    normal: dict[str, Float64] = {}
    faults: dict[str, Float64] = {}
    for header in having(folder, MEMBERS):
        stem = _stem(header)
        if stem.startswith("normal"):
            normal[header.name] = table(header, 2).numbers(MEMBERS)
        elif FAULT.match(stem):
            faults[header.name] = table(header, FAULT_FROM + 1).numbers(MEMBERS)
    return normal, faults


def _stem(header: Header) -> str:
    return PurePosixPath(header.name).name.lower()


def _number(name: str) -> int:
    found = FAULT.match(PurePosixPath(name).name.lower())
    return int(found.group(1)) if found else 0


def _mean(parts: list[Bool]) -> float:
    rows = np.concatenate(parts)
    return share(int(rows.sum()), len(rows))
