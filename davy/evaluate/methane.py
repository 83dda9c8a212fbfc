"""Coal mine methane: how high will it be within the next six rows, and will it newly pass 1.5 %?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from core.batch import Float64
from core.errors import BadInput
from davy.answer import progress
from davy.evaluate import settings
from davy.evaluate.measures import average_precision, if_there, root_mean_square
from davy.evaluate.reading import having, table
from davy.evaluate.splitting import cut, is_same
from detectors.models.forecast import Forecast

OWN: Final = "MM116"
MEMBERS: Final = (OWN, "MM31", "AS038", "PG072", "PD", "BA13")
TARGET: Final = "MM116_pred"
AHEAD: Final = 6  # rows; the target is the highest of so many
ALARM_AT: Final = 1.5  # %CH4, the limit of the data set
LEAST: Final = 200


Run = tuple[Float64, Float64]  # of a file its members' rows and its targets


def evaluate(fit: Path, scored: Path) -> dict[str, Any]:
    """The forecast's error beside two baselines, and how well it ranks rows before a new crossing.

    Raises:
        BadInput: files that will not do.
    """
    same = is_same(fit, scored)
    learnt = runs_of(fit)
    judged = learnt if same else runs_of(scored)
    firsts = [cut(len(rows)) if same else 0 for rows, _ in judged]
    if same:
        # The last targets before the cut look into what is scored: they teach nothing.
        learnt = [
            (rows[: first - AHEAD], target[: first - AHEAD])
            for (rows, target), first in zip(learnt, firsts, strict=True)
        ]
    progress(f"methane: fits on {sum(len(rows) for rows, _ in learnt)} rows")
    found = measured(learnt, [(*run, first) for run, first in zip(judged, firsts, strict=True)])
    if found is None:
        raise BadInput(
            f"None of the rows of {scored} can be forecast: of {', '.join(MEMBERS)} a value is missing in the rows before each."
        )
    return found


def measured(learnt: Sequence[Run], judged: Sequence[tuple[Float64, Float64, int]]) -> dict[str, Any] | None:
    """The figures of stretches, each from a row of it on; None where no row can be forecast.

    Raises:
        BadInput: too little to learn from.
    """
    whole = Forecast.fit(learnt, settings.METHANE)
    own = Forecast.fit([(rows[:, :1], target) for rows, target in learnt], settings.METHANE_OWN)
    said, alone, now, truth = [], [], [], []
    for rows, target, first in judged:
        forecasts = whole.forecast(rows), own.forecast(rows[:, :1])
        can = np.isfinite(forecasts[0]) & np.isfinite(forecasts[1]) & np.isfinite(rows[:, 0]) & np.isfinite(target)
        can[:first] = False
        said.append(forecasts[0][can])
        alone.append(forecasts[1][can])
        now.append(rows[can, 0])
        truth.append(target[can])
    if not sum(map(len, said)):
        return None
    return _answer(*(np.concatenate(each) for each in (said, alone, now, truth)))


def _answer(said: Float64, alone: Float64, now: Float64, truth: Float64) -> dict[str, Any]:
    below = now < ALARM_AT  # only there can it be new
    crossing = truth[below] >= ALARM_AT
    if not crossing.any():
        progress(
            f"methane: {OWN} never newly passes {ALARM_AT:g} % in what is scored: cannot judge how well that is foreseen."
        )
    return {
        "rmse": root_mean_square(said - truth),
        "ap_new_exceedance": if_there(average_precision(crossing, said[below]), int(crossing.sum())),
        "rmse_persistence": root_mean_square(now - truth),
        "rmse_own_lags": root_mean_square(alone - truth),
    }


def runs_of(folder: Path) -> list[Run]:
    """Of each file below a folder.

    Raises:
        BadInput: there is none, or one will not do.
    """
    found = []
    for header in having(folder, (*MEMBERS, TARGET)):
        file = table(header, LEAST)
        found.append((file.numbers(MEMBERS), file.numbers([TARGET])[:, 0]))
    return found
