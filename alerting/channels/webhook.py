"""Signed webhooks after Standard Webhooks 1.0.0: webhook-id is the notification's key, so a receiver can drop repeats.

Private, loopback, link-local and redirected addresses are refused, with an allow list for the receivers of the machine's own.
"""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import ClassVar, Final, Self
from urllib.parse import urlsplit

import httpcore
from standardwebhooks import Webhook as Signer

from alerting.channels.channel import Address, Channel
from alerting.channels.connect import ForbiddenAddress, PinnedBackend, host_port
from alerting.message import Message
from core.errors import BadSetting, DeliveryFailed
from core.limit_rule import AddressRule
from core.settings import Settings

LONGEST_BODY: Final = 20_000  # bytes; Standard Webhooks asks for less than 20 kB
_LONGEST_ANSWER: Final = 4_096  # bytes of an answer that are read; the status says it all
_GONE: Final = 410
_TOO_MANY: Final = 429
_UNAVAILABLE: Final = 503
_LONGEST_ASKED: Final = 86_400.0  # seconds of a Retry-After that are believed


class Webhook(Channel):
    """HTTP POST to the receiver's URL.

    Args:
        secrets: name -> signing secret (`whsec_...`); an address names the one it uses.
        allow: "host:port" that may be private, and may be plain http.
        monotonic: seconds of a clock that never goes back, for the time-out over all.
    """

    name: ClassVar[str] = "webhook"
    addresses: ClassVar[AddressRule] = AddressRule(
        re.compile(r"https?://[^\s/@]+(/\S*)?"), "an http or https address without user and password", signed=True
    )

    def __init__(
        self, secrets: Mapping[str, str], allow: Iterable[str] = (), *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._signers = {name: _signer(name, secret) for name, secret in secrets.items()}
        self._allow = frozenset(entry.lower() for entry in allow)
        self._monotonic = monotonic
        self._tls = ssl.create_default_context()

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """None without a signing secret: nothing goes out unsigned."""
        if settings.webhook_secrets is None:
            return None
        return cls(parse_secrets(settings.webhook_secrets.get_secret_value()), settings.webhook_allow_private)

    def send(self, message: Message, address: Address, *, now: datetime, timeout_s: float) -> str:
        """Posts the message; the receipt is the receiver's status."""
        signer = self._signers.get(address.secret_ref or "")
        if signer is None:
            raise DeliveryFailed(f"The settings have no webhook secret {address.secret_ref!r}.", permanent=False)
        self._check(address.text)
        body = _body(message, now)
        headers = {
            "content-type": "application/json",
            "user-agent": "Davy",
            "webhook-id": message.key,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signer.sign(message.key, now.astimezone(UTC), body),
        }
        status, retry_after = self._post(address.text, headers, body.encode(), self._monotonic() + timeout_s)
        if 200 <= status < 300:
            return f"HTTP {status}"
        _refuse(status, retry_after, now)
        raise AssertionError(status)

    def _post(self, url: str, headers: dict[str, str], body: bytes, deadline: float) -> tuple[int, str | None]:
        """(status, Retry-After) of the answer."""
        backend = PinnedBackend(self._allow, deadline=deadline, monotonic=self._monotonic)
        try:
            with (
                httpcore.ConnectionPool(ssl_context=self._tls, network_backend=backend, max_connections=1) as pool,
                pool.stream("POST", url, headers=list(headers.items()), content=body) as response,
            ):
                read = 0
                for part in response.iter_stream():
                    read += len(part)
                    if read > _LONGEST_ANSWER:
                        break
                answered = {name.lower(): text for name, text in response.headers}
                retry_after = answered.get(b"retry-after")
                return response.status, retry_after.decode("latin-1") if retry_after is not None else None
        except ForbiddenAddress as error:
            raise DeliveryFailed(f"Webhooks do not go there: {error}.", permanent=True) from error
        except (
            httpcore.NetworkError,
            httpcore.TimeoutException,
            httpcore.ProtocolError,
            ssl.SSLError,
            OSError,
        ) as error:
            words = " ".join(str(error).split())[:200] or type(error).__name__
            raise DeliveryFailed(
                f"The webhook's receiver {_host(url)} did not answer well: {words}", permanent=False
            ) from error

    def _check(self, url: str) -> None:
        """An URL we would never send to is refused before anything is looked up."""
        try:
            parts = urlsplit(url)
            port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
        except ValueError as error:
            raise DeliveryFailed("The webhook's address is not an URL.", permanent=True) from error
        if port is None or not parts.hostname or parts.username is not None or not url.isascii():
            raise DeliveryFailed("The webhook's address is not an http(s) URL without credentials.", permanent=True)
        if parts.scheme == "http" and host_port(parts.hostname, port) not in self._allow:
            raise DeliveryFailed(f"Alarms do not go to {parts.hostname} in the clear: use https.", permanent=True)


def parse_secrets(text: str) -> dict[str, str]:
    """Name -> secret of `NAME=whsec_..., NAME=whsec_...`.

    Raises:
        BadSetting: an entry of another form; the secret is not shown.
    """
    found = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, equals, secret = (part.strip() for part in entry.partition("="))
        if not name or not equals or not secret.startswith("whsec_"):
            raise BadSetting(
                "DAVY_WEBHOOK_SECRETS has an entry that is not NAME=whsec_...; entries are separated by commas."
            )
        found[name] = secret
    return found


def _signer(name: str, secret: str) -> Signer:
    try:
        return Signer(secret)
    except (ValueError, RuntimeError) as error:
        raise BadSetting(f"The webhook secret {name} is not whsec_ and base64 of 24 to 64 bytes.") from error


def _body(message: Message, now: datetime) -> str:
    """Type, timestamp and fields, as Standard Webhooks lays them out; the text is left out where it would be too long."""
    fields = {**message.fields, "subject": message.subject, "text": message.text}
    for left_out in ({}, {"text": None}, {"text": None, "consequence": None, "response": None}):
        payload = {"type": "alarm.unacknowledged", "timestamp": now.isoformat(), "data": {**fields, **left_out}}
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        if len(body.encode()) < LONGEST_BODY:
            return body
    raise DeliveryFailed("The message is too long for a webhook.", permanent=True)


def _refuse(status: int, retry_after: str | None, now: datetime) -> None:
    """The answer to a status that is not success."""
    if 300 <= status < 400:
        raise DeliveryFailed(f"The receiver redirects (HTTP {status}); webhooks follow nobody.", permanent=True)
    if status == _GONE:
        raise DeliveryFailed("The receiver wants no more webhooks (HTTP 410).", permanent=True)
    asked = _asked(retry_after, now) if status in (_TOO_MANY, _UNAVAILABLE) else None
    # A 4xx can be a receiver's passing mistake (a lost route, an expired key): it is tried again, as the standard asks.
    raise DeliveryFailed(f"The receiver answered HTTP {status}.", permanent=False, retry_after_s=asked)


def _asked(retry_after: str | None, now: datetime) -> float | None:
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
    """The host alone: an URL of a webhook can hold a secret."""
    return urlsplit(url).hostname or "?"
