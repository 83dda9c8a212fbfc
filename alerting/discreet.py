"""What a receiver says, without anybody's address: it stands in the books, in logs, and in messages to other people. Pure."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, urlsplit

LEFT_OUT: Final = "…"
_SHORTEST_TOKEN: Final = 6  # characters; what is shorter in an URL is a word such as "send", not a secret
_CONTROL: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+"
)  # no column takes NUL or half a character, and a line stays a line
_MAIL: Final = re.compile(r"[^\s<>()\[\],;:\"']+@[^\s<>()\[\],;:\"']+")
_LINK: Final = re.compile(r"(?<=/a/)[A-Za-z0-9_.-]{40,}")  # alerting/links.py: who reads one can acknowledge with it
_NUMBER: Final = re.compile(r"(?<!\w)(?:\+?[0-9]{7,15}|\+[0-9](?:[ -]?[0-9]){6,14})(?!\w)")


def discreet(said: str, address: str = "") -> str:
    """One line of what was said, without the address that it was about, and without what looks like another one.

    Args:
        address: as it was sent to; empty where it is not known.

    >>> discreet("450 4.2.1 <zhang@a.cn>: Recipient address rejected", "zhang@a.cn")
    '450 4.2.1 <…>: Recipient address rejected'
    >>> discreet("451 4.7.1 Greylisted for zhang@a.cn, see log 17")
    '451 4.7.1 Greylisted for …, see log 17'
    >>> discreet("Twilio answered 21214: +86 138 0013 8000 (13800138000) cannot be reached", "+8613800138000")
    'Twilio answered 21214: … (…) cannot be reached'
    >>> discreet("Body refused: see https://davy.example/a/k1." + "A" * 48 + " please")
    'Body refused: see https://davy.example/a/… please'
    """
    line = printable(said)
    for part in sorted(_parts(address), key=len, reverse=True):
        line = line.replace(part, LEFT_OUT)
    return _NUMBER.sub(LEFT_OUT, _MAIL.sub(LEFT_OUT, _LINK.sub(LEFT_OUT, line)))


def printable(said: str) -> str:
    """One line that any column takes.

    >>> printable("250 queued\\x00 as 7")
    '250 queued as 7'
    """
    return " ".join(_CONTROL.sub(" ", said).split())


def _parts(address: str) -> set[str]:
    """The address, and what of an URL is as good as it."""
    if "://" not in address:
        return {address} - {""}
    split = urlsplit(address)
    inside = [split.path.rpartition("/")[2], split.query, *(text for _, text in parse_qsl(split.query))]
    return {address, *(part for part in inside if len(part) >= _SHORTEST_TOKEN)}
