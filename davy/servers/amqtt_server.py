"""The handle of the laptop's broker: starts amqtt in a process of its own, which never has root's rights."""

import hashlib
import hmac
import importlib.metadata
import importlib.util
import json
import os
import secrets
import shutil
import signal
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from davy.servers import run_folder
from davy.servers.broker import Access
from davy.servers.child import Child
from davy.servers.errors import ServerUnavailable
from davy.servers.processes import Account, free_port, server_account, wait_until
from davy.servers.run_folder import write_private

_ROOT = Path(__file__).resolve().parents[2]
_START_TIMEOUT_S = 30.0
_RELOAD_TIMEOUT_S = 10.0
_SERVING, _RIGHTS_READ = "INFO davy.amqtt serving", "INFO davy.amqtt rights read"


@dataclass(frozen=True)
class AmqttServer:
    """A running amqtt; see `Broker` for what the methods promise. It keeps nothing over a restart."""

    host: str
    port: int
    folder: Path
    version: str
    _access: list[Access] = field(repr=False)
    _key: bytes = field(repr=False)
    _account: Account | None
    _child: Child
    kind: Literal["amqtt"] = "amqtt"

    @property
    def pid(self) -> int:
        """Its process id; 0 while it is stopped."""
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._child.running

    @property
    def log(self) -> Path:
        """Its log file."""
        return self._child.log

    @property
    def url(self) -> str:
        """`mqtt://host:port`, without credentials."""
        return f"mqtt://{self.host}:{self.port}"

    def set_credentials(self, credentials: Mapping[str, str]) -> None:
        """Replace all users and passwords; who is connected with one that is gone may nothing any more."""
        self._apply(self._access[0].with_credentials(credentials))

    def set_models(self, models: Iterable[str]) -> None:
        """Say which models there are."""
        self._apply(self._access[0].with_models(models))

    def _apply(self, access: Access) -> None:
        self._access[0] = access
        _write_config(self.folder, self.port, self._key, access, self._account)
        if not self.running:
            return
        before = self._logged(_RIGHTS_READ)
        self._child.send(signal.SIGHUP)
        if not wait_until(lambda: self._logged(_RIGHTS_READ) > before, _RELOAD_TIMEOUT_S):
            raise ServerUnavailable(f"amqtt did not take the new rights: {self._child.last_words()}")

    def stop(self) -> None:
        """Stop in order."""
        self._child.stop()

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        self._child.kill()

    def restart(self) -> None:
        """Start again on the same port, without sessions and retained messages."""
        self.stop()
        before = self._logged(_SERVING)
        self._child.start(lambda: self._logged(_SERVING) > before, _START_TIMEOUT_S)

    def close(self) -> None:
        """Stop and remove everything."""
        self._child.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _logged(self, line: str) -> int:
        return self.log.read_text(encoding="utf-8", errors="replace").count(line) if self.log.exists() else 0


def start_amqtt(access: Access) -> AmqttServer:
    """Start an amqtt.

    Raises:
        ServerUnavailable: with a sentence that says what is missing.
    """
    if importlib.util.find_spec("amqtt") is None:
        raise ServerUnavailable("The embedded broker needs the package amqtt: run make setup, or install mosquitto.")
    account = server_account()
    folder = run_folder.claim("amqtt")
    try:
        port = free_port()
        key = secrets.token_bytes(32)  # kept for its life, so that an unchanged password keeps its digest
        _write_config(folder, port, key, access, account)
        # -P: with the run folder on the path, whoever owns it could run code as root.
        command = [sys.executable, "-P", "-m", "davy.servers.amqtt_broker", str(folder / "config.json")]
        child = Child(
            *(folder, command, account, signal.SIGTERM),
            drops_rights_itself=True,
            environment={"PYTHONPATH": str(_ROOT)},
        )
        version = importlib.metadata.version("amqtt")
        server = AmqttServer("127.0.0.1", port, folder, version, [access], key, account, child)
        server.restart()
    except ServerUnavailable:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return server


def _write_config(folder: Path, port: int, key: bytes, access: Access, account: Account | None) -> None:
    digests = {user: hmac.digest(key, word.encode(), hashlib.sha256).hex() for user, word in access.credentials.items()}
    config = {
        "port": port,
        "parent": os.getpid(),
        "key": key.hex(),
        "digests": digests,
        "readers": sorted(access.readers),
        "publishers": sorted(access.publishers),
        "scorers": sorted(access.scorers),
        "models": sorted(access.models),
    }
    write_private(folder / "config.json", json.dumps(config), account)
