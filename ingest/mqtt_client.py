"""Who we are to the broker, and the paho client that says so."""

from __future__ import annotations

import hashlib
import hmac
import socket
from dataclasses import dataclass, field
from typing import Any, Final, cast

from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from core.errors import BadSetting
from ingest.buffered import BufferedSocket

CONNECT_TIMEOUT_S: Final = 5.0
MOST_WAITING: Final = 100_000  # messages; QoS 0 knows no window, and a small one takes far more memory than its payload


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
    window: int = 4000
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


def make_client(options: MqttOptions) -> Client:
    """A client with our id and rights, which hears nothing yet.

    Raises:
        BadSetting: the authority is no certificate.
    """
    client = _Client(
        CallbackAPIVersion.VERSION2,
        client_id=options.client_id,
        clean_session=False,
        protocol=MQTTv311,
        reconnect_on_failure=False,
        manual_ack=True,
    )
    if options.user is not None:
        client.username_pw_set(options.user, options.password)
    if options.tls_ca is not None:
        try:
            client.tls_set(options.tls_ca)
        except OSError as error:  # ssl.SSLError is one
            why = error.strerror or error
            raise BadSetting(f"The broker's authority {options.tls_ca} cannot be used: {why}.") from error
    client.connect_timeout = CONNECT_TIMEOUT_S
    # With this set paho only queues what it has to say: our loop writes it, all at once.
    client.on_socket_register_write = lambda *_: None
    return client
