"""What a limit on a difference says of its second sensor: it lives, at the same site, in the same unit, and speaks often enough: of gas within
what an alarm may wait there. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from core.limit_checks import slow_on_gas
from core.limit_rule import HOLD_S
from core.portfolio import DefinitionRow, SensorRow

PLACE: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}/[A-Za-z0-9_.-]{1,64}")  # device/sensor
_TOLD: Final = 8  # names in one piece of advice

USUAL_HOLD_S = 60.0  # what the detector takes where nothing is given (detectors/difference.py)
Get = Callable[..., Any]  # (kind, *name) -> the row there will be, or None


def misplaced(where: str, other: str, own: str) -> str | None:
    """What is wrong with the name of a second sensor by itself; None: nothing.

    Args:
        own: `device/sensor` of the limit.
    """
    if not PLACE.fullmatch(other):
        return f"other of {where} is {other[:130]!r}; write device/sensor."
    if other == own:
        return f"{where} is compared with its own sensor; name another one."
    return None


def wrong_neighbour(row: DefinitionRow, sensors: Mapping[str, SensorRow]) -> Iterator[str]:
    """Sentences about the second sensor of a limit that is changed by itself, not with its site file.

    Args:
        sensors: of its site, by `device/sensor`.
    """
    where = f"limit {row.key}"
    if row.other is None:
        return
    sentence = misplaced(where, row.other, f"{row.device}/{row.sensor}")
    if sentence is not None:
        yield sentence
        return

    def get(kind: str, *name: str) -> object | None:
        if kind == "sensor":
            return sensors.get("/".join(name))
        return next((each for each in sensors.values() if each.device == name[0]), None)

    def there_are(kind: str, **within: str) -> str:
        measured = [each for each in sensors.values() if not each.is_virtual and not each.retired]
        if kind == "sensor":
            found = sorted({each.key for each in measured if each.device == within["device"]})
        else:
            found = sorted({each.device for each in measured})
        return advice(found)

    for end in wrong_other(replace(row, retired=False), get, there_are):
        yield f"{where} {end}"


def advice(names: list[str]) -> str:
    """What there is, the first few by name.

    >>> advice([]), advice(["a", "b"])
    ('there is none.', 'there are a, b.')
    """
    if not names:
        return "there is none."
    return f"there are {', '.join(names[:_TOLD])}{' and more' if len(names) > _TOLD else ''}."


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
