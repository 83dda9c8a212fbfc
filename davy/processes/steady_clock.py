"""The wall clock as ingest needs it: it never goes back, and it never stands still."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

SLOWED: Final = 2  # while the wall is behind, time goes at one part in so many


class SteadyClock:
    """Microseconds UTC, for many threads.

    Where the wall was set back (NTP after a long outage, a person), time goes on at half speed until the wall has caught up:
    a running delay or a silence takes twice as long for that while, instead of waiting for the whole step.

    Args:
        wall_ns: nanoseconds UTC; may be set.
        monotonic_ns: nanoseconds of a clock that never goes back.
    """

    def __init__(self, wall_ns: Callable[[], int], monotonic_ns: Callable[[], int]) -> None:
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        self._lock = threading.Lock()
        self._last_ns = wall_ns()
        self._seen_ns = monotonic_ns()

    def __call__(self) -> int:
        """Now."""
        with self._lock:
            seen_ns = self._monotonic_ns()
            slowed_ns = self._last_ns + (seen_ns - self._seen_ns) // SLOWED
            self._last_ns, self._seen_ns = max(self._wall_ns(), slowed_ns), seen_ns
            return self._last_ns // 1000
