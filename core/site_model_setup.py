"""How a site file says which of a model's members are slow, what drives them, in which states the machine runs, and what is forecast."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from core.model_setup import ModelForecast, ModelSetup, ModelState
from core.yaml_lines import Block

SIGNAL: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}/[A-Za-z0-9_.-]{1,64}")
MOST_STATES: Final = 8
LEAST_AHEAD, MOST_AHEAD = (
    2,
    360,
)  # windows that a forecast looks ahead: one is no forecast, and a whole shift is a guess


def read_setup(block: Block, members: Sequence[str], window_s: float) -> ModelSetup:
    """What the block of a model says beside its members; mistakes are written down."""
    slow, load = _some_of(block, "slow", members), _some_of(block, "load", members)
    if both := [name for name in slow if name in load]:
        block.mistake(
            "slow", f"{', '.join(both)} of {block.where} is slow and load as well; what drives others is not slow."
        )
    if slow and not load:
        block.mistake(
            "slow", f"{block.where} has slow members and no load; name under `load` the members that drive them."
        )
    state_by, states, count = _states(block, bool(load))
    return ModelSetup(
        slow=slow,
        load=load,
        state_by=state_by,
        state_apart=state_by is not None and state_by not in members,
        states=states,
        state_count=count,
        forecast=_forecast(block, members, window_s),
    )


def _some_of(block: Block, name: str, members: Sequence[str]) -> tuple[str, ...]:
    found: list[str] = []
    for line, given in block.texts(name):
        if given not in members:
            block.reading.mistake(line, f"{name} of {block.where} names {given}, which is no member of it.")
        elif given in found:
            block.reading.mistake(line, f"{name} of {block.where} names {given} twice; keep one of them.")
        else:
            found.append(given)
    return tuple(found)


def _states(block: Block, has_load: bool) -> tuple[str | None, tuple[ModelState, ...], int]:
    """The telling signal, its states, and how many are looked for."""
    inner = block.block("states", f"states of {block.where}", example="such as {by: device/sensor, are: [...]}")
    if inner is None:
        return None, (), 0
    count = int(inner.number("count", required=False, least=2, most=MOST_STATES) or 0)
    by = inner.optional("by")
    states = [_state(each) for each in inner.blocks("are", f"state of {block.where}")]
    if (by is None) == (count == 0):
        inner.mistake(
            None, f"{inner.where} need either `by`, the signal that tells them, or `count`, how many are looked for."
        )
    if by is not None:
        if not SIGNAL.fullmatch(by):
            inner.mistake("by", f"by of {inner.where} is {by!r}; write device/sensor.")
        _check(inner, states)
    elif states:
        inner.mistake(
            "are", f"{inner.where} have `are` and no `by`; name the signal whose values tell them from each other."
        )
    if count and not has_load:
        inner.mistake(
            "count",
            f"{inner.where} are looked for among the values of its load, and it has none; name it under `load`. Among all members "
            "a fault would be a state of its own.",
        )
    inner.finish()
    return by, tuple(states) if by is not None else (), count if by is None else 0


def _state(block: Block) -> ModelState:
    name, name_zh = block.both("name")
    below, judged = block.number("below", required=False), block.flag("judged", default=True)
    block.finish()
    return ModelState(name=name, name_zh=name_zh, below=below, judged=judged)


def _check(block: Block, states: Sequence[ModelState]) -> None:
    if not 2 <= len(states) <= MOST_STATES:
        block.mistake("are", f"{block.where} are {len(states)}; there must be 2 to {MOST_STATES}.")
        return
    ends = [state.below for state in states]
    inner = [end for end in ends[:-1] if end is not None]
    if len(inner) < len(ends) - 1 or ends[-1] is not None or inner != sorted(set(inner)):
        block.mistake(
            "are",
            f"{block.where} must stand in the order of their values: each but the last with a `below`, larger from one to the next, "
            "and the last without.",
        )
    if not any(state.judged for state in states):
        block.mistake("are", f"In none of the {block.where} anything is judged; leave `judged: false` out of one.")


def _forecast(block: Block, members: Sequence[str], window_s: float) -> ModelForecast | None:
    inner = block.block("forecast", f"forecast of {block.where}", example="such as {of: device/sensor, ahead_s: 600}")
    if inner is None:
        return None
    of = inner.text("of")
    if of and of not in members:
        inner.mistake(
            "of", f"{inner.where} is of {of}, which is no member of it; the others are what it is forecast from."
        )
    ahead_s = inner.number("ahead_s", least=LEAST_AHEAD * window_s, most=MOST_AHEAD * window_s) or 0.0
    falling, limit = inner.flag("falling"), inner.number("limit", required=False)
    inner.finish()
    return ModelForecast(of=of, ahead_s=ahead_s, falling=falling, limit=limit)


def shown_setup(setup: ModelSetup) -> dict[str, Any]:
    """The fields of a site file that say it, as `core.site_text` writes them; None is left out there."""
    states: dict[str, Any] | None = {"count": setup.state_count} if setup.state_count else None
    if setup.state_by is not None:
        states = {"by": setup.state_by, "are": [_shown(state) for state in setup.states]}
    return {
        "slow": list(setup.slow) or None,
        "load": list(setup.load) or None,
        "states": states,
        "forecast": None if setup.forecast is None else setup.forecast.told(),
    }


def _shown(state: ModelState) -> dict[str, Any]:
    judged = None if state.judged else False
    return {"below": state.below, "name": {"en": state.name, "zh": state.name_zh}, "judged": judged}
