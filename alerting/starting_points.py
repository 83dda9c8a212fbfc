"""What to change where an alarm is a nuisance: first the deadband, then the off-delay, an on-delay last. Pure.

The numbers are starting points, as reference/domain.md 3.3 has them (from memory of the standards' annexes, unverified). A
change is proposed, never made: its back-test says what it would have missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

GAS_LONGEST_ON_S: Final = 5.0  # domain.md 3.3: never more on a gas; its sensor is half a minute late already


@dataclass(frozen=True, slots=True)
class StartingPoint:
    """Where to begin with a kind of signal.

    Args:
        of_span, of_setpoint, absolute: the deadband: a share of the sensor's range, a share of the setpoint, or in the signal's unit.
        on_s, off_s: delays.
    """

    of_span: float = 0.0
    of_setpoint: float = 0.0
    absolute: float = 0.0
    on_s: float = 0.0
    off_s: float = 0.0


class Kind(StrEnum):
    """Kinds of signals that differ in how they are calmed."""

    GAS = "gas"
    OXYGEN = "oxygen"
    FLOW = "flow"
    LEVEL = "level"
    PRESSURE = "pressure"
    TEMPERATURE = "temperature"
    RESIDUAL_CURRENT = "residual current"
    VIBRATION = "vibration"
    CONTACT = "contact"
    OTHER = "other"


STARTING_POINTS: Final = {
    Kind.GAS: StartingPoint(of_setpoint=0.05, on_s=GAS_LONGEST_ON_S, off_s=60),
    Kind.OXYGEN: StartingPoint(absolute=0.2, on_s=GAS_LONGEST_ON_S, off_s=60),
    Kind.FLOW: StartingPoint(of_span=0.05, on_s=15, off_s=60),
    Kind.LEVEL: StartingPoint(of_span=0.05, on_s=30, off_s=60),
    Kind.PRESSURE: StartingPoint(of_span=0.02, on_s=15, off_s=300),
    Kind.TEMPERATURE: StartingPoint(of_span=0.01, on_s=30, off_s=60),
    Kind.RESIDUAL_CURRENT: StartingPoint(of_setpoint=0.1, on_s=10, off_s=60),
    Kind.VIBRATION: StartingPoint(of_setpoint=0.05, on_s=10, off_s=60),
    Kind.CONTACT: StartingPoint(on_s=2, off_s=60),
    Kind.OTHER: StartingPoint(of_span=0.02, on_s=15, off_s=60),
}
_WORDS: Final = (
    (Kind.OXYGEN, ("oxygen", "o2")),
    (Kind.GAS, ("gas", "methane", "monoxide", "dioxide", "sulfide", "ammonia", "chlorine", "hydrogen", "lel", "concentration")),
    (Kind.RESIDUAL_CURRENT, ("residual",)),
    (Kind.FLOW, ("flow", "speed")),
    (Kind.LEVEL, ("level",)),
    (Kind.PRESSURE, ("pressure",)),
    (Kind.TEMPERATURE, ("temperature",)),
    (Kind.VIBRATION, ("vibration",)),
    (Kind.CONTACT, ("contact", "state", "running", "valve", "leak")),
)  # fmt: skip
_GAS_UNITS: Final = frozenset({"%{LEL}", "[ppm]", "[ppb]", "mg/m3"})


def kind_of(quantity: str, unit: str) -> Kind:
    """Which kind a sensor's quantity is, by its words and its unit; what might be a gas is one.

    >>> kind_of("gauge pressure", "bar"), kind_of("methane", "%"), kind_of("anything", "[ppm]")
    (<Kind.PRESSURE: 'pressure'>, <Kind.GAS: 'gas'>, <Kind.GAS: 'gas'>)
    """
    words = quantity.lower()
    named = next((kind for kind, signs in _WORDS if any(sign in words for sign in signs)), Kind.OTHER)
    return Kind.GAS if unit in _GAS_UNITS and named is not Kind.OXYGEN else named


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What of a limit may be changed."""

    setpoint: float
    deadband: float
    on_delay_s: float
    off_delay_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A change that is worth a back-test.

    Args:
        what: "deadband", "off_delay", "on_delay"; "mend": no number helps, the cause is to be put right.
        settings: with the change; as they are where `what` is "mend".
    """

    what: str
    settings: Settings


def propose(
    now: Settings,
    *,
    kind: Kind,
    span: float | None,
    life_safety: bool,
    is_limit: bool,
    returns: bool,
    nothing_to_do: bool,
) -> Proposal | None:
    """The next step for an alarm that is a nuisance; None where it is none.

    Args:
        is_limit: on the signal itself; another detector's number has no span to take a deadband from.
        returns: it chatters or comes back again and again.
        nothing_to_do: most of its occurrences were resolved as a nuisance: nobody had to do anything while it cleared by itself.
    """
    if not (returns or nothing_to_do):
        return None
    start = STARTING_POINTS[kind]
    least = max(start.absolute, start.of_setpoint * abs(now.setpoint), start.of_span * (span or 0.0))
    deadband = float(f"{least:.6g}")
    if is_limit and now.deadband < deadband:
        return Proposal(what="deadband", settings=_with(now, deadband=deadband))
    # A person's life hangs on the others as they are: nothing but the deadband is touched by a machine's advice.
    if not life_safety and returns and now.off_delay_s < start.off_s:
        return Proposal(what="off_delay", settings=_with(now, off_delay_s=start.off_s))
    if not life_safety and nothing_to_do and kind not in (Kind.GAS, Kind.OXYGEN) and now.on_delay_s < start.on_s:
        return Proposal(what="on_delay", settings=_with(now, on_delay_s=start.on_s))
    return Proposal(what="mend", settings=now)


def _with(
    now: Settings, *, deadband: float | None = None, on_delay_s: float | None = None, off_delay_s: float | None = None
) -> Settings:
    return Settings(
        setpoint=now.setpoint,
        deadband=now.deadband if deadband is None else deadband,
        on_delay_s=now.on_delay_s if on_delay_s is None else on_delay_s,
        off_delay_s=now.off_delay_s if off_delay_s is None else off_delay_s,
    )
