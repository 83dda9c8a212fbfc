"""What the system knows about processes, ports and accounts."""

import contextlib
import os
import pwd
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from davy.servers.cache import is_root
from davy.servers.errors import ServerUnavailable

_POLL_S = 0.02
_LONGEST_POLL_S = 0.25
_REST = 4  # times as long as a look took: looking keeps nobody else from the processor
_PORTS = range(20000, 32000)  # Linux gives 32768 and up to clients, others 49152 and up
_GONE_STATES = {"Z", "X"}  # proc(5): zombie, dead


@dataclass(frozen=True)
class Account:
    """The user that servers run as when root starts them."""

    uid: int
    gid: int

    def own(self, *paths: Path) -> None:
        """Give files or folders to this user."""
        for path in paths:
            os.chown(path, self.uid, self.gid)


def server_account() -> Account | None:
    """Who servers must run as: an unprivileged user for root, None (oneself) for everybody else."""
    if not is_root():
        return None
    for name in ("nobody", "daemon"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    raise ServerUnavailable("Root starts servers as the user nobody, and this system has no such user: add it.")


def readable_for(path: Path, account: Account | None) -> bool:
    """Whether an account can reach and read a file or folder, going by the mode bits for others."""
    if account is None:
        return os.access(path, os.R_OK)
    passable = all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents)
    return passable and bool(path.stat().st_mode & 0o004)


def free_port() -> int:
    """A loopback port that nobody listens on, from below the range that outgoing connections are given.

    In that range a client could sit on the port while a server is restarted.
    """
    for port in secrets.SystemRandom().sample(_PORTS, len(_PORTS)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise ServerUnavailable(f"All ports from {_PORTS.start} to {_PORTS.stop} are in use.")


def need_port(port: int) -> None:
    """Says so at once where a loopback port that was asked for is taken, not after all else has been started.

    Raises:
        ServerUnavailable: it cannot be listened on.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ServerUnavailable(
                f"Port {port} of 127.0.0.1 cannot be used: {error.strerror}. Give another with --port, or 0 for a free one."
            ) from error


def accepts_connections(port: int) -> bool:
    """Whether somebody listens on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def started_at(pid: int) -> str | None:
    """When a process started, as a word to compare; None when it is gone (a zombie is gone)."""
    if not os.path.exists("/proc/self/stat"):
        said = _ps("-o", "lstart=", "-p", str(pid))
        return "".join(filter(str.isalnum, said)) or None
    fields = _stat_fields(pid)
    return None if not fields or fields[0] in _GONE_STATES else fields[19]


def descendants(pid: int) -> list[int]:
    """The processes below a process, children before grandchildren."""
    if os.path.exists("/proc/self/stat"):
        every = {int(name): _stat_fields(int(name)) for name in os.listdir("/proc") if name.isdigit()}
        parents = {child: int(fields[1]) for child, fields in every.items() if fields}
    else:
        parents = {int(child): int(parent) for child, parent in map(str.split, _ps("-Ao", "pid=,ppid=").splitlines())}
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def kill_tree(pid: int) -> None:
    """SIGKILL a process and everything below it; it is stopped first, so that it starts nothing more meanwhile."""
    _signal(pid, signal.SIGSTOP)
    for one in [pid, *descendants(pid)]:
        _signal(one, signal.SIGKILL)


def wait_until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Wait for something outside this process; False when the time is over. What is dear to look at is looked at less often."""
    deadline = time.monotonic() + timeout_s
    while True:
        began = time.monotonic()
        if condition():
            return True
        now = time.monotonic()
        if now > deadline:
            return False
        time.sleep(min(max(_POLL_S, _REST * (now - began)), _LONGEST_POLL_S))


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name, from the state on; empty when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return []
    # The name stands in brackets and may hold spaces and brackets itself.
    return text.rpartition(")")[2].split()


def _ps(*arguments: str) -> str:
    return subprocess.run(["ps", *arguments], capture_output=True, text=True, check=False).stdout
