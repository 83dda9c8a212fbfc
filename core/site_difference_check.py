"""What a limit on a difference says of its second sensor: it lives, at the same site, in the same unit, and speaks often enough: of gas within
what an alarm may wait there. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from core.limit_checks import slow_on_gas
from core.limit_rule import HOLD_S
from core.portfolio import DefinitionRow

USUAL_HOLD_S = 60.0  # what the detector takes where nothing is given (detectors/difference.py)
Get = Callable[..., Any]  # (kind, *name) -> the row there will be, or None


def wrong_other(row: DefinitionRow, get: Get, there_are: Callable[..., str]) -> Iterator[str]:
    """Mistakes of one limit, as ends of sentences that begin with it.

    Args:
        get, there_are: what there will be after the import, and advice from it.
    """
    if row.other is None or row.retired:
        return
    device, _, key = row.other.partition("/")
    own, other = get("sensor", row.device, row.sensor), get("sensor", device, key)
    if other is None or other.is_virtual:
        where = {"site": row.site} if get("device", device) is None else {"device": device}
        yield (
            f"is compared with {row.other}, which is no sensor of site {row.site}; "
            f"{there_are('device' if 'site' in where else 'sensor', **where)}"
        )
        return
    if other.site != row.site:
        yield f"is compared with {row.other}, which is of site {other.site}; two sensors of one site can be compared."
        return
    if other.retired:
        yield f"is compared with {row.other}, which is retired; retire the limit as well, or name another sensor."
    if own is not None and own.unit != other.unit:
        yield (
            f"is compared with {row.other}, which is in {other.unit}, while {row.sensor} is in {own.unit}; "
            "only two sensors of one unit can be compared."
        )
    too_slow = slow_on_gas(row, own, other) if own is not None else None
    if too_slow is not None:
        yield too_slow
    hold_s = row.parameters.get(HOLD_S, USUAL_HOLD_S)
    slow = [each for each in (own, other) if each is not None and each.period_s is not None and each.period_s > hold_s]
    for each in slow:
        yield (
            f"lets a reading stand for {hold_s:g} s, and {each.device}/{each.key} reports every {each.period_s:g} s; it would hardly "
            f"ever be judged. Set the parameter {HOLD_S} to {each.period_s:g} or more."
        )
