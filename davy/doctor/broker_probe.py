"""One look at the broker from outside: does it take us, which one is it, what has it thrown away."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from core.errors import BrokerAway
from core.settings import Settings

TIMEOUT_S = 5.0  # to connect
FIGURES_S = 3.0  # for its own figures, which it repeats every second
VERSION = "$SYS/broker/version"
DROPPED = "$SYS/broker/publish/messages/dropped"


@dataclass(frozen=True, slots=True)
class BrokerFacts:
    """What a broker says of itself; None where it says nothing.

    Args:
        dropped: messages it has thrown away since its start.
    """

    version: str | None
    dropped: int | None


def look_at_broker(settings: Settings) -> BrokerFacts:
    """Connects with the credentials of the settings, under a name of its own, and listens for its figures.

    Raises:
        BrokerAway: it does not answer or refuses us, or its authority's file cannot be read; with the reason.
    """
    return _Look(settings).run()


class _Look:
    def __init__(self, settings: Settings) -> None:
        self._where = f"{settings.mqtt_host}:{settings.mqtt_port}"
        self._address = (settings.mqtt_host, settings.mqtt_port)
        self._refusal: str | None = None
        self._said: dict[str, str] = {}
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"davy-doctor-{secrets.token_hex(4)}",
            protocol=MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        if settings.mqtt_user is not None:
            password = settings.mqtt_password.get_secret_value() if settings.mqtt_password else None
            client.username_pw_set(settings.mqtt_user, password)
        client.connect_timeout = TIMEOUT_S
        client.on_connect = self._on_connect
        client.on_message = self._on_message
        self._client = client
        self._authority = settings.mqtt_tls_ca

    def run(self) -> BrokerFacts:
        if self._authority is not None:
            try:
                self._client.tls_set(str(self._authority))
            except OSError as error:
                raise BrokerAway(
                    f"The authority's certificate {self._authority} cannot be read: {error.strerror or error}."
                ) from error
        try:
            self._client.connect(*self._address)
            self._turn_until(lambda: self._client.is_connected() or self._refusal is not None, TIMEOUT_S)
            if self._refusal is not None:
                raise BrokerAway(f"The broker at {self._where} refuses us: {self._refusal}.")
            if not self._client.is_connected():
                raise BrokerAway(f"What answers at {self._where} is no MQTT broker, or it is too busy.")
            self._turn_until(lambda: {VERSION, DROPPED} <= self._said.keys(), FIGURES_S)
        except OSError as error:
            raise BrokerAway(f"The broker at {self._where} does not answer: {error.strerror or error}.") from error
        finally:
            self._client.disconnect()
        dropped = self._said.get(DROPPED, "")
        return BrokerFacts(self._said.get(VERSION), int(dropped) if dropped.isdigit() else None)

    def _turn_until(self, done: Callable[[], bool], timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while not done() and time.monotonic() < deadline:
            if self._client.loop(0.1) is not MQTTErrorCode.MQTT_ERR_SUCCESS:
                return

    def _on_connect(
        self, client: Client, _given: object, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._refusal = str(reason)
        else:
            client.subscribe([(VERSION, 0), (DROPPED, 0)])

    def _on_message(self, _client: Client, _given: object, message: MQTTMessage) -> None:
        self._said[message.topic] = message.payload.decode("utf-8", "replace")
