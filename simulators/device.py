"""A device on MQTT 3.1.1, built to our profile: last will, birth, QoS 1, the last 60 s again after each reconnect.

A device has no thread of its own. `network.Network` calls `turn` and moves its socket; `send`, `cut` and the questions may
come from any thread.
"""

from __future__ import annotations

import math
import random
import socket
import ssl
import threading
from enum import Enum, auto
from typing import Any, Final, cast

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from core.log import logger
from simulators.backlog import Backlog, Kept
from simulators.stream import birth

KEEP_ALIVE_S: Final = 15
CONNECT_TIMEOUT_S: Final = 3.0
IN_FLIGHT: Final = 50  # messages sent and not acknowledged at one time
RETRY_S: Final = (0.2, 10.0)  # first and longest wait before another attempt
READ_AT_ONCE: Final = 100  # packets a turn; a device only receives acknowledgements

log = logger(__name__)


class State(Enum):
    """Where a device is with the broker."""

    AWAY = auto()
    CONNECTING = auto()
    ONLINE = auto()
    LEAVING = auto()  # says goodbye and waits for the acknowledgement
    GONE = auto()


class Device:
    """One device.

    Args:
        boot: of this start; goes into the birth message. The messages carry their own.
        user: the broker's name for it.
        backlog: what it keeps; bounded.
        tls: whom it trusts to be the broker; None speaks in the clear.
    """

    def __init__(
        self,
        site: str,
        key: str,
        boot: int,
        *,
        user: str,
        password: str,
        backlog: Backlog | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.site, self.key, self.boot = site, key, boot
        self._login = (user, password)
        self._tls = tls
        self._changed = threading.Condition()  # guards everything below that other threads see
        self._backlog = backlog or Backlog()
        self._state = State.AWAY
        self._problem: str | None = None
        self._connections = 0
        self._cut_for_s: float | None = None
        self._plugged_in = False  # power is back and nobody has tried to connect yet
        # The network's own from here on.
        self._client: Client | None = None
        self._in_flight: dict[int, Kept | None] = {}
        self._attempt_at = 0.0
        self._wait_s = RETRY_S[0]
        self._jitter = random.Random(f"{key}/{boot}")
        self._goodbye: int | None = None

    # ---- from any thread

    @property
    def online(self) -> bool:
        """Whether the broker has let it in."""
        return self._state is State.ONLINE

    @property
    def problem(self) -> str | None:
        """Why it is not online, in the broker's or the system's words."""
        return self._problem

    @property
    def connections(self) -> int:
        """How often it has come online."""
        return self._connections

    @property
    def waiting(self) -> int:
        """Messages that the broker has not acknowledged."""
        return self._backlog.waiting

    @property
    def dropped(self) -> int:
        """Messages let go because the backlog was full."""
        return self._backlog.dropped

    def send(self, at_ms: int, topic: str, payload: bytes) -> None:
        """Publish once, as soon as there is a broker. Wake the network afterwards."""
        with self._changed:
            self._backlog.append(Kept(at_ms, topic, payload))

    def cut(self, seconds: float) -> None:
        """Pull the cable for `seconds`: no goodbye, so the broker speaks the last will."""
        with self._changed:
            self._cut_for_s = seconds

    def power_off(self) -> None:
        """Lose power: no goodbye, and what it had not sent is gone. It stays away until `power_on`."""
        with self._changed:
            self._backlog.forget()
            self._cut_for_s, self._plugged_in = math.inf, False

    def power_on(self, boot: int) -> None:
        """Start anew under another boot."""
        with self._changed:
            self.boot, self._plugged_in = boot, True

    def wait_until(self, waiting_at_most: int, timeout_s: float) -> bool:
        """Whether at most so many messages are unacknowledged, waiting no longer than `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(lambda: self._backlog.waiting <= waiting_at_most, timeout_s)

    def wait_online(self, timeout_s: float, *, connections: int = 1) -> bool:
        """Whether it has come online at least `connections` times and is so now, within `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(lambda: self.online and self._connections >= connections, timeout_s)

    # ---- from the network's thread

    @property
    def gone(self) -> bool:
        """Whether it has left for good."""
        return self._state is State.GONE

    def socket(self) -> tuple[Any, bool] | None:
        """Its socket and whether it has something to write; None without a connection."""
        client = self._client
        sock = None if client is None else client.socket()
        return None if client is None or sock is None else (sock, client.want_write())

    def turn(self, now: float, host: str, port: int, *, may_connect: bool = True) -> None:
        """Do what is due: connect, send, keep alive. `now` is a monotonic second."""
        self._pull_cable(now)
        if may_connect and self._state is State.AWAY and now >= self._attempt_at:
            self._connect(now, host, port)
        if self._state is State.ONLINE:
            self._send_some()
        client = self._client
        if client is not None:
            client.loop_misc()
            self._look(client, now)

    def moved(self, now: float, *, readable: bool, writable: bool) -> None:
        """Its socket is ready."""
        client = self._client
        if client is None:
            return
        if readable:
            client.loop_read(READ_AT_ONCE)
        if writable and client.socket() is not None:
            client.loop_write()
        self._look(client, now)

    def leave(self) -> None:
        """Say goodbye: offline, retained, then disconnect. Nothing more is sent."""
        if self._state is State.ONLINE and self._client is not None:
            topic, payload = birth(self.site, self.key, None)
            self._set(State.LEAVING)
            self._goodbye = self._client.publish(topic, payload, qos=1, retain=True).mid
        elif self._state is not State.LEAVING:
            self.drop()

    def drop(self) -> None:
        """Leave without a word."""
        client, self._client = self._client, None
        self._set(State.GONE)
        if client is not None:
            _silence(client)
            client.disconnect()
            _hang_up(client)

    def _connect(self, now: float, host: str, port: int) -> None:
        topic, payload = birth(self.site, self.key, None)
        # A client a connection: paho would send what it has in flight again by itself, beside what our profile demands.
        client = Client(
            CallbackAPIVersion.VERSION2, client_id=f"{self.key}-{self.boot:08x}", protocol=MQTTProtocolVersion.MQTTv311
        )
        client.username_pw_set(*self._login)
        if self._tls is not None:
            client.tls_set_context(self._tls)
        client.will_set(topic, payload, qos=1, retain=True)
        client.max_inflight_messages_set(IN_FLIGHT + 2)  # beside the readings: birth and goodbye
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.on_connect, client.on_publish, client.on_disconnect = self._connected, self._published, self._lost
        self._client = client
        self._in_flight = {}
        self._set(State.CONNECTING)
        try:
            client.connect(host, port, KEEP_ALIVE_S)
        except OSError as error:
            self._away(f"{host}:{port} does not answer: {error.strerror or error}", now)

    def _connected(self, client: Client, _: Any, __: ConnectFlags, code: ReasonCode, ___: Properties | None) -> None:
        if code.is_failure:
            with self._changed:
                self._problem = f"The broker refuses {self._login[0]}: {code}"
            return  # the broker hangs up next
        topic, payload = birth(self.site, self.key, self.boot)
        self._in_flight[client.publish(topic, payload, qos=1, retain=True).mid] = None
        self._wait_s = RETRY_S[0]
        with self._changed:
            self._backlog.rewind()
            self._problem = None
            self._connections += 1
            self._state = State.ONLINE
            self._changed.notify_all()
        log.info("device_online", device=self.key, boot=self.boot, connection=self._connections)

    def _published(self, _: Client, __: Any, mid: int, ___: ReasonCode, ____: Properties) -> None:
        message = self._in_flight.pop(mid, None)
        if message is not None:
            with self._changed:
                self._backlog.acknowledge(message)
                self._changed.notify_all()
        if mid == self._goodbye and self._client is not None:
            self._client.disconnect()

    def _lost(self, _: Client, __: Any, ___: DisconnectFlags, code: ReasonCode, ____: Properties | None) -> None:
        with self._changed:
            self._problem = self._problem or f"The connection to the broker ended: {code}"

    def _send_some(self) -> None:
        client = self._client
        while client is not None and len(self._in_flight) < IN_FLIGHT:
            with self._changed:
                message = self._backlog.next()
            if message is None:
                return
            sent = client.publish(message.topic, message.payload, qos=1)
            self._in_flight[sent.mid] = message
            if sent.rc is not MQTTErrorCode.MQTT_ERR_SUCCESS:
                return  # the connection is going; `rewind` brings the message again

    def _look(self, client: Client, now: float) -> None:
        """Has paho closed the socket?"""
        if client.socket() is not None:
            return
        if self._state is State.LEAVING:
            self._client = None
            self._set(State.GONE)
            _silence(client)
        elif self._state is not State.GONE:
            self._away(self._problem or "The connection to the broker ended", now)

    def _pull_cable(self, now: float) -> None:
        with self._changed:
            seconds, self._cut_for_s = self._cut_for_s, None
            plugged_in, self._plugged_in = self._plugged_in, False
        if self._state in (State.LEAVING, State.GONE):
            return
        if seconds is not None:
            if self._client is not None:
                _hang_up(self._client)
            self._away("The cable was pulled", now)
            self._attempt_at = now + seconds
        if plugged_in:
            self._attempt_at, self._wait_s = now, RETRY_S[0]

    def _away(self, problem: str, now: float) -> None:
        client, self._client = self._client, None
        if client is not None:
            _silence(client)
        self._attempt_at = now + self._wait_s * (0.5 + 0.5 * self._jitter.random())
        self._wait_s = min(2.0 * self._wait_s, RETRY_S[1])
        with self._changed:
            self._problem = problem
            self._state = State.AWAY
            self._changed.notify_all()
        log.warning("device_offline", device=self.key, problem=problem, waiting=self._backlog.waiting)

    def _set(self, state: State) -> None:
        with self._changed:
            self._state = state
            self._changed.notify_all()


def _silence(client: Client) -> None:
    """Take our callbacks away: they tie the client to the device, and nobody wants to hear of it any more."""
    client.on_connect = client.on_publish = client.on_disconnect = None


def _hang_up(client: Client) -> None:
    """Close the socket under paho, as a pulled cable does."""
    sock = cast("socket.socket | None", client.socket())
    if sock is not None:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError as error:
            log.debug("socket_closed_already", problem=str(error))
        client.loop_read(READ_AT_ONCE)
