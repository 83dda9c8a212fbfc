"""Fetching a calendar of the company's own: over TLS, to the public internet or what the allow list names, following nobody.

Whoever may set the address of a calendar must not be able to read what only this machine can reach; see alerting/channels/connect.py.
"""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeGuard
from urllib.parse import urlsplit

import httpcore

from alerting.calendar_reading import LARGEST
from alerting.channels.connect import ForbiddenAddress, PinnedBackend, host_port
from core.errors import BadInput

LONGEST_S: Final = 10.0  # over all, so that a server that drips holds nobody up
# Of an ETag or a date that is kept and sent back: others than these cannot be sent, and longer ones are nobody's.
_VALIDATOR: Final = re.compile(r"[\x20-\x7e]{1,256}")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came.

    Args:
        content: None: what we have is still so.
    """

    content: bytes | None
    etag: str | None
    last_modified: str | None


def check_url(url: str, allow: Iterable[str] | None = None) -> str:
    """The host of an address that a calendar may be fetched from.

    Args:
        allow: "host:port" that may be asked without TLS; None: that is not looked at yet.

    Raises:
        BadInput: another kind of address, with what would be right.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError as error:
        raise BadInput("The address of a calendar is like https://calendar.example/duty.ics.") from error
    if parts.scheme not in ("http", "https") or not url.isascii() or not url.isprintable():
        raise BadInput("The address of a calendar is like https://calendar.example/duty.ics.")
    if port is None or not parts.hostname or parts.username is not None:
        raise BadInput("The address of a calendar is like https://calendar.example/duty.ics.")
    if (
        allow is not None
        and parts.scheme != "https"
        and host_port(parts.hostname, port) not in {each.lower() for each in allow}
    ):
        raise BadInput("A calendar is fetched over https only.")
    return parts.hostname


def fetch(
    url: str,
    *,
    etag: str | None,
    last_modified: str | None,
    allow: Iterable[str] = (),
    monotonic: Callable[[], float] = time.monotonic,
) -> Fetched:
    """The calendar as it is now, or that it has not changed (RFC 9110 13.1).

    Raises:
        BadInput: it cannot be had; a sentence without the address, which can hold a secret.
    """
    allowed = frozenset(each.lower() for each in allow)
    host = check_url(url, allowed)
    headers = [("user-agent", "Davy"), ("accept", "text/calendar"), ("accept-encoding", "identity")]
    validators = (("if-none-match", etag), ("if-modified-since", last_modified))
    headers += [(name, text) for name, text in validators if _can_be_sent(text)]
    backend = PinnedBackend(allowed, deadline=monotonic() + LONGEST_S, monotonic=monotonic)
    try:
        with (
            httpcore.ConnectionPool(
                ssl_context=ssl.create_default_context(), network_backend=backend, max_connections=1
            ) as pool,
            pool.stream("GET", url, headers=headers) as response,
        ):
            return _taken(response, host)
    except ForbiddenAddress as error:
        raise BadInput(f"Calendars are not fetched from there: {error}.") from error
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, ssl.SSLError, OSError) as error:
        words = " ".join(str(error).split())[:200] or type(error).__name__
        raise BadInput(f"{host} did not answer well: {words}.") from error


def _taken(response: httpcore.Response, host: str) -> Fetched:
    named = {name.lower(): text.decode("latin-1") for name, text in response.headers}
    etag, last_modified = named.get(b"etag"), named.get(b"last-modified")
    known = etag if _can_be_sent(etag) else None, last_modified if _can_be_sent(last_modified) else None
    if response.status == 304:
        return Fetched(None, *known)
    if 300 <= response.status < 400:
        raise BadInput(
            f"{host} redirects (HTTP {response.status}), and nobody is followed; give the address that it leads to."
        )
    if response.status != 200:
        raise BadInput(f"{host} answered HTTP {response.status}.")
    content = b""
    for part in response.iter_stream():
        content += part
        if len(content) > LARGEST:
            raise BadInput(f"The calendar has more than {LARGEST} bytes; shorten it.")
    return Fetched(content, *known)


def _can_be_sent(validator: str | None) -> TypeGuard[str]:
    return validator is not None and _VALIDATOR.fullmatch(validator) is not None
