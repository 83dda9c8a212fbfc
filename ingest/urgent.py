"""Who calls people while a batch waits in the spool instead of the database: the seam, filled in `davy/`.

Ingest knows what happened and when it is stored; whom that concerns and how they are reached is alerting's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from psycopg import Connection

from core.batch import Event


class Urgent(Protocol):
    """Is told of every batch with events, twice: when it is in the spool, and in the transaction that stores it.

    Neither call waits for a network or for the caller's database beyond a statement; neither raises but what the
    transaction's own statements raise.
    """

    def spooled(self, batch_no: int, events: Sequence[Event], now_us: int) -> None:
        """The batch was judged and is durable in the spool. Never waits.

        Args:
            events: what will be applied when it is drained, in that order, but those of late readings: whether they
                count is known only when they are stored.
            now_us: when it was judged, microseconds UTC: the same that `apply_events` is given later.
        """

    def applied(self, connection: Connection[Any], batch_no: int, events: Sequence[Event], now_us: int) -> None:
        """Inside the transaction that stores the batch, after `apply_events`; again where the transaction is tried again.

        For batches from the spool and for those that never were in it. What was sent meanwhile is booked here, so that
        nobody claims it first.

        Args:
            events: all that were applied.
            now_us: as above.
        Raises:
            psycopg.Error: as it comes; the transaction is tried again.
        """


class Nobody:
    """Calls nobody: without a snapshot, in tests and benches."""

    def spooled(self, batch_no: int, events: Sequence[Event], now_us: int) -> None:
        """Nothing."""

    def applied(self, connection: Connection[Any], batch_no: int, events: Sequence[Event], now_us: int) -> None:
        """Nothing."""
