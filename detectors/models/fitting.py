"""A model from a declared normal interval: the earlier half is fitted, the later half calibrates, and neither is both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.batch import Float64
from core.errors import BadInput
from core.model_setup import MOST_MEMBERS, PLAIN, ModelSetup
from detectors.models.conformal import Calibration
from detectors.models.contract import whole_rows
from detectors.models.fitted import Fitted as Fitted
from detectors.models.fitted import Part
from detectors.models.registry import MODELS, model_class
from detectors.models.situation import Situation, reach_of
from detectors.models.states import Intp
from detectors.models.unspoilt import unspoilt

# The setpoint of system.model-unusual is 2.3, and must be reachable with room: log10(250) = 2.4.
LEAST_CALIBRATION: Final = 249
LEAST_FIT: Final = 100
ROWS_A_MEMBER: Final = 10  # a covariance of m members has m(m+1)/2 numbers
RESTING: Final = 1e-9  # a spread below this share of the level is rounding, not movement
DRIFTED: Final = 3.0  # the later half's middle oddness against the earlier one's

Bool = NDArray[np.bool_]


def memory_of(setup: ModelSetup) -> int:
    """Rows that must be read for one to be judged, its own included, whatever the kind."""
    longest = max(model.memory for model in MODELS.values())
    return longest + reach_of(setup) - 1


@dataclass(frozen=True, slots=True)
class Halves:
    """The rows of a normal interval, taken apart.

    Args:
        fit: shape (n, members).
        calibration: shape (k, members); between the two lie as many rows as any model remembers.
    """

    fit: Float64
    calibration: Float64


def halves(rows: Float64, members: Sequence[str], *, window_s: float, memory: int, setup: ModelSetup = PLAIN) -> Halves:
    """Takes a normal interval apart, and says clearly why it will not do.

    Args:
        rows: shape (n, members), in time order, one a window; NaN where a member was missing.
        memory: rows that lie between the halves and belong to neither, so that no reading is in both; as far as slow members are looked
            back at comes on top.

    Raises:
        BadInput: fewer than two members or more than 50, a member without readings or that never moved, too few complete windows.
    """
    judged = [name for name in members if name not in setup.beside]
    if len(judged) < 2:
        raise BadInput(f"A model needs at least two members; this one has {', '.join(judged) or 'none'}.")
    if len(judged) > MOST_MEMBERS:
        raise BadInput(
            f"A model has at most {MOST_MEMBERS} members; this one has {len(judged)}. Take those of one machine, or of one part of it: "
            "of more nobody could say which signal it is."
        )
    memory += reach_of(setup) - 1
    there = np.isfinite(rows)
    if silent := [name for name, column in zip(members, there.T, strict=True) if not column.any()]:
        raise BadInput(
            f"{_these(silent)} no usable reading in the interval; choose one in which all members report, or leave it out."
        )
    complete = whole_rows(rows)
    need = max(LEAST_FIT, ROWS_A_MEMBER * len(judged)), LEAST_CALIBRATION
    so_many = int(complete.sum())
    split = int(np.searchsorted(np.cumsum(complete), max(so_many - memory, 0) // 2, side="left")) + 1
    first, second = rows[:split], rows[split + memory :]
    counts = int(complete[:split].sum()), int(complete[split + memory :].sum())
    # A model that remembers says nothing for its first rows: they calibrate nothing.
    if counts[0] < need[0] or counts[1] < need[1] + memory:
        whole = 2 * max(need[0], need[1] + memory) + memory
        thinnest = members[int(there.sum(axis=0).argmin())]
        raise BadInput(
            f"The interval holds {so_many} windows of {window_s:g} s in which every member reported; a model of "
            f"{len(judged)} members needs {whole}, that is {whole * window_s / 3600:.1f} h. Choose a longer interval or a "
            f"shorter window. Fewest windows has {thinnest}: {int(there.sum(axis=0).min())}."
        )
    for part in (first, second):
        _need_movement(part, members, setup)
    return Halves(first, second)


def fit(
    kind: str, parts: Halves, members: Sequence[str], *, setup: ModelSetup = PLAIN, robust: bool = False
) -> tuple[Fitted, list[str]]:
    """Fits one kind of model on the earlier half and calibrates it on the later one; where the machine has states, in each.

    Args:
        setup: what the members are to each other.
        robust: somebody says that hours of the interval may not have been normal: windows that do not go along with the others teach
            nothing and calibrate nothing (`unspoilt`).

    Returns:
        The model, and sentences about the interval that somebody should read; none of them stops it.

    Raises:
        BadInput: there is no such kind; no state, or of what is left too little, can be judged.
    """
    kind_of = model_class(kind)
    situation = Situation.fit(parts.fit, members, setup)
    earlier, later = situation.seen(parts.fit).copy(), situation.seen(parts.calibration).copy()
    notices: list[str] = []
    states = situation.state(parts.fit), situation.state(parts.calibration)
    if robust:
        notices += _leave_out(earlier, later, unlike_others(situation, parts))
    made: dict[int, Part] = {}
    for state in _judged(situation, states):
        name = f"State {setup.state_name(state)}" if situation.states is not None else ""
        first, second = (
            np.where((of == state)[:, None], rows, np.nan) for of, rows in zip(states, (earlier, later), strict=True)
        )
        if why := _too_little(first, second, kind_of.memory, name or "The interval"):
            notices.append(why)
            continue
        model = kind_of.fit(first)
        seldom = model.oddness(second)
        made[state] = Part(model, Calibration.of(seldom))
        notices += _drifted(f"{kind}, {name}" if name else kind, model.oddness(first), seldom)
    if not made:
        raise BadInput(
            " ".join(notices) or "In none of the interval's windows the machine was in a state that is judged."
        )
    main = max(made, key=lambda state: len(made[state].calibration.oddness))
    own = made.pop(main)
    fitted = Fitted(tuple(members), *own, situation=situation, others=made, state=main, setup=setup, robust=robust)
    return fitted, notices


def unlike_others(situation: Situation, parts: Halves) -> tuple[Bool, Bool]:
    """Which rows of both halves do not go along with the others of their state: bool, shape (n,) and (k,).

    Raises:
        BadInput: more than a quarter of a state's; see `unspoilt`.
    """
    both = parts.fit, parts.calibration
    seen, states = [situation.seen(rows) for rows in both], [situation.state(rows) for rows in both]
    out = np.zeros(len(parts.fit), np.bool_), np.zeros(len(parts.calibration), np.bool_)
    for state in _judged(situation, states):
        first, second = (np.where((of == state)[:, None], rows, np.nan) for of, rows in zip(states, seen, strict=True))
        if _too_little(first, second, 0, ""):
            continue  # nothing is learnt of it
        for found, of, kept in zip(out, states, unspoilt(first, second), strict=True):
            found |= (of == state) & ~kept
    return out


def left_out(parts: Halves, members: Sequence[str], setup: ModelSetup, count: int) -> Bool:
    """Which of the `count` rows of an interval a fit of it as a doubted one leaves out: bool, shape (count,).

    Raises:
        BadInput: more than a quarter of a state's; see `unspoilt`.
    """
    earlier, later = unlike_others(Situation.fit(parts.fit, members, setup), parts)
    found = np.zeros(count, np.bool_)
    found[: len(earlier)], found[count - len(later) :] = earlier, later
    return found


def _judged(situation: Situation, states: Sequence[Intp]) -> list[int]:
    """Numbers of the states that rows are in and that are judged."""
    return [
        state for state in np.unique(np.concatenate(states)).tolist() if state >= 0 and state not in situation.resting
    ]


def _leave_out(earlier: Float64, later: Float64, gone: tuple[Bool, Bool]) -> list[str]:
    """Takes out of both halves, in place, what does not go along with the rest; what somebody should read."""
    out = 0
    for rows, unlike in zip((earlier, later), gone, strict=True):
        out += int((whole_rows(rows) & unlike).sum())
        rows[unlike] = np.nan
    whole = out + int(whole_rows(earlier).sum() + whole_rows(later).sum())
    return [
        f"Fitted as an interval that may not be normal throughout: {out} of its {whole} windows were left out as unlike the others."
    ]


def _too_little(first: Float64, second: Float64, memory: int, what: str) -> str:
    """Why a state cannot be judged; empty where it can."""
    seen, calibrate = int(whole_rows(first).sum()), int(whole_rows(second).sum())
    need = max(LEAST_FIT, ROWS_A_MEMBER * first.shape[1]), LEAST_CALIBRATION
    if seen < need[0] or calibrate < need[1] + memory:
        return (
            f"{what}: {seen} windows in the earlier half and {calibrate} in the later one; to be judged it needs {need[0]} and "
            f"{need[1] + memory}."
        )
    still = [bool((np.nanmax(part, axis=0) == np.nanmin(part, axis=0)).any()) for part in (first, second)]
    return (
        f"{what}: a member never moved in it, so nothing is learnt of it; say `judged: false` if it rests there."
        if any(still)
        else ""
    )


def _drifted(what: str, before: Float64, after: Float64) -> list[str]:
    """Whether the later half is unlike the earlier one."""
    middle = float(np.nanmedian(before)), float(np.nanmedian(after))
    if middle[0] <= 0 or middle[1] / middle[0] <= DRIFTED:
        return []
    told = (
        f"{what}: the later half of the interval is {middle[1] / middle[0]:.1f} times as odd as the earlier half. It may hold two "
        "operating points, or something that was not normal: look at it, or choose another."
    )
    return [told]


def _need_movement(rows: Float64, members: Sequence[str], setup: ModelSetup) -> None:
    low, high = np.nanmin(rows, axis=0), np.nanmax(rows, axis=0)
    still = high - low <= RESTING * np.maximum(np.abs(low), np.abs(high))
    still &= ~np.isin(members, setup.beside)
    if still.any():
        told = ", ".join(f"{members[i]} ({low[i]:g})" for i in np.flatnonzero(still).tolist())
        raise BadInput(
            f"For half of the interval or more this never moved: {told}. A model learns nothing from a constant: leave it out, "
            "or choose an interval in which the machine runs as usual. A sensor that stands still is what `stuck` is for."
        )


def _these(names: Sequence[str]) -> str:
    return f"{', '.join(names)} {'has' if len(names) == 1 else 'have'}"
