"""One HTTP request to somebody else's server, as every channel that speaks HTTP makes it.

Over TLS, to the public internet or to what the allow list names, to an address that was checked when connecting, within a
time-out over all, following nobody, reading little. What goes wrong is told without the address: it can hold a secret.
"""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

import httpcore

from alerting.channels.connect import ForbiddenAddress, PinnedBackend, host_port
from core.errors import AddressGone, DeliveryFailed

_LONGEST_ANSWER: Final = 4_096  # bytes of an answer that are read; it says all in less
_GONE: Final = 410
_TOO_MANY: Final = 429
_UNAVAILABLE: Final = 503
_LONGEST_ASKED: Final = 86_400.0  # seconds of a Retry-After that are believed
JSON_TYPE: Final = "application/json; charset=utf-8"
FORM_TYPE: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said.

    Args:
        retry_after: the header as it came; None without it.
        body: at most its first 4 KB.
    """

    status: int
    retry_after: str | None
    body: bytes

    def document(self) -> dict[str, Any]:
        """The body as a JSON object; empty where it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def asked_s(self, now: datetime) -> float | None:
        """Seconds it asks us to wait; None where it does not, or not in words of RFC 9110."""
        return asked_s(self.retry_after, now) if self.status in (_TOO_MANY, _UNAVAILABLE) else None


class Poster:
    """Makes requests. Threads share one.

    Args:
        what: what it sends, as it begins a sentence: "Webhooks".
        allow: "host:port" that may be private, and may be plain http.
        monotonic: seconds of a clock that never goes back, for the time-out over all.
    """

    def __init__(
        self, what: str, allow: Iterable[str] = (), *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._what = what
        self._allow = frozenset(entry.lower() for entry in allow)
        self._monotonic = monotonic
        self._tls = ssl.create_default_context()

    def post(self, url: str, headers: Mapping[str, str], body: bytes, *, timeout_s: float) -> Answer:
        """The answer, whatever its status.

        Raises:
            DeliveryFailed: there is none, or the address is one we never send to.
        """
        self._check(url)
        backend = PinnedBackend(self._allow, deadline=self._monotonic() + timeout_s, monotonic=self._monotonic)
        sent = [("user-agent", "Davy"), *headers.items()]
        try:
            with (
                httpcore.ConnectionPool(ssl_context=self._tls, network_backend=backend, max_connections=1) as pool,
                pool.stream("POST", url, headers=sent, content=body) as response,
            ):
                read = b""
                for part in response.iter_stream():
                    read += part
                    if len(read) > _LONGEST_ANSWER:
                        break
                answered = {name.lower(): text for name, text in response.headers}
                retry_after = answered.get(b"retry-after")
                return Answer(
                    response.status,
                    retry_after.decode("latin-1") if retry_after is not None else None,
                    read[:_LONGEST_ANSWER],
                )
        except ForbiddenAddress as error:
            raise DeliveryFailed(f"{self._what} do not go there: {error}.", permanent=True) from error
        except (
            httpcore.NetworkError,
            httpcore.TimeoutException,
            httpcore.ProtocolError,
            ssl.SSLError,
            OSError,
        ) as error:
            words = " ".join(str(error).split())[:200] or type(error).__name__
            raise DeliveryFailed(f"{_host(url)} did not answer well: {words}", permanent=False) from error

    def _check(self, url: str) -> None:
        """An URL we would never send to is refused before anything is looked up."""
        try:
            parts = urlsplit(url)
            port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
        except ValueError as error:
            raise DeliveryFailed("The address is not an URL.", permanent=True) from error
        if port is None or not parts.hostname or parts.username is not None or not url.isascii():
            raise DeliveryFailed("The address is not an http(s) URL without credentials.", permanent=True)
        if parts.scheme == "http" and host_port(parts.hostname, port) not in self._allow:
            raise DeliveryFailed(f"Alarms do not go to {parts.hostname} in the clear: use https.", permanent=True)


def refuse(answer: Answer, now: datetime) -> None:
    """Raises what a status that is not success means; returns where it is one.

    A 4xx can be a receiver's passing mistake (a lost route, an expired key): it is tried again, as Standard Webhooks asks.
    """
    status = answer.status
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise DeliveryFailed(f"The receiver redirects (HTTP {status}); we follow nobody.", permanent=True)
    if status == _GONE:
        raise AddressGone("The receiver wants no more messages (HTTP 410).")
    raise DeliveryFailed(f"The receiver answered HTTP {status}.", permanent=False, retry_after_s=answer.asked_s(now))


def asked_s(retry_after: str | None, now: datetime) -> float | None:
    """Seconds that Retry-After (RFC 9110 10.2.3: seconds or a date) asks for, a day at most; None where it says nothing sound."""
    if retry_after is None:
        return None
    if re.fullmatch(r"\s*[0-9]+\s*", retry_after):
        return min(float(retry_after), _LONGEST_ASKED)
    try:
        asked = (parsedate_to_datetime(retry_after) - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(0.0, asked), _LONGEST_ASKED)


def _host(url: str) -> str:
    """The host alone: an URL can hold a secret."""
    return urlsplit(url).hostname or "?"
