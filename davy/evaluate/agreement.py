"""Agreement of sensors: a single odd sensor calls nobody, several at once do. What a compound of `at_least` parts says in production."""

from __future__ import annotations

from dataclasses import dataclass

from davy.evaluate.judging import Alarm, Stream, alarms
from davy.evaluate.measures import Bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """So many sensors of an asset in alarm at once.

    Args:
        rules: what each sensor is judged by; it is in alarm while one of them holds.
        at_least: sensors.
    """

    rules: tuple[Alarm, ...]
    at_least: int = 2


def agreed(agreement: Agreement, stream: Stream) -> Bool:
    """At which rows enough sensors agree: bool, shape (rows,)."""
    held: Bool = alarms(stream, agreement.rules).any(axis=2).sum(axis=1) >= agreement.at_least
    return held
