"""The points at which people are told of complaints, asked for a rating, and told what their word changed. Pure.

What still waits for somebody is told however late it is learnt of; what is news only for `NEWS_FOR`. An occasion here has one reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.occasion import Occasion, Point, Subject
from risk.complaint import ASKED_AGAIN_AFTER, ESCALATES_AFTER, State
from risk.occasions import NEWS_FOR


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintPoint:
    """A complaint that is not closed, and whom it concerns.

    Args:
        complainants: who filed it; of a call, or where they have left, their colleagues.
        handlers: the insurer's risk engineers who look after the company.
        insurers: all of the insurer's people who do.
        extended_at, reopened_at: the last time; None: never.
    """

    complaint_id: int
    company_id: int
    site_id: int
    state: str
    filed_at: datetime
    owner_id: int | None
    acknowledged_at: datetime | None
    answer_due_at: datetime
    answered_at: datetime | None
    conclude_due_at: datetime
    solved_at: datetime | None
    extended_at: datetime | None
    reopened_at: datetime | None
    complainants: Sequence[int]
    handlers: Sequence[int]
    insurers: Sequence[int]


@dataclass(frozen=True, slots=True)
class PersonPoint:
    """Somebody is asked for a rating, or told what was changed."""

    number: int
    company_id: int
    site_id: int
    person_id: int
    at: datetime


def of_complaints(rows: Iterable[ComplaintPoint], now: datetime) -> Iterator[Occasion]:
    """Every complaint's points that have come and are to be told."""
    for row in rows:
        yield from _to_insurer(row, now)
        yield from _to_complainants(row, now)


def of_requests(rows: Iterable[PersonPoint]) -> Iterator[Occasion]:
    """Each is asked once."""
    for row in rows:
        yield Occasion(
            Subject.RATING_REQUEST, Point.ASKED, row.number, row.company_id, row.site_id, row.at, owner_id=row.person_id
        )


def of_told_back(rows: Iterable[PersonPoint]) -> Iterator[Occasion]:
    """Each is told once."""
    for row in rows:
        yield Occasion(
            Subject.TOLD_BACK, Point.CHANGED, row.number, row.company_id, row.site_id, row.at, owner_id=row.person_id
        )


def _to_insurer(row: ComplaintPoint, now: datetime) -> Iterator[Occasion]:
    """To its owner; while it has none, to whoever could take it on; a day overdue, to everybody who looks after the company."""
    first: Sequence[int] = (row.owner_id,) if row.owner_id is not None else row.handlers or row.insurers
    if row.state == State.RECEIVED:
        yield from _told(row, Point.FILED, row.filed_at, row.handlers or row.insurers, audience="insurer")
    if row.reopened_at is not None and row.state == State.ACKNOWLEDGED:
        yield from _told(row, Point.REOPENED, row.reopened_at, first, audience="insurer")
    overdue = []
    if row.answered_at is None:
        overdue.append((Point.ANSWER_OVERDUE, row.answer_due_at))
    if row.solved_at is None:
        overdue.append((Point.CONCLUSION_OVERDUE, row.conclude_due_at))
    if row.answered_at is None and row.answer_due_at == row.conclude_due_at:
        overdue = overdue[:1]  # one clock has run out, and says both
    for point, due in overdue:
        if due <= now:
            yield from _told(row, point, due, first, audience="insurer")
        if due + ESCALATES_AFTER <= now:
            others = [each for each in row.insurers if each not in first] or list(row.insurers)
            yield from _told(row, point, due, others, audience="insurer", step=1)


def _to_complainants(row: ComplaintPoint, now: datetime) -> Iterator[Occasion]:
    for point, at in (
        (Point.ACKNOWLEDGED, row.acknowledged_at),
        (Point.ANSWERED, row.answered_at),
        (Point.EXTENDED, row.extended_at),
    ):
        if at is not None and now - at < NEWS_FOR and row.state != State.SOLVED:
            yield from _told(row, point, at, row.complainants)
    if row.state == State.SOLVED and row.solved_at is not None:
        yield from _told(row, Point.SOLVED, row.solved_at, row.complainants)
        if row.solved_at + ASKED_AGAIN_AFTER <= now:
            yield from _told(row, Point.SOLVED, row.solved_at, row.complainants, step=1)


def _told(
    row: ComplaintPoint, point: Point, at: datetime, people: Iterable[int], *, audience: str = "client", step: int = 0
) -> Iterator[Occasion]:
    for person in people:
        yield Occasion(
            Subject.COMPLAINT,
            point,
            row.complaint_id,
            row.company_id,
            row.site_id,
            at,
            owner_id=person,
            audience=audience,
            step=step,
        )
