"""Whether those who send come round: the sign of life of alerting is theirs, not that of a thread beside them. Pure.

Two instants are kept in `process_status`: `beat_at`, written by the thread that keeps the duties, so that it stands still when
a duty hangs; and `turned_at`, when the sender that is longest at one message began with it, so that it stands still when a
sender hangs. Whoever reads them compares each with what is usual.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

SEND_TIMEOUT: Final = timedelta(seconds=30)  # slow mail servers greet after 20 s; RFC 5321 4.5.3.2 would wait 5 minutes
BEAT_S: Final = 2.0  # as ingest
LATE_BEAT: Final = timedelta(seconds=10)  # five beats missed is not a hiccup
LATE_TURN: Final = SEND_TIMEOUT + timedelta(seconds=15)  # beyond what one message may take, with the database's share
LATE_SCORE: Final = timedelta(minutes=2)  # of the detectors process: a turn after a backlog takes a while
LATE_CARE: Final = timedelta(minutes=15)  # of the risk process: one of its duties may take minutes


class Pulse:
    """When each of several workers last began a turn. Any thread may ask."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._began: dict[int, datetime] = {}

    def turn(self, worker: int) -> None:
        """This worker begins a turn."""
        with self._lock:
            self._began[worker] = self._clock()

    def ended(self, worker: int) -> None:
        """This worker takes no more turns."""
        with self._lock:
            self._began.pop(worker, None)

    def slowest(self) -> datetime | None:
        """When the worker that is longest at one turn began with it; None while nobody works."""
        with self._lock:
            return min(self._began.values(), default=None)
