"""Messages of the voice of the customer, as they are claimed: a complaint, a question how it was, a change that is told back. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from alerting.notice import Placed
from core.occasion import Point

_TAKEN_ON: Final = ("acknowledged", "analysed", "solved", "closed")


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintNotice(Placed):
    """A complaint that has come to a point, as it stands at this moment.

    Args:
        title: in people's words; the insurer's people read it on the page alone.
        owner: who of the insurer sees to it, by name; None: nobody yet.
        conclude_due_at: moves with an extension.
    """

    event: str
    complaint_id: int
    title: str
    state: str
    owner: str | None
    filed_at: datetime
    answer_due_at: datetime
    answered_at: datetime | None
    conclude_due_at: datetime
    solved_at: datetime | None

    def settled(self) -> str | None:
        """Somebody has done by now what the message asks for."""
        if self.event == Point.FILED:
            return "taken on" if self.state in _TAKEN_ON else None
        if self.event == Point.ANSWER_OVERDUE:
            return "answered" if self.answered_at is not None else None
        if self.event == Point.CONCLUSION_OVERDUE:
            if self.solved_at is not None:
                return "concluded"
            return "extended" if self.conclude_due_at > self.onset else None
        if self.event == Point.SOLVED:
            return None if self.state == "solved" else "who complained has said"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestNotice(Placed):
    """The question how something was that has come to its end.

    Args:
        thing: occurrence, finding, impairment or service.
        number: of it.
        rated: they have said it already.
    """

    request_id: int
    thing: str
    number: int
    title: str
    title_zh: str
    rated: bool

    @property
    def path(self) -> str:
        """Where it can be rated."""
        return f"services/{self.number}" if self.thing == "service" else f"{self.thing}s/{self.number}"

    def settled(self) -> str | None:
        """Nobody is asked twice."""
        return "rated already" if self.rated else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldBackNotice(Placed):
    """What was changed because of somebody's word.

    Args:
        change: what kind of change.
        title: of the alarm or the finding; None where the change is of neither.
        complained: they had filed a complaint; else they had rated something as not useful.
    """

    told_back_id: int
    change: str
    title: str | None
    title_zh: str | None
    said_at: datetime
    changed_at: datetime
    complained: bool

    def settled(self) -> str | None:
        """It was changed, whatever came after."""
        return None
