"""What must come of a scenario, worked out from its physics alone: nothing here knows how Davy judges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from core.batch import Float64
from simulators.instrument import Instrument
from simulators.stream import MICROSECONDS

SURE: Final = 6.0  # standard deviations of noise that a day of readings does not exceed
GAS_DELAY_S: Final = 5.0  # the longest on-delay a gas alarm may have (reference/domain 3.3)
CONTACT_DELAY_S: Final = 30.0  # the same for a contact, generously: 2 to 5 s is usual
TRANSPORT_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """An alarm that must come, once.

    Args:
        definition: key of the alarm definition.
        sensor: key of the sensor.
        from_us: before this it cannot come: physics has not got there. Microseconds UTC.
        until_us: after this it is missed.
        harm_us: when what it warns of happens if nobody acts; None where nothing would.
    """

    definition: str
    sensor: str
    from_us: int
    until_us: int
    harm_us: int | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    """All that may come of a scenario.

    Args:
        allowed_false: how many further occurrences physics neither demands nor excludes.
    """

    expected: tuple[Expected, ...] = ()
    allowed_false: int = 0


@dataclass(frozen=True, slots=True)
class Watch:
    """One alarm to be expected of one instrument.

    Args:
        name: the definition's key is `{sensor}.{name}`; empty: it is the sensor's own, as of a compound.
        setpoint: in the instrument's unit.
        high: alarm above the setpoint, else below.
        delay_s: the longest on-delay it may have.
        harm_s: seconds from the start; None where nothing is harmed.
    """

    instrument: Instrument
    name: str
    setpoint: float
    high: bool
    delay_s: float
    harm_s: float | None


def crossing(at_s: Float64, excess: Float64, margin: float, delay_s: float) -> tuple[float | None, float | None]:
    """When an alarm can come at the earliest, and must have come at the latest.

    Args:
        at_s: seconds, shape (n,), evenly spaced.
        excess: how far the noiseless signal is beyond the setpoint, shape (n,).
        margin: how far noise and rounding reach.

    Returns:
        `(None, None)` if it cannot come; `(earliest, None)` if noise decides; else both.

    >>> at = np.arange(6.0)
    >>> crossing(at, np.array([-9.0, -0.5, 2.0, 2.0, 2.0, -9.0]), 1.0, 2.0)
    (1.0, 4.0)
    >>> crossing(at, np.array([-9.0, -0.5, 2.0, 2.0, -9.0, -9.0]), 1.0, 2.0)
    (1.0, None)
    """
    possible = np.flatnonzero(excess >= -margin)
    if not len(possible):
        return None, None
    earliest = float(at_s[possible[0]])
    certain = excess >= margin
    began: float | None = None
    for at, holds in zip(at_s.tolist(), certain.tolist(), strict=True):
        if not holds:
            began = None
        elif began is None:
            began = at
        if began is not None and at - began >= delay_s:
            return earliest, at
    return earliest, None


def tell(watches: Sequence[Watch], at_s: Float64, signals: Sequence[Float64], start_us: int) -> Truth:
    """The truth of a trace.

    Args:
        signals: for each watch its instrument's noiseless signal, shape (n,).
        start_us: the instant of second 0.
    """
    expected: list[Expected] = []
    open_ends = 0
    for watch, signal in zip(watches, signals, strict=True):
        sheet = watch.instrument
        excess = signal - watch.setpoint if watch.high else watch.setpoint - signal
        margin = SURE * sheet.noise + (sheet.resolution / 2.0 if sheet.noise else 0.0)
        earliest, latest = crossing(at_s, excess, margin, watch.delay_s)
        if earliest is None:
            continue
        if latest is None:
            open_ends += 1
            continue
        expected.append(
            Expected(
                definition=f"{sheet.key}.{watch.name}" if watch.name else sheet.key,
                sensor=sheet.key,
                from_us=start_us + round(earliest * MICROSECONDS),
                until_us=start_us + round((latest + sheet.period_s + TRANSPORT_S) * MICROSECONDS),
                harm_us=None if watch.harm_s is None else start_us + round(watch.harm_s * MICROSECONDS),
            )
        )
    expected.sort(key=lambda e: (e.from_us, e.definition))
    return Truth(tuple(expected), open_ends)


def first_at(at_s: Float64, quantity: Float64, threshold: float) -> float | None:
    """The first second at which `quantity` has reached `threshold`; None if it never does."""
    reached = np.flatnonzero(quantity >= threshold)
    return float(at_s[reached[0]]) if len(reached) else None
