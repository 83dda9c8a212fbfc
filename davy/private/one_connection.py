"""Many devices over one connection, in the order of their sending: how a private instance is played faster than life.

What is ahead of time on one device's own connection would make the others look silent.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Final

from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from core.errors import BrokerAway
from core.wire import Message
from davy.private.stack import Stack
from simulators.stream import Packet

UNACKNOWLEDGED: Final = 1000  # messages on their way; below the broker's window, so that nothing is dropped
STALL_S: Final = 60.0


def publish(stack: Stack, births: Iterable[tuple[str, bytes]], packets: Iterable[Packet]) -> int:
    """Sends births and packets, and waits until the broker has all; returns how many readings they held, repeats left out.

    Raises:
        BrokerAway: it acknowledges nothing for a minute.
    """
    client = Client(CallbackAPIVersion.VERSION2, client_id="davy-player", protocol=MQTTv311)
    client.username_pw_set("simulator", stack.mqtt_passwords["simulator"])
    client.max_inflight_messages_set(UNACKNOWLEDGED)
    room = threading.Semaphore(UNACKNOWLEDGED)
    client.on_publish = lambda *_: room.release()
    client.connect(stack.broker.host, stack.broker.port)
    client.loop_start()
    readings = 0
    sent: set[tuple[str, int, int]] = set()
    try:
        for topic, payload in births:
            _wait_for(room)
            client.publish(topic, payload, qos=1, retain=True)
        for packet in packets:
            _wait_for(room)
            client.publish(packet.topic, packet.payload, qos=1, retain=packet.retained)
            if not isinstance(packet.message, Message):
                continue
            key = (packet.device, packet.message.boot, packet.message.seq)
            readings += 0 if key in sent else len(packet.message.readings)
            sent.add(key)
        for _ in range(UNACKNOWLEDGED):  # all of them back: everything is acknowledged
            _wait_for(room)
    finally:
        client.disconnect()
        client.loop_stop()
    return readings


def _wait_for(room: threading.Semaphore) -> None:
    if not room.acquire(timeout=STALL_S):
        raise BrokerAway(f"The broker has acknowledged nothing for {STALL_S:.0f} s; nothing more was sent.")
