"""What may be wrong with a limit, whoever wrote it and wherever: one set of rules and sentences for site files and pages. Pure.

Each check gives (field, sentence). Reading a number or a word of a text is `core.yaml_lines`'s, for both likewise: a page's
form is read as a block of a file (`core.limit_form`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Protocol

from core.numbers import unit_sign
from core.signal_kind import GAS_MOST_S, kind_of, longest_wait_s

PERIODS: Final = "periods"  # the parameter of a limit that goes by its sensor's own period (detectors/stale.py)
CEILING: Final = "ceiling_s"  # and that of the longest it may wait, whatever was learned
USUAL_CEILING_S: Final = 10_800.0  # what it waits where `CEILING` is missing

EXPOSURE: Final = "exposure"
DIFFERENCE: Final = "difference"  # the detector that compares two sensors
OF_TWO: Final = (DIFFERENCE, "drift")  # and all that need a second one
OUTSIDE: Final = "outside"  # the detector that is about the ends of a range
LOW_END: Final = "low"  # and its parameters
HIGH_END: Final = "high"
CONVERTED: Final = (
    "limit",
    EXPOSURE,
)  # detectors whose number is a value in the sensor's unit: their setpoints convert
# Detectors that say what is so now: averages and statistics wait by nature.
DIRECT: Final = frozenset({"limit", "rate", "deviation", DIFFERENCE, "time_to_limit"})

LONGEST_DELAY_S: Final = 86_400.0  # an alarm that waits for longer than a day was mistyped, or is none. Ours.
# Until somebody answers, or hears it again: four months. What is longer was mistyped, and reckoning with far more fails, for every site at
# once. Ours; both are CHECKs of alarm_definition too.
LONGEST_ANSWER_S: Final = 10_000_000.0

Mistakes = Iterator[tuple[str, str]]


class Judging(Protocol):
    """What of a limit is judged by: a rule of a file or a row of the database."""

    @property
    def detector(self) -> str: ...
    @property
    def direction(self) -> str: ...
    @property
    def setpoint(self) -> float: ...
    @property
    def deadband(self) -> float: ...
    @property
    def parameters(self) -> Mapping[str, float]: ...
    @property
    def on_delay_s(self) -> float: ...
    @property
    def votes(self) -> int: ...


class Standardised(Judging, Protocol):
    """The same with the standard that its number comes from."""

    @property
    def standard(self) -> str | None: ...
    @property
    def edition(self) -> str | None: ...


class Titled(Protocol):
    """What a limit is called, in English and in Chinese."""

    @property
    def title(self) -> tuple[str, str]: ...


class Paced(Protocol):
    """What a sensor measures, and how often."""

    @property
    def key(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def quantity(self) -> str: ...
    @property
    def period_s(self) -> float | None: ...


class Measured(Paced, Protocol):
    """What of a sensor a limit must fit."""

    @property
    def range_low(self) -> float | None: ...
    @property
    def range_high(self) -> float | None: ...


def laxer(where: str, rule: Judging, standard: Standardised, *, has_source: bool) -> Mistakes:
    """A limit that lets pass what the standard it is taken from does not, without a source of its own."""
    if has_source:
        return
    if rule.detector == standard.detector and longest_s(rule) > longest_s(standard):
        yield (
            CEILING,
            (
                f"{where} lets its sensor be silent for {longest_s(rule):g} s; the pack wants at most {longest_s(standard):g}. "
                "Declare the sensor's period_s, or state a source of its own to differ."
            ),
        )
    if rule.detector == EXPOSURE and rule.parameters.get("window_s") != standard.parameters.get("window_s"):
        yield (
            "parameters",
            (
                f"{where} is an average over {standard.parameters.get('window_s', 0.0):g} s; leave window_s as it is, or write a "
                "limit of your own."
            ),
        )
    if is_beyond(rule.direction, rule.setpoint, standard.setpoint) and standard.standard is not None:
        side = "at most" if rule.direction == "high" else "at least"
        name = f"{standard.standard}-{standard.edition}"
        yield (
            "setpoint",
            f"setpoint of {where} is {rule.setpoint:g}; {name} wants {side} {standard.setpoint:g}. State a source of its own to differ.",
        )


def out_of_reach(where: str, rule: Judging, sensor: Measured) -> Mistakes:
    """A limit that its sensor can never reach, or never leave."""
    low, high = sensor.range_low, sensor.range_high
    if rule.detector not in CONVERTED or low is None or high is None or low >= high:
        return
    if not low <= rule.setpoint <= high:
        yield (
            "setpoint",
            (
                f"setpoint of {where} is {rule.setpoint:g} {unit_sign(sensor.unit)}; sensor {sensor.key} measures from {low:g} to {high:g}, "
                "so the limit would never be reached or always."
            ),
        )
    elif rule.deadband >= high - low:
        yield (
            "deadband",
            f"deadband of {where} is {rule.deadband:g} {unit_sign(sensor.unit)}, the whole range of sensor {sensor.key}; it would never clear.",
        )
    elif is_never_back(rule.direction, rule.setpoint, rule.deadband, low, high):
        is_high = rule.direction == "high"
        back = rule.setpoint - rule.deadband if is_high else rule.setpoint + rule.deadband
        most = rule.setpoint - low if is_high else high - rule.setpoint
        yield (
            "deadband",
            (
                f"deadband of {where} is {rule.deadband:g} {unit_sign(sensor.unit)}: its value would have to come back beyond {back:g}, and sensor "
                f"{sensor.key} measures from {low:g} to {high:g}; it would never clear. Take less than {most:g}."
            ),
        )


def way_back(direction: str, setpoint: float, low: float | None, high: float | None) -> float | None:
    """How far it is from a setpoint to the end of the range that the value must fall back to; None: nobody has said.

    >>> way_back("high", 1.0, 0.0, 100.0), way_back("low", 1.0, 0.0, 100.0), way_back("high", 1.0, None, 100.0)
    (1.0, 99.0, None)
    """
    if direction == "high":
        return None if low is None else setpoint - low
    return None if high is None else high - setpoint


def is_never_back(direction: str, setpoint: float, deadband: float, low: float, high: float) -> bool:
    """Whether a deadband reaches the end of the range: a condition ends beyond it, never at it.

    >>> is_never_back("high", 1.0, 5.0, 0.0, 100.0), is_never_back("high", 0.0, 0.0, 0.0, 100.0)
    (True, False)
    """
    way = way_back(direction, setpoint, low, high)
    return way is not None and deadband > 0.0 and way <= deadband


def waits_on_gas(where: str, rule: Judging, sensor: Measured, taken_from: Titled | None = None) -> Mistakes:
    """Nothing waits on gas: the rule that holds whatever pack or plant says.

    Args:
        taken_from: the pack's limit: where its title speaks of a gas the sensor measures one, whatever its quantity says.
    """
    kinds = [kind_of(sensor.unit, sensor.quantity)]
    if taken_from is not None:
        kinds.append(kind_of(sensor.unit, taken_from.title[0]))
    if rule.detector not in DIRECT or not any(kind is not None and kind.is_gas for kind in kinds):
        return
    wait_s = longest_wait_s(rule.on_delay_s, rule.votes, sensor.period_s)
    if wait_s is None:
        yield (
            "votes",
            (
                f"{where} wants {rule.votes} readings of sensor {sensor.key}, which measures gas and does not say how often; "
                f"declare its period_s: together they may take at most {GAS_MOST_S:g} s."
            ),
        )
    elif wait_s > GAS_MOST_S and rule.votes == 1:
        yield (
            "on_delay_s",
            (
                f"on_delay_s of {where} is {rule.on_delay_s:g}; sensor {sensor.key} measures gas, where an alarm may wait at most "
                f"{GAS_MOST_S:g} s. Take an off_delay_s or a deadband against chatter."
            ),
        )
    elif wait_s > GAS_MOST_S:
        yield (
            "votes",
            (
                f"{where} waits up to {wait_s:g} s for {rule.votes} readings every {sensor.period_s:g} s and its delay; sensor "
                f"{sensor.key} measures gas, where an alarm may wait at most {GAS_MOST_S:g} s. Want fewer, or let several sensors vote."
            ),
        )


def slow_on_gas(rule: Judging, sensor: Paced, other: Paced) -> str | None:
    """The end of a sentence that begins with the limit, where a difference on gas waits too long for its slower sensor.

    A number is known once both have spoken, up to a period of the slower one later (detectors/difference.py): that is a wait
    like a delay. What `waits_on_gas` tells of the limit alone is not told again.
    """
    kinds = [kind_of(each.unit, each.quantity) for each in (sensor, other)]
    if rule.detector != DIFFERENCE or not any(kind is not None and kind.is_gas for kind in kinds):
        return None
    own_s = longest_wait_s(rule.on_delay_s, rule.votes, sensor.period_s)
    if kinds[0] is not None and kinds[0].is_gas and (own_s is None or own_s > GAS_MOST_S):
        return None
    own_s = rule.on_delay_s if own_s is None else own_s
    slower_s = max(sensor.period_s or 0.0, other.period_s or 0.0)
    if own_s + slower_s <= GAS_MOST_S:
        return None
    return (
        f"waits up to {own_s + slower_s:g} s: {own_s:g} s by its delay and votes, and {slower_s:g} s until the slower of "
        f"{sensor.key} and {other.key} has spoken; on gas an alarm may wait at most {GAS_MOST_S:g} s. Let it wait for less, let both "
        "report more often, or put a limit on each of them."
    )


def is_beyond(direction: str, setpoint: float, than: float) -> bool:
    """Whether a setpoint is reached later than another one: it lets more pass.

    >>> is_beyond("high", 30.0, 25.0), is_beyond("low", 18.0, 19.5)
    (True, True)
    """
    return setpoint > than if direction == "high" else setpoint < than


def longest_s(rule: Judging) -> float:
    """How long a limit that goes by its sensor's period waits at most; 0 for all others."""
    return max(rule.setpoint, ceiling_s(rule.parameters)) if rule.parameters.get(PERIODS) else 0.0


def ceiling_s(parameters: Mapping[str, float]) -> float:
    """The longest that a limit on silence waits, whatever was learned.

    >>> ceiling_s({"periods": 5.0})
    10800.0
    """
    return parameters.get(CEILING, USUAL_CEILING_S)
