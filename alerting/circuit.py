"""A channel that fails again and again is left alone but for a probe now and then: its messages go another way at once. Pure.

What counts is what stands at the other end: a gateway for all its addresses, or one address with an end of its own. Failures in
a row count, of any message; one that arrives ends it. An address that is dead is no failure of the channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

# Five in a row are no hiccup: with pauses of 5, 10, 20 s one message alone has tried for over a minute; a flood finds out at once. Ours.
OPENS_AFTER: Final = 5
FORGOTTEN_AFTER: Final = timedelta(minutes=30)  # failures that lie apart so far are no row
FIRST_PROBE: Final = timedelta(seconds=30)
LONGEST_PROBE: Final = timedelta(minutes=5)


class Way(Enum):
    """Whether a message may go."""

    FREE = "free"
    PROBE = "probe"  # it may, and says whether the others may
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Circuit:
    """How it has gone lately.

    Args:
        failures: in a row.
        opened_at: since when only probes go; None: everything goes.
        probe_at: when the next probe may be.
        why: the last failure.
    """

    failures: int = 0
    failed_at: datetime | None = None
    opened_at: datetime | None = None
    probe_at: datetime | None = None
    why: str | None = None

    def way(self, now: datetime) -> Way:
        """Whether a message may go now."""
        if self.probe_at is None:
            return Way.FREE
        return Way.PROBE if now >= self.probe_at else Way.CLOSED


def after_failure(circuit: Circuit, now: datetime, why: str) -> Circuit:
    """One more.

    >>> from datetime import UTC
    >>> now, circuit = datetime(2026, 1, 1, tzinfo=UTC), Circuit()
    >>> for _ in range(OPENS_AFTER):
    ...     circuit = after_failure(circuit, now, "it is away")
    >>> circuit.way(now).name, circuit.way(now + FIRST_PROBE).name
    ('CLOSED', 'PROBE')
    """
    stale = circuit.opened_at is None and circuit.failed_at is not None and now - circuit.failed_at > FORGOTTEN_AFTER
    failures = 1 if stale else circuit.failures + 1
    if failures < OPENS_AFTER:
        return Circuit(failures, now, None, None, why)
    pause = min(FIRST_PROBE * (1 << min(failures - OPENS_AFTER, 8)), LONGEST_PROBE)
    return Circuit(failures, now, circuit.opened_at or now, now + pause, why)
