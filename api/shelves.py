"""For how long an alarm may be shelved, as the form offers it. Pure; alerting has the last word."""

from __future__ import annotations

from datetime import timedelta

from alerting.actions import LONGEST_SHELF
from core.model import Priority

_OFFERED = (
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(hours=8),
    timedelta(hours=24),
    timedelta(days=3),
    timedelta(days=7),
)


def shelves(priority: Priority) -> list[timedelta]:
    """The lengths to choose from, the shortest first.

    >>> [int(length.total_seconds() // 60) for length in shelves(Priority.LIFE_SAFETY)]
    [15, 60]
    """
    return [length for length in _OFFERED if length <= LONGEST_SHELF[priority]]
