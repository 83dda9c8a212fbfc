"""Who hears of events at once while the database is away: what davy/ wires behind it calls people for life safety.

Ingest knows what happened and when it is stored; whom that concerns and how they are reached is alerting's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from psycopg import Connection

from core.batch import Event


class Urgent(Protocol):
    """Told of every batch that went into the spool instead of the database, and of every one that comes into the database.

    A batch is known by its `now_us`, which rises from batch to batch.
    """

    def spooled(self, events: Sequence[Event], now_us: int) -> None:
        """The batch was judged at `now_us` (microseconds UTC) and lies in the spool. Never waits.

        Each batch in the order of judging, empty ones too; after a restart those still in the spool once more, before any
        new one: at least once, so whoever calls people does it by the notification's key. Events of late readings are not
        among them: whether they are new is known only to the database, and they come when the spool is drained.
        """

    def applied(self, connection: Connection[Any], events: Sequence[Event], now_us: int) -> None:
        """Inside the transaction that stores the batch, after its events were applied; again where that is tried again.

        Each batch, empty ones too, whether it was in the spool or not. What was sent meanwhile is booked here, in the
        transaction that queues it, so that nobody can claim it first.

        Args:
            events: all that were applied.
            now_us: when it was judged, as `spooled` was told and as `apply_events` is given.
        Raises:
            psycopg.Error: as it comes; the transaction is tried again.
        """


class Nobody:
    """Nobody is told; the events are applied when the spool is drained."""

    def spooled(self, events: Sequence[Event], now_us: int) -> None:
        """Nothing happens."""

    def applied(self, connection: Connection[Any], events: Sequence[Event], now_us: int) -> None:
        """Nothing happens."""
