"""BATADAL: tanks, pumps and pressures of a water network, a row an hour. Attacks found, how soon, and how quiet it is without."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from davy.answer import progress
from davy.evaluate import settings
from davy.evaluate.assets import fitted, held
from davy.evaluate.judging import Stream
from davy.evaluate.measures import Bool, runs, share
from davy.evaluate.reading import having, table
from davy.evaluate.splitting import cut, is_same

TIME: Final = "DATETIME"
LABEL: Final = "ATT_FLAG"
NOT_MEMBERS: Final = (TIME, LABEL, "ATTACK_ID")
NORMAL, ATTACK, UNMARKED = 0, 1, -999
LEAST: Final = 48  # rows: two days


class _File(NamedTuple):
    name: str
    stream: Stream
    label: NDArray[np.int64]

    @property
    def is_normal(self) -> bool:
        return bool((self.label == NORMAL).all())


def evaluate(fit: Path, scored: Path) -> dict[str, Any]:
    """S, the share of normal hours without alarm, and the attacks found.

    Raises:
        BadInput: files that will not do.
    """
    members = _members(fit)
    there = _files(fit, members)
    years = [file for file in there if file.is_normal]
    if not years:
        raise BadInput(f"{fit} holds no file whose {LABEL} is 0 in every row: there is nothing normal to fit on.")
    same = is_same(fit, scored)
    learnt = [year.stream.values[: cut(len(year.label)) if same else None] for year in years]
    watch = settings.BATADAL
    progress(f"batadal: fits on {sum(map(len, learnt))} normal hours")
    model = fitted(watch, "batadal", members, learnt, None)
    marked: list[tuple[_File, Bool]] = []
    rest: list[Bool] = []
    for file in there if same else _files(scored, members):
        alarm = held(watch, model, members, file.stream)
        if file.is_normal:
            rest.append(alarm[cut(len(alarm)) if same else 0 :])
        else:
            marked.append((file, alarm))
    attacks = [
        (alarm[run.first : run.last + 1], len(run)) for file, alarm in marked for run in runs(file.label == ATTACK)
    ]
    if not attacks:
        raise BadInput(f"No row of {scored} is marked as an attack ({LABEL} 1): there is nothing to find.")
    quiet = [alarm[file.label == NORMAL] for file, alarm in marked if (file.label == NORMAL).any()] or rest
    return _answer(attacks, quiet, scored)


def _answer(attacks: list[tuple[Bool, int]], quiet: list[Bool], scored: Path) -> dict[str, Any]:
    if not quiet:
        raise BadInput(f"No row of {scored} is marked as normal ({LABEL} 0), so nobody can say how quiet it is.")
    late = [int(np.argmax(alarm)) / hours if alarm.any() else 1.0 for alarm, hours in attacks]
    normal, during = np.concatenate(quiet), np.concatenate([alarm for alarm, _ in attacks])
    tnr = 1.0 - share(int(normal.sum()), len(normal))
    tpr = share(int(during.sum()), len(during))
    soon = 1.0 - float(np.mean(late))
    return {
        "s": (soon + (tpr + tnr) / 2) / 2,
        "tnr": tnr,
        "detected": sum(bool(alarm.any()) for alarm, _ in attacks),
        "attacks": len(attacks),
    }


def _members(folder: Path) -> tuple[str, ...]:
    """What is measured: every column but time and marks."""
    header = having(folder, (TIME, LABEL))[0]
    return tuple(column for column in header.columns if column not in NOT_MEMBERS)


def _files(folder: Path, members: tuple[str, ...]) -> list[_File]:
    found = []
    for header in having(folder, (TIME, LABEL, *members)):
        file = table(header, LEAST)
        label = file.labels(LABEL, (NORMAL, ATTACK, UNMARKED))
        found.append(_File(header.name, Stream(file.instants(TIME), file.numbers(members)), label))
    return found
