"""The connection on which scores go out: one message at a time, and nothing counts before the broker has it."""

from __future__ import annotations

import secrets
import threading
from typing import Final, Self

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from core.errors import BrokerAway
from core.settings import Settings

CONNECT_WITHIN_S: Final = 5.0
ACKNOWLEDGED_WITHIN_S: Final = 10.0
RETRY_S: Final = (1, 10)


class ScorePublisher:
    """Publishes with QoS 1 as the user of the settings; reconnects by itself.

    Args:
        user, password: of another user; None: the settings'.
        connect_s, acknowledged_s: how long one message may wait for a connection, and for the broker to have it.
    """

    def __init__(
        self,
        settings: Settings,
        user: str | None = None,
        password: str | None = None,
        *,
        connect_s: float = CONNECT_WITHIN_S,
        acknowledged_s: float = ACKNOWLEDGED_WITHIN_S,
    ) -> None:
        self._connect_s, self._acknowledged_s = connect_s, acknowledged_s
        self._where = f"{settings.mqtt_host}:{settings.mqtt_port}"
        self._address = (settings.mqtt_host, settings.mqtt_port)
        self._online = threading.Event()
        self._refusal: str | None = None
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"davy-detectors-{secrets.token_hex(8)}",
            protocol=MQTTProtocolVersion.MQTTv311,
        )
        client.username_pw_set(user or settings.need("mqtt_user"), password or settings.secret("mqtt_password"))
        if settings.mqtt_tls_ca is not None:
            client.tls_set(str(settings.mqtt_tls_ca))
        client.reconnect_delay_set(*RETRY_S)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        self._client = client
        self._started = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._started:
            self._client.disconnect()
            self._client.loop_stop()

    def publish(self, topic: str, payload: bytes) -> None:
        """Sends one message; it is at the broker when this returns.

        Raises:
            BrokerAway: it does not answer, refuses us, or did not acknowledge in time.
        """
        self._connect()
        sent = self._client.publish(topic, payload, qos=1)
        if (
            sent.rc != MQTTErrorCode.MQTT_ERR_SUCCESS
        ):  # also without a connection: then waiting for it is an error to paho
            raise BrokerAway(f"The broker at {self._where} takes no message: {sent.rc.name}.")
        sent.wait_for_publish(self._acknowledged_s)
        if not sent.is_published():
            raise BrokerAway(
                f"The broker at {self._where} did not acknowledge a message within {self._acknowledged_s:.0f} s."
            )

    def _connect(self) -> None:
        if not self._started:  # only when there is something to say: without a model there is no connection
            self._client.connect_async(*self._address)
            self._client.loop_start()
            self._started = True
        if not self._online.wait(self._connect_s):
            why = f"refuses us: {self._refusal}" if self._refusal else "does not answer"
            raise BrokerAway(f"The broker at {self._where} {why}.")

    def _on_connect(
        self, _client: Client, _given: object, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        self._refusal = str(reason) if reason.is_failure else None
        if not reason.is_failure:
            self._online.set()

    def _on_disconnect(
        self,
        _client: Client,
        _given: object,
        _flags: DisconnectFlags,
        _reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._online.clear()
