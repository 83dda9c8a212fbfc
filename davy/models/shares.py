"""How often a version found windows odd, held against what its calibration lets through: of each state of the machine by its own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from psycopg import Connection

from core.batch import Float64
from davy.models.store import scores_beyond, scores_of
from detectors.models.fitted import Fitted
from detectors.models.states import Intp
from detectors.store.models import Plan
from detectors.store.versions import VersionRow
from detectors.store.windows import begin_of, means, window_of

LEAST_WINDOWS: Final = 1_000  # of a state, where the machine has several
# Neighbouring windows are alike (a smoothed one shares most of its readings with the ten before it): ten count as one.
SPAN: Final = 10
SURE: Final = 0.01  # a look a day and kind: about one false word a model in a third of a year, were nothing else asked
TIMES: Final = (
    4.0  # and the share must be so many times the nominal one: a model that says a little too much is no news
)
AT_ONCE: Final = timedelta(days=1)  # of windows: a week of seconds is 600,000 of them


@dataclass(frozen=True, slots=True, kw_only=True)
class KindShare:
    """How often one kind of model found the last week odd.

    Args:
        state: of the machine, as somebody called it, else its number from 1 on; empty: it has one.
        nominal: share that its calibration lets through at most.
        p: probability of as many or more, were the machine as it was when calibrated.
    """

    kind: str
    state: str
    windows: int
    beyond: int
    nominal: float
    p: float
    drifted: bool

    def sentence(self) -> str:
        """For a person."""
        where = f" in state {self.state}" if self.state else ""
        return (
            f"{self.kind} found {self.beyond} of {self.windows} windows{where} odd ({self.beyond / self.windows:.1%}; "
            f"{self.nominal:.1%} were to be expected)"
        )


def shares(
    connection: Connection[Any],
    plan: Plan,
    rows: Sequence[VersionRow],
    setpoints: Mapping[str, float],
    since: datetime,
    until: datetime,
) -> list[KindShare]:
    """Of each kind of a version, and of each state that it judges, where enough windows were published.

    Args:
        rows: kinds of models of one version, fitted for what is declared now.
        setpoints: by kind.
    """
    if plan.setup.has_states:
        return _by_state(connection, plan, rows, setpoints, since, until)
    found = []
    for row in rows:
        windows, beyond = scores_beyond(connection, plan, row.kind, setpoints[row.kind], since, until)
        if windows >= LEAST_WINDOWS:
            found.append(share(row.kind, windows, beyond, setpoints[row.kind], len(row.parameters["calibration"])))
    return found


def share(
    kind: str, windows: int, beyond: int, setpoint: float, calibration: int, *, state: str = "", states: int = 1
) -> KindShare:
    """Whether that many windows beyond the setpoint are more than the calibration lets one expect.

    A calibration of n windows lets through `l / (n + 1)` on average, l being how many ranks reach the setpoint; how much it is for the
    windows to come is then distributed as Beta(l, n + 1 - l), and their number as a beta-binomial. Neighbours being alike, `SPAN` windows
    count as one, of the week and of the calibration.

    Args:
        states: so many of one kind are looked at; all of them together say a false word no more often than one would.

    Source: Vovk, Machine Learning 92 (2013), conditional validity of inductive conformal predictors; `SPAN` is ours.

    >>> share("mewma", 60_000, 300, 2.3, 2_000).drifted
    False
    >>> share("mewma", 60_000, 12_000, 2.3, 2_000).drifted
    True
    """
    from scipy.stats import betabinom

    ranks = max(math.floor((calibration + 1) * 10.0**-setpoint), 1)
    nominal = ranks / (calibration + 1)
    alike = max(calibration / SPAN, 1.0) + 1.0
    p = float(
        betabinom.sf(math.ceil(beyond / SPAN) - 1, math.ceil(windows / SPAN), nominal * alike, (1.0 - nominal) * alike)
    )
    drifted = p < SURE / states and beyond / windows >= TIMES * nominal
    return KindShare(kind=kind, state=state, windows=windows, beyond=beyond, nominal=nominal, p=p, drifted=drifted)


def _by_state(
    connection: Connection[Any],
    plan: Plan,
    rows: Sequence[VersionRow],
    setpoints: Mapping[str, float],
    since: datetime,
    until: datetime,
) -> list[KindShare]:
    """A published score does not carry its state: it is told anew from the readings of its window; where they are gone it counts nowhere."""
    models = {row.kind: Fitted.restored(row.kind, row.members, row.parameters) for row in rows}
    calibrations = {kind: fitted.calibrations() for kind, fitted in models.items()}
    windows = {(kind, state): 0 for kind, known in calibrations.items() for state in known}
    beyond = dict(windows)
    begin = window_of(since, plan.window_s)
    while begin_of(begin, plan.window_s) < until:
        count = min(
            max(math.ceil(AT_ONCE.total_seconds() / plan.window_s), 1), window_of(until, plan.window_s) + 1 - begin
        )
        told = _telling(connection, plan, models, begin, count)
        first, last = max(since, begin_of(begin, plan.window_s)), min(until, begin_of(begin + count, plan.window_s))
        for kind, fitted in models.items():
            ended_s, number = scores_of(connection, plan, kind, first, last)
            place = np.rint(ended_s / plan.window_s).astype(np.int64) - 1 - begin
            here = (place >= 0) & (place < count)
            number, place = number[here], place[here]
            state = _states(fitted, told)[place]
            for each in calibrations[kind]:
                windows[kind, each] += int((state == each).sum())
                beyond[kind, each] += int(((state == each) & (number >= setpoints[kind])).sum())
        begin += count
    return [
        share(
            kind, windows[kind, each], beyond[kind, each], setpoints[kind], calibrations[kind][each],
            state=plan.setup.state_name(each), states=len(calibrations[kind]),
        )
        for kind, each in windows
        if windows[kind, each] >= LEAST_WINDOWS
    ]  # fmt: skip


def _telling(connection: Connection[Any], plan: Plan, models: Mapping[str, Fitted], first: int, count: int) -> Float64:
    """The windows as `Situation.state` takes them: shape (count, members), NaN in all columns that do not tell a state."""
    columns = sorted({column for fitted in models.values() for column in fitted.telling()})
    rows = np.full((count, len(plan.members)), np.nan)
    sensors = [plan.members[column].sensor_id for column in columns]
    rows[:, columns] = means(connection, sensors, first=first, count=count, window_s=plan.window_s)
    return rows


def _states(fitted: Fitted, rows: Float64) -> Intp:
    assert fitted.situation is not None  # the setup has states
    return fitted.situation.state(rows)
