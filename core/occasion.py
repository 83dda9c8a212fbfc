"""Something people are told of that is no call: a finding or an impairment has come to a point, an occurrence is theirs. See docs/decisions/0015."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


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


class Point(StrEnum):
    """The point that a finding (assigned, overdue), an impairment (begun, overrun, restored) or an occurrence (assigned) has come to."""

    ASSIGNED = "assigned"
    OVERDUE = "overdue"
    BEGUN = "begun"
    OVERRUN = "overrun"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class Occasion:
    """One thing to be told, once.

    Args:
        number: of the finding, impairment or occurrence.
        at: when it came to that point; with it the same point, reached again after an extension, is told again.
        major: a finding that is graded major.
        owner_id: whose finding it is, or who sees to the occurrence.
    """

    subject: Subject
    point: Point
    number: int
    company_id: int
    site_id: int
    at: datetime
    major: bool = False
    owner_id: int | None = None
