"""One limit through time of which all is normal, as a site lives: looked at each day by what was known then, set, and judged by what was in force.

The looks are those of the duty (`weighed`, `Found.is_to_be_set`), the alarms those of the conditions of production. Nothing that is judged is
known to the setpoint that judges it: a look sees what was before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerting.false_alarms import UNKNOWN, WEEK_S
from alerting.store.false_alarms import BudgetLimit
from core.batch import Float64
from core.limit_rule import Rule
from davy.evaluate.judging import Alarm, Stream, alarms, numbers
from davy.false_alarms.keeping import weighed
from davy.false_alarms.normal import Said

LIMIT: Final = "limit"
Look = Callable[[BudgetLimit, int], Said]  # what is known of normal operation before a row


@dataclass(frozen=True, slots=True)
class Lived:
    """What came of one limit.

    Args:
        limit: as it stood in the end; state: of the last look that set it, or "unknown".
        false: alarms that began, every one of them false; weeks: in so long a time that could be judged.
        expected: what its share of the budget allows in that time.
        promised: what the setpoints in force were to give by the looks that left or set them; None: nothing was ever known.
        why: where nothing was ever known, what is missing.
    """

    limit: BudgetLimit
    state: str
    false: int
    weeks: float
    expected: float
    promised: float | None
    why: str = ""


def limit_of(name: str, rule: Rule, *, period_s: float, sensor: str = "", model: str | None = None) -> BudgetLimit:
    """A pack's limit as one that the budget may set, on a sensor that nobody has.

    Args:
        sensor: of a model's number its key, such as `_mewma`.
    """
    return BudgetLimit(
        definition_id=1, site_id=1, key=name, title=rule.title[0], title_zh=rule.title[1], sensor_name=name, sensor_name_zh=name,
        sensor_id=1, sensor=sensor, model=model, asset_id=None, detector=rule.detector, parameters=dict(rule.parameters),
        setpoint=rule.setpoint, deadband=rule.deadband, on_delay_s=rule.on_delay_s, off_delay_s=rule.off_delay_s, votes=rule.votes,
        votes_of=rule.votes_of, period_s=period_s, base_setpoint=rule.setpoint, base_on_delay_s=rule.on_delay_s, own=False,
        looked_at=None, state=None, share=None, expected=None, judged_s=None, far=None, calibrated=None, needs=None,
    )  # fmt: skip


def live(limit: BudgetLimit, stream: Stream, look: Look, share: float, *, first: int, every: int) -> Lived:
    """Looks, sets and judges from row `first` on.

    Args:
        stream: one sensor: what the limit's detector hears; of a model its number.
        share: false alarms a week that it may use.
        every: rows between two looks.
    """
    state, why, promised, known = UNKNOWN, "", 0.0, False
    in_force: list[tuple[int, BudgetLimit]] = []  # from which row on
    spans: list[tuple[int, int, float]] = []  # row, end, a week by what was known
    for begin in range(first, len(stream.at), every):
        found = weighed(limit, look(limit, begin), share)
        if found.is_to_be_set:
            limit = replace(limit, setpoint=found.choice.setpoint, on_delay_s=found.choice.on_delay_s)
        if found.choice.state != UNKNOWN:
            state = found.choice.state
        if not in_force or found.is_to_be_set:
            in_force.append((begin, limit))
        rate = found.choice.expected if found.is_to_be_set else found.now
        known, why = known or rate is not None, found.why
        spans.append((begin, min(begin + every, len(stream.at)), share if rate is None else rate))
    false, judged = 0, np.zeros(len(stream.at), np.bool_)
    memory: dict[str, NDArray[np.generic]] = {}
    if limit.model is None:  # what came before the first look was heard as well
        numbers(Stream(stream.at[:first], stream.values[:first]), _as_judged(in_force[0][1]), memory)
    ends = [begin for begin, _ in in_force[1:]] + [len(stream.at)]
    for (begin, one), end in zip(in_force, ends, strict=True):
        part = Stream(stream.at[begin:end], stream.values[begin:end])
        began, judged[begin:end] = _begun(one, part, memory)
        false += began
    period_s = float(np.median(np.diff(stream.at))) / 1e6
    for begin, end, rate in spans:
        promised += rate * _weeks(judged[begin:end], period_s)
    weeks = _weeks(judged[first:], period_s)
    return Lived(limit, state, false, weeks, share * weeks, promised if known else None, "" if known else why)


def _weeks(judged: Sequence[bool] | np.ndarray, period_s: float) -> float:
    return float(np.sum(judged)) * period_s / WEEK_S


def _begun(limit: BudgetLimit, part: Stream, memory: dict[str, NDArray[np.generic]]) -> tuple[int, np.ndarray]:
    """How many alarms begin, and which rows could be judged. The detector goes on with what it knew, as in production."""
    alarm = _as_judged(limit)
    said: Float64 = part.values if limit.model is not None else numbers(part, alarm, memory)
    held = alarms(Stream(part.at, said), (replace(alarm, detector=LIMIT, parameters={}),))[:, 0, 0].astype(np.int8)
    return int((np.diff(held, prepend=0) == 1).sum()), np.isfinite(said[:, 0])


def _as_judged(limit: BudgetLimit) -> Alarm:
    return Alarm(
        detector=limit.detector,
        parameters=limit.parameters,
        setpoint=limit.setpoint,
        deadband=limit.deadband,
        on_delay_s=limit.on_delay_s,
        off_delay_s=limit.off_delay_s,
        votes=limit.votes,
        votes_of=limit.votes_of,
    )
