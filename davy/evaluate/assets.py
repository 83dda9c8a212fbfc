"""Models of an asset in an evaluation: fitted on normal rows, calibrated on others, and judged as the virtual sensor they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from core.batch import Float64
from core.errors import BadInput
from davy.answer import progress
from davy.evaluate.judging import Alarm, Stream, alarms
from davy.evaluate.measures import Bool
from detectors.models.aftermath import Aftermath
from detectors.models.conformal import Calibration
from detectors.models.contract import Model, whole_rows
from detectors.models.fitting import RESTING, Fitted
from detectors.models.running import Budget
from detectors.models.slow import on_own_course

ROUNDING: Final = 1e-9
LEAST_A_MEMBER: Final = 5  # rows; the covariance is shrunk, but below this it would be shrinkage alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A kind of model and the alarm on its number.

    Args:
        fit: makes the model from normal rows.
        memory: rows back it looks.
        alarm: on the number that its calibration makes.
        blocks: where no other rows calibrate: the fitted rows in so many pieces, each judged by a model of the others;
            1: by the model itself, which is no calibration and will do only where the number says how much and not how seldom.
        steady_only: members on a slow course of their own while they are learnt are left out.
        run_in: so many rows at the beginning of each stretch are not learnt: a machine that has just been started is on its way to
            where it will run.
        aftermath: None: the number is the conformal one, how seldom normal rows are as odd; else how many times as odd as normal a
            row is, measured against what has just been.
    """

    fit: Callable[[Float64], Model]
    memory: int
    alarm: Alarm
    blocks: int = 5
    steady_only: bool = False
    run_in: int = 0
    aftermath: Aftermath | None = None


def fitted(
    watch: Watch, name: str, members: Sequence[str], stretches: Sequence[Float64], others: Sequence[Float64] | None
) -> Fitted:
    """Fits and calibrates.

    Args:
        name: how people are told of what is fitted.
        stretches: normal rows to learn from, each shape (n, members).
        others: normal runs that calibrate, by how much they differ too; None: the rows of `stretches`, each judged by a model that has
            not seen it.

    Raises:
        BadInput: too few complete rows, or fewer than two members that move.
    """
    stretches = [stretch[watch.run_in :] for stretch in stretches]
    kept = _moving(name, members, np.concatenate(stretches), steady_only=watch.steady_only)
    rows = _apart([stretch[:, kept] for stretch in stretches], watch.memory)
    _need_rows(name, rows)
    model = _fit(watch, name, rows)
    if others is None:
        calibration = Calibration.of(_left_out(watch, name, rows))
    else:
        calibration = Calibration.of_runs([model.oddness(stretch[:, kept]) for stretch in others])
    if not (calibration.oddness > 0.0).any():
        raise BadInput(
            f"{name}: none of the rows that calibrate can be judged: each, or one of the rows before it, lacks a value."
        )
    return Fitted(tuple(members[column] for column in kept), model, calibration)


def held(watch: Watch, model: Fitted, members: Sequence[str], stream: Stream) -> Bool:
    """At which rows the model's alarm holds: bool, shape (rows,).

    Raises:
        BadInput: no row can be judged.
    """
    kept = [list(members).index(member) for member in model.members]
    rows = stream.values[:, kept]
    alarm = watch.alarm
    if watch.aftermath is None:
        number = model.number(rows, model.members)
        if alarm.setpoint > model.calibration.highest:  # it could never be reached: a silence that says nothing
            progress(
                f"Only {len(model.calibration.oddness)} rows calibrate: the setpoint is {model.calibration.highest:.2f}, odder than all "
                f"of them, instead of {alarm.setpoint:g}."
            )
            alarm = replace(alarm, setpoint=model.calibration.highest - ROUNDING)
    else:
        number = watch.aftermath.numbers(model.times(rows, model.members))
    if not np.isfinite(number).any():
        raise BadInput(
            f"None of the {len(number)} rows can be judged: a value of {', '.join(model.members)} is missing in each."
        )
    found: Bool = alarms(Stream(stream.at, number[:, None]), (alarm,))[:, 0, 0]
    return found


def judged(watch: Watch, name: str, members: Sequence[str], stretches: Sequence[Float64], stream: Stream) -> Bool:
    """Both at once."""
    return held(watch, fitted(watch, name, members, stretches, None), members, stream)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paced:
    """A kind of model whose number is its rank among its own last ones, kept to a budget of false alarms."""

    fit: Callable[[Float64], Model]
    memory: int
    budget: Budget
    blocks: int = 5


