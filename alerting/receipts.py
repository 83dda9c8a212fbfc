"""How far a message is known to have come, and the number under which a gateway says it. Pure."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

_TOOK: Final = re.compile(r"([A-Za-z]+) took it as (\S{1,40})")


class Stage(StrEnum):
    """The stages in their order; a message is at the last of them that somebody vouched for.

    Nothing is guessed: a channel that cannot tell leaves a message at `sent` for ever. That a person has answered is their
    acknowledgement, a transition of the alarm; `answered` says of a message that it was by its own link.
    """

    QUEUED = "queued"  # in the outbox
    SENT = "sent"  # a server that passes it on has taken it: a mail server, a gateway, a robot's platform
    DELIVERED = "delivered"  # the receiver itself has it
    SEEN = "seen"  # the person has opened what it is about, under their own session or by pressing its link's button
    ANSWERED = "answered"  # the person has acknowledged by its link


def took(gateway: str, number: object) -> str:
    """The receipt of a gateway that has taken a message under a number of its own.

    >>> took("Twilio", "SM17"), took("Twilio", None)
    ('Twilio took it as SM17', 'Twilio took it as ?')
    """
    return f"{gateway} took it as {str(number or '?')[:40]}"


def number_of(receipt: str) -> str | None:
    """Under what it will report, gateway first; None where the receipt names no number.

    >>> number_of("Twilio took it as SM17"), number_of("Twilio took it as ?"), number_of("HTTP 204")
    ('Twilio SM17', None, None)
    """
    found = _TOOK.fullmatch(receipt)
    return f"{found[1]} {found[2]}" if found is not None and found[2] != "?" else None
