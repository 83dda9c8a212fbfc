"""The forecast of one member as one of an asset's models: fitted beside the others, kept like them, said by sensors of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.batch import Float64
from core.model_setup import ModelSetup
from detectors.models.ahead import KIND, Ahead
from detectors.models.fitted import Fitted
from detectors.models.fitting import Halves, fit, halves
from detectors.models.registry import MODELS
from detectors.store.models import Plan

KINDS_OF_A_SITE = (*MODELS, KIND)


def restored(kind: str, members: Sequence[str], parameters: Mapping[str, Any]) -> Fitted | Ahead:
    """What was fitted, of whichever kind.

    Raises:
        BadInput: there is no such kind.
    """
    return Ahead.restored(members, parameters) if kind == KIND else Fitted.restored(kind, members, parameters)


def made_again(
    kind: str, rows: Float64, members: Sequence[str], kept: Mapping[str, Any], *, window_s: float, memory: int
) -> dict[str, Any]:
    """The parameters that the same rows come to now, for what a version was fitted for and as it was.

    Args:
        kept: the parameters of that version.

    Raises:
        BadInput: there is no such kind, or the rows will not do.
    """
    setup = ModelSetup.restored(kept.get("setup", {}))
    parts = halves(rows, members, window_s=window_s, memory=memory, setup=setup)
    robust = bool(kept.get("robust"))
    if kind == KIND:
        return Ahead.fit(parts, members, setup, window_s, robust=robust).parameters()
    return fit(kind, parts, members, setup=setup, robust=robust)[0].parameters()


def fit_forecast(plan: Plan, parts: Halves, *, robust: bool) -> Ahead | None:
    """The forecast that an asset declares; None where it declares none.

    Args:
        robust: hours of the interval may not have been normal.

    Raises:
        BadInput: the interval is too short for it.
    """
    if plan.setup.forecast is None:
        return None
    return Ahead.fit(parts, plan.names, plan.setup, plan.window_s, robust=robust)


def told_of(ahead: Ahead) -> str:
    """What a person is told of it."""
    how = "lower" if ahead.declared.falling else "higher"
    return (
        f"forecast: {ahead.declared.of} within {ahead.declared.ahead_s:g} s; in one of twenty windows that it was not made from it was "
        f"{how} by more than {abs(ahead.beyond):.3g}."
    )
