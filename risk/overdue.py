"""When a finding was overdue, from what happened to it: a step taken later changes no earlier day. Pure.

The finding's own columns say what it is now. What it was is read off its steps: a deadline counts from the step that set it, so
that an extension excuses nothing before it, and neither a claim nor a reopening takes back a day.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from risk.finding import Grade, State, deadline

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A step of a finding.

    Args:
        state: after it.
        due_at, due_was: where it moved the deadline: to when, and from when.
        grade, grade_was: where it graded.
    """

    at: datetime
    state: str
    due_at: datetime | None = None
    due_was: datetime | None = None
    grade: str | None = None
    grade_was: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A finding as it is now, and its steps in the order in which they were taken.

    Args:
        closed_at: tells of the end of one without steps.
    """

    reported_at: datetime
    grade: str
    due_at: datetime | None
    closed_at: datetime | None
    changes: Sequence[Change] = ()


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch in which nothing of it changed; `until` None: it lasts.

    Args:
        due_at: the deadline that was settled.
    """

    since: datetime
    until: datetime | None
    state: str
    grade: str
    due_at: datetime | None


def phases(of: History) -> list[Phase]:
    """Its life, gapless from the report on."""
    moves = [each for each in of.changes if each.due_at is not None]
    grades = [each for each in of.changes if each.grade is not None]
    due = moves[0].due_was if moves else of.due_at
    grade = (grades[0].grade_was or grades[0].grade if grades else of.grade) or of.grade
    steps = list(of.changes)
    if not steps and of.closed_at is not None:
        steps = [Change(at=of.closed_at, state=State.CLOSED)]
    since, state, found = of.reported_at, str(State.REPORTED), []
    for step in steps:
        at = max(since, step.at)
        found.append(Phase(since, at, state, grade, due))
        since, state, grade, due = at, step.state, step.grade or grade, step.due_at or due
    return [*found, Phase(since, None, state, grade, due)]


def phase_at(of: History, at: datetime) -> Phase:
    """What it was just before an instant; the first one before it was reported."""
    past = [each for each in phases(of) if each.since < at]
    return past[-1] if past else phases(of)[0]


def deadline_at(of: History, at: datetime, put_in_hand: timedelta) -> datetime | None:
    """The deadline that ran just before an instant, by `risk.finding.deadline`."""
    phase = phase_at(of, at)
    return deadline(Grade(phase.grade), of.reported_at, phase.due_at, put_in_hand)


def late_spans(of: History, put_in_hand: timedelta, until: datetime) -> Iterator[Span]:
    """When it was overdue, up to an instant; what came after it is not looked at."""
    for phase in phases(of):
        due = deadline(Grade(phase.grade), of.reported_at, phase.due_at, put_in_hand)
        if due is None or phase.state == State.CLOSED:
            continue
        begins, ends = max(phase.since, due), min(phase.until or until, until)
        if begins < ends:
            yield begins, ends


def late(of: History, put_in_hand: timedelta, since: datetime, until: datetime) -> timedelta:
    """For how long of a window it was overdue."""
    spans = ((max(begins, since), ends) for begins, ends in late_spans(of, put_in_hand, until))
    return sum((ends - begins for begins, ends in spans if begins < ends), timedelta(0))


def changes_of_state(told: Sequence[Phase]) -> tuple[tuple[datetime, str], ...]:
    """(When, state from then on), one for each that differs from the one before it."""
    return tuple(
        (phase.since, phase.state)
        for before, phase in zip([None, *told], told, strict=False)
        if before is None or before.state != phase.state
    )
