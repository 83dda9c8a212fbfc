"""BATADAL: tanks, pumps and pressures of a water network, a row an hour. Attacks found, how soon, and how quiet it is without."""

from __future__ import annotations

from collections.abc import Sequence
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


class File(NamedTuple):
    """One table: its rows, and what people have marked."""

    name: str
    stream: Stream
    label: NDArray[np.int64]

    @property
    def is_normal(self) -> bool:
        """Whether every row is marked as normal."""
        return bool((self.label == NORMAL).all())


def evaluate(fit: Path, scored: Path) -> dict[str, Any]:
    """S, the share of normal hours without alarm, and the attacks found.

    Raises:
        BadInput: files that will not do.
    """
    members = members_of(fit)
    there = files_of(fit, members)
    years = [file for file in there if file.is_normal]
    if not years:
        raise BadInput(f"{fit} holds no file whose {LABEL} is 0 in every row: there is nothing normal to fit on.")
    same = is_same(fit, scored)
    judged = there if same else files_of(scored, members)
    # Where nothing that is scored is marked as normal, a year's rest says how quiet it is: then that rest teaches nothing.
    kept_back = same or not any((file.label == NORMAL).any() for file in judged)
    learnt = [year.stream.values[: cut(len(year.label)) if kept_back else None] for year in years]
    watch = settings.BATADAL
    progress(f"batadal: fits on {sum(map(len, learnt))} normal hours")
    model = fitted(watch, "batadal", members, learnt, None)
    marked = [(file, held(watch, model, members, file.stream)) for file in judged if not file.is_normal]
    if kept_back:
        if not same:
            progress(
                f"batadal: no row of {scored} is marked as normal: how quiet it is the rest of the year of {fit} says"
            )
        rest = [held(watch, model, members, year.stream)[cut(len(year.label)) :] for year in years]
    else:
        rest = [held(watch, model, members, file.stream) for file in judged if file.is_normal]
    attacks = [
        (alarm[run.first : run.last + 1], len(run)) for file, alarm in marked for run in runs(file.label == ATTACK)
    ]
    if not attacks:
        raise BadInput(f"No row of {scored} is marked as an attack ({LABEL} 1): there is nothing to find.")
    quiet = [alarm[file.label == NORMAL] for file, alarm in marked if (file.label == NORMAL).any()] or rest
    return answer(attacks, quiet)


def answer(attacks: Sequence[tuple[Bool, int]], quiet: Sequence[Bool]) -> dict[str, Any]:
    """S and its parts.

    Args:
        attacks: of each its marked rows' alarms, and how many hours it lasted.
        quiet: alarms of normal rows.
    """
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


def members_of(folder: Path) -> tuple[str, ...]:
    """What is measured: every column but time and marks."""
    header = having(folder, (TIME, LABEL))[0]
    return tuple(column for column in header.columns if column not in NOT_MEMBERS)


def files_of(folder: Path, members: tuple[str, ...]) -> list[File]:
    """Every table below a folder that has these members and marks.

    Raises:
        BadInput: there is none, or one will not do.
    """
    found = []
    for header in having(folder, (TIME, LABEL, *members)):
        file = table(header, LEAST)
        label = file.labels(LABEL, (NORMAL, ATTACK, UNMARKED))
        found.append(File(header.name, Stream(file.instants(TIME), file.numbers(members)), label))
    return found
