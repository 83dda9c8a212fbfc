"""Group robots of the Chinese office platforms: one HTTPS POST to an address that is a secret itself.

What they have in common: the address holds the robot's token, so who knows it can write in the group; the platform answers
HTTP 200 and says in a code what became of it; and it throttles a robot that talks too fast, for minutes. A robot cannot be
answered, so its messages carry a link, and only a person on the page acknowledges.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from abc import abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

from alerting.channels.channel import Address
from alerting.channels.post import JSON_TYPE, Answer, refuse
from alerting.channels.secrets import SecretAddresses
from alerting.discreet import discreet
from alerting.message import Message
from core.errors import AddressGone, DeliveryFailed


class Robot(SecretAddresses):
    """One group robot a address; a secret signs, where the platform has signatures.

    Class attributes:
        title: what people call the platform.
        codes: where the answer has its code, the first that is there.
        gone, fast, never: codes that say the robot is not there any more, was throttled, cannot take this message.
        rest_s: how long a throttled robot rests.
    """

    sends: ClassVar[str] = "Robots' messages"
    title: ClassVar[str]
    codes: ClassVar[tuple[str, ...]] = ("errcode",)
    gone: ClassVar[frozenset[int]]
    fast: ClassVar[frozenset[int]]
    never: ClassVar[frozenset[int]]
    rest_s: ClassVar[float]

    def send(self, message: Message, address: Address, *, now: datetime, timeout_s: float) -> str:
        """The receipt is the platform's word."""
        if not self.addresses.pattern.fullmatch(address.text):
            raise DeliveryFailed(f"This is not the address of a {self.title} robot.", permanent=True)
        secret = self._secret(address, f"{self.title} secret") if self.addresses.signed else None
        query, document = self.request(message, secret, now)
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        answer = self._poster.post(_with(address.text, query), {"content-type": JSON_TYPE}, body, timeout_s=timeout_s)
        return self._judge(answer, address.text, now)

    @abstractmethod
    def request(self, message: Message, secret: str | None, now: datetime) -> tuple[dict[str, str], dict[str, Any]]:
        """What is added to the address, and the document that is posted."""

    def _judge(self, answer: Answer, address: str, now: datetime) -> str:
        """The receipt; raises what the code says otherwise."""
        refuse(answer, now)
        document = answer.document()
        code = next((document[name] for name in self.codes if name in document), None)
        if code == 0:
            return f"{self.title} took it"
        answered = "without a code" if code is None else code
        words = f"{self.title} answered {answered}: {discreet(said(document), address)}"
        if code in self.gone:
            raise AddressGone(words)
        raise DeliveryFailed(
            words, permanent=code in self.never, retry_after_s=self.rest_s if code in self.fast else None
        )


def signature(key: str, text: str) -> str:
    """HMAC-SHA256 in base64, as all of them sign."""
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()


def said(document: Mapping[str, Any]) -> str:
    """The platform's words on one line, not too long: it repeats what it was sent only in part."""
    words = document.get("errmsg") or document.get("msg") or document.get("StatusMessage") or "nothing"
    return " ".join(str(words).split())[:200]


def paragraphs(message: Message, limit: int, *, gap: str) -> str:
    """The message's text of at most `limit` bytes; where it is too long, its middle gives way and the links stay.

    >>> from alerting.message import Message
    >>> paragraphs(Message("k", "t", "en", True, "Gas", ("Gas at pump 3", "x" * 90, "https://davy.example/1", "Not a safety system."),
    ...     {"link": "https://davy.example/1"}), 60, gap=" / ")
    'Gas at pump 3 / … / https://davy.example/1'
    """
    lines = [harmless(line) for line in message.lines]
    whole = gap.join(lines)
    if len(whole.encode()) <= limit:
        return whole
    tail = gap.join(("…", *filter(None, (str(message.fields.get("link", "")), message.acknowledge_at))))
    room = limit - len((gap + tail).encode())
    kept: list[str] = []
    for line in lines:
        if len(gap.join([*kept, line]).encode()) > room:
            break
        kept.append(line)
    return gap.join([*kept, tail])


def harmless(text: str) -> str:
    """A plant's own words, so that they are no link, no tag and call nobody by name: `<@all>` would wake up a whole group.

    >>> harmless("<@all> see [here](https://evil.example)")
    '＜@all> see [here] (https://evil.example)'
    """
    return text.replace("<", "＜").replace("](", "] (")


def _with(url: str, query: Mapping[str, str]) -> str:
    if not query:
        return url
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(query)}"
