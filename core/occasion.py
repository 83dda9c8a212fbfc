"""Something people are told of that is no call: a finding or an impairment has come to a point, an occurrence is theirs. See docs/decisions/0015."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final


class Subject(StrEnum):
    """What a message can be about."""

    ALARM = "alarm"
    FINDING = "finding"
    IMPAIRMENT = "impairment"
    OCCURRENCE = "occurrence"
    DIGEST = "digest"
    WEEKLY = "weekly"
    BACKLOG = "backlog"
    UNREACHABLE = "unreachable"
    STORM = "storm"
    COMPLAINT = "complaint"
    RATING_REQUEST = "rating_request"
    TOLD_BACK = "told_back"
    ORDER = "order"
    LIMIT_CHANGE = "limit_change"
    ROUTE_CHANGE = "route_change"


# What waits for a second person.
APPROVALS: Final = frozenset({Subject.ORDER, Subject.LIMIT_CHANGE, Subject.ROUTE_CHANGE})
# What is told to people by name, whatever the routes say: each occasion of it has its one reader.
BY_NAME: Final = frozenset({Subject.COMPLAINT, Subject.RATING_REQUEST, Subject.TOLD_BACK}) | APPROVALS


class Point(StrEnum):
    """The point that a finding (assigned, overdue), an impairment (begun, overrun, restored), an occurrence (assigned) or a complaint has come to;
    that somebody is asked for a rating, or told what was changed because of their word; that something waits for a second person, lapses unanswered
    before long, or what became of it.
    """

    ASSIGNED = "assigned"
    OVERDUE = "overdue"
    BEGUN = "begun"
    OVERRUN = "overrun"
    RESTORED = "restored"
    FILED = "filed"
    ACKNOWLEDGED = "acknowledged"
    ANSWERED = "answered"
    EXTENDED = "extended"
    SOLVED = "solved"
    REOPENED = "reopened"
    ANSWER_OVERDUE = "answer_overdue"
    CONCLUSION_OVERDUE = "conclusion_overdue"
    ASKED = "asked"
    CHANGED = "changed"
    WAITS = "waits"
    LAPSES = "lapses"
    APPROVED = "approved"
    REFUSED = "refused"
    ENDED = "ended"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class Occasion:
    """One thing to be told, once.

    Args:
        number: of the finding, impairment, occurrence, complaint, request, word that is told back, or of what waits for a second person.
        at: when it came to that point; with it the same point, reached again after an extension, is told again.
        major: a finding that is graded major.
        owner_id: whose finding it is, or who sees to the occurrence; of what is told by name its reader.
        audience: of the reader, where it is told by name.
        step: 0 at first; more where it is told again, or to more people, because nobody did anything.
        by_day: it waits for the end of its reader's quiet hours.
    """

    subject: Subject
    point: Point
    number: int
    company_id: int
    site_id: int
    at: datetime
    major: bool = False
    owner_id: int | None = None
    audience: str = "client"
    step: int = 0
    by_day: bool = False
