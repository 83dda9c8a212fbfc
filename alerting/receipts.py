"""How far a message is known to have come."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """The stages in their order; a message is at the last of them that somebody vouched for.

    Nothing is guessed: a channel that cannot tell leaves a message at `sent` for ever. That a person has answered is no receipt but their
    acknowledgement, a transition of the alarm.
    """

    QUEUED = "queued"  # in the outbox
    SENT = "sent"  # a server that passes it on has taken it: a mail server, a gateway, a robot's platform
    DELIVERED = "delivered"  # the receiver itself has it
