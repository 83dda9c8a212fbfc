"""A client that hears everything a broker has, as ingest would."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, NamedTuple, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from core import wire


class Heard(NamedTuple):
    """One message as it came."""

    topic: str
    payload: bytes
    retained: bool


class Listener:
    """Subscribes to all of davy/v1 at QoS 1 and keeps what it hears; reconnects by itself."""

    def __init__(self, host: str, port: int, user: str, password: str) -> None:
        self._address = (host, port)
        self._changed = threading.Condition()
        self.heard: list[Heard] = []
        self.subscribed = 0
        client = Client(CallbackAPIVersion.VERSION2, client_id="listener", protocol=MQTTProtocolVersion.MQTTv311)
        client.username_pw_set(user, password)
        client.reconnect_delay_set(1, 1)
        client.on_connect = lambda *_: client.subscribe("davy/v1/#", qos=1) and None
        client.on_subscribe = self._ready
        client.on_message = self._message
        self._client = client

    def _ready(self, *_: Any) -> None:
        with self._changed:
            self.subscribed += 1
            self._changed.notify_all()

    def _message(self, _: Client, __: Any, message: MQTTMessage) -> None:
        with self._changed:
            self.heard.append(Heard(message.topic, bytes(message.payload), message.retain))
            self._changed.notify_all()

    def wait(self, holds: Callable[[list[Heard]], bool], timeout_s: float = 15.0) -> None:
        """Until `holds` of what was heard."""
        with self._changed:
            assert self._changed.wait_for(lambda: holds(self.heard), timeout_s), self.heard[-5:]

    def wait_subscribed(self, times: int = 1, timeout_s: float = 15.0) -> None:
        """Until it has subscribed so often."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.subscribed >= times, timeout_s)

    def statuses(self, device: str) -> list[bool]:
        """What was said of a device being online, in order."""
        return [
            wire.decode_status(heard.payload).online
            for heard in self.heard
            if wire.parse_topic(heard.topic)[1:] == (device, "status")
        ]

    def numbers(self, device: str) -> list[tuple[int, int]]:
        """(boot, seq) of a device's messages, in order."""
        found = []
        for heard in self.heard:
            if wire.parse_topic(heard.topic)[1:] == (device, "readings"):
                message = wire.decode(heard.payload)
                found.append((message.boot, message.seq))
        return found

    def __enter__(self) -> Self:
        self._client.connect(*self._address)
        self._client.loop_start()
        self.wait_subscribed()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._client.disconnect()
        self._client.loop_stop()
