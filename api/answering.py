"""What the link of a message may still do, by how its alarm stands now. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from alerting.alarm import WAITS_FOR_A_PERSON
from alerting.store.receipts import SentMessage
from api.permissions import Right
from api.store.occurrences import Occurrence
from api.visitor import Visitor

_WAITING: Final = frozenset(state.value for state in WAITS_FOR_A_PERSON)


class Standing(StrEnum):
    """Where a link leads."""

    OPEN = "open"  # it waits for somebody, and this person may
    TAKEN = "taken"  # somebody has acknowledged it
    OVER = "over"  # it is back to normal, or resolved: nobody is being called
    ANEW = "anew"  # it has begun again since: there is a newer message
    ASIDE = "aside"  # it is put aside: nobody is being called
    NOT_THEIRS = "not_theirs"  # this person does not acknowledge alarms, or not any more


@dataclass(frozen=True, slots=True)
class Taken:
    """Who has acknowledged, when, and in which words.

    Args:
        who: None where the reader may not know it.
    """

    at: datetime
    who: str | None
    by_reader: bool
    reason: str | None


@dataclass(frozen=True, slots=True)
class Answering:
    """A link of a message as its page shows it.

    Args:
        called_since: the onset of the call that runs; None: none does.
    """

    visitor: Visitor
    message: SentMessage
    occurrence: Occurrence
    taken: Taken | None
    called_since: datetime | None

    @property
    def standing(self) -> Standing:
        """By the alarm first: what is over is over for everybody."""
        of = self.occurrence
        if of.resolved_at is not None or not of.is_open:
            return Standing.OVER
        if of.suppression != "none":
            return Standing.ASIDE
        if of.state not in _WAITING:
            return Standing.TAKEN if self.taken is not None and of.state != "A" else Standing.OVER
        if self.called_since != self.message.onset:
            return Standing.ANEW
        if not self.visitor.may(Right.ACT) or self.visitor.company_id != of.company_id:
            return Standing.NOT_THEIRS
        return Standing.OPEN
