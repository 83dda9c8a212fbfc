"""In what a version of a model was fitted for something else than a site file declares now. One place for all who ask: who judges, doctor, card, list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from core.model_setup import ModelSetup

MEMBERS, WINDOW, SLOW, LOAD, STATES, FORECAST = "members", "window", "slow", "load", "states", "forecast"
PARTS: Final = (MEMBERS, WINDOW, SLOW, LOAD, STATES, FORECAST)
# What the numbers of a version hang on; a forecast hangs on its own part, on the members and on the window.
OF_NUMBERS: Final = frozenset((MEMBERS, WINDOW, SLOW, LOAD, STATES))
OF_FORECAST: Final = frozenset((MEMBERS, WINDOW, FORECAST))


class FittedFor(NamedTuple):
    """What a version was fitted for, or what is declared.

    Args:
        members: `device/sensor` of each column in its place; first a signal that only tells the state, where there is one.
    """

    members: tuple[str, ...]
    window_s: float
    setup: ModelSetup

    @staticmethod
    def of(members: Sequence[str], window_s: float, setup: Mapping[str, Any] | None) -> FittedFor:
        """From rows of the database; a version that knows of no setup was fitted for none."""
        return FittedFor(tuple(members), window_s, ModelSetup.restored(setup or {}))


class Difference(NamedTuple):
    """One part in which the two are apart.

    Args:
        part: one of `PARTS`.
        was: what the version was fitted for, now: what is declared; as JSON, None where there is nothing of the kind.
    """

    part: str
    was: Any
    now: Any


def differences(was: FittedFor, now: FittedFor) -> list[Difference]:
    """In what a version was fitted for something else, in the order of `PARTS`; names of states and the limit of a forecast may have changed."""
    told = (_judging(was), _judging(now))
    return [
        Difference(part, _told(was, part), _told(now, part)) for part in PARTS if told[0].get(part) != told[1].get(part)
    ]


def _judging(each: FittedFor) -> dict[str, Any]:
    """By part what a fit hangs on."""
    setup = each.setup
    states = tuple((state.below, state.judged) for state in setup.states)
    return {
        MEMBERS: each.members,
        WINDOW: each.window_s,
        SLOW: setup.slow,
        LOAD: setup.load,
        STATES: (setup.state_by, setup.state_apart, states, setup.state_count),
        FORECAST: None if setup.forecast is None else replace(setup.forecast, limit=None),
    }


def _told(each: FittedFor, part: str) -> Any:
    setup = each.setup
    if part == MEMBERS:
        return list(each.members)
    if part == WINDOW:
        return each.window_s
    if part in (SLOW, LOAD):
        return list(setup.slow if part == SLOW else setup.load) or None
    if part == FORECAST:
        return None if setup.forecast is None else setup.forecast.told()
    if not setup.has_states:
        return None
    return {"by": setup.state_by, "count": setup.state_count, "are": [state.told() for state in setup.states]}
