"""A clock that follows the data, for private instances that play faster than life: simulate, replay, tests.

Live, `received_at` is the wall clock. Here it is the newest `sent_at` seen so far, so that a device's clock looks right,
delays run in the plant's time, and the same file gives the same answer on any machine.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from statistics import median_low
from typing import Final

import msgspec

from ingest.source import Lot, RawMessage, Source, SourceReport

SPAN_US: Final = 1_000_000
# Nothing for longer than this, and for longer than usual, is a silence. The shortest that a gateway is held silent for is 30 s.
GAP_US: Final = 15 * SPAN_US
UNUSUAL: Final = 2  # times the pause that is usual: a file of a row an hour is not silent in between
REMEMBERED: Final = 9  # pauses
JUST_BEFORE_US: Final = 1_000  # stamps are in milliseconds


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

    def ahead(self, payload: bytes) -> int:
        """A message's `sent_at`; where it has none that can be read, the clock as it stands."""
        try:
            return max(self._now_us, _sent.decode(payload).sent_at * 1000)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return self._now_us

    def follow(self, sent_us: int) -> int:
        """Moves on, never back."""
        self._now_us = max(self._now_us, sent_us)
        return self._now_us


class StreamedSource:
    """A source whose messages were received when they were sent, and that never runs ahead of the judge.

    A lot spans at most `SPAN_US` of the data's time, as a lot spans a moment of the wall clock in life: what time alone
    shows (silence, the end of a delay) is looked at between lots. Where all devices were silent for an unusual while, empty
    lots come first, further and further apart, the last just before the silence ended: in life somebody would have looked
    while nothing came. On its own clock nothing waits.

    A status bears no instant. Those that come before the first reading wait for it: with them alone the watch would begin
    in 1970, and at the first reading everybody else would have been silent since.
    """

    def __init__(self, inner: Source, clock: StreamClock) -> None:
        self._inner = inner
        self._clock = clock
        self._ahead: deque[RawMessage] = deque()
        self._pauses: deque[int] = deque(maxlen=REMEMBERED)  # between the newest lots, microseconds
        self._heard_us = 0  # when the last message was sent

    def start(self) -> None:
        """Connects."""
        self._inner.start()

    def take(self, most: int, most_bytes: int, wait_s: float, gathered_s: float = 0.0) -> Lot:
        """The next messages up to `SPAN_US` further on, each stamped with the clock it moved on."""
        if not self._ahead or not self._clock():
            self._ahead.extend(self._inner.take(most, most_bytes, wait_s, gathered_s).messages)
        if not self._begun():
            return Lot([])
        if self._ahead and self._looks_into_silence():
            return Lot([])
        taken: list[RawMessage] = []
        end_us = 0
        while self._ahead and len(taken) < most:
            sent_us = self._clock.ahead(self._ahead[0].payload)
            end_us = end_us or sent_us + SPAN_US
            if sent_us > end_us:
                break
            taken.append(self._ahead.popleft()._replace(received_us=self._clock.follow(sent_us)))
        if taken:
            self._pauses.append(self._clock() - self._heard_us)
            self._heard_us = self._clock()
        return Lot(taken)

    def _begun(self) -> bool:
        """Whether the clock goes; it begins with the first instant there is."""
        if not self._clock():
            self._clock.follow(next(filter(None, (self._clock.ahead(each.payload) for each in self._ahead)), 0))
        return self._clock() > 0

    def _looks_into_silence(self) -> bool:
        """Whether the clock has moved on within a silence; False where the next message is due."""
        now_us, sent_us = self._clock(), self._clock.ahead(self._ahead[0].payload)
        usual_us = median_low(self._pauses) if len(self._pauses) > 1 else 0  # the first pause is that since 1970
        if not self._heard_us or sent_us - self._heard_us <= max(GAP_US, UNUSUAL * usual_us):
            return False
        next_us = min(now_us + max(GAP_US, (now_us - self._heard_us) // 2), sent_us - JUST_BEFORE_US)
        return next_us > now_us and self._clock.follow(next_us) == next_us

    def wake(self) -> None:
        """Ends a wait in `take`."""
        self._inner.wake()

    def ack(self, lot: Lot) -> None:
        """Says that these messages are stored and judged."""
        self._inner.ack(lot)

    def report(self) -> SourceReport:
        """What is known of the broker now."""
        return replace(self._inner.report(), waiting=0, oldest_us=None)

    def stop(self) -> None:
        """Disconnects."""
        self._inner.stop()
