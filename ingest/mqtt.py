"""MQTT 3.1.1 as a source: one thread drives paho's loop, messages go into a bounded queue, acks go out in order.

The broker's window of un-acked messages is the back-pressure: the queue holds at least that many, so receiving never
waits for the pipeline. An ack is good only on the connection that delivered its message: broker and client count packet
ids anew, so one that is late would confirm another message.
"""

from __future__ import annotations

import random
import select
import socket
import threading
import time
from collections import deque
from typing import Any, Final

from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode

from core.errors import BrokerAway
from core.log import logger
from core.wire import READINGS_FILTER, STATUS_FILTER
from ingest.buffered import BufferedSocket
from ingest.frames import Publish, pubacks
from ingest.mqtt_client import CONNECT_TIMEOUT_S, MqttOptions, make_client
from ingest.source import Clock, Lot, RawMessage, SourceReport

DROPPED_TOPIC: Final = "$SYS/broker/publish/messages/dropped"
VERSION_TOPIC: Final = "$SYS/broker/version"
KEEPALIVE_S: Final = 30
LONGEST_WAIT_S: Final = 10.0  # between attempts to connect
QUICK_S: Final = 5.0  # a session that ends sooner was taken over, or the broker is sick
QUICK_DROPS: Final = 5
PACKETS_A_ROUND: Final = 2000  # then acks and pings have their turn
TOPICS_REMEMBERED: Final = 50_000

log = logger(__name__)


class MqttSource:
    """The broker as a `Source`."""

    def __init__(self, options: MqttOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._lock = threading.Condition()
        self._queue: deque[RawMessage] = deque()
        self._bytes = 0
        self._acks: deque[Lot] = deque()
        self._woken = False
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
        self._topics: dict[bytes, str] = {}
        self._renewed: dict[tuple[int, int], tuple[int, int]] = {}
        self._client = make_client(options)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe

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

    def take(self, most: int, most_bytes: int, wait_s: float, gathered_s: float = 0.0) -> Lot:
        """Messages not taken yet, oldest first; waits `wait_s` for the first, then a little for more."""
        with self._lock:
            if not self._queue and not self._woken:
                self._lock.wait(wait_s)
            self._woken = False
            deadline = time.monotonic() + self._options.linger_s - gathered_s
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
            self._wake_network()
        return Lot(taken)

    def wake(self) -> None:
        """Ends a wait in `take`."""
        with self._lock:
            self._woken = True
            self._lock.notify()

    def ack(self, lot: Lot) -> None:
        """Hands the acks to the network thread."""
        self._acks.append(lot)
        self._wake_network()

    def report(self) -> SourceReport:
        """What is known of the broker now."""
        with self._lock:
            waiting, size = len(self._queue), self._bytes
            oldest = self._queue[0].received_us if self._queue else None
        known = self._report
        failure = known.failure
        if self._settled.is_set() and not self._thread.is_alive() and not self._stopping.is_set():
            failure = "The thread that reads from the broker has ended; nothing more would come."
        return SourceReport(
            known.connected, known.since_us, known.first_session_present, known.sessions_lost, known.dropped, waiting, oldest,
            known.broker_version, failure, size,
        )  # fmt: skip

    def stop(self) -> None:
        """Sends the acks that wait and disconnects; repeating it does nothing."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._wake_network()
        if self._thread.is_alive():
            self._thread.join(CONNECT_TIMEOUT_S * 2)
        self._wake_r.close()
        self._wake_w.close()

    def _wake_network(self) -> None:
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
        """Reads ahead once and hears all of it, or so much that acks must have their turn; False when the connection is gone.

        PUBLISH packets are ours, the others paho's, in the order in which they came.
        """
        client, before = self._client, len(self._queue)
        if sock.drained:
            sock.fill()
        self._hear(sock.publishes(self._room()))
        while sock.for_paho:
            if client.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS or client.socket() is None:
                return False
            self._hear(sock.publishes(self._room()))
        if len(self._queue) > before or before == 0:
            with self._lock:
                self._lock.notify()
        return True

    def _full(self) -> bool:
        return self._bytes >= self._options.most_bytes or len(self._queue) >= self._options.most_waiting

    def _room(self) -> int:
        return min(PACKETS_A_ROUND, max(0, self._options.most_waiting - len(self._queue)))

    def _drain_wakes(self) -> None:
        try:
            while self._wake_r.recv(4096):
                continue
        except BlockingIOError:
            return

    def _send_acks(self) -> None:
        """Writes them between paho's packets, which the socket takes whole."""
        sock = self._client.socket()
        if not self._report.connected:
            return  # nothing may go out before CONNECT, and what an earlier connection delivered is not confirmed on this one
        while self._acks and isinstance(sock, BufferedSocket):
            messages = self._acks.popleft().messages
            mids = [m.mid for m in messages if m.mid and m.generation == self._generation]
            if mids:
                sock.send(pubacks(mids))

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

    # --- what paho calls, and what we hear past it, in the network thread ---

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

    def _hear(self, heard: list[Publish]) -> None:
        """Queues messages in the order they came."""
        clock_us, size, generation = self._clock(), 0, self._generation
        for packet in heard:
            topic = self._topics.get(packet.topic) or self._named(packet.topic)
            payload = packet.payload
            if topic.startswith("$SYS/"):
                self._hear_broker(topic, payload)
                continue
            if packet.repeated and self._renewable:
                waiting = self._renewable.pop((topic, payload), None)
                if waiting is not None and self._renew(waiting, packet.mid):
                    continue
            self._last_us = max(clock_us, self._last_us + 1)
            size += len(payload)
            self._queue.append(
                RawMessage(topic, payload, packet.mid, packet.retained, packet.repeated, self._last_us, generation)
            )
        with self._lock:
            self._bytes += size

    def _named(self, written: bytes) -> str:
        """A topic as text, remembered: devices say the same few for ever."""
        try:
            topic = written.decode("utf-8")
        except UnicodeDecodeError:
            return written.decode("utf-8", "backslashreplace")
        if len(self._topics) >= TOPICS_REMEMBERED:
            self._topics.clear()
        self._topics[written] = topic
        return topic

    def _renew(self, waiting: tuple[int, int, int], mid: int) -> bool:
        """Gives a message that still waits its new packet id; False where it has been taken meanwhile."""
        generation, old_mid, received_us = waiting
        with self._lock:
            if received_us <= self._taken_us:
                return False
            self._renewed[(generation, old_mid)] = (self._generation, mid)
            return True

    def _hear_broker(self, topic: str, payload: bytes) -> None:
        text = payload.decode("utf-8", "replace")
        if topic == DROPPED_TOPIC and text.isdecimal():
            self._learn(dropped=int(text))
        elif topic == VERSION_TOPIC:
            self._learn(broker_version=text)
