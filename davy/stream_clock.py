"""A clock that follows the data, for private instances that play faster than life: simulate, replay, tests.

Live, `received_at` is the wall clock. Here it is the newest `sent_at` seen so far, so that a device's clock looks right,
delays run in the plant's time, and the same file gives the same answer on any machine.
"""

from __future__ import annotations

import msgspec

from ingest.source import Lot, RawMessage, Source, SourceReport


class _Sent(msgspec.Struct):
    sent_at: int = 0


_sent = msgspec.json.Decoder(_Sent)


class StreamClock:
    """Microseconds UTC; stands still until the data moves it."""

    def __init__(self, start_us: int = 0) -> None:
        self._now_us = start_us

    def __call__(self) -> int:
        """The newest `sent_at` so far."""
        return self._now_us

    def follow(self, payload: bytes) -> int:
        """Moves on to a message's `sent_at`, never back; what has none leaves it where it is."""
        try:
            sent_us = _sent.decode(payload).sent_at * 1000
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return self._now_us
        self._now_us = max(self._now_us, sent_us)
        return self._now_us


class StreamedSource:
    """A source whose messages were received when they were sent; everything else is the inner source's."""

    def __init__(self, inner: Source, clock: StreamClock) -> None:
        self._inner = inner
        self._clock = clock

    def start(self) -> None:
        """Connects."""
        self._inner.start()

    def take(self, most: int, most_bytes: int, wait_s: float) -> Lot:
        """Messages as they came, each stamped with the clock it moved on."""
        lot = self._inner.take(most, most_bytes, wait_s)
        return Lot([self._stamped(message) for message in lot.messages])

    def ack(self, lot: Lot) -> None:
        """Says that these messages are stored and judged."""
        self._inner.ack(lot)

    def report(self) -> SourceReport:
        """What is known of the broker now."""
        return self._inner.report()

    def stop(self) -> None:
        """Disconnects."""
        self._inner.stop()

    def _stamped(self, message: RawMessage) -> RawMessage:
        return message._replace(received_us=self._clock.follow(message.payload))
