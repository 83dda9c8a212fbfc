"""The load: one process with one raw socket that publishes as fast as it is asked to, and notes what it did.

It counts what the broker acknowledged, keeps the readings not yet stored below a cap that the bench feeds, and ends when
the process that started it has gone.
"""

from __future__ import annotations

import multiprocessing
import os
import select
import socket
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from core.errors import BrokerAway
from davy.bench.frames import DISCONNECT, IDENTIFIERS, Frames, connect_frame, identifiers_of
from davy.bench.portfolio import Portfolio

UNSTORED_CAP = 200_000  # readings acknowledged and not yet stored, design section 13
UNACKNOWLEDGED = 4_000  # messages sent and not acknowledged: well below the identifiers there are
BLOCK = 64  # frames patched and sent at once
TICK_S = 0.002
KEEPALIVE_S = 300  # the broker refuses clients that have none
TIMEOUT_S = 30.0  # for an answer of the broker

# Places in the numbers that both processes see.
STORED, ACKNOWLEDGED, ASKED_TO_STOP = range(3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one generator does.

    Args:
        single: one reading a message.
        rate: readings a second; 0: as fast as the cap allows.
        cap: most readings sent and not yet stored; 0: none.
        messages: stop by itself after so many; 0: when asked.
        alarms_per_s: how often a reading above the setpoint is among them; never the same sensor twice while there are others.
        opens, opens_per_s: so many of them come first, that often.
        most_alarms: 0: no end.
        kind: see `Frames`.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    portfolio: Portfolio
    boot: int
    single: bool = False
    rate: float = 0.0
    cap: int = UNSTORED_CAP
    messages: int = 0
    alarms_per_s: float = 0.0
    opens: int = 0
    opens_per_s: float = 1.0
    most_alarms: int = 0
    kind: str = "readings"


@dataclass(frozen=True, slots=True)
class Alarming:
    """A reading above the setpoint.

    Args:
        first_byte_us: just before its block was handed to the socket, microseconds UTC.
    """

    device: int
    sensor: int
    stamp_ms: int
    first_byte_us: int


@dataclass(frozen=True, slots=True)
class Published:
    """What a generator did.

    Args:
        readings: acknowledged by the broker.
        cpu_s: processor time of the publishing loop.
    """

    messages: int
    readings: int
    alarms: list[Alarming]
    seconds: float
    cpu_s: float


class Generator:
    """A generator's process, seen from the bench."""

    def __init__(self, load: Load) -> None:
        context = multiprocessing.get_context("spawn")
        self.load = load
        self._numbers: Any = context.Array("q", 3, lock=False)
        self._receiver, sender = context.Pipe(duplex=False)
        self._process = context.Process(
            target=_generate, args=(load, self._numbers, sender, os.getpid()), name="generator", daemon=True
        )
        self._process.start()
        sender.close()
        self._outcome: Published | None = None

    @property
    def acknowledged(self) -> int:
        """Readings the broker has acknowledged so far."""
        return int(self._numbers[ACKNOWLEDGED])

    def tell_stored(self, readings: int) -> None:
        """How many of its readings are stored by now."""
        self._numbers[STORED] = readings

    def ended(self) -> bool:
        """Whether it has published everything and said so, or died."""
        return self._outcome is not None or self._receiver.poll() or not self._process.is_alive()

    def stop(self, timeout_s: float = TIMEOUT_S) -> Published:
        """It sends nothing more, waits for the last acknowledgement and says what it did.

        Raises:
            BrokerAway: it could not, with its reason.
        """
        self._numbers[ASKED_TO_STOP] = 1
        if self._outcome is None:
            self._outcome = self._answer(timeout_s)
            self._process.join(timeout_s)
        return self._outcome

    def _answer(self, timeout_s: float) -> Published:
        try:
            answer = self._receiver.recv() if self._receiver.poll(timeout_s) else "it did not answer in time"
        except EOFError:
            answer = "its process ended"
        if not isinstance(answer, Published):
            self._process.kill()
            raise BrokerAway(f"The load generator failed: {answer}.")
        return answer


def _generate(load: Load, numbers: Any, answer: Connection, parent: int) -> None:
    try:
        with _connected(load) as connection:
            outcome: Published | str = _Publishing(load, numbers, connection, parent).run()
    except (OSError, ValueError, OverflowError, BrokerAway) as error:
        outcome = str(error) or type(error).__name__
    answer.send(outcome)


def _connected(load: Load) -> socket.socket:
    connection = socket.create_connection((load.host, load.port), timeout=TIMEOUT_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(connect_frame(f"davy-bench-{os.getpid()}", load.user, load.password, KEEPALIVE_S))
    reply = connection.recv(4, socket.MSG_WAITALL)
    if len(reply) < 4 or reply[0] != 0x20 or reply[3] != 0:
        raise BrokerAway(f"the broker refused the connection ({reply.hex() or 'closed'})")
    connection.setblocking(False)
    return connection


class _Publishing:
    """The loop: patch a block, send it, read acknowledgements, keep to rate and cap."""

    def __init__(self, load: Load, numbers: Any, connection: socket.socket, parent: int) -> None:
        self._load = load
        self._numbers = numbers
        self._connection = connection
        self._parent = parent
        self._frames = Frames(load.portfolio, single=load.single, boot=load.boot, kind=load.kind)
        self._per_message = self._frames.readings_per_message
        self._sent = 0  # messages
        self._acked = 0
        self._pending = memoryview(b"")
        self._rest = b""  # of an acknowledgement that came in two pieces
        self._alarms: list[Alarming] = []
        self._alarms_of_line: dict[int, int] = {}

    def run(self) -> Published:
        self._began = time.monotonic()
        cpu = time.process_time()
        heard = self._began
        while not self._finished():
            if not self._pending and (count := self._allowance()):
                self._prepare(count)
            readable, writable, _ = select.select(
                [self._connection], [self._connection] if self._pending else [], [], TICK_S
            )
            if writable:
                self._pending = self._pending[self._connection.send(self._pending) :]
            if readable:
                self._take_acknowledgements()
                heard = time.monotonic()
            elif self._sent == self._acked:
                heard = time.monotonic()
            elif time.monotonic() - heard > TIMEOUT_S:
                raise BrokerAway(f"the broker has acknowledged nothing for {TIMEOUT_S:.0f} s")
            if os.getppid() != self._parent:
                raise BrokerAway("the bench has gone")
        seconds, cpu = time.monotonic() - self._began, time.process_time() - cpu
        self._connection.setblocking(True)
        self._connection.sendall(DISCONNECT)
        return Published(self._acked, self._acked * self._per_message, self._alarms, seconds, cpu)

    def _finished(self) -> bool:
        done = self._numbers[ASKED_TO_STOP] or 0 < self._load.messages <= self._sent
        return bool(done) and not self._pending and self._acked == self._sent

    def _allowance(self) -> int:
        """How many messages may be sent now."""
        load, sent = self._load, self._sent
        if self._numbers[ASKED_TO_STOP]:
            return 0
        allowed = min(BLOCK, UNACKNOWLEDGED - (sent - self._acked))
        if load.messages:
            allowed = min(allowed, load.messages - sent)
        if load.cap:
            unstored = sent * self._per_message - self._numbers[STORED]
            allowed = min(allowed, (load.cap - unstored) // self._per_message)
        if load.rate:
            due = (time.monotonic() - self._began) * load.rate / self._per_message
            allowed = min(allowed, int(due) - sent)
        return max(0, allowed)

    def _prepare(self, count: int) -> None:
        line = self._sent % self._frames.lines
        self._pending = self._frames.block(self._sent, count, time.time_ns() // 1_000_000)
        count = len(self._pending) // self._frames.length
        load = self._load
        wanted = load.alarms_per_s and (not load.most_alarms or len(self._alarms) < load.most_alarms)
        if wanted and self._alarms_due(time.monotonic() - self._began) > len(self._alarms):
            self._alarm(range(line, line + count))
        self._sent += count

    def _alarms_due(self, elapsed: float) -> float:
        """How many there should have been by now."""
        load = self._load
        opened = min(elapsed * load.opens_per_s, load.opens)
        return opened + max(0.0, elapsed - load.opens / load.opens_per_s) * load.alarms_per_s

    def _alarm(self, lines: range) -> None:
        """One among these lines, each line as often as any other: its turn may be in another block."""
        round_no = len(self._alarms) // self._frames.lines
        line = next((line for line in lines if self._alarms_of_line.get(line, 0) == round_no), None)
        if line is None:
            return
        before = self._alarms_of_line.get(line, 0)
        self._alarms_of_line[line] = before + 1
        reading = before % self._per_message
        stamp = self._frames.alarm(line, reading)
        device, sensor = self._frames.sensor_of(line, reading)
        self._alarms.append(Alarming(device, sensor, stamp, time.time_ns() // 1000))

    def _take_acknowledgements(self) -> None:
        received = self._connection.recv(65536)
        if not received:
            raise BrokerAway("the broker closed the connection")
        received = self._rest + received
        whole = len(received) // 4 * 4
        self._rest = received[whole:]
        for identifier in identifiers_of(received[:whole]):
            if identifier != 1 + self._acked % IDENTIFIERS:
                raise ValueError(f"the broker acknowledged {identifier} out of turn")
            self._acked += 1
        self._numbers[ACKNOWLEDGED] = self._acked * self._per_message
