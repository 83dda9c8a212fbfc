"""The database and the broker that Davy starts for itself: for the demo, tests, benches and private instances.

Everything listens on loopback with random credentials, never has root's rights, is gone when its parent is gone, and
what a killed parent left behind is cleared at the next start.
"""

from collections.abc import Mapping
from typing import Literal

from davy.servers.amqtt_server import AmqttServer, start_amqtt
from davy.servers.broker import Access, Broker
from davy.servers.errors import ServerUnavailable
from davy.servers.mosquitto import MosquittoServer, find_mosquitto, start_mosquitto
from davy.servers.postgres import PostgresKind, PostgresServer, start_postgres

__all__ = [
    "Access",
    "AmqttServer",
    "Broker",
    "BrokerKind",
    "MosquittoServer",
    "PostgresKind",
    "PostgresServer",
    "ServerUnavailable",
    "start_broker",
    "start_postgres",
]

BrokerKind = Literal["auto", "mosquitto", "amqtt"]


def start_broker(kind: BrokerKind = "auto", access: Access | Mapping[str, str] | None = None) -> Broker:
    """Start a broker on a free loopback port.

    Args:
        kind: "mosquitto" fetches it where it is missing; "auto" takes amqtt then.
        access: users and rights, or only the password of each user: then `ingest` may read everything, `simulator` may
            publish for every device, and every other user is a device.

    Raises:
        ServerUnavailable: with a sentence that says what is missing.
    """
    rights = access if isinstance(access, Access) else Access(dict(access or {}))
    if kind == "amqtt" or (kind == "auto" and find_mosquitto() is None):
        return start_amqtt(rights)
    return start_mosquitto(rights)
