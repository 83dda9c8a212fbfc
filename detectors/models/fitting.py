"""A model from a declared normal interval: the earlier half is fitted, the later half calibrates, and neither is both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from core.batch import Float64
from core.errors import BadInput
from detectors.models.conformal import Calibration
from detectors.models.contract import Explained, Model, whole_rows
from detectors.models.registry import model_class

# The setpoint of system.model-unusual is 2.3, and must be reachable with room: log10(250) = 2.4.
LEAST_CALIBRATION: Final = 249
LEAST_FIT: Final = 100
ROWS_A_MEMBER: Final = 10  # a covariance of m members has m(m+1)/2 numbers
RESTING: Final = 1e-9  # a spread below this share of the level is rounding, not movement
DRIFTED: Final = 3.0  # the later half's middle oddness against the earlier one's


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model that can say a number.

    Args:
        members: names of the columns, in the order of the fit.
    """

    members: tuple[str, ...]
    model: Model
    calibration: Calibration

    def number(self, rows: Float64, members: Sequence[str]) -> Float64:
        """-log10 of the conformal p-value of each row; NaN where it cannot be judged.

        Args:
            rows: shape (n, members), in time order, one a window; the first `model.memory` - 1 are there for their memory.
            members: what the columns are.

        Raises:
            BadInput: they are not the columns of the fit.
        """
        self._need_columns(members)
        return self.calibration.number(self.model.oddness(rows))

    def times(self, rows: Float64, members: Sequence[str]) -> Float64:
        """How many times as odd each row is as what one normal window in twenty reaches; arguments and errors as of `number`."""
        self._need_columns(members)
        return self.calibration.times(self.model.oddness(rows))

    def explain(self, rows: Float64, members: Sequence[str]) -> Explained | None:
        """The last row beside what was to be expected; None where it cannot be judged.

        Raises:
            BadInput: other columns than those of the fit.
        """
        self._need_columns(members)
        return self.model.explain(rows) if np.isfinite(self.model.oddness(rows)[-1]) else None

    def _need_columns(self, members: Sequence[str]) -> None:
        if tuple(members) != self.members:
            raise BadInput(
                f"This model was fitted on {', '.join(self.members)} and is given {', '.join(members)}; "
                "fit it anew for the members it has now."
            )

    def parameters(self) -> dict[str, Any]:
        """Everything needed to score again, as JSON."""
        return {"model": self.model.parameters(), "calibration": self.calibration.oddness.tolist()}

    @staticmethod
    def restored(kind: str, members: Sequence[str], parameters: Mapping[str, Any]) -> Fitted:
        """The model of earlier `parameters()`, bit-equal.

        Raises:
            BadInput: there is no such kind.
        """
        calibration = Calibration(np.array(parameters["calibration"], np.float64))
        return Fitted(tuple(members), model_class(kind).restored(parameters["model"]), calibration)


@dataclass(frozen=True, slots=True)
class Halves:
    """The rows of a normal interval, taken apart.

    Args:
        fit: shape (n, members).
        calibration: shape (k, members); between the two lie as many rows as any model remembers.
    """

    fit: Float64
    calibration: Float64


def halves(rows: Float64, members: Sequence[str], *, window_s: float, memory: int) -> Halves:
    """Takes a normal interval apart, and says clearly why it will not do.

    Args:
        rows: shape (n, members), in time order, one a window; NaN where a member was missing.
        memory: rows that lie between the halves and belong to neither, so that no reading is in both.

    Raises:
        BadInput: fewer than two members, a member without readings or that never moved, too few complete windows.
    """
    if len(members) < 2:
        raise BadInput(f"A model needs at least two members; this one has {', '.join(members) or 'none'}.")
    there = np.isfinite(rows)
    if silent := [name for name, column in zip(members, there.T, strict=True) if not column.any()]:
        raise BadInput(
            f"{_these(silent)} no usable reading in the interval; choose one in which all members report, or leave it out."
        )
    complete = whole_rows(rows)
    need = max(LEAST_FIT, ROWS_A_MEMBER * len(members)), LEAST_CALIBRATION
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
            f"{len(members)} members needs {whole}, that is {whole * window_s / 3600:.1f} h. Choose a longer interval or a "
            f"shorter window. Fewest windows has {thinnest}: {int(there.sum(axis=0).min())}."
        )
    for part in (first, second):
        _need_movement(part, members)
    return Halves(first, second)


def fit(kind: str, parts: Halves, members: Sequence[str]) -> tuple[Fitted, list[str]]:
    """Fits one kind of model on the earlier half and calibrates it on the later one.

    Returns:
        The model, and sentences about the interval that somebody should read; none of them stops it.

    Raises:
        BadInput: there is no such kind.
    """
    model = model_class(kind).fit(parts.fit)
    later = model.oddness(parts.calibration)
    fitted = Fitted(tuple(members), model, Calibration.of(later))
    before, after = (float(np.nanmedian(part)) for part in (model.oddness(parts.fit), later))
    notices = []
    if before > 0 and after / before > DRIFTED:
        notices.append(
            f"{kind}: the later half of the interval is {after / before:.1f} times as odd as the earlier half. It may hold two "
            "operating points, or something that was not normal: look at it, or choose another."
        )
    return fitted, notices


def _need_movement(rows: Float64, members: Sequence[str]) -> None:
    low, high = np.nanmin(rows, axis=0), np.nanmax(rows, axis=0)
    still = high - low <= RESTING * np.maximum(np.abs(low), np.abs(high))
    if still.any():
        told = ", ".join(f"{members[i]} ({low[i]:g})" for i in np.flatnonzero(still).tolist())
        raise BadInput(
            f"For half of the interval or more this never moved: {told}. A model learns nothing from a constant: leave it out, "
            "or choose an interval in which the machine runs as usual. A sensor that stands still is what `stuck` is for."
        )


def _these(names: Sequence[str]) -> str:
    return f"{', '.join(names)} {'has' if len(names) == 1 else 'have'}"
