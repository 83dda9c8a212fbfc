"""The limit that a drain is measured against: paho-mqtt alone, which receives, counts and acknowledges in batches."""

from __future__ import annotations

import select
import time
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from core.errors import BrokerAway

ACK_EVERY = 500  # messages: well within the broker's window
SILENCE_S = 30.0  # no message for so long while some are owed: something is wrong
KEEPALIVE_S = 300


class BareReceiver:
    """One persistent session that does nothing with what it gets.

    MQTT 3.1.1, QoS 1, manual acknowledgement, the network driven by the calling thread: the fastest way paho has (its own
    loop reads one packet a select, and writes to a wake-up socket for each acknowledgement of another thread).

    Args:
        client_id: of its session, which stays at the broker between `join` and `drain`.
        topic: filter of what it receives.
    """

    def __init__(self, host: str, port: int, user: str, password: str, *, client_id: str, topic: str) -> None:
        self._address = (host, port)
        self._credentials = (user, password)
        self._client_id = client_id
        self._topic = topic
        self._received = 0
        self._unacknowledged: list[int] = []

    def join(self) -> None:
        """Makes the session and leaves it, so that the broker keeps messages for it from now on.

        Raises:
            BrokerAway: the broker does not take it.
        """
        client = self._connected()
        subscribed: list[int] = []
        client.on_subscribe = lambda *arguments: subscribed.append(arguments[2])
        client.subscribe(self._topic, qos=1)
        deadline = time.monotonic() + SILENCE_S
        while not subscribed:
            self._turn(client, deadline)
        self._leave(client)

    def drain(self, messages: int) -> float:
        """Receives so many messages, acknowledges all of them, leaves.

        Returns:
            Messages a second, from the first one's arrival to the last acknowledgement's write.
        Raises:
            BrokerAway: they did not come.
        """
        self._received = 0
        client = self._connected()
        first = 0.0
        last_count, deadline = 0, time.monotonic() + SILENCE_S
        while self._received < messages:
            self._turn(client, deadline)
            if self._received > last_count:
                first = first or time.monotonic()
                last_count, deadline = self._received, time.monotonic() + SILENCE_S
            if len(self._unacknowledged) >= ACK_EVERY:
                self._acknowledge(client)
        self._acknowledge(client)
        seconds = time.monotonic() - first
        self._leave(client)
        return messages / seconds

    def _connected(self) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            clean_session=False,
            protocol=MQTTProtocolVersion.MQTTv311,
            manual_ack=True,
        )
        client.username_pw_set(*self._credentials)
        client.on_message = self._take
        client.on_socket_register_write = lambda *_: None  # else each ack is a write of its own, at once
        try:
            client.connect(*self._address, keepalive=KEEPALIVE_S)
        except OSError as error:
            raise BrokerAway(f"The broker does not answer: {error}") from error
        deadline = time.monotonic() + SILENCE_S
        while not client.is_connected():
            self._turn(client, deadline)
        return client

    def _take(self, _client: Client, _given: Any, message: MQTTMessage) -> None:
        self._received += 1
        self._unacknowledged.append(message.mid)

    def _acknowledge(self, client: Client) -> None:
        for identifier in self._unacknowledged:
            client.ack(identifier, 1)
        self._unacknowledged.clear()
        while client.want_write():
            self._check(client.loop_write())

    def _turn(self, client: Client, deadline: float) -> None:
        """Waits for the network, then reads until there is nothing more or a batch is full."""
        while client.want_write():
            self._check(client.loop_write())
        connection = client.socket()
        if connection is None:
            raise BrokerAway("The broker closed the connection.")
        readable, _, _ = select.select([connection], [], [], 0.1)
        while readable:
            before = self._received
            self._check(client.loop_read())
            if self._received == before or len(self._unacknowledged) >= ACK_EVERY:
                break
        client.loop_misc()
        if time.monotonic() > deadline:
            raise BrokerAway(f"The broker has sent nothing for {SILENCE_S:.0f} s, and messages are owed.")

    def _leave(self, client: Client) -> None:
        client.disconnect()
        while client.want_write():
            self._check(client.loop_write())

    @staticmethod
    def _check(status: MQTTErrorCode) -> None:
        if status is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise BrokerAway(f"The connection to the broker broke: {status.name}.")
