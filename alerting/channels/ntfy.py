"""ntfy: push to phones by a server that is the company's own, or ntfy.sh.

The topic is as good as a password, so its address is a secret. The actions are links that a phone opens (`view`), never requests
that it makes by itself (`http`): a person on the page acknowledges; nothing that merely fetches an address can. Apple's phones are woken through the public server, so what is
pushed there ought to be little: a server of one's own sends them only an id (`upstream-base-url`).

What belongs to a group goes out under one `sequence_id`: the phone then shows the newest in the place of the one before. A server older
than 2.16.0 does not know it and shows one after the other, which is no loss.

Source: docs.ntfy.sh/publish (publish as JSON, priorities 1 to 5, 4,096 bytes a message, view actions, updating by `sequence_id`), as found
in a public archive; never tried against a real server.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from alerting.channels.channel import Address
from alerting.channels.post import JSON_TYPE, refuse
from alerting.channels.robot import paragraphs
from alerting.channels.secrets import SETTING, SecretAddresses
from alerting.message import Message
from alerting.pace import Pace
from core.errors import DeliveryFailed
from core.i18n import translations
from core.limit_rule import AddressRule

LONGEST_TEXT: Final = 4_096  # bytes; more becomes an attachment, which a lock screen does not show
_URGENT, _USUAL = 5, 3  # of 1 to 5; 5 rings until somebody looks
_MISSING: Final = 404


class Ntfy(SecretAddresses):
    """One topic a address; a secret is an access token, and an address that names none goes without."""

    name: ClassVar[str] = "ntfy"
    sends: ClassVar[str] = "Pushed messages"
    addresses: ClassVar[AddressRule] = AddressRule(
        re.compile(r"https?://[^\s/?#@]+/[A-Za-z0-9_-]{1,64}"),
        "the address of an ntfy topic, https://ntfy.example/topic",
        secrets=SETTING,
        secret=True,
    )
    replaces: ClassVar[bool] = True
    # ntfy.sh gives a visitor 60 requests at once and one every 5 s after that; a server of one's own, what it is told.
    pace: ClassVar[Pace | None] = Pace(per_minute=12, kept=4)

    def send(self, message: Message, address: Address, *, now: datetime, timeout_s: float) -> str:
        """The receipt is the id that ntfy gives it."""
        if not self.addresses.pattern.fullmatch(address.text):
            raise DeliveryFailed("This is not the address of an ntfy topic.", permanent=True)
        headers = {"content-type": JSON_TYPE}
        if address.secret_ref is not None:
            headers["authorization"] = f"Bearer {self._secret(address, 'ntfy token')}"
        parts = urlsplit(address.text)
        body = json.dumps(document(message, parts.path[1:]), ensure_ascii=False).encode()
        answer = self._poster.post(f"{parts.scheme}://{parts.netloc}/", headers, body, timeout_s=timeout_s)
        if answer.status == _MISSING:
            # A proxy that lost its route says so too, and a topic cannot be gone: it comes into being by being written to.
            raise DeliveryFailed("There is no ntfy server at this address (HTTP 404).", permanent=False)
        refuse(answer, now)
        return f"ntfy took it as {str(answer.document().get('id', '?'))[:40]}"


def document(message: Message, topic: str) -> dict[str, Any]:
    """What is published; a tag that ntfy knows becomes a sign before the title."""
    link = str(message.fields.get("link", ""))
    _ = translations(message.language).gettext
    actions = [{"action": "view", "label": _("Open in Davy"), "url": link}]
    if message.acknowledge_at:
        actions.insert(0, {"action": "view", "label": _("Acknowledge…"), "url": message.acknowledge_at})
    return {
        **({"sequence_id": message.slot} if message.slot else {}),
        "topic": topic,
        "title": message.subject,
        "message": paragraphs(message, LONGEST_TEXT, gap="\n"),
        "priority": _URGENT if message.urgent else _USUAL,
        "tags": ["rotating_light"] if message.urgent else [],
        "click": link,
        "actions": actions,
    }
