"""Injected sensor faults: real normal stretches with a spike, bias, drift, stuck, noise, dropout or leak in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from core.batch import Float64
from core.errors import BadInput
from davy.answer import progress
from davy.evaluate import settings
from davy.evaluate.judging import Alarm, Stream, alarms, any_of
from davy.evaluate.measures import Run, false_episodes, if_there, share
from davy.evaluate.reading import Table, having, table

KINDS: Final = ("spike", "bias", "drift", "stuck", "noise", "dropout", "leak")
SERIES: Final = ("series", "row", "value")
LABELS: Final = ("series", "fault", "first_row", "last_row")
WARM_UP: Final = 400  # rows of each series: what is normal is learnt there, and nothing is scored
PERIOD_S: Final = 1.0  # no clock is given; a row is called a second


class Fault(NamedTuple):
    """One that was put in."""

    kind: str
    rows: Run


class Judged(NamedTuple):
    """One series: what was put in, and what alarmed; of rows from the warm-up on."""

    faults: list[tuple[str, bool, bool]]  # kind, recalled, by an alarm that was not there before
    false: int  # episodes
    normal: int  # rows
    alarming: int  # of them


def evaluate(_fit: Path, scored: Path) -> dict[str, Any]:
    """Recall by kind, and false episodes in 1,000 normal rows.

    Raises:
        BadInput: files that will not do, or labels that fit none of the series.
    """
    return answer(list(judge(scored).values()))


def judge(scored: Path, rules: Sequence[Alarm] = settings.FAULTS) -> dict[str, Judged]:
    """Each series by itself, by its name.

    Raises:
        BadInput: files that will not do, or labels that fit none of the series.
    """
    series = _series(scored)
    faults = _faults(scored, series)
    return {name: _judged(values, faults.get(name, ()), rules) for name, values in series.items()}


def _judged(values: Float64, faults: Sequence[Fault], rules: Sequence[Alarm]) -> Judged:
    held = any_of(alarms(Stream.clockless(values[:, None], PERIOD_S), rules, WARM_UP))
    truth = np.zeros(len(values), bool)
    found = []
    for kind, run in faults:
        truth[run.first : run.last + 1] = True
        hit = bool(held[run.first : run.last + 1].any())
        found.append((kind, hit, hit and not held[max(run.first - 1, 0)]))
    held, truth = held[WARM_UP:], truth[WARM_UP:]
    return Judged(found, false_episodes(held, truth), int((~truth).sum()), int((held & ~truth).sum()))


def answer(series: Sequence[Judged]) -> dict[str, Any]:
    """What all of these series together say."""
    faults = [fault for each in series for fault in each.faults]
    normal, alarming = sum(each.normal for each in series), sum(each.alarming for each in series)
    # An alarm that never ends finds everything and is one episode that touches an event: these numbers would show it.
    progress(
        f"faults: {len(series)} series, {len(faults)} faults, {sum(hit for _, hit, _ in faults)} recalled, "
        f"{sum(fresh for *_, fresh in faults)} of them by an alarm that was not there before; "
        f"of {normal} normal rows {100 * share(alarming, normal):.1f} % are in alarm"
    )
    return {
        "recall": {"all": _recall(faults)} | {kind: _recall([f for f in faults if f[0] == kind]) for kind in KINDS},
        "false_per_1000": if_there(share(sum(each.false for each in series) * 1_000.0, normal), normal),
    }


def _recall(faults: Sequence[tuple[str, bool, bool]]) -> float | None:
    return if_there(share(sum(hit for _, hit, _ in faults), len(faults)), len(faults))


def _series(folder: Path) -> dict[str, Float64]:
    found: dict[str, Float64] = {}
    for header in having(folder, SERIES):
        file = table(header, WARM_UP + 1)
        numbers = file.numbers(["row", "value"])
        for name, rows in _groups(file).items():
            place = numbers[rows, 0] if name not in found else None
            if place is None or not np.array_equal(place, np.arange(len(rows))):
                raise BadInput(f"{header.name}: the rows of {name} do not count from 0 on, one after the other.")
            if len(rows) <= WARM_UP:
                raise BadInput(
                    f"{header.name}: {name} has {len(rows)} rows; the first {WARM_UP} are its warm-up and the rest is scored."
                )
            found[name] = numbers[rows, 1]
    return found


def _groups(file: Table) -> dict[str, list[int]]:
    """The rows of each series."""
    found: dict[str, list[int]] = {}
    for row, name in enumerate(file.columns["series"]):
        found.setdefault(name, []).append(row)
    return found


def _faults(folder: Path, series: dict[str, Float64]) -> dict[str, list[Fault]]:
    found: dict[str, list[Fault]] = {}
    for header in having(folder, LABELS):
        file = table(header)
        ends = file.numbers(["first_row", "last_row"])
        for row, (name, kind) in enumerate(zip(file.columns["series"], file.columns["fault"], strict=True)):
            first, last = ends[row].tolist()
            if kind not in KINDS:
                raise BadInput(f"{header.name}, line {row + 2}: {kind!r} is no fault; there are {', '.join(KINDS)}.")
            if name not in series:
                raise BadInput(f"{header.name}, line {row + 2}: there is no series {name[:60]!r}.")
            if not 0 <= first <= last < len(series[name]):
                raise BadInput(f"{header.name}, line {row + 2}: rows {first:g} to {last:g} do not lie in {name}.")
            found.setdefault(name, []).append(Fault(kind, Run(int(first), int(last))))
    return found