def paced(
    watch: Paced, name: str, members: Sequence[str], stretches: Sequence[Float64], scored: Sequence[tuple[Float64, int]]
) -> Float64:
    """The numbers of some stretches, each from a row of it on; the rows before are there for the memory. They are of one asset, whose
    budget goes on from one to the next.

    Raises:
        BadInput: as `fitted`.
    """
    kept = _moving(name, members, np.concatenate(stretches))
    rows = _apart([stretch[:, kept] for stretch in stretches], watch.memory)
    _need_rows(name, rows)
    model, before = _fit(watch, name, rows), _left_out(watch, name, rows)
    oddness = np.concatenate([model.oddness(each[:, kept])[first:] for each, first in scored])
    return watch.budget.numbers(oddness, before)


def _fit(watch: Watch | Paced, name: str, rows: Float64) -> Model:
    """Learns, or says that nothing can be learnt."""
    try:
        with np.errstate(all="ignore"):
            return watch.fit(rows)
    except np.linalg.LinAlgError as error:
        raise BadInput(
            f"{name}: no model can be made of what is learnt from ({error}): too few complete rows follow one another, or values are "
            "too large or too small to be multiplied."
        ) from error


def _need_rows(name: str, rows: Float64) -> None:
    there, need = int(whole_rows(rows).sum()), LEAST_A_MEMBER * rows.shape[1]
    if there < need:
        raise BadInput(
            f"{name}: {there} complete rows to learn {rows.shape[1]} signals from; at least {need} are needed."
        )


def _moving(name: str, members: Sequence[str], rows: Float64, *, steady_only: bool = False) -> list[int]:
    """The members that a model can learn from; the others are told of."""
    moves = _can_be_learnt(rows)
    if still := [member for member, moving in zip(members, moves, strict=True) if not moving]:
        progress(
            f"{name}: cannot judge {', '.join(still)}: nothing there, never moved, or too large or small to be counted with, in what is learnt from."
        )
    if steady_only:
        slow = moves & on_own_course(rows)
        if (moves & ~slow).sum() >= 2:
            moves &= ~slow
    if moves.sum() < 2:
        raise BadInput(
            f"{name}: of {len(members)} signals {int(moves.sum())} moves in what is learnt from; two at least must."
        )
    return np.flatnonzero(moves).tolist()


def _can_be_learnt(rows: Float64) -> Bool:
    """Which members are there and move, by something that can be squared: an overflow makes a model that finds nothing odd."""
    there = np.isfinite(rows)
    low = np.where(there, rows, np.inf).min(axis=0, initial=np.inf)
    high = np.where(there, rows, -np.inf).max(axis=0, initial=-np.inf)
    with np.errstate(over="ignore", invalid="ignore"):
        spread = high - low
        squares = spread * spread * len(rows)
    found: Bool = (
        there.any(axis=0)
        & np.isfinite(squares)
        & (squares > 0.0)
        & (spread > RESTING * np.maximum(np.abs(low), np.abs(high)))
    )
    return found


def _apart(stretches: Sequence[Float64], memory: int) -> Float64:
    """Stretches in one array, with nothing between them for as long as a model looks back: none reaches into another."""
    gap = np.full((memory, stretches[0].shape[1]), np.nan)
    return np.concatenate([part for stretch in stretches for part in (stretch, gap)])


def _left_out(watch: Watch | Paced, name: str, rows: Float64) -> Float64:
    """The oddness of each row by a model that was fitted without its block, and without the rows that both would share."""
    if watch.blocks == 1:
        return _fit(watch, name, rows).oddness(rows)
    complete = np.cumsum(whole_rows(rows))
    edges = np.searchsorted(complete, np.linspace(0, complete[-1], watch.blocks + 1)[1:-1]).tolist()
    found = []
    for first, end in zip([0, *edges], [*edges, len(rows)], strict=True):
        others = rows.copy()
        others[max(first - watch.memory, 0) : end + watch.memory] = np.nan
        # A pump that ran in this block alone has not moved in the others: they judge the block without it.
        kept = _can_be_learnt(others[whole_rows(others)])
        if kept.sum() < 2:
            found.append(np.full(end - first, np.nan))
            continue
        model = _fit(watch, name, others[:, kept])
        found.append(model.oddness(rows[first:end, kept]))
    return np.concatenate(found)
