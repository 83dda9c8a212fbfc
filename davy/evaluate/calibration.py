"""Calibration: where 1 % of normal rows should be beyond a setpoint, how many are? Over every normal stretch under a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from core.batch import Float64
from core.errors import BadInput
from davy.answer import progress
from davy.evaluate import gecco, methane, settings, tep
from davy.evaluate.assets import paced
from davy.evaluate.measures import share
from davy.evaluate.reading import Header, Table, headers, table
from davy.evaluate.splitting import cut, is_same


class _Kind(NamedTuple):
    """A data set that has normal stretches.

    Args:
        columns: its files have them.
        members: what a model sees.
        normal: a file's rows, a column a member, with NaN in place of what is not normal.
    """

    columns: tuple[str, ...]
    members: tuple[str, ...]
    normal: Callable[[Table], Float64]


def _tep(file: Table) -> Float64:
    rows = file.numbers(tep.MEMBERS)
    name = file.name.rsplit("/", 1)[-1].lower()
    return rows if name.startswith("normal") else rows[: tep.FAULT_FROM]


def _gecco(file: Table) -> Float64:
    rows = file.numbers(gecco.QUALITY)
    rows[file.labels(gecco.EVENT) == 1] = np.nan
    return rows


def _methane(file: Table) -> Float64:
    rows = file.numbers(methane.MEMBERS)
    rows[~(file.numbers([methane.TARGET])[:, 0] < methane.ALARM_AT)] = np.nan
    return rows


KINDS: Final[dict[str, _Kind]] = {
    "tep": _Kind(tep.MEMBERS, tep.MEMBERS, _tep),
    "gecco": _Kind((*gecco.QUALITY, gecco.EVENT), gecco.QUALITY, _gecco),
    "methane": _Kind((*methane.MEMBERS, methane.TARGET), methane.MEMBERS, _methane),
}


def evaluate(fit: Path, scored: Path) -> dict[str, Any]:
    """Observed over nominal rate of false alarms at 1 %, of each data set that is there.

    Raises:
        BadInput: none is there, or files that will not do.
    """
    same = is_same(fit, scored)
    there = cache(headers)  # which opens every table below a folder: once for all kinds
    ratios = {}
    for name, kind in KINDS.items():
        learnt = stretches(kind, there(fit))
        judged = learnt if same else stretches(kind, there(scored))
        if not learnt or not judged:
            progress(f"calibration: no files of {name} in {scored if learnt else fit}")
            continue
        if same:
            learnt = [rows[: cut(len(rows))] for rows in learnt]
        parts = [(rows, cut(len(rows)) if same else 0) for rows in judged]
        said = paced(settings.CALIBRATION, name, kind.members, learnt, parts)
        said = said[np.isfinite(said)]
        if not len(said):
            progress(f"calibration: cannot judge {name}: no normal row of {scored} has a number")
            continue
        beyond = int((said >= settings.CALIBRATION.budget.setpoint).sum())
        ratios[name] = share(beyond, len(said)) / settings.CALIBRATION.budget.rate
        progress(f"calibration: {name}: {beyond} of {len(said)} normal rows beyond a setpoint for 1 %")
    if not ratios:
        raise BadInput(f"{scored} holds normal rows of none of {', '.join(KINDS)} that {fit} could be fitted for.")
    return {"ratio_min": min(ratios.values()), "ratio_max": max(ratios.values()), "ratios": ratios}


def stretches(kind: _Kind, tables: Sequence[Header]) -> list[Float64]:
    """The normal rows of each file of a kind, where it has any."""
    return [kind.normal(table(header, 2)) for header in tables if header.has(kind.columns)]
