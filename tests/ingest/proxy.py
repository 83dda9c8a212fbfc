"""A TCP proxy between a worker and its database, which cuts connections at a place in PostgreSQL's protocol."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

_UNTYPED = (80877103, 80877104)  # SSLRequest and GSSENCRequest: answered with one byte, then the start-up packet comes


@dataclass(frozen=True, slots=True)
class Trap:
    """Where to cut.

    Args:
        words: of a frame that the client sends.
        every: each so manieth of them.
        times: how often it is cut, all in all.
        answered: the frame goes through and the server's answer is swallowed; else the frame itself is.
    """

    words: bytes
    every: int = 1
    times: int = 1
    answered: bool = False


class _Link:
    """One client's connection and the one made for it."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client, self.server = client, server
        self.swallows = False

    def close(self) -> None:
        for end in (self.client, self.server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Proxy:
    """Listens on a port of its own; `url` gives an address by way of it."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._guard = threading.Lock()
        self._links: set[_Link] = set()
        self._trap: Trap | None = None
        self._seen = self.sprung = 0
        self._open = True
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, direct: str) -> str:
        """An address, by way of this proxy."""
        host = urlsplit(direct)
        port = self._listener.getsockname()[1]
        return direct.replace(f"@{host.hostname}:{host.port}/", f"@127.0.0.1:{port}/")

    def set(self, trap: Trap) -> None:
        """Cuts there from now on; `sprung` counts how often it did."""
        with self._guard:
            self._trap, self._seen, self.sprung = trap, 0, 0

    def cut(self) -> None:
        """Ends all connections, and takes none until `mend`."""
        with self._guard:
            self._open = False
            links, self._links = list(self._links), set()
        for link in links:
            link.close()

    def mend(self) -> None:
        """Takes connections again."""
        with self._guard:
            self._open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with self._guard:
                    if not self._open:
                        client.close()
                        continue
                    try:
                        link = _Link(client, socket.create_connection(self._target, 5))
                    except OSError:
                        client.close()
                        continue
                    link.server.settimeout(None)
                    self._links.add(link)
                for pump in (self._forward, self._answer):
                    threading.Thread(target=pump, args=(link,), daemon=True).start()

    def _forward(self, link: _Link) -> None:
        """From the client to the server, frame by frame."""
        started = False
        with suppress(OSError, EOFError):
            while True:
                if started:
                    head = _exactly(link.client, 5)
                    body = _exactly(link.client, int.from_bytes(head[1:], "big") - 4)
                else:
                    head = _exactly(link.client, 4)
                    body = _exactly(link.client, int.from_bytes(head, "big") - 4)
                    started = int.from_bytes(body[:4], "big") not in _UNTYPED
                if self._caught(body) and not self._let_through(link):
                    break
                link.server.sendall(head + body)
        self._end(link)

    def _caught(self, body: bytes) -> bool:
        """Whether the trap springs at this frame."""
        with self._guard:
            trap = self._trap
            if trap is None or self.sprung == trap.times or trap.words not in body:
                return False
            self._seen += 1
            if self._seen % trap.every:
                return False
            self.sprung += 1
            return True

    def _let_through(self, link: _Link) -> bool:
        assert self._trap is not None
        link.swallows = self._trap.answered
        return link.swallows

    def _answer(self, link: _Link) -> None:
        """From the server to the client."""
        with suppress(OSError, EOFError):
            while (found := link.server.recv(65536)) and not link.swallows:
                link.client.sendall(found)
        self._end(link)

    def _end(self, link: _Link) -> None:
        link.close()
        with self._guard:
            self._links.discard(link)


def _exactly(end: socket.socket, size: int) -> bytes:
    """So many bytes; EOFError where there are fewer."""
    found = bytearray()
    while len(found) < size:
        part = end.recv(size - len(found))
        if not part:
            raise EOFError
        found += part
    return bytes(found)
