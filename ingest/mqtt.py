"""MQTT 3.1.1 as a source: one thread drives paho's loop, messages go into a bounded queue, acks go out in order.

The broker's window of un-acked messages is the back-pressure: the queue holds at least that many, so receiving never
waits for the pipeline. An ack is good only on the connection that delivered its message: broker and client count packet
ids anew, so one that is late would confirm another message.
"""

from __future__ import annotations

import hashlib
import hmac
import random
import select
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final, cast

from paho.mqtt.client import Client, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from core.errors import BadSetting, BrokerAway
from core.log import logger
from core.wire import READINGS_FILTER, STATUS_FILTER
from ingest.buffered import BufferedSocket
from ingest.source import Clock, Lot, RawMessage, SourceReport

DROPPED_TOPIC: Final = "$SYS/broker/publish/messages/dropped"
VERSION_TOPIC: Final = "$SYS/broker/version"
KEEPALIVE_S: Final = 30
CONNECT_TIMEOUT_S: Final = 5.0
LONGEST_WAIT_S: Final = 10.0  # between attempts to connect
QUICK_S: Final = 5.0  # a session that ends sooner was taken over, or the broker is sick
QUICK_DROPS: Final = 5
MOST_WAITING: Final = 100_000  # messages; QoS 0 knows no window, and a small one takes far more memory than its payload
PACKETS_A_ROUND: Final = 2000  # then acks and pings have their turn

log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttOptions:
    """Where the broker is and who we are.

    Args:
        worker: gives the fixed client id, so that the broker keeps our session.
        client_key: makes the client id one that nobody guesses; it must stay the same, or the session is left behind.
        window: the broker's max_inflight_messages.
        linger_s: how long a lot may wait to fill up once it has a message.
        most_bytes: payload bytes that may wait; above them nothing more is read from the socket.
        most_waiting: messages likewise.
    """

    host: str
    port: int
    worker: str
    user: str | None = None
    password: str | None = None
    tls_ca: str | None = None
    window: int = 2000
    linger_s: float = 0.02
    most_bytes: int = 256 * 1024 * 1024
    most_waiting: int = MOST_WAITING
    client_key: bytes = field(default=b"", repr=False)

    @property
    def client_id(self) -> str:
        """Who we are to the broker.

        A broker ends the session of whoever connects under the same id, whatever their user name: a device that knew ours
        could silence ingest and empty its queue.
        """
        name = f"davy-{self.worker}"
        if not self.client_key:
            return name
        return f"{name}-{hmac.new(self.client_key, name.encode(), hashlib.sha256).hexdigest()[:32]}"


class _Client(Client):
    """paho with a socket that reads ahead and writes in lots."""

    def _create_socket(self) -> Any:
        return BufferedSocket(cast(socket.socket, super()._create_socket()))


