"""Links by which somebody acknowledges an alarm without logging in: signed, of one message to one person, for a time. Pure.

A link is worth as much as the message that carries it: whoever holds it can take on this one alarm, as of this one onset, in the
name of the person to whom the message went, once. What that person may is asked of the database when the link is used.

HMAC-SHA256 (RFC 2104), cut to 16 bytes, which is half of it and the least that RFC 2104 5 allows. The key is derived from that of the
settings (HKDF, RFC 5869). It has an id, which stands before what it signed: a new key is put first and signs from then on, the old one
stays in the settings for as long as its links last.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from alerting.delivery import Claimed, Envelope
from alerting.keys import derived, keys_by_name

PATH: Final = "/a/"  # what stands between the public address and the link: short, since a text has little room
_FORM: Final = re.compile(r"([A-Za-z0-9_.-]{1,32})\.([A-Za-z0-9_-]{48})")
# What mail programs and chats leave hanging at the end of an address that they have made clickable.
_HANGING: Final = ".,;:!?)>]}\"'。，；：！？）》】」…"
_LAYOUT: Final = struct.Struct(">QII6s")  # message, person, until, beginning of the hash of the message's key: 22 bytes
_UNUSED: Final = 2  # bytes at the front, always zero: numbers of messages end below 2**48
_MAC: Final = 16
_DIGEST: Final = 6


@dataclass(frozen=True, slots=True)
class Link:
    """What a link of ours says. That we signed it is certain; whether the message is still there is the database's to say.

    Args:
        expires_at: aware UTC.
        digest: of the message's key, and so of alarm, onset, step, person and channel: numbers of messages can come again where the
            database was set back.
    """

    notification_id: int
    person_id: int
    expires_at: datetime
    digest: bytes

    def is_of(self, key: str) -> bool:
        """Whether it was made for the message with this key."""
        return hmac.compare_digest(self.digest, _digest(key))


class Links:
    """Makes links and reads them.

    Args:
        keys: id -> at least 32 random bytes; the first signs, all are believed.
        lasting: how long a link is good for.

    Attributes:
        newest: id of the key that signs.
    """

    def __init__(self, keys: Mapping[str, bytes], lasting: timedelta) -> None:
        self._keys = {name: derived(key, b"davy link") for name, key in keys.items()}
        self.newest = next(iter(self._keys))
        self.lasting = lasting

    @classmethod
    def of(cls, keys: str, hours: int) -> Links:
        """With the keys of the settings, `ID=KEY, ID=KEY` in hexadecimal."""
        return cls(keys_by_name(keys), timedelta(hours=hours))

    def address(self, message: Envelope, public_url: str, now: datetime) -> str:
        """The link of one message as its reader gets it; empty where there is nothing to acknowledge, or not by this reader."""
        if not isinstance(message, Claimed) or not message.answerable:
            return ""
        made = self.make(message.notification_id, message.person_id, message.key, now + self.lasting)
        return f"{public_url.rstrip('/')}{PATH}{made}"

    def make(self, notification_id: int, person_id: int, key: str, expires_at: datetime) -> str:
        """The signed part of a link.

        Args:
            key: of the message, see `alerting.ledger.notification_key`.
        """
        body = _LAYOUT.pack(notification_id, person_id, int(expires_at.timestamp()), _digest(key))[_UNUSED:]
        return f"{self.newest}.{_text(body + self._mac(self.newest, body))}"

    def read(self, text: str) -> Link | None:
        """What it says; None for every text that we did not sign. What hangs at its end does not count."""
        found = _FORM.fullmatch(text.rstrip(_HANGING))
        if found is None or found[1] not in self._keys:
            return None
        try:
            signed = base64.urlsafe_b64decode(found[2])
        except binascii.Error:
            return None
        body, mac = signed[:-_MAC], signed[-_MAC:]
        if not hmac.compare_digest(mac, self._mac(found[1], body)):
            return None
        notification_id, person_id, until, digest = _LAYOUT.unpack(bytes(_UNUSED) + body)
        return Link(notification_id, person_id, datetime.fromtimestamp(until, UTC), digest)

    def form_token(self, link: Link) -> str:
        """What the page of a link puts into its form: who sends it has read the page."""
        words = f"form|{link.notification_id}|{link.person_id}|{link.expires_at.timestamp():.0f}"
        return hmac.new(self._keys[self.newest], words.encode(), hashlib.sha256).hexdigest()

    def _mac(self, name: str, body: bytes) -> bytes:
        return hmac.new(self._keys[name], b"link|" + name.encode() + b"|" + body, hashlib.sha256).digest()[:_MAC]


def by_link(notification_id: int, channel: str) -> str:
    """How a transition says by which way somebody acknowledged; pages show it in the reader's language.

    >>> by_link(17, "ntfy")
    'by the link of message 17 over ntfy'
    """
    return f"by the link of message {notification_id} over {channel}"


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()[:_DIGEST]


def _text(signed: bytes) -> str:
    return base64.urlsafe_b64encode(signed).decode()
