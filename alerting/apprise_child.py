"""Hands one message to Apprise, in a process that does nothing else: asked on standard input, answered on standard output, both JSON.

What the process may do is held by an audit hook (PEP 578), which nothing takes away again: it connects to public addresses and to
those of the allow list alone, whatever a name server or a redirect says, starts no program, writes no file and reads none but Python's own
and the machine's certificates: some services take a template from a file that the URL names. The hook sees the address that is connected to
and the file that is opened, so there is nothing to check before and to change afterwards.
"""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

# Run as a file, by a Python that is not ours: this one module is found beside it, and all else in that Python's own environment.
if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from alerting.public import is_public

if __name__ == "__main__":
    del sys.path[0]

_CONNECTS: Final = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_STARTS: Final = frozenset(
    {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "pty.spawn"}
)
_WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
# What the library needs: its environment, what the machine trusts, and how it calls kinds of files.
_READS: Final = (
    "/usr/",
    "/etc/ssl/",
    "/etc/pki/",
    "/etc/ca-certificates/",
    "/etc/mime.types",
    "/dev/null",
    "/dev/urandom",
)
_STATUS: Final = re.compile(r"error=(\d{3})\b")


class Guard:
    """The hook.

    Args:
        allow: (address, port) that need not be public.
    """

    def __init__(self, allow: Iterable[tuple[str, int]]) -> None:
        self._allow = frozenset(allow)
        own = {os.path.realpath(place) for place in (sys.prefix, sys.exec_prefix, sys.base_prefix)} - {"/"}
        self._reads = (*(f"{place}{os.sep}" for place in sorted(own)), *_READS)
        self.refused = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Raises where the process would do what it may not."""
        if event in _CONNECTS:
            if not self._may_go(arguments[1]):
                self.refused = True
                raise PermissionError("not on the public internet")
        elif event in _STARTS or (event == "open" and not self._may_open(*arguments)):
            raise PermissionError(event)

    def _may_open(self, path: object, mode: object, flags: object) -> bool:
        if isinstance(flags, int) and flags & _WRITES:
            return False
        if isinstance(path, int):  # open already
            return True
        return os.path.realpath(os.fsdecode(path)).startswith(self._reads)  # type: ignore[arg-type]

    def _may_go(self, to: object) -> bool:
        if not isinstance(to, tuple) or len(to) < 2:  # a socket of this machine
            return False
        host, port = str(to[0]), to[1]
        if (host.partition("%")[0], port) in self._allow:
            return True
        try:
            return is_public(host)
        except ValueError:  # a name: whoever resolves it connects to what we see here again
            return False


class Statuses(logging.Handler):
    """The last HTTP status that the library has met; its words may hold the URL."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.last: int | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """One line of the library's."""
        found = _STATUS.search(record.getMessage())
        if found is not None:
            self.last = int(found[1])


def deliver(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Whether the service took it; where not, why: missing, url, refused or failed, and the HTTP status, if one was met."""
    try:
        import apprise  # some tenths of a second, and only here
    except ImportError:
        return {"sent": False, "why": "missing"}

    statuses = Statuses()
    logging.getLogger("apprise").addHandler(statuses)
    logging.getLogger("apprise").setLevel(logging.DEBUG)
    asset = apprise.AppriseAsset(async_mode=False, storage_mode="memory", secure_logging=True)
    guard = Guard(_addresses(asked["allow"]))
    sys.addaudithook(guard)
    receiver = apprise.Apprise.instantiate(asked["url"], asset=asset)
    if receiver is None:
        return {"sent": False, "why": "url"}
    # Whatever the URL says: trying again is the outbox's, a failure is a failure, and nobody is followed or believed unseen.
    receiver.retry, receiver.wait, receiver.optional = 0, 0.0, False
    receiver.redirects, receiver.verify_certificate = False, True
    receiver.socket_connect_timeout = receiver.socket_read_timeout = float(asked["timeout_s"])
    kind = apprise.NotifyType.FAILURE if asked["urgent"] else apprise.NotifyType.WARNING
    sent = receiver.notify(
        title=asked["title"], body=asked["body"], notify_type=kind, body_format=apprise.NotifyFormat.TEXT
    )
    if sent:
        return {"sent": True}
    return {"sent": False, "why": "refused" if guard.refused else "failed", "status": statuses.last}


def _addresses(allow: Iterable[str]) -> list[tuple[str, int]]:
    found = []
    for entry in allow:
        host, _, port = entry.rpartition(":")
        try:
            resolved = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError):
            continue
        found += [(str(address[4][0]), int(port)) for address in resolved]
    return found


if __name__ == "__main__":
    answer = deliver(json.load(sys.stdin))
    sys.stdout.write(json.dumps(answer))
