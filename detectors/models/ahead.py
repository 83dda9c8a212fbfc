"""How high a member will be within the next minutes, how high at most, and when it reaches its limit: forecasts over three spans."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from core.batch import Float64
from core.errors import BadInput
from core.model_setup import ModelForecast, ModelSetup
from detectors.models.fitting import Halves, unlike_others
from detectors.models.forecast import Forecast, ForecastSettings, looked_at
from detectors.models.situation import Situation
from detectors.time_to_limit import FOREVER_S

KIND: Final = "forecast"
# A third of what was best on the methane of a mine (davy/evaluate/settings.py): on a site a model must answer within 5 ms, and the
# interval it learns from has hours, not months.
SETTINGS: Final = ForecastSettings(lags=6, spans=(6, 24), ridge=300.0)
STEPS: Final = 3  # spans: a third, two thirds, and all of the time ahead
ONE_IN_TWENTY: Final = 0.95
LEAST_CALIBRATION: Final = 99


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """Ridge forecasts of the highest value of one member within a third, two thirds and all of the time ahead.

    With the same member's value now they make a line that bends, and where it passes the limit is the time that is left. It stands
    beside the straight line through the last minutes (`time_to_limit`), which needs no fit and knows nothing of the other members;
    it replaces none.

    Source: `Forecast`; the bound is split-conformal, Lei et al., J. American Statistical Association 113 (2018).
    Memory: 24 rows.
    Warm-up: as many; NaN until then, and where a member is missing among them.
    Fails when: the machine runs in a way that the fit has not seen: a fault that grows has no forerunner in normal operation, and the
        forecast leans back to what was normal, though never below what is now. So the limit itself, and the straight line, stay.

    Args:
        members: names of the columns, in the order of the fit.
        order: columns with the forecast one first.
        spans_s: how far each forecast looks, seconds; ascending.
        beyond: what the value was higher than its forecast in one of twenty windows that were not learnt from.
        setup: what it was fitted for; it has a forecast.
        robust: windows that did not go along with the others were left out, as other kinds leave them out.
    """

    members: tuple[str, ...]
    order: tuple[int, ...]
    spans_s: tuple[float, ...]
    forecasts: tuple[Forecast, ...]
    beyond: float
    setup: ModelSetup
    robust: bool = False

    @property
    def declared(self) -> ModelForecast:
        """Which member, how far, and its limit of the time."""
        assert self.setup.forecast is not None
        return self.setup.forecast

    @staticmethod
    def fit(
        parts: Halves, members: Sequence[str], setup: ModelSetup, window_s: float, *, robust: bool = False
    ) -> Ahead:
        """Learns from the earlier half, and takes the bound from the later one.

        Args:
            setup: of the asset; a signal that only tells the state is not looked at.
            robust: hours of the interval may not have been normal.

        Raises:
            BadInput: too few complete rows, or nothing is to be forecast.
        """
        declared = setup.forecast
        if declared is None:
            raise BadInput("Nothing of this asset is to be forecast; declare a `forecast` in its model.")
        if robust:
            parts = _without_others(parts, members, setup)
        first = list(members).index(declared.of)
        order = (first, *(n for n, name in enumerate(members) if n != first and name not in setup.beside))
        earlier, later = (_signed(part[:, list(order)], declared) for part in (parts.fit, parts.calibration))
        whole = max(STEPS, round(declared.ahead_s / window_s))
        spans = tuple(sorted({math.ceil(whole * step / STEPS) for step in range(1, STEPS + 1)}))
        forecasts = tuple(Forecast.fit([(earlier, _highest(earlier[:, 0], span))], SETTINGS) for span in spans)
        said = np.maximum.reduce([later[:, 0], *(forecast.forecast(later) for forecast in forecasts)])
        missed = _highest(later[:, 0], spans[-1]) - said
        missed = np.sort(missed[np.isfinite(missed)])
        if len(missed) < LEAST_CALIBRATION:
            raise BadInput(
                f"The forecast of {declared.of} is held against {len(missed)} windows that it was not made from; it needs "
                f"{LEAST_CALIBRATION} after whose {declared.ahead_s:g} s nothing is missing. Choose a longer interval, or less time ahead."
            )
        place = min(math.ceil(ONE_IN_TWENTY * (len(missed) + 1)), len(missed)) - 1
        return Ahead(
            members=tuple(members),
            order=order,
            spans_s=tuple(span * window_s for span in spans),
            forecasts=forecasts,
            beyond=float(missed[place]),
            setup=setup,
            robust=robust,
        )

    def numbers(self, rows: Float64, members: Sequence[str], limit: float | None = None) -> dict[str, Float64]:
        """What is said of each row, by the sensor that says it: `_ahead`, `_ahead_most`, and with a limit `_to_limit`, each shape (n,).

        Args:
            rows: shape (n, members), in time order, one a window; the first 23 are there for their memory.
            limit: as it is declared now, in the unit of the member that is forecast.

        Raises:
            BadInput: other columns than those of the fit.
        """
        if tuple(members) != self.members:
            raise BadInput(
                f"This forecast was fitted on {', '.join(self.members)} and is given {', '.join(members)}; "
                "fit it anew for the members it has now."
            )
        own = _signed(rows[:, list(self.order)], self.declared)
        seen = looked_at(own, SETTINGS)
        course = [own[:, 0]]
        for forecast in self.forecasts:  # the highest of a longer span is that of the shorter one at least, and of now
            course.append(np.maximum(course[-1], forecast.of(seen, own[:, 0])))
        sign = -1.0 if self.declared.falling else 1.0
        found = {"_ahead": sign * course[-1], "_ahead_most": sign * (course[-1] + self.beyond)}
        if limit is not None:
            found["_to_limit"] = _reached(course, (0.0, *self.spans_s), sign * limit)
        return found

    def number(self, rows: Float64, members: Sequence[str]) -> Float64:
        """The forecast itself, as other models have their number; arguments and errors as of `numbers`."""
        return self.numbers(rows, members)["_ahead"]

    def latest(self, rows: Float64, members: Sequence[str], count: int) -> Float64:
        """`number` of the last `count` rows."""
        return self.number(rows, members)[-count:]

    def suits(self, members: Sequence[str], setup: ModelSetup) -> bool:
        """Whether it was fitted for what is declared now; the limit may have changed."""
        now = setup.forecast
        return (
            now is not None
            and tuple(members) == self.members
            and replace(now, limit=self.declared.limit) == self.declared
        )

    def parameters(self) -> dict[str, Any]:
        """Everything needed to forecast again, as JSON."""
        return {
            "order": list(self.order),
            "spans_s": list(self.spans_s),
            "forecasts": [forecast.parameters() for forecast in self.forecasts],
            "beyond": self.beyond,
            "setup": self.setup.told(),
            "robust": self.robust,
        }

    @staticmethod
    def restored(members: Sequence[str], parameters: Mapping[str, Any]) -> Ahead:
        """The forecast of earlier `parameters()`, bit-equal."""
        return Ahead(
            members=tuple(members),
            order=tuple(parameters["order"]),
            spans_s=tuple(parameters["spans_s"]),
            forecasts=tuple(Forecast.restored(each) for each in parameters["forecasts"]),
            beyond=float(parameters["beyond"]),
            setup=ModelSetup.restored(parameters["setup"]),
            robust=bool(parameters["robust"]),
        )


def _without_others(parts: Halves, members: Sequence[str], setup: ModelSetup) -> Halves:
    """The same without windows that do not go along with the others: neither learnt from nor what anything came to."""
    gone = unlike_others(Situation.fit(parts.fit, members, setup), parts)
    fit, calibration = (
        np.where(out[:, None], np.nan, rows) for out, rows in zip(gone, (parts.fit, parts.calibration), strict=True)
    )
    return Halves(fit, calibration)


def _signed(rows: Float64, setup: ModelForecast) -> Float64:
    """The rows with the member that is forecast turned so that its limit is above."""
    if not setup.falling:
        return rows
    turned = rows.copy()
    turned[:, 0] = -turned[:, 0]
    return turned


def _highest(value: Float64, span: int) -> Float64:
    """Of each row the highest of the `span` after it: shape (n,); NaN where one of them is missing."""
    found = np.full(len(value), np.nan)
    if len(value) > span:
        found[: len(value) - span] = np.lib.stride_tricks.sliding_window_view(value[1:], span).max(axis=1)
    return found


def _reached(course: Sequence[Float64], at_s: Sequence[float], limit: float) -> Float64:
    """Seconds until the course passes the limit: 0 where it has, a century where it does not; NaN where nothing is forecast."""
    left = np.full(len(course[0]), FOREVER_S)
    before, highest = course[0], course[0]
    for place in range(1, len(course)):
        highest = course[place]
        with np.errstate(invalid="ignore", divide="ignore"):
            share = (limit - before) / (highest - before)
        passes = (left == FOREVER_S) & (before < limit) & (highest >= limit)
        left = np.where(passes, at_s[place - 1] + share * (at_s[place] - at_s[place - 1]), left)
        before = highest
    left = np.where(course[0] >= limit, 0.0, left)
    return np.where(np.isfinite(highest), left, np.nan)
