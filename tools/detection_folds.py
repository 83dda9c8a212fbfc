"""How far the figures of docs/detection.md depend on which part of the public data is looked at; `tools/detection.py` calls it.

Nothing is chosen here: the settings are the repository's. Where files are judged one by one, 200 random halves of them are counted;
where something is fitted, it is fitted on one part and scored on another. A hidden half is no larger than such a part.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from davy.evaluate import batadal, calibration, faults, gecco, methane, nab, settings, skab, tep
from davy.evaluate.assets import fitted, held, paced
from davy.evaluate.measures import runs
from davy.evaluate.reading import headers

HALVES, FIFTHS, PAIRS = 200, 5, 6
SEED = 1
Answer = Mapping[str, Any]
Part = TypeVar("Part")
# Of each measure which end of its spread is the bad one.
HIGH_IS_BAD = ("far", "false_per_day", "false_per_1000", "rmse over the better baseline")


def rows(root: Path) -> list[str]:
    """The table: a line for each measure."""
    lines = ["| evaluate | parts | measure | middle | 5 % to 95 % | worst |", "|---|---|---|---|---|---|"]
    for name, told, folds in FOLDS:
        answers = list(folds(root / FOLDERS[name]))
        for measure in dict.fromkeys(key for answer in answers for key in answer):
            found = np.array([answer[measure] for answer in answers if answer.get(measure) is not None], float)
            low, middle, high = np.quantile(found, (0.05, 0.5, 0.95))
            worst = found.max() if measure in HIGH_IS_BAD else found.min()
            if measure.startswith("ratio"):
                worst = max(found, key=lambda ratio: abs(np.log(max(ratio, 1e-9))))
            lines.append(f"| {name} | {told} | {measure} | {middle:.3g} | {low:.3g} to {high:.3g} | {worst:.3g} |")
    return lines


def _halves(parts: Sequence[Part]) -> Iterator[list[Part]]:
    random = np.random.default_rng(SEED)
    for _ in range(HALVES):
        yield [parts[place] for place in random.permutation(len(parts))[: len(parts) // 2]]


def _fifths(count: int) -> list[tuple[int, int]]:
    edges = np.linspace(0, count, FIFTHS + 1).astype(int).tolist()
    return list(pairwise(edges))


def _skab(folder: Path) -> Iterable[Answer]:
    return [_but(skab.answer(half), "mar") for half in _halves(skab.judge(folder))]


def _nab(folder: Path) -> Iterable[Answer]:
    return [nab.answer(half) for half in _halves(list(nab.judge(folder).values()))]


def _faults(folder: Path) -> Iterable[Answer]:
    for half in _halves(list(faults.judge(folder).values())):
        answer = faults.answer(half)
        yield {f"recall {kind}": share for kind, share in answer["recall"].items()} | {
            "false_per_1000": answer["false_per_1000"]
        }


def _tep_halves(folder: Path) -> Iterable[Answer]:
    """Half of the fault runs calibrates, the other half is scored, all of it."""
    _, faults = _tep_files(folder)
    random = np.random.default_rng(SEED)
    for _ in range(PAIRS):
        order = [faults[place] for place in random.permutation(len(faults))]
        yield _tep_apart(folder, order[len(order) // 2 :])


def _tep_pairs(folder: Path) -> Iterable[Answer]:
    """Each run and the next are scored by what all others calibrate: nearly as many as calibrate for another folder."""
    _, faults = _tep_files(folder)
    for place in range(len(faults)):
        yield _tep_apart(folder, [faults[place], faults[(place + 1) % len(faults)]])


def _tep_apart(folder: Path, scored: Sequence[Path]) -> Answer:
    normal, faults = _tep_files(folder)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        for place, files in ((one, [*normal, *(run for run in faults if run not in scored)]), (two, scored)):
            for file in files:
                (Path(place) / file.name).symlink_to(file.resolve())
        return tep.evaluate(Path(one), Path(two))


def _tep_files(folder: Path) -> tuple[list[Path], list[Path]]:
    files = sorted(folder.iterdir())
    return [file for file in files if file.name.startswith("normal")], [
        file for file in files if file.name.startswith("fault")
    ]


def _gecco(folder: Path) -> Iterable[Answer]:
    """The sensors learn as they go: one run, counted fifth by fifth."""
    for event, alarm in gecco.judge(folder):
        for first, end in _fifths(len(event)):
            answer = gecco.answer([(event[first:end], alarm[first:end])])
            yield {"events found, share": answer["events_found"] / answer["events"] if answer["events"] else None} | {
                "false_per_day": answer["false_per_day"],
                "f1": answer["f1"],
            }


def _batadal(folder: Path) -> Iterable[Answer]:
    """Each fifth of the year is left out of the fit in turn, and says how quiet it is."""
    members = batadal.members_of(folder)
    files = batadal.files_of(folder, members)
    for year in (file for file in files if file.is_normal):
        for first, end in _fifths(len(year.label)):
            learnt = [part for part in (year.stream.values[:first], year.stream.values[end:]) if len(part)]
            model = fitted(settings.BATADAL, "batadal", members, learnt, None)
            attacks = []
            for file in (each for each in files if not each.is_normal):
                alarm = held(settings.BATADAL, model, members, file.stream)
                attacks += [(alarm[run.first : run.last + 1], len(run)) for run in runs(file.label == batadal.ATTACK)]
            answer = batadal.answer(attacks, [held(settings.BATADAL, model, members, year.stream)[first:end]])
            yield {
                "s": answer["s"],
                "tnr": answer["tnr"],
                "attacks found, share": answer["detected"] / answer["attacks"],
            }


def _methane(folder: Path) -> Iterable[Answer]:
    """Each fifth is forecast by what the others have taught."""
    for values, target in methane.runs_of(folder):
        for first, end in _fifths(len(values)):
            before = max(first - methane.AHEAD, 0)  # later targets look into what is scored
            learnt = [(values[:before], target[:before]), (values[end:], target[end:])]
            answer = methane.measured(
                [run for run in learnt if len(run[0]) > methane.LEAST], [(values[:end], target[:end], first)]
            )
            if answer:
                better = min(answer["rmse_persistence"], answer["rmse_own_lags"])
                yield {
                    "rmse over the better baseline": answer["rmse"] / better,
                    "ap_new_exceedance": answer["ap_new_exceedance"],
                }


def _calibration(folder: Path) -> Iterable[Answer]:
    """Each fifth of every stretch is judged by what the others have taught."""
    there = headers(folder)
    for name, kind in calibration.KINDS.items():
        stretches = calibration.stretches(kind, there)
        for fifth in range(FIFTHS):
            learnt, judged = [], []
            for values in stretches:
                first, end = _fifths(len(values))[fifth]
                learnt += [part for part in (values[:first], values[end:]) if len(part)]
                judged.append((values[:end], first))
            said = paced(settings.CALIBRATION, name, kind.members, learnt, judged)
            said = said[np.isfinite(said)]
            budget = settings.CALIBRATION.budget
            yield {f"ratio, {name}": float((said >= budget.setpoint).mean()) / budget.rate if len(said) else None}


def _but(answer: Answer, key: str) -> Answer:
    return {name: value for name, value in answer.items() if name != key}


FOLDERS = {
    "skab": "skab", "nab": "nab", "tep": "tep", "gecco": "gecco2018_water", "batadal": "batadal", "methane": "coal_mine_methane",
    "faults": "sensor_faults_injected", "calibration": ".",
}  # fmt: skip
FOLDS: tuple[tuple[str, str, Callable[[Path], Iterable[Answer]]], ...] = (
    ("skab", f"{HALVES} halves of the files", _skab),
    ("nab", f"{HALVES} halves of the files", _nab),
    ("tep", "each two fault runs left out, the others calibrate", _tep_pairs),
    ("tep", f"{PAIRS} times half of the fault runs left out, the others calibrate", _tep_halves),
    ("gecco", "fifths of the time", _gecco),
    ("batadal", "each fifth of the year left out", _batadal),
    ("methane", "each fifth left out", _methane),
    ("faults", f"{HALVES} halves of the series", _faults),
    ("calibration", "each fifth left out", _calibration),
)
