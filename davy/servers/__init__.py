"""The database and the broker that Davy starts for itself: for the demo, tests, benches and private instances.

Everything listens on loopback with random credentials, never has root's rights, is gone when its parent is gone, and
what a killed parent left behind is cleared at the next start.
"""

from collections.abc import Collection, Mapping
from typing import Literal

from davy.servers.broker import Access, Broker
from davy.servers.errors import ServerUnavailable
from davy.servers.mosquitto import MosquittoServer, start_mosquitto
from davy.servers.postgres import PostgresKind, PostgresServer, start_postgres

__all__ = [
    "Access",
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


def start_broker(
    kind: BrokerKind = "auto",
    credentials: Mapping[str, str] | None = None,
    *,
    readers: Collection[str] = ("ingest",),
    publishers: Collection[str] = ("simulator",),
) -> Broker:
    """Start a broker on a free loopback port.

    Args:
        kind: "mosquitto" fetches it where it is missing; "auto" takes amqtt then.
        credentials: password of each user; a user publishes below `davy/v1/{any site}/{own name}/`.
        readers: users that may read every device's messages and `$SYS`.
        publishers: users that may publish for every device.

    Raises:
        ServerUnavailable: with a sentence that says what is missing.
    """
    access = Access(dict(credentials or {}), frozenset(readers), frozenset(publishers))
    return start_mosquitto(access)
