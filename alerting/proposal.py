"""A definition as somebody would have it: the fields that would change, read as people write them, and checked. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Any, Final

from core.errors import BadInput
from core.limit_checks import LONGEST_DELAY_S, OF_TWO, is_never_back, slow_on_gas, waits_on_gas
from core.limit_votes import SILENCE, silent_votes, wrong_votes
from core.model import COMPOUND, AlarmDefinition, Priority
from core.site_difference_check import misplaced

# What says which alarm it is, and not how it judges.
FIXED: Final = frozenset({"definition_id", "company_id", "site_id", "sensor_id", "other_sensor_id", "key", "version"})
PARAMETERS: Final = "parameters"
OTHER: Final = "other"  # the second sensor, which people write device/sensor
SECOND_US: Final = 1_000_000
LONGEST: Final = timedelta(days=1096)  # of a stretch: as long as hours are kept
MOST_WAITING: Final = 20  # back-tests of a company: they are done one after the other
_YES: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}

Proposed = dict[str, Any]  # field -> value as JSON has it; parameters under a mapping of their own


@dataclass(frozen=True, slots=True)
class Signal:
    """What of a sensor a definition must fit.

    Args:
        quantity: what it measures, as its site file says.
        period_s: how often it speaks; None: nobody has said.
        range_low, range_high: what it can measure; None: nobody has said.
    """

    key: str = ""
    unit: str = ""
    quantity: str = ""
    period_s: float | None = None
    range_low: float | None = None
    range_high: float | None = None


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A sensor in use that a limit of its site may be compared with."""

    sensor_id: int
    signal: Signal


def names() -> dict[str, str]:
    """Fields that may change, as people write them (durations in seconds) -> as the definition has them."""
    return {
        f"{field.name.removesuffix('_us')}_s" if field.name.endswith("_us") else field.name: field.name
        for field in fields(AlarmDefinition)
        if field.name not in FIXED
    }


def read_words(words: list[str]) -> Proposed:
    """What `--set name=value` says, several times.

    Raises:
        BadInput: a word without `=`, a field that is none, or a value that does not fit it.

    >>> read_words(["setpoint=20", "on_delay_s=3", "parameters.window_s=30"])
    {'setpoint': 20.0, 'on_delay_s': 3.0, 'parameters': {'window_s': 30.0}}
    """
    told: Proposed = {}
    for word in words:
        name, equals, value = word.partition("=")
        name = name.strip()
        if not equals or not name:
            raise BadInput(f"{word[:60]} proposes nothing; write a field and its value, such as setpoint=20.")
        told[name] = value.strip()
    return read(told)


def read(told: Mapping[str, Any]) -> Proposed:
    """Fields and their values, as a form or JSON has them.

    Raises:
        BadInput: a field that is none, or a value that does not fit it.
    """
    proposed: Proposed = {}
    for name, value in told.items():
        if name == PARAMETERS and isinstance(value, Mapping):
            for inner, number in value.items():
                proposed.setdefault(PARAMETERS, {})[str(inner)] = _number(f"{PARAMETERS}.{inner}", number)
        elif name.startswith(f"{PARAMETERS}."):
            proposed.setdefault(PARAMETERS, {})[name.partition(".")[2]] = _number(name, value)
        elif name == OTHER:
            proposed[name] = str(value).strip()[:130]
        else:
            proposed[name] = _value(name, value)
    return proposed


def _value(name: str, value: Any) -> Any:
    known = names()
    if name not in known or name == PARAMETERS:
        near = get_close_matches(name, known, n=1, cutoff=0.5)
        advice = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}."
        raise BadInput(f"A definition has no field {name[:60]}; {advice} A detector's own are written parameters.NAME.")
    if name == "priority":
        if value not in tuple(Priority):
            raise BadInput(f"priority is {str(value)[:60]}; it must be one of {', '.join(Priority)}.")
        return str(value)
    if name == "direction":
        if value not in ("high", "low"):
            raise BadInput(f"direction is {str(value)[:60]}; it must be high or low.")
        return value
    now = next(field for field in fields(AlarmDefinition) if field.name == known[name])
    if now.type in ("bool", bool):
        if str(value).lower() not in _YES:
            raise BadInput(f"{name} is {str(value)[:60]}; it must be true or false.")
        return _YES[str(value).lower()]
    if now.type in ("str", str):
        return str(value)[:100]
    return _number(name, value)


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or isinstance(value, bool):
        raise BadInput(f"{name} is {str(value)[:60]}; it must be a number.")
    return number


