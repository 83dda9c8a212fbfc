"""What every channel is: the contract that the tests run on each of them."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Final, Self

from alerting.message import Message
from alerting.pace import Pace
from alerting.receipts import Stage
from core.limit_rule import AddressRule
from core.settings import Settings

ANY_TEXT: Final = AddressRule(re.compile(r".+"), "a text")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a person's channel ends.

    Args:
        text: a mail address, a number or an URL; never shown, for an URL can hold a secret.
        secret_ref: name of a signing secret in the settings; None where the channel signs nothing.
    """

    text: str = field(repr=False)
    secret_ref: str | None = None


class Channel(ABC):
    """Sends messages. Threads share one: it keeps no state between messages.

    Class attributes:
        name: what site files and routes call it.
        addresses: how its addresses look; a site file with another one is refused.
        pace: how fast one address may be written to; None: as fast as there are messages.
        gateway: whether one server stands behind all its addresses, so that what fails for one fails for all.
        rings: whether it wakes people up; then it stands in for another channel only where the alarm is worth it.
        replaces: whether a message under a name that it has shown before takes the place of that one (`Message.slot`).
        proves: how far a message is known to have come once `send` has returned, see `alerting.receipts`.
        reports: whether what took it says later what became of it, under the number in its receipt.
    """

    name: ClassVar[str]
    addresses: ClassVar[AddressRule] = ANY_TEXT
    pace: ClassVar[Pace | None] = None
    gateway: ClassVar[bool] = False
    rings: ClassVar[bool] = False
    replaces: ClassVar[bool] = False
    proves: ClassVar[Stage] = Stage.SENT
    reports: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """The channel as set up; None where the settings do not ask for it."""

    @abstractmethod
    def send(self, message: Message, address: Address, *, now: datetime, timeout_s: float) -> str:
        """Hands the message over and gives the receiver's receipt, one line.

        Args:
            now: aware UTC, for stamps on the message.
            timeout_s: over all: when it has passed, the answer is a failure.
        Raises:
            DeliveryFailed: it did not arrive, or we do not know; without secrets in the sentence.
            AddressGone: nothing will ever arrive there.
        """
