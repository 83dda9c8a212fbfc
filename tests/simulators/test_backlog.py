"""What a device keeps and sends again."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from simulators.backlog import KEEP_MS, Backlog, Kept


def kept(number: int, at_ms: int) -> Kept:
    """A message with its number as payload."""
    return Kept(at_ms, "t", b"%d" % number)


def drain(backlog: Backlog) -> list[int]:
    """What goes out now."""
    sent = []
    while (message := backlog.next()) is not None:
        sent.append(int(message.payload))
    return sent


def test_the_last_minute_goes_out_again() -> None:
    """After a reconnect: all of the last 60 s, acknowledged or not, and nothing acknowledged that is older."""
    backlog = Backlog()
    messages = [kept(n, n * 1_000) for n in range(200)]
    for message in messages:
        backlog.append(message)
    assert drain(backlog) == list(range(200))
    assert drain(backlog) == []
    for message in messages:
        if message is not messages[20]:
            backlog.acknowledge(message)
    backlog.rewind()
    newest = 199_000
    assert drain(backlog) == [20, *(n for n in range(200) if n * 1_000 >= newest - KEEP_MS)]
    assert backlog.waiting == 1


def test_a_full_backlog_lets_the_oldest_go_and_says_so() -> None:
    """Bounded in messages and in bytes; what the broker never had is counted."""
    backlog = Backlog(most_messages=10)
    for n in range(25):
        backlog.append(kept(n, n))
    assert (len(backlog), backlog.dropped, backlog.waiting) == (10, 15, 10)
    assert drain(backlog) == list(range(15, 25))
    small = Backlog(most_bytes=100)
    for n in range(30):
        small.append(Kept(n, "t", b"x" * 30))
    assert (len(small), small.dropped) == (3, 27)


def test_what_lost_its_power_remembers_nothing() -> None:
    """Nothing is sent again, and an acknowledgement that was on its way counts for nothing."""
    backlog = Backlog()
    messages = [kept(n, n * 1_000) for n in range(5)]
    for message in messages:
        backlog.append(message)
    backlog.forget()
    backlog.acknowledge(messages[2])
    backlog.append(kept(5, 5_000))
    backlog.rewind()
    assert drain(backlog) == [5]
    assert (len(backlog), backlog.waiting, backlog.dropped) == (1, 1, 0)


class BacklogMachine(RuleBasedStateMachine):
    """Any order of producing, sending, losing the connection and late acknowledgements."""

    def __init__(self) -> None:
        super().__init__()
        self.backlog = Backlog(most_messages=40)
        self.made: list[Kept] = []
        self.in_flight: list[Kept] = []
        self.acknowledged: set[int] = set()

    @rule(seconds=st.integers(0, 30))
    def produce(self, seconds: int) -> None:
        """A new message."""
        at_ms = (self.made[-1].at_ms if self.made else 0) + seconds * 1_000
        self.made.append(kept(len(self.made), at_ms))
        self.backlog.append(self.made[-1])

    @rule()
    def send(self) -> None:
        """One goes out."""
        message = self.backlog.next()
        if message is not None:
            self.in_flight.append(message)

    @rule(pick=st.integers(0, 100))
    def acknowledge(self, pick: int) -> None:
        """The broker answers, in whatever order."""
        if self.in_flight:
            message = self.in_flight.pop(pick % len(self.in_flight))
            self.backlog.acknowledge(message)
            self.acknowledged.add(int(message.payload))

    @rule()
    def reconnect(self) -> None:
        """All that is not acknowledged and still kept, and the last minute, goes out, in order."""
        self.in_flight.clear()
        self.backlog.rewind()
        sent: list[Kept] = []
        while (message := self.backlog.next()) is not None:
            sent.append(message)
        self.in_flight = sent
        numbers = [int(m.payload) for m in sent]
        assert numbers == sorted(numbers)
        newest = self.made[-1].at_ms if self.made else 0
        first_kept = len(self.made) - len(self.backlog)
        for number, made in enumerate(self.made):
            if number in numbers:
                assert number not in self.acknowledged or made.at_ms >= newest - KEEP_MS
            elif number >= first_kept:
                assert number in self.acknowledged

    @invariant()
    def bounded(self) -> None:
        """Never more than its bound, and the count of the waiting is right."""
        assert len(self.backlog) <= 40
        assert 0 <= self.backlog.waiting <= len(self.backlog)
        assert self.backlog.waiting + self.backlog.dropped + len(self.acknowledged) >= len(self.made)


TestBacklogMachine = BacklogMachine.TestCase
TestBacklogMachine.settings = settings(max_examples=40, stateful_step_count=60)
