"""Connections that cannot be led astray: a webhook's address is looked at when connecting, not when it was typed.

A name is resolved once, the addresses are checked, and the connection goes to a checked one: what a name server answers a
second later does not matter. Reading has a deadline over all, so that a receiver that drips bytes holds nobody up.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterable
from typing import Any

import httpcore

from alerting.public import is_public


class ForbiddenAddress(Exception):
    """The name leads to an address that no webhook may go to."""


class PinnedBackend(httpcore.NetworkBackend):
    """Connects to public addresses only, or to those on the allow list.

    Args:
        allow: "host:port" as it stands in an URL; its address is not looked at.
        deadline: when, by `monotonic`, everything must be over.
    """

    def __init__(self, allow: Iterable[str], *, deadline: float, monotonic: Callable[[], float]) -> None:
        self._allow = frozenset(entry.lower() for entry in allow)
        self._deadline = deadline
        self._monotonic = monotonic
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Resolves, checks, and connects to the first checked address that answers.

        Raises:
            ForbiddenAddress: one of the name's addresses is not public.
        """
        addresses = _resolve(host, port)
        if host_port(host, port) not in self._allow:
            for address in addresses:
                if not is_public(address):
                    raise ForbiddenAddress(f"{host} is at {address}, which is not on the public internet")
        failure: Exception | None = None
        for address in addresses:
            try:
                stream = self._inner.connect_tcp(address, port, self._left(), local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _Deadlined(stream, self._left)
        raise failure or httpcore.ConnectError(f"{host} has no address")

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        """Never."""
        raise ForbiddenAddress("a webhook does not go to a socket of this machine")

    def _left(self) -> float:
        left = self._deadline - self._monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("it took too long")
        return left


class _Deadlined(httpcore.NetworkStream):
    """A stream none of whose operations outlives the deadline."""

    def __init__(self, inner: httpcore.NetworkStream, left: Callable[[], float]) -> None:
        self._inner = inner
        self._left = left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._left())

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Deadlined(self._inner.start_tls(ssl_context, server_hostname, self._left()), self._left)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def host_port(host: str, port: int) -> str:
    """How the two stand in an URL and in the allow list.

    >>> host_port("Sink.example", 80), host_port("::1", 8080)
    ('sink.example:80', '[::1]:8080')
    """
    return f"[{host}]:{port}".lower() if ":" in host else f"{host}:{port}".lower()


def _resolve(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise httpcore.ConnectError(f"{host} has no address: {error}") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
