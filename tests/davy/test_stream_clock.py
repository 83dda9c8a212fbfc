"""The clock of private instances: it follows what was sent, and looks at a silence before it ends."""

from __future__ import annotations

from collections import deque

from core.wire import Message, WireReading, encode
from davy.processes.stream_clock import GAP_US, SPAN_US, StreamClock, StreamedSource
from ingest.source import Lot, RawMessage, SourceReport

SECOND_US = 1_000_000
START_US = 1_700_000_000 * SECOND_US


class Queue:
    """A source that gives what it has, all at once."""

    def __init__(self, sent_us: list[int]) -> None:
        reading = WireReading("a", 1.0)
        self._waiting: deque[RawMessage] = deque()
        for seq, at in enumerate(sent_us):
            self.deliver("readings", encode(Message(1, seq, at // 1000, [reading])))

    def deliver(self, kind: str, body: bytes) -> None:
        """One message more."""
        topic = f"davy/v1/s/d/{kind}"
        self._waiting.append(RawMessage(topic, body, 0, retained=False, repeated=False, received_us=0, generation=0))

    def start(self) -> None:
        """There is nothing to connect to."""

    def take(self, most: int, most_bytes: int, wait_s: float, gathered_s: float = 0.0) -> Lot:
        """Everything."""
        lot = Lot(list(self._waiting))
        self._waiting.clear()
        return lot

    def wake(self) -> None:
        """It never waits."""

    def ack(self, lot: Lot) -> None:
        """Nobody asks."""

    def report(self) -> SourceReport:
        """Nobody asks."""
        raise AssertionError

    def stop(self) -> None:
        """There is nothing to leave."""


def looks(sent_us: list[int], turns: int) -> list[tuple[int, int]]:
    """(clock after the look from the start, messages taken) of so many turns."""
    clock = StreamClock()
    source = StreamedSource(Queue([START_US + at for at in sent_us]), clock)
    return [(len(source.take(100, 1 << 20, 0.0)), clock() - START_US)[::-1] for _ in range(turns)]


def test_a_lot_spans_a_moment_of_the_files_time() -> None:
    """Messages within a second go together, later ones wait for the next look."""
    assert looks([0, SPAN_US // 2, 3 * SECOND_US], 2) == [(SPAN_US // 2, 2), (3 * SECOND_US, 1)]


def test_a_silence_is_looked_into_until_just_before_it_ends() -> None:
    """Looks without messages, further and further apart: who was silent is seen as silent, and delays end."""
    hour, second = 3600 * SECOND_US, 2 * SECOND_US
    found = looks([0, second, hour], 20)
    begin = found.index((second, 1)) + 1
    end = found.index((hour, 1))
    silent = [at for at, count in found[begin:end] if count == 0]
    assert len(silent) == end - begin
    assert silent[:3] == [second + GAP_US, second + 2 * GAP_US, second + 3 * GAP_US]
    assert silent[-1] == hour - 1000
    assert len(silent) < 16


def test_what_is_usual_is_no_silence() -> None:
    """A file of a row an hour costs no looks in between, after its first pause; a hole in it does."""
    hour = 3600 * SECOND_US
    found = looks([n * hour for n in range(6)] + [9 * hour], 60)
    taken = [at for at, count in found if count]
    assert taken == [*(n * hour for n in range(6)), 9 * hour]
    empty = [at for at, count in found[: found.index((9 * hour, 1))] if not count]
    assert not [at for at in empty if 2 * hour < at <= 5 * hour]
    assert [at for at in empty if at > 5 * hour]


def test_a_short_gap_costs_nothing() -> None:
    """And before the first message of all there was no silence."""
    assert looks([0, GAP_US], 2) == [(0, 1), (GAP_US, 1)]


def test_a_status_before_the_first_reading_waits_for_it() -> None:
    """Statuses bear no instant: taken by themselves they would begin the watch in 1970, and 50 years of silence with it."""
    clock, queue = StreamClock(), Queue([])
    source = StreamedSource(queue, clock)
    for _ in range(2):
        queue.deliver("status", b'{"online": true, "boot": 1}')
        assert len(source.take(100, 1 << 20, 0.0)) == 0
        assert clock() == 0
    queue.deliver("readings", encode(Message(1, 0, START_US // 1000, [WireReading("a", 1.0)])))
    lot = source.take(100, 1 << 20, 0.0)
    assert [message.received_us for message in lot.messages] == [START_US] * 3
