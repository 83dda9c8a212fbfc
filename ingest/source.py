"""Where messages come from, as the pipeline sees it: batches of raw messages in, acknowledgements out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

Clock = Callable[
    [], int
]  # microseconds UTC; davy/ hands in the wall clock, private instances one that follows the data


class Kept(NamedTuple):
    """A rejected message that is taken again, as the database kept it.

    Args:
        received_us: when it came first, microseconds UTC.
    """

    rejected_id: int
    received_us: int


class RawMessage(NamedTuple):
    """One message as the broker delivered it.

    Args:
        mid: the broker's packet id, good only on the connection `generation`; 0 where nothing is to be acknowledged.
        repeated: the broker says it has delivered this before.
        received_us: microseconds UTC, when we took it.
        kept: None: it comes from the broker.
    """

    topic: str
    payload: bytes
    mid: int
    retained: bool
    repeated: bool
    received_us: int
    generation: int
    kept: Kept | None = None


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What the source knows of its broker.

    Args:
        connected: the session stands and is subscribed.
        since_us: since when `connected` is what it is, microseconds UTC.
        first_session_present: whether the broker knew our session when we first came.
        sessions_lost: how often since then it did not know it any more.
        dropped: messages the broker says it dropped since it started; None before it said so.
        waiting: messages received and not yet taken; waiting_bytes: of their payloads.
        oldest_us: when the oldest of them was received; None when there is none.
        failure: a sentence, where going on is of no use.
    """

    connected: bool = False
    since_us: int = 0
    first_session_present: bool = False
    sessions_lost: int = 0
    dropped: int | None = None
    waiting: int = 0
    oldest_us: int | None = None
    broker_version: str = ""
    failure: str | None = None
    waiting_bytes: int = 0


class Again(NamedTuple):
    """Which request a lot of kept messages belongs to, and how far it goes (ingest/again.py)."""

    replay_id: int
    upto_id: int


@dataclass(frozen=True, slots=True)
class Lot:
    """Messages taken together, in the order they arrived.

    Args:
        again: they were rejected once; None: they come from the broker.
    """

    messages: Sequence[RawMessage] = field(default_factory=tuple)
    again: Again | None = None

    def __len__(self) -> int:
        return len(self.messages)


class Source(Protocol):
    """Batches in, acks out. MQTT is one; a queue of a cluster is another with the same promises."""

    def start(self) -> None:
        """Connects.

        Raises:
            BrokerAway: the broker cannot be reached or refuses us.
        """

    def take(self, most: int, most_bytes: int, wait_s: float, gathered_s: float = 0.0) -> Lot:
        """Messages not taken yet, oldest first; empty when none came in `wait_s`.

        Args:
            gathered_s: how long they were left to gather already.
        """

    def wake(self) -> None:
        """Ends a wait for the first message in `take`: there is other work. Any thread may call it."""

    def ack(self, lot: Lot) -> None:
        """Says that these messages are judged, and stored or in the spool. Never waits; a lot of an older connection is forgotten."""

    def report(self) -> SourceReport:
        """What is known of the broker now."""

    def stop(self) -> None:
        """Sends the acks that wait, then disconnects; un-acked messages stay with the broker."""