def changed(
    definition: AlarmDefinition,
    proposed: Mapping[str, Any],
    *,
    signal: Signal = Signal(),
    other: Signal | None = None,
    check: Callable[[AlarmDefinition], None] = lambda _: None,
    find: Callable[[str], Neighbour | None] = lambda _: None,
) -> AlarmDefinition:
    """The definition with the fields that would change.

    Args:
        proposed: as `read` gives it.
        signal: what it is on.
        other: what it is compared with.
        check: whether the detector takes its parameters (`detectors.registry.check`).
        find: the sensor of its site that is called `device/sensor`, where it is in use and not Davy's own.

    Raises:
        BadInput: a number that cannot be: a sentence says which, and what would be right.
    """
    known, values = names(), dict(proposed)
    parameters = {**definition.parameters, **values.pop(PARAMETERS, {})}
    new: dict[str, Any] = {}
    place = values.pop(OTHER, None)
    if place is not None:
        beside = _compared(definition, place, signal, find)
        new["other_sensor_id"], other = beside.sensor_id, beside.signal
    for name, value in values.items():
        field = known[name]
        if field.endswith("_us"):
            if not 0 <= value <= LONGEST_DELAY_S:
                raise BadInput(
                    f"{definition.key}: {name} is {value:g}; it must lie between 0 and {LONGEST_DELAY_S:g} seconds."
                )
            value = round(value * SECOND_US)
        elif field == "priority":
            value = Priority(value)
        elif isinstance(getattr(definition, field), int) and not isinstance(value, bool) and value == int(value):
            value = int(value)  # what is no whole number is told below
        new[field] = value
    made = replace(definition, **new, parameters=parameters)
    if made.deadband < 0:
        raise BadInput(f"{definition.key}: deadband is {made.deadband:g}; it must be 0 or more.")
    if made.detector == "limit" and signal.range_low is not None and signal.range_high is not None:
        _within(made, signal.range_low, signal.range_high)
    if COMPOUND in (definition.detector, made.detector):
        _check_compound(definition, made)
    elif {definition.detector, made.detector}.intersection(OF_TWO) and definition.detector != made.detector:
        raise BadInput(
            f"{made.key}: its detector says how many sensors it is about; leave it out, or set up another limit."
        )
    else:
        check(made)
    _check_waiting(made, signal, other)
    return made


def _compared(
    definition: AlarmDefinition, place: str, signal: Signal, find: Callable[[str], Neighbour | None]
) -> Neighbour:
    """The sensor that it would be compared with, by the rules of a site file (core/site_difference_check.py)."""
    where = f"limit {definition.key}"
    if definition.detector not in OF_TWO:
        raise BadInput(f"{where} has other; only the detectors {' and '.join(OF_TWO)} compare with a second sensor.")
    sentence = misplaced(where, place, "")
    if sentence is not None:
        raise BadInput(sentence)
    found = find(place)
    if found is None:
        raise BadInput(f"{where} is compared with {place}, which is no sensor in use at its site.")
    if found.sensor_id == definition.sensor_id:
        raise BadInput(f"{where} is compared with its own sensor; name another one.")
    if found.signal.unit != signal.unit:
        raise BadInput(
            f"{where} is compared with {place}, which is in {found.signal.unit}, while {signal.key} is in {signal.unit}; "
            "only two sensors of one unit can be compared."
        )
    return found


def _check_compound(was: AlarmDefinition, made: AlarmDefinition) -> None:
    """Its number comes from other conditions: no detector knows it, and nothing becomes one by a change of its limit."""
    if was.detector != made.detector:
        raise BadInput(f"{made.key}: a compound stays one, and no other limit becomes one; leave its detector out.")
    if was.parameters != made.parameters:
        raise BadInput(f"{made.key} is a compound: it has no parameters; leave them out.")


def _check_waiting(made: AlarmDefinition, signal: Signal, other: Signal | None) -> None:
    """Votes that can be, and nothing that waits on gas: in the sentences of a site file."""
    where = f"limit {made.key}"
    wrong = wrong_votes(where, made.votes, made.votes_of)
    if wrong is not None:
        raise BadInput(wrong[1])
    if made.detector == SILENCE and made.votes_of > 1:
        raise BadInput(silent_votes(where))
    for _, sentence in waits_on_gas(where, made, signal):
        raise BadInput(sentence)
    too_slow = slow_on_gas(made, signal, other) if other is not None else None
    if too_slow is not None:
        raise BadInput(f"{where} {too_slow}")


def _within(made: AlarmDefinition, low: float, high: float) -> None:
    """A limit outside of what its sensor can measure never begins; one whose deadband reaches beyond it never ends."""
    if not low <= made.setpoint <= high:
        raise BadInput(
            f"{made.key}: setpoint is {made.setpoint:g}, but the sensor measures {low:g} to {high:g}; it would never be passed."
        )
    if made.deadband >= high - low:
        raise BadInput(
            f"{made.key}: deadband is {made.deadband:g}, as wide as the sensor's whole range ({low:g} to {high:g}) or wider;"
            " the alarm would never end."
        )
    back = made.setpoint - made.deadband if made.direction == "high" else made.setpoint + made.deadband
    if is_never_back(made.direction, made.setpoint, made.deadband, low, high):
        raise BadInput(
            f"{made.key}: with a deadband of {made.deadband:g} the alarm ends at {back:g}, but the sensor measures {low:g} to {high:g};"
            " it would never end."
        )


def check_stretch(since: datetime, until: datetime, now: datetime) -> None:
    """Whether a stretch can be asked for.

    Raises:
        BadInput: it ends before it begins, has not happened yet, or is longer than anything is kept.
    """
    if since >= until:
        raise BadInput("The stretch begins at its end or after it; look at the two times.")
    if until > now + timedelta(minutes=1):
        raise BadInput("The stretch ends in the future; it may end now at the latest.")
    if until - since > LONGEST:
        raise BadInput(
            f"The stretch is {(until - since).days} days long; nothing is kept for longer than {LONGEST.days}."
        )
