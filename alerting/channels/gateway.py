"""What a company that sends texts and makes calls can do for us: the channels `sms` and `voice` know no more of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime
from typing import ClassVar

from alerting.message import Message


class Gateway(ABC):
    """One company, as set up. Threads share it.

    Class attributes:
        title: what people call it.
        serves: beginnings of the numbers it sends to; empty: all countries.

    Attributes:
        texts, calls: whether it is set up for either.
    """

    title: ClassVar[str]
    serves: ClassVar[tuple[str, ...]] = ()
    texts: bool
    calls: bool

    def reaches(self, number: str) -> bool:
        """Whether it sends to this number's country."""
        return not self.serves or number.startswith(self.serves)

    @abstractmethod
    def text(self, number: str, message: Message, *, now: datetime, timeout_s: float) -> str:
        """Sends a short message; the receipt. Raises as `Channel.send`."""

    @abstractmethod
    def call(self, number: str, message: Message, *, now: datetime, timeout_s: float) -> str:
        """Calls and says the alarm twice; the receipt. Raises as `Channel.send`."""


def short(text: str, longest: int) -> str:
    """The text of at most `longest` characters.

    >>> short("Gas at pump 3", 8)
    'Gas at …'
    """
    return text if len(text) <= longest else text[: longest - 1] + "…"
