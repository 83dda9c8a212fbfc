"""MQTT clients of the broker tests."""

import queue
from typing import Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from davy.servers import Broker

WAIT_S = 10.0


class Client:
    """A connection whose answers and messages are waited for, never slept for."""

    def __init__(self, broker: Broker, user: str, password: str, client_id: str = "", *, clean: bool = True) -> None:
        self.messages: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.disconnected: queue.Queue[str] = queue.Queue()
        self._answers: queue.Queue[ReasonCode] = queue.Queue()
        self._subscribed: queue.Queue[list[ReasonCode]] = queue.Queue()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=clean, reconnect_on_failure=False
        )
        self._client.username_pw_set(user, password)
        self._client.on_connect = lambda _c, _u, _f, code, _p: self._answers.put(code)
        self._client.on_message = lambda _c, _u, message: self.messages.put((message.topic, bytes(message.payload)))
        self._client.on_subscribe = lambda _c, _u, _m, codes, _p: self._subscribed.put(codes)
        self._client.on_disconnect = lambda _c, _u, _f, code, _p: self.disconnected.put(str(code))
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def answer(self) -> str:
        """The broker's answer to the connection."""
        return str(self._answers.get(timeout=WAIT_S))

    def subscribe(self, topic: str) -> bool:
        """Whether the broker granted the subscription."""
        self._client.subscribe(topic, qos=1)
        return not self._subscribed.get(timeout=WAIT_S)[0].is_failure

    def publish(self, topic: str, payload: bytes) -> mqtt.MQTTMessageInfo:
        """Publish with QoS 1."""
        return self._client.publish(topic, payload, qos=1)

    def next_message(self) -> tuple[str, bytes]:
        """The next topic and payload."""
        return self.messages.get(timeout=WAIT_S)