class MqttSource:
    """The broker as a `Source`."""

    def __init__(self, options: MqttOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._lock = threading.Condition()
        self._queue: deque[RawMessage] = deque()
        self._bytes = 0
        self._acks: deque[Lot] = deque()
        self._wake_r, self._wake_w = socket.socketpair()
        self._wake_r.setblocking(False)
        self._wake_w.setblocking(False)
        self._stopping = threading.Event()
        self._settled = threading.Event()  # the first attempt to connect has succeeded or failed
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._report = SourceReport(since_us=clock())
        self._refusal: str | None = None
        self._generation = 0
        self._last_us = 0
        self._taken_us = 0
        self._renewable: dict[tuple[str, bytes], tuple[int, int, int]] = {}
        self._renewed: dict[tuple[int, int], tuple[int, int]] = {}
        self._client = self._make_client()

    def _make_client(self) -> _Client:
        client = _Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._options.client_id,
            clean_session=False,
            protocol=MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        if self._options.user is not None:
            client.username_pw_set(self._options.user, self._options.password)
        if self._options.tls_ca is not None:
            try:
                client.tls_set(self._options.tls_ca)
            except OSError as error:  # ssl.SSLError is one
                why = error.strerror or error
                raise BadSetting(f"The broker's authority {self._options.tls_ca} cannot be used: {why}.") from error
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        # With this set paho only queues what it has to say: our loop writes it, all at once.
        client.on_socket_register_write = lambda *_: None
        return client

    # --- the pipeline's side ---

    def start(self) -> None:
        """Connects and subscribes; from then on the connection is kept for ever.

        Raises:
            BrokerAway: the broker cannot be reached or refuses us.
        """
        self._thread.start()
        if not self._settled.wait(CONNECT_TIMEOUT_S * 2) or not self._report.connected:
            reason = self._refusal or f"it did not answer within {CONNECT_TIMEOUT_S * 2:.0f} s"
            self.stop()
            raise BrokerAway(f"No session with the broker at {self._options.host}:{self._options.port}: {reason}.")

    def take(self, most: int, most_bytes: int, wait_s: float) -> Lot:
        """Messages not taken yet, oldest first; waits `wait_s` for the first, then a little for more."""
        with self._lock:
            if not self._queue:
                self._lock.wait(wait_s)
            deadline = time.monotonic() + self._options.linger_s
            while 0 < len(self._queue) < most and self._bytes < most_bytes:
                remaining = deadline - time.monotonic()
                if remaining <= 0 or not self._lock.wait(remaining):
                    break
            taken: list[RawMessage] = []
            size, was_full = 0, self._full()
            while self._queue and len(taken) < most and (not taken or size + len(self._queue[0].payload) <= most_bytes):
                message = self._queue.popleft()
                size += len(message.payload)
                if self._renewed:
                    renewed = self._renewed.pop((message.generation, message.mid), None)
                    if renewed is not None:
                        message = message._replace(generation=renewed[0], mid=renewed[1])
                taken.append(message)
                self._taken_us = message.received_us
            self._bytes -= size
        if was_full:
            self._wake()
        return Lot(taken)

    def ack(self, lot: Lot) -> None:
        """Hands the acks to the network thread."""
        self._acks.append(lot)
        self._wake()

    def report(self) -> SourceReport:
        """What is known of the broker now."""
        with self._lock:
            waiting = len(self._queue)
            oldest = self._queue[0].received_us if self._queue else None
        known = self._report
        failure = known.failure
        if self._settled.is_set() and not self._thread.is_alive() and not self._stopping.is_set():
            failure = "The thread that reads from the broker has ended; nothing more would come."
        return SourceReport(
            known.connected, known.since_us, known.first_session_present, known.sessions_lost, known.dropped, waiting, oldest,
            known.broker_version, failure,
        )  # fmt: skip

    def stop(self) -> None:
        """Sends the acks that wait and disconnects; repeating it does nothing."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._wake()
        if self._thread.is_alive():
            self._thread.join(CONNECT_TIMEOUT_S * 2)
        self._wake_r.close()
        self._wake_w.close()

    def _wake(self) -> None:
        try:
            self._wake_w.send(b"\0")
        except BlockingIOError:
            return  # it is full of wake-ups already

    def _learn(self, **changes: Any) -> None:
        """Replaces the report; only the network thread does."""
        known = self._report
        fields = {name: getattr(known, name) for name in SourceReport.__slots__}
        self._report = SourceReport(**{**fields, **changes})

    # --- the network thread ---

    def _run(self) -> None:
        attempt, quick = 0, 0
        while not self._stopping.is_set():
            began = time.monotonic()
            if self._connect():
                attempt = 0
                self._serve()
                quick = quick + 1 if time.monotonic() - began < QUICK_S else 0
            if self._stopping.is_set():
                break
            self._lost(quick)
            self._settled.set()
            # Full jitter: after an outage not everybody comes back at once.
            attempt += 1
            self._stopping.wait(random.uniform(0.1, min(LONGEST_WAIT_S, 0.5 * 2 ** min(attempt, 6))))
        self._farewell()

    def _connect(self) -> bool:
        try:
            self._client.connect(self._options.host, self._options.port, KEEPALIVE_S)
        except (OSError, ValueError) as error:
            self._refusal = f"{error}"
            return False
        return True

    def _lost(self, quick: int) -> None:
        if self._report.connected:
            self._learn(connected=False, since_us=self._clock())
            log.warning("broker_lost", host=self._options.host, port=self._options.port)
        elif self._refusal is not None:
            log.warning("broker_refused", host=self._options.host, port=self._options.port, reason=self._refusal)
        if quick >= QUICK_DROPS:
            self._learn(
                failure=f"The broker ended {quick} sessions in a row within {QUICK_S:.0f} s: another client uses the id "
                f"davy-{self._options.worker}. Stop it, or give this worker another name."
            )

    def _serve(self) -> None:
        """Until the connection ends or we are asked to stop."""
        client = self._client
        poller = select.poll()
        poller.register(self._wake_r, select.POLLIN)
        next_misc = 0.0
        sock = client.socket()
        assert isinstance(sock, BufferedSocket)
        poller.register(sock, select.POLLIN)
        while not self._stopping.is_set():
            self._send_acks()
            if client.want_write() and client.loop_write() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                return
            if not sock.flush():
                return
            full = self._full()
            poller.modify(sock, (0 if full else select.POLLIN) | (select.POLLOUT if sock.unsent else 0))
            ready = dict(poller.poll(0 if sock.pending() and not full else 500))
            if self._wake_r.fileno() in ready:
                self._drain_wakes()
            if not full and (sock.pending() or ready.get(sock.fileno(), 0) & ~select.POLLOUT) and not self._read(sock):
                return
            if full and ready.get(sock.fileno(), 0) & (select.POLLHUP | select.POLLERR):
                return
            if time.monotonic() >= next_misc:
                next_misc = time.monotonic() + 1.0
                if client.loop_misc() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                    return

    def _read(self, sock: BufferedSocket) -> bool:
        """Reads until what has come is drained; False when the connection is gone."""
        client, before = self._client, len(self._queue)
        for _ in range(PACKETS_A_ROUND):
            if client.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS or client.socket() is None:
                return False
            if not sock.pending() or self._full():
                break
        if len(self._queue) > before or before == 0:
            with self._lock:
                self._lock.notify()
        return True

    def _full(self) -> bool:
        return self._bytes >= self._options.most_bytes or len(self._queue) >= self._options.most_waiting

    def _drain_wakes(self) -> None:
        try:
            while self._wake_r.recv(4096):
                continue
        except BlockingIOError:
            return

    def _send_acks(self) -> None:
        while self._acks:
            for message in self._acks.popleft().messages:
                if message.generation == self._generation and message.mid:
                    self._client.ack(message.mid, 1)

    def _farewell(self) -> None:
        sock = self._client.socket()
        if not isinstance(sock, BufferedSocket):
            return
        self._send_acks()
        self._client.disconnect()
        deadline = time.monotonic() + 1.0
        while self._client.want_write() and time.monotonic() < deadline:
            # paho closes the socket behind DISCONNECT; what was written before must be out by then.
            sock.write_through = True
            if not sock.flush() or self._client.loop_write() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                return

    # --- what paho calls, in the network thread ---

    def _on_connect(self, client: Client, _: object, flags: Any, reason: Any, __: object) -> None:
        if reason.is_failure:
            self._refusal = f"it refuses us: {reason}"
            return
        self._generation += 1
        self._refusal = None
        if self._generation == 1:
            self._learn(first_session_present=bool(flags.session_present))
        elif not flags.session_present:
            self._learn(sessions_lost=self._report.sessions_lost + 1)
            log.warning("broker_session_lost", worker=self._options.worker)
        with self._lock:
            # Un-acked messages come again; those still waiting here take the new packet id instead of standing twice.
            self._renewable = {(m.topic, m.payload): (m.generation, m.mid, m.received_us) for m in self._queue}
            self._renewed.clear()
        client.subscribe([(READINGS_FILTER, 1), (STATUS_FILTER, 1), (DROPPED_TOPIC, 0), (VERSION_TOPIC, 0)])

    def _on_subscribe(self, _: Client, __: object, ___: int, reasons: Any, ____: object) -> None:
        if any(reason.is_failure for reason in reasons[:2]):
            self._refusal = "it does not let us read davy/v1: give the user the right to"
            self._settled.set()
            return
        self._learn(connected=True, since_us=self._clock())
        log.info("broker_connected", host=self._options.host, port=self._options.port, generation=self._generation)
        self._settled.set()

    def _on_message(self, _: Client, __: object, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = message._topic.decode("utf-8", "backslashreplace")
        if topic.startswith("$SYS/"):
            self._hear_broker(topic, message.payload)
            return
        payload = bytes(message.payload)
        if message.dup and self._renewable:
            waiting = self._renewable.pop((topic, payload), None)
            if waiting is not None and self._renew(waiting, message.mid):
                return
        self._last_us = max(self._clock(), self._last_us + 1)
        entry = RawMessage(topic, payload, message.mid, message.retain, message.dup, self._last_us, self._generation)
        self._queue.append(entry)
        with self._lock:
            self._bytes += len(payload)

    def _renew(self, waiting: tuple[int, int, int], mid: int) -> bool:
        """Gives a message that still waits its new packet id; False where it has been taken meanwhile."""
        generation, old_mid, received_us = waiting
        with self._lock:
            if received_us <= self._taken_us:
                return False
            self._renewed[(generation, old_mid)] = (self._generation, mid)
            return True

    def _hear_broker(self, topic: str, payload: bytes | bytearray) -> None:
        text = bytes(payload).decode("utf-8", "replace")
        if topic == DROPPED_TOPIC and text.isdecimal():
            self._learn(dropped=int(text))
        elif topic == VERSION_TOPIC:
            self._learn(broker_version=text)
