"""Who hears of events at once while the database is away: what davy/ wires behind it calls people for life safety."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from core.batch import Event


class Urgent(Protocol):
    """Told of every batch that went into the spool instead of the database."""

    def spooled(self, events: Sequence[Event], now_us: int) -> None:
        """The batch was judged at `now_us` (microseconds UTC) and lies in the spool. Never waits.

        Each batch in the order of judging, empty ones too; after a restart those still in the spool once more, before any
        new one: at least once, so whoever calls people does it by the notification's key. Events of late readings are not
        among them: whether they are new is known only to the database, and they come when the spool is drained.
        """


class Nobody:
    """Nobody is told; the events are applied when the spool is drained."""

    def spooled(self, events: Sequence[Event], now_us: int) -> None:
        """Nothing happens."""
