"""Signed webhooks after Standard Webhooks 1.0.0: webhook-id is the notification's key, so a receiver can drop repeats.

Private, loopback, link-local and redirected addresses are refused, with an allow list for the receivers of the machine's own.
A secret is changed without a gap: while its name stands twice in the settings, every message carries both signatures.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import ClassVar, Final, Self

from standardwebhooks import Webhook as Signer

from alerting.channels.channel import Address, Channel
from alerting.channels.post import Poster, refuse
from alerting.channels.secrets import entries
from alerting.message import Message
from alerting.receipts import Stage
from core.errors import BadSetting, DeliveryFailed
from core.limit_rule import AddressRule
from core.settings import Settings

LONGEST_BODY: Final = 20_000  # bytes; Standard Webhooks asks for less than 20 kB


class Webhook(Channel):
    """HTTP POST to the receiver's URL.

    Args:
        secrets: name -> signing secret (`whsec_...`), or several of them; an address names the one it uses.
        allow: "host:port" that may be private, and may be plain http.
        monotonic: seconds of a clock that never goes back, for the time-out over all.
    """

    name: ClassVar[str] = "webhook"
    addresses: ClassVar[AddressRule] = AddressRule(
        re.compile(r"https?://[^\s/@]+(/\S*)?"), "an http or https address without user and password", signed=True
    )
    replaces: ClassVar[bool] = True  # by the field `group`, which the receiver keeps one entry of
    proves: ClassVar[Stage] = Stage.DELIVERED

    def __init__(
        self,
        secrets: Mapping[str, str | Sequence[str]],
        allow: Iterable[str] = (),
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._signers = {
            name: [_signer(name, each) for each in ([found] if isinstance(found, str) else found)]
            for name, found in secrets.items()
        }
        self._poster = Poster("Webhooks", allow, monotonic=monotonic)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """None without a signing secret: nothing goes out unsigned."""
        if settings.webhook_secrets is None:
            return None
        return cls(parse_secrets(settings.webhook_secrets.get_secret_value()), settings.webhook_allow_private)

    def send(self, message: Message, address: Address, *, now: datetime, timeout_s: float) -> str:
        """Posts the message; the receipt is the receiver's status."""
        signers = self._signers.get(address.secret_ref or "")
        if signers is None:
            raise DeliveryFailed(f"The settings have no webhook secret {address.secret_ref!r}.", permanent=False)
        body = _body(message, now)
        headers = {
            "content-type": "application/json",
            "webhook-id": message.key,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(each.sign(message.key, now.astimezone(UTC), body) for each in signers),
        }
        answer = self._poster.post(address.text, headers, body.encode(), timeout_s=timeout_s)
        refuse(answer, now)
        return f"HTTP {answer.status}"


def parse_secrets(text: str) -> dict[str, list[str]]:
    """Name -> secrets of `NAME=whsec_..., NAME=whsec_...`, in their order; a name that stands twice has two.

    Raises:
        BadSetting: an entry of another form; the secret is not shown.
    """
    found: dict[str, list[str]] = {}
    for name, secret in entries(text):
        if not name or not secret.startswith("whsec_"):
            raise BadSetting(
                "DAVY_WEBHOOK_SECRETS has an entry that is not NAME=whsec_...; entries are separated by commas."
            )
        found.setdefault(name, []).append(secret)
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
