"""What a device keeps until the broker has it, and a minute longer: our profile sends the last 60 s again after a reconnect."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

KEEP_MS: Final = 60_000  # design section 3: the last 60 s go out again, same boot and seq
MOST_MESSAGES: Final = 4_096
MOST_BYTES: Final = 8 * 1024 * 1024


@dataclass(slots=True)
class Kept:
    """One message.

    Args:
        at_ms: when the device sent it first, or would have, had it been connected.
        acknowledged: the broker has it.
    """

    at_ms: int
    topic: str
    payload: bytes
    acknowledged: bool = False


class Backlog:
    """Messages in their order, with a place from where sending goes on. Bounded: the oldest go when it is full.

    Args:
        most_messages, most_bytes: how much it holds; beyond that the oldest message is let go.
    """

    def __init__(self, most_messages: int = MOST_MESSAGES, most_bytes: int = MOST_BYTES) -> None:
        self._kept: deque[Kept] = deque()
        self._next = 0
        self._newest_ms = 0
        self._bytes = 0
        self._most = (most_messages, most_bytes)
        self.waiting = 0  # messages the broker has not acknowledged
        self.dropped = 0  # messages let go before the broker had them

    def __len__(self) -> int:
        return len(self._kept)

    def append(self, message: Kept) -> None:
        """A new message, to be sent after all others."""
        self._kept.append(message)
        self._newest_ms = max(self._newest_ms, message.at_ms)
        self._bytes += len(message.payload)
        self.waiting += 1
        self._trim()

    def rewind(self) -> None:
        """After a reconnect: everything goes out again that is younger than a minute or not acknowledged."""
        self._next = 0

    def forget(self) -> None:
        """Its power is gone: nothing is left to send, and no acknowledgement that still comes counts."""
        for message in self._kept:
            message.acknowledged = True
        self._kept.clear()
        self._next = self._bytes = self.waiting = 0

    def next(self) -> Kept | None:
        """The message to send now; None when all are sent."""
        while self._next < len(self._kept):
            message = self._kept[self._next]
            self._next += 1
            if not self._done_with(message):
                return message
        return None

    def acknowledge(self, message: Kept) -> None:
        """The broker has `message`. Twice is once; a message let go meanwhile was counted already."""
        if not message.acknowledged:
            message.acknowledged = True
            self.waiting -= 1
            self._trim()

    def _done_with(self, message: Kept) -> bool:
        return message.acknowledged and message.at_ms < self._newest_ms - KEEP_MS

    def _trim(self) -> None:
        most_messages, most_bytes = self._most
        while self._kept and (
            len(self._kept) > most_messages or self._bytes > most_bytes or self._done_with(self._kept[0])
        ):
            oldest = self._kept.popleft()
            self._next = max(0, self._next - 1)
            self._bytes -= len(oldest.payload)
            if not oldest.acknowledged:
                oldest.acknowledged = True
                self.waiting -= 1
                self.dropped += 1
