"""Slow members beside what drives them: a temperature is judged by what is left of its course once that of the load is taken out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

import numpy as np

from core.batch import Float64
from core.errors import BadInput

# Rows back. The member is held against its own mean from 20 to 30 rows ago; the load, now and over the two stretches since, against its
# own of then; and how fast both were going before says where a lag of any length was on its way to. All of it in differences: the
# weather is in none of them.
NEWER: Final = (0, 10)
OLDER: Final = (10, 20)
THEN: Final = (20, 30)
BEFORE: Final = (50, 60)
MEMORY: Final = BEFORE[1]
ENOUGH: Final = 0.8  # of the rows of a stretch must be there
RIDGE: Final = 1e-3  # of the rows, against one standard deviation: two loads that say the same share it
LEAST_A_VALUE: Final = 3  # complete rows for each value that the regression weighs


class Followers:
    """Of each slow member the residual of a regression of its course on that of its asset's load, and on how it was going itself.

    A winding warms for a quarter of an hour after the load has risen, and the hall's air takes it along all day. Neither is news. What
    load and past do not explain is: it is judged as any quick member's value.

    Source: least squares with the ridge of Hoerl and Kennard, Technometrics 12 (1970); which stretches is ours. For a lag of first order
        the differences are exact, but for what the stretches smooth.
    Memory: 60 rows.
    Warm-up: 60 rows; NaN until then, and where a load or the member is missing in a fifth of a stretch.
    Fails when: what is wrong creeps by less in thirty rows than the member wanders by itself, or has come to rest: that is for a limit
        or a rate on it; what drives the member is no member of the model; the load's own sensor fails, which its slow members show as well.

    Args:
        slow, load: columns.
        level, spread, weight: of each slow member, shape (slow, values).
        base: shape (slow,).
    """

    def __init__(
        self,
        slow: Sequence[int],
        load: Sequence[int],
        level: Float64,
        spread: Float64,
        weight: Float64,
        base: Float64,
    ) -> None:
        self.slow, self._load = list(slow), list(load)
        self._level, self._spread, self._weight, self._base = level, spread, weight, base

    @classmethod
    def fit(cls, rows: Float64, slow: Sequence[int], load: Sequence[int]) -> Self:
        """Learns from normal operation.

        Args:
            rows: shape (n, columns), in time order; NaN where a member was missing.

        Raises:
            BadInput: too few rows with all that is looked at.
        """
        values = 4 * len(load) + 1
        level, spread, weight = (np.empty((len(slow), values)) for _ in range(3))
        base = np.empty(len(slow))
        course, own, was = _looked_at(rows, slow, load)
        for place, column in enumerate(slow):
            x, y = np.concatenate([course, own[:, place : place + 1]], axis=1), rows[:, column] - was[:, place]
            there = np.isfinite(x).all(axis=1) & np.isfinite(y)
            if there.sum() < LEAST_A_VALUE * values:
                raise BadInput(
                    f"A slow member is told from {values} values of its load and itself, which needs {LEAST_A_VALUE * values} windows "
                    f"after {MEMORY} without a large gap; the interval has {int(there.sum())}. Choose a longer interval."
                )
            x, y = x[there], y[there]
            level[place], spread[place] = x.mean(axis=0), x.std(axis=0)
            spread[place][spread[place] == 0.0] = 1.0
            z, base[place] = (x - level[place]) / spread[place], y.mean()
            weight[place] = np.linalg.solve(z.T @ z + RIDGE * len(z) * np.eye(values), z.T @ (y - base[place]))
        return cls(slow, load, level, spread, weight, base)

    def apart(self, rows: Float64) -> Float64:
        """The rows with each slow member's residual in its place."""
        course, own, was = _looked_at(rows, self.slow, self._load)
        expected = was + self._base
        for value in range(course.shape[1]):  # one after the other: a row alone rounds as among many
            z = (course[:, value : value + 1] - self._level[:, value]) / self._spread[:, value]
            expected += z * self._weight[:, value]
        expected += (own - self._level[:, -1]) / self._spread[:, -1] * self._weight[:, -1]
        found = rows.copy()
        found[:, self.slow] = rows[:, self.slow] - expected
        return found

    def parameters(self) -> dict[str, Any]:
        """Everything needed to do it again, as JSON."""
        numbers = {name: getattr(self, f"_{name}").tolist() for name in _NUMBERS}
        return {"slow": self.slow, "load": self._load, **numbers}

    @classmethod
    def restored(cls, parameters: Mapping[str, Any]) -> Self:
        """What earlier `parameters()` describe, bit-equal."""
        numbers = (np.array(parameters[name], np.float64) for name in _NUMBERS)
        return cls(parameters["slow"], parameters["load"], *numbers)


_NUMBERS: Final = ("level", "spread", "weight", "base")


def _looked_at(rows: Float64, slow: Sequence[int], load: Sequence[int]) -> tuple[Float64, Float64, Float64]:
    """What slow members are told from; NaN where too little of it is there.

    Returns:
        The load's course, shape (n, 4 * load), how each member was going, and where it was, shape (n, slow).
    """
    drives, members = rows[:, list(load)], rows[:, list(slow)]
    then, was = _mean(drives, THEN), _mean(members, THEN)
    course = [drives - then, _mean(drives, NEWER) - then, _mean(drives, OLDER) - then, then - _mean(drives, BEFORE)]
    return np.concatenate(course, axis=1), was - _mean(members, BEFORE), was


def _mean(columns: Float64, stretch: tuple[int, int]) -> Float64:
    """Of each row the mean of the rows so far before it; NaN where less than `ENOUGH` of them are there."""
    n = len(columns)
    there = np.isfinite(columns)
    clean = np.where(there, columns, 0.0)
    total, count = np.zeros_like(clean), np.zeros_like(clean)
    for back in range(*stretch):
        total[back:] += clean[: max(n - back, 0)]
        count[back:] += there[: max(n - back, 0)]
    enough = count >= ENOUGH * (stretch[1] - stretch[0])
    return np.where(enough, total / np.where(enough, count, 1.0), np.nan)
