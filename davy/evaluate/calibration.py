"""Calibration: where 1 % of normal rows should be beyond a setpoint, how many are? Over every normal stretch under a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from core.batch import Float64
from core.errors import BadInput
from davy.answer import progress
from davy.evaluate import gecco, methane, settings, tep
from davy.evaluate.assets import paced
from davy.evaluate.measures import share
from davy.evaluate.reading import Table, headers, table
from davy.evaluate.splitting import cut, is_same

Normal = Callable[[Table], tuple[Sequence[str], Float64]]  # members, and rows with NaN in place of what is not normal


def _tep(file: Table) -> tuple[Sequence[str], Float64]:
    rows = file.numbers(tep.MEMBERS)
    name = file.name.rsplit("/", 1)[-1].lower()
    return tep.MEMBERS, rows if name.startswith("normal") else rows[: tep.FAULT_FROM]


def _gecco(file: Table) -> tuple[Sequence[str], Float64]:
    rows = file.numbers(gecco.QUALITY)
    rows[file.labels(gecco.EVENT) == 1] = np.nan
    return gecco.QUALITY, rows


def _methane(file: Table) -> tuple[Sequence[str], Float64]:
    rows = file.numbers(methane.MEMBERS)
    rows[~(file.numbers([methane.TARGET])[:, 0] < methane.ALARM_AT)] = np.nan
    return methane.MEMBERS, rows


KINDS: Final[dict[str, tuple[tuple[str, ...], Normal]]] = {
    "tep": (tep.MEMBERS, _tep),
    "gecco": ((*gecco.QUALITY, gecco.EVENT), _gecco),
    "methane": ((*methane.MEMBERS, methane.TARGET), _methane),
}


def evaluate(fit: Path, scored: Path) -> dict[str, Any]:
    """Observed over nominal rate of false alarms at 1 %, of each data set that is there.

    Raises:
        BadInput: none is there, or files that will not do.
    """
    same = is_same(fit, scored)
    ratios = {}
    for kind in KINDS:
        learnt, judged = _stretches(kind, fit), _stretches(kind, scored)
        if not learnt or not judged:
            progress(f"calibration: no files of {kind} in {scored if learnt else fit}")
            continue
        if same:
            learnt = [rows[: cut(len(rows))] for rows in learnt]
        parts = [(rows, cut(len(rows)) if same else 0) for rows in judged]
        said = paced(settings.CALIBRATION, kind, _members(kind), learnt, parts)
        said = said[np.isfinite(said)]
        if not len(said):
            progress(f"calibration: cannot judge {kind}: no normal row of {scored} has a number")
            continue
        beyond = int((said >= settings.CALIBRATION.budget.setpoint).sum())
        ratios[kind] = share(beyond, len(said)) / settings.CALIBRATION.budget.rate
        progress(f"calibration: {kind}: {beyond} of {len(said)} normal rows beyond a setpoint for 1 %")
    if not ratios:
        raise BadInput(f"{scored} holds normal rows of none of {', '.join(KINDS)} that {fit} could be fitted for.")
    return {"ratio_min": min(ratios.values()), "ratio_max": max(ratios.values()), "ratios": ratios}


def _members(kind: str) -> Sequence[str]:
    return {"tep": tep.MEMBERS, "gecco": gecco.QUALITY, "methane": methane.MEMBERS}[kind]


def _stretches(kind: str, folder: Path) -> list[Float64]:
    """The normal rows of each file of a kind, where it has any."""
    columns, normal = KINDS[kind]
    return [normal(table(header, 2))[1] for header in headers(folder) if header.has(columns)]
