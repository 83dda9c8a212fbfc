"""Something people are told of that is no alarm: a finding or an impairment has come to a point. See docs/decisions/0015."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Subject(StrEnum):
    """What a message can be about."""

    ALARM = "alarm"
    FINDING = "finding"
    IMPAIRMENT = "impairment"
    DIGEST = "digest"
    WEEKLY = "weekly"
    UNREACHABLE = "unreachable"


class Point(StrEnum):
    """The point that a finding (assigned, overdue) or an impairment (begun, overrun, restored) has come to."""

    ASSIGNED = "assigned"
    OVERDUE = "overdue"
    BEGUN = "begun"
    OVERRUN = "overrun"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class Occasion:
    """One thing to be told, once.

    Args:
        number: of the finding or impairment.
        at: when it came to that point; with it the same point, reached again after an extension, is told again.
        major: a finding that is graded major.
        owner_id: whose finding it is.
    """

    subject: Subject
    point: Point
    number: int
    company_id: int
    site_id: int
    at: datetime
    major: bool = False
    owner_id: int | None = None
