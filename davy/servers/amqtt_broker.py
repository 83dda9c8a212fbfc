"""The laptop's broker when there is no mosquitto: amqtt, as a process of its own. `python -m davy.servers.amqtt_broker CONFIG`.

MQTT 3.1.1 only. Its own password check costs a quarter of a second on the event loop at each connect, so users are
checked by an HMAC here, which is enough for random passwords on loopback. Sessions live in memory: a restart forgets
them. CONFIG is a JSON file written by `amqtt_server`; SIGHUP reads its users and rights again.
"""

import asyncio
import hashlib
import hmac
import json
import logging
import os
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter
from amqtt.broker import Broker
from amqtt.contexts import Action, BaseContext, BrokerConfig, ListenerConfig, ListenerType
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin
from amqtt.session import Session

from davy.servers.broker import TESTER, TOPIC_ROOT

MAX_PAYLOAD_BYTES = 1 << 20  # as message_size_limit in deploy/mosquitto.conf
_PARENT_POLL_S = 0.5
_LISTENER = "default"
SERVING, RIGHTS_READ = "serving", "rights read"  # lines of the log that the starter waits for
log = logging.getLogger("davy.amqtt")


@dataclass
class Rights:
    """Who may connect and do what; replaced as a whole on SIGHUP.

    Attributes:
        digests: HMAC-SHA-256 of each user's password under `key`.
    """

    key: bytes
    digests: dict[str, bytes]
    readers: frozenset[str]
    publishers: frozenset[str]
    scorers: frozenset[str] = frozenset()
    models: frozenset[str] = frozenset()

    @classmethod
    def read(cls, path: Path) -> "Rights":
        """Read the users and rights of a config file."""
        config = json.loads(path.read_text(encoding="utf-8"))
        digests = {user: bytes.fromhex(digest) for user, digest in config["digests"].items()}
        names = (frozenset(config[name]) for name in ("readers", "publishers", "scorers", "models"))
        return cls(bytes.fromhex(config["key"]), digests, *names)

    def admits(self, user: str | None, password: str | None) -> bool:
        """Whether the password is the user's."""
        digest = hmac.digest(self.key, (password or "").encode(), hashlib.sha256)
        return hmac.compare_digest(digest, self.digests.get(user or "", b""))

    def may(self, user: str, topic: str, action: Action) -> bool:
        """Whether a user may publish to a topic or hear of it; the rights of mosquitto's access list."""
        if action != Action.PUBLISH:
            return user in self.readers and topic.startswith((f"{TOPIC_ROOT}/", "$SYS/"))
        if not topic.startswith(f"{TOPIC_ROOT}/"):
            return False
        levels = topic.removeprefix(f"{TOPIC_ROOT}/").split("/")
        model = "/".join(levels[:2])
        if user in self.scorers:
            return model in self.models and levels[2:] == ["readings"]
        if model in self.models or (levels[1:2] == [TESTER] and user != TESTER):
            return False
        return user in self.publishers or levels[1:2] == [user]


class Gate(BaseAuthPlugin, BaseTopicPlugin):
    """amqtt's plug-in that applies the rights."""

    rights: Rights  # set before the broker loads the class

    @dataclass
    class Config:
        """Nothing: amqtt insists on the class."""

    def __init__(self, context: BaseContext) -> None:
        super().__init__(context)
        self._admitted_as: dict[str, bytes] = {}

    async def authenticate(self, *, session: Session) -> bool | None:
        """Check a connection's user and password."""
        if not Gate.rights.admits(session.username, session.password):
            log.info("refused %s as %s", session.client_id, session.username)
            return False
        self._admitted_as[session.client_id or ""] = Gate.rights.digests[session.username or ""]
        return True

    async def topic_filtering(
        self, *, session: Session | None = None, topic: str | None = None, action: Action | None = None
    ) -> bool | None:
        """Check a publication, a subscription or a delivery; whose password was changed since may nothing."""
        if session is None or topic is None or action is None or not session.username:
            return False
        current = Gate.rights.digests.get(session.username)
        if current is None or current != self._admitted_as.get(session.client_id or ""):
            return False
        return Gate.rights.may(session.username, topic, action)


class BoundedReader(StreamReaderAdapter):
    """Refuses a payload that is too large before it is read; the sender loses its connection."""

    async def read(self, n: int = -1) -> bytes:
        """Read up to `n` bytes, or end the connection where `n` is too many."""
        if n > MAX_PAYLOAD_BYTES:
            raise ConnectionAbortedError(f"a payload of {n} bytes is more than {MAX_PAYLOAD_BYTES}")
        return bytes(await super().read(n))


async def serve(config_path: Path, listener: socket.socket, parent: int) -> None:
    """Run the broker until SIGTERM or until the parent is gone."""
    Gate.rights = Rights.read(config_path)
    # The listener is external so that the reader can be ours.
    broker = Broker(
        BrokerConfig(
            listeners={_LISTENER: ListenerConfig(type=ListenerType.EXTERNAL)},
            plugins={f"{Gate.__module__}.{Gate.__name__}": {}},
        )
    )
    drop_rights(config_path)
    stopped = asyncio.Event()

    def reload() -> None:
        Gate.rights = Rights.read(config_path)
        log.info(RIGHTS_READ)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    loop.add_signal_handler(signal.SIGHUP, reload)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await broker.external_connected(BoundedReader(reader), StreamWriterAdapter(writer), _LISTENER)

    await broker.start()
    server = await asyncio.start_server(connected, sock=listener)
    log.info(SERVING)
    while not stopped.is_set() and os.getppid() == parent:
        try:
            await asyncio.wait_for(stopped.wait(), _PARENT_POLL_S)
        except TimeoutError:
            continue
    server.close()
    await broker.shutdown()


def drop_rights(owned: Path) -> None:
    """Become the owner of a file, for good, when started as root."""
    if os.geteuid() != 0:
        return
    owner = owned.stat()
    if owner.st_uid == 0:
        raise SystemExit("The broker does not run as root: its config must belong to an unprivileged user.")
    os.setgroups([])
    os.setgid(owner.st_gid)
    os.setuid(owner.st_uid)


def main(arguments: list[str]) -> int:
    """Start from a config file."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    log.setLevel(logging.INFO)
    config_path = Path(arguments[0])
    config: dict[str, Any] = json.loads(config_path.read_text(encoding="utf-8"))
    # Before the rights are dropped: afterwards an interpreter in root's home cannot import any more.
    with socket.create_server(("127.0.0.1", int(config["port"]))) as listener:
        asyncio.run(serve(config_path, listener, int(config["parent"])))
    return 0


if __name__ == "__main__":
    # As __main__ the plug-in would be a second class: run the module that amqtt imports.
    from davy.servers import amqtt_broker

    sys.exit(amqtt_broker.main(sys.argv[1:]))
