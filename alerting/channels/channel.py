"""What every channel is: the contract that the tests run on each of them."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final, Self

from alerting.message import Message
from core.limit_rule import AddressRule
from core.settings import Settings

ANY_TEXT: Final = AddressRule(re.compile(r".+"), "a text")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a person's channel ends.

    Args:
        text: a mail address or an URL.
        secret_ref: name of a signing secret in the settings; None where the channel signs nothing.
    """

    text: str
    secret_ref: str | None = None


class Channel(ABC):
    """Sends messages. Threads share one: it keeps no state between messages.

    Class attributes:
        name: what site files and routes call it.
        addresses: how its addresses look; a site file with another one is refused.
    """

    name: ClassVar[str]
    addresses: ClassVar[AddressRule] = ANY_TEXT

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
        """
