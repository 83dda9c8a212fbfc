"""A mosquitto of our own: hardened settings, random port on loopback, passwords and access list in its run folder."""

import base64
import hashlib
import os
import re
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from davy.servers import run_folder
from davy.servers.broker import TESTER, TOPIC_ROOT, Access
from davy.servers.child import Child
from davy.servers.errors import ServerUnavailable
from davy.servers.fetch import ensure_unpacked, unpacked_tree
from davy.servers.processes import Account, accepts_connections, free_port, server_account, wait_until
from davy.servers.run_folder import write_private

_SETTINGS = Path(__file__).resolve().parents[2] / "deploy" / "mosquitto.conf"
_START_TIMEOUT_S = 30.0
_RELOAD_TIMEOUT_S = 10.0
_RELOADED = "Reloading config."
# mosquitto_passwd's own cost. It is paid on the broker's only thread at each connect, and our passwords are random.
_ITERATIONS = 101
_SALT_BYTES = 12


@dataclass(frozen=True)
class MosquittoServer:
    """A running mosquitto; see `Broker` for what the methods promise."""

    host: str
    port: int
    folder: Path
    version: str
    _access: list[Access] = field(repr=False)
    _account: Account | None
    _child: Child
    kind: Literal["mosquitto"] = "mosquitto"

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
        """Replace all users and passwords; who is connected with one that is gone is sent away."""
        self._apply(self._access[0].with_credentials(credentials))

    def set_models(self, models: Iterable[str]) -> None:
        """Say which models there are."""
        self._apply(self._access[0].with_models(models))

    def _apply(self, access: Access) -> None:
        self._access[0] = access
        _write_access(self.folder, access, self._account)
        if not self.running:
            return
        before = self._reloads()
        self._child.send(signal.SIGHUP)
        if not wait_until(lambda: self._reloads() > before, _RELOAD_TIMEOUT_S):
            raise ServerUnavailable(f"mosquitto did not take the new rights: {self._child.last_words()}")

    def stop(self) -> None:
        """Stop in order: queues and retained messages are written."""
        self._child.stop()

    def kill(self) -> None:
        """SIGKILL, as a crash would: what came since the last autosave is lost."""
        self._child.kill()

    def restart(self) -> None:
        """Start again on the same port, with what it has persisted."""
        self.stop()
        self._child.start(lambda: accepts_connections(self.port), _START_TIMEOUT_S)

    def close(self) -> None:
        """Stop and remove everything."""
        self._child.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _reloads(self) -> int:
        return self.log.read_text(encoding="utf-8", errors="replace").count(_RELOADED)


def start_mosquitto(access: Access) -> MosquittoServer:
    """Start a mosquitto: the unpacked one, else an installed one, else unpack it first.

    Raises:
        ServerUnavailable: with a sentence that says what is missing.
    """
    program = find_mosquitto() or _unpacked_program(ensure_unpacked()[0])
    account = server_account()
    folder = run_folder.claim("mosquitto")
    try:
        port = free_port()
        _write_access(folder, access, account)
        _write_settings(folder, port, account)
        child = Child(folder, [str(program), "-c", "mosquitto.conf"], account, signal.SIGTERM)
        server = MosquittoServer("127.0.0.1", port, folder, mosquitto_version(program), [access], account, child)
        server.restart()
    except ServerUnavailable:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return server


def find_mosquitto() -> Path | None:
    """A mosquitto 2 that is already here, unpacked or installed; None where there is none."""
    unpacked = unpacked_tree()
    if unpacked is not None:
        return _unpacked_program(unpacked[0])
    on_path = shutil.which("mosquitto", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin")))
    if on_path is not None and mosquitto_version(Path(on_path)).startswith("2."):
        return Path(on_path)
    return None


def mosquitto_version(program: Path) -> str:
    """What `mosquitto -h` says its version is; empty where it does not say."""
    done = subprocess.run([program, "-h"], capture_output=True, text=True, check=False, start_new_session=True)
    found = re.search(r"version (\d+\.\d+\.\d+)", done.stdout + done.stderr)
    return found.group(1) if found else ""


def password_hash(password: str) -> str:
    """A password as mosquitto 2 stores it.

    Source: mosquitto's `$7$iterations$salt$hash`, PBKDF2 with HMAC-SHA-512, base64.
    """
    salt = secrets.token_bytes(_SALT_BYTES)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS)
    return f"$7${_ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def access_list(access: Access) -> str:
    """Mosquitto's ACL file for these rights."""
    lines = []
    for user in sorted(access.readers):
        lines += [f"user {user}", f"topic read {TOPIC_ROOT}/#", "topic read $SYS/#", ""]
    for user in sorted(access.publishers):
        denied = [f"topic deny {TOPIC_ROOT}/{model}/#" for model in sorted(access.models)]
        denied.append(f"topic deny {TOPIC_ROOT}/+/{TESTER}/#")
        lines += [f"user {user}", *denied, f"topic write {TOPIC_ROOT}/#", ""]
    for user in sorted(access.scorers if access.models else ()):
        lines += [
            f"user {user}",
            *(f"topic write {TOPIC_ROOT}/{model}/readings" for model in sorted(access.models)),
            "",
        ]
    # mosquitto refuses user names with a wildcard in them where a pattern is used.
    return "\n".join([*lines, f"pattern write {TOPIC_ROOT}/+/%u/#", ""])


def _write_access(folder: Path, access: Access, account: Account | None) -> None:
    passwords = "".join(f"{user}:{password_hash(word)}\n" for user, word in sorted(access.credentials.items()))
    write_private(folder / "passwords", passwords, account)
    write_private(folder / "access", access_list(access), account)


def _write_settings(folder: Path, port: int, account: Account | None) -> None:
    # Relative names: mosquitto's own settings format has no way to quote a path, and it works in the run folder.
    lines = [
        _SETTINGS.read_text(encoding="utf-8"),
        f"listener {port} 127.0.0.1",
        "password_file passwords",
        "acl_file access",
        "persistence_location ./",
    ]
    write_private(folder / "mosquitto.conf", "\n".join(lines) + "\n", account)


def _unpacked_program(tree: Path) -> Path:
    return tree / "usr/sbin/mosquitto"
