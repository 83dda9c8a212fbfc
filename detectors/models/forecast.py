"""How high a value will be soon: a ridge regression on the last readings of all sensors of its asset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from core.batch import Float64
from core.errors import BadInput

Stretch = tuple[Float64, Float64]  # rows and what came of them


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastSettings:
    """What is looked at, and how hard the coefficients are drawn to zero.

    Args:
        lags: each column's values of so many last rows are looked at one by one.
        spans: also its mean and its largest value over the last so many rows.
        ridge: strength against one standard deviation of a column, in rows.
    """

    lags: int
    spans: tuple[int, ...] = ()
    ridge: float = 10.0

    @property
    def memory(self) -> int:
        """Rows back a forecast looks, its own included."""
        return max(self.lags, *self.spans, 1)


class Forecast:
    """Ridge regression of what is to come on lags, means and maxima of all columns; the first column is the value itself.

    What is learnt is the difference from the present value: where nothing is known of the future, the present is the best guess, and
    a strong ridge comes to that.

    Source: Hoerl and Kennard, Technometrics 12 (1970).
    Memory: `ForecastSettings.memory` rows.
    Warm-up: as many; NaN until then, and where a value among them is missing.
    Fails when: the plant runs in a way that the fit has not seen; what comes has no forerunner in the asset's sensors.
    """

    def __init__(
        self, settings: ForecastSettings, level: Float64, spread: Float64, weight: Float64, base: float
    ) -> None:
        self._settings, self._level, self._spread, self._weight, self._base = settings, level, spread, weight, base

    @classmethod
    def fit(cls, stretches: Sequence[Stretch], settings: ForecastSettings) -> Self:
        """Learns from stretches of rows and what came of each.

        Args:
            stretches: rows, shape (n, columns), in time order, and the value to be forecast, shape (n,); NaN where unknown.

        Raises:
            BadInput: too few complete rows.
        """
        seen = [looked_at(rows, settings) for rows, _ in stretches]
        x = np.concatenate(seen)
        y = np.concatenate([target - rows[:, 0] for rows, target in stretches])
        there = np.isfinite(x).all(axis=1) & np.isfinite(y)
        if there.sum() < 2 * x.shape[1]:
            raise BadInput(
                f"A forecast from {x.shape[1]} values needs {2 * x.shape[1]} complete rows to learn from; there are {int(there.sum())}."
            )
        x, y = x[there], y[there]
        level, spread = x.mean(axis=0), x.std(axis=0)
        spread[spread == 0.0] = 1.0
        z, base = (x - level) / spread, float(y.mean())
        weight = np.linalg.solve(z.T @ z + settings.ridge * np.eye(z.shape[1]), z.T @ (y - base))
        return cls(settings, level, spread, weight.astype(np.float64), base)

    def forecast(self, rows: Float64) -> Float64:
        """What each row leads one to expect: shape (n,), in the unit of the first column; NaN where it cannot be said."""
        return self.of(looked_at(rows, self._settings), rows[:, 0])

    def of(self, seen: Float64, now: Float64) -> Float64:
        """The same from what is looked at, for those who have several forecasts of one set of rows.

        Args:
            seen: `looked_at` of the rows.
            now: shape (n,), the value itself.
        """
        z = (seen - self._level) / self._spread
        terms = np.column_stack([np.full(len(z), self._base) + now, z * self._weight])
        # One after the other, as accumulate does and sum does not: a row alone rounds as among many.
        found: Float64 = np.add.accumulate(terms, axis=1)[:, -1].copy()
        return found

    def parameters(self) -> dict[str, Any]:
        """Everything needed to forecast again, as JSON."""
        numbers = {"level": self._level.tolist(), "spread": self._spread.tolist(), "weight": self._weight.tolist()}
        return {"settings": asdict(self._settings), "base": self._base, **numbers}

    @classmethod
    def restored(cls, parameters: Mapping[str, Any]) -> Self:
        """The forecast of earlier `parameters()`, bit-equal."""
        given = parameters["settings"]
        settings = ForecastSettings(lags=given["lags"], spans=tuple(given["spans"]), ridge=given["ridge"])
        level, spread, weight = (np.array(parameters[name], np.float64) for name in ("level", "spread", "weight"))
        return cls(settings, level, spread, weight, float(parameters["base"]))


def looked_at(rows: Float64, settings: ForecastSettings) -> Float64:
    """What a forecast is made of: shape (n, values); NaN where the memory does not reach."""
    n = len(rows)
    kept = []
    for back in range(settings.lags):
        moved = np.full_like(rows, np.nan)
        moved[back:] = rows[: max(n - back, 0)]
        kept.append(moved - (rows if back else 0.0))  # what was, against what is
    for span in settings.spans:
        total, most = np.zeros_like(rows), rows.copy()
        for back in range(span):
            moved = np.full_like(rows, np.nan)
            moved[back:] = rows[: max(n - back, 0)]
            total += moved
            most = np.maximum(most, moved)
        kept += [total / span - rows, most - rows]
    return np.concatenate(kept, axis=1)
