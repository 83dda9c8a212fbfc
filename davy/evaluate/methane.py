"""Coal mine methane: how high will it be within the next six rows, and will it newly pass 1.5 %?"""

from __future__ import annotations

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


def evaluate(fit: Path, scored: Path) -> dict[str, Any]:
    """The forecast's error beside two baselines, and how well it ranks rows before a new crossing.

    Raises:
        BadInput: files that will not do.
    """
    same = is_same(fit, scored)
    learnt = _runs(fit)
    judged = learnt if same else _runs(scored)
    if same:
        # The last targets before the cut look into what is scored: they teach nothing.
        learnt = [(rows[: cut(len(rows)) - AHEAD], target[: cut(len(rows)) - AHEAD]) for rows, target in learnt]
    progress(f"methane: fits on {sum(len(rows) for rows, _ in learnt)} rows")
    whole = Forecast.fit(learnt, settings.METHANE)
    own = Forecast.fit([(rows[:, :1], target) for rows, target in learnt], settings.METHANE_OWN)
    said, alone, now, truth = [], [], [], []
    for rows, target in judged:
        first = cut(len(rows)) if same else 0
        forecasts = whole.forecast(rows), own.forecast(rows[:, :1])
        can = np.isfinite(forecasts[0]) & np.isfinite(forecasts[1]) & np.isfinite(rows[:, 0]) & np.isfinite(target)
        can[:first] = False
        said.append(forecasts[0][can])
        alone.append(forecasts[1][can])
        now.append(rows[can, 0])
        truth.append(target[can])
    if not sum(map(len, said)):
        raise BadInput(
            f"None of the rows of {scored} can be forecast: of {', '.join(MEMBERS)} a value is missing in the rows before each."
        )
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


def _runs(folder: Path) -> list[tuple[Float64, Float64]]:
    """Of each file its members' rows and its targets."""
    found = []
    for header in having(folder, (*MEMBERS, TARGET)):
        file = table(header, LEAST)
        found.append((file.numbers(MEMBERS), file.numbers([TARGET])[:, 0]))
    return found
