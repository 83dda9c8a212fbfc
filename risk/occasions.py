"""The points at which a finding or an impairment is told of: assigned, overdue; begun, overrun, restored. Pure.

What still holds is told however late it is learnt of; what is past only for `NEWS_FOR`: the digest has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from core.occasion import Occasion, Point, Subject

NEWS_FOR: Final = timedelta(days=1)  # ours: a day's outage of Davy loses no message; a restored database floods nobody


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A finding that is not put right, with its last assignment.

    Args:
        assigned_by: None where it was never assigned.
    """

    finding_id: int
    company_id: int
    site_id: int
    grade: str
    due_at: datetime | None
    owner_id: int | None
    assigned_at: datetime | None
    assigned_by: int | None


@dataclass(frozen=True, slots=True)
class ImpairmentRow:
    """An impairment that stands, or was ended a short while ago."""

    impairment_id: int
    company_id: int
    site_id: int
    began_at: datetime
    expected_until: datetime
    restored_at: datetime | None


def of_findings(rows: Iterable[FindingRow], now: datetime) -> Iterator[Occasion]:
    """Who assigned a finding to themselves knows."""
    for row in rows:
        news = row.assigned_at is not None and now - row.assigned_at < NEWS_FOR
        if row.assigned_at is not None and news and row.owner_id is not None and row.owner_id != row.assigned_by:
            yield _finding(row, Point.ASSIGNED, row.assigned_at)
        if row.due_at is not None and row.due_at <= now:
            yield _finding(row, Point.OVERDUE, row.due_at)


def of_impairments(rows: Iterable[ImpairmentRow], now: datetime) -> Iterator[Occasion]:
    """One that has been restored is not told of as begun or overrun any more."""
    for row in rows:
        if row.restored_at is not None:
            if now - row.restored_at < NEWS_FOR:
                yield _impairment(row, Point.RESTORED, row.restored_at)
            continue
        if row.began_at <= now:
            yield _impairment(row, Point.BEGUN, row.began_at)
        if row.expected_until <= now:
            yield _impairment(row, Point.OVERRUN, row.expected_until)


def _finding(row: FindingRow, point: Point, at: datetime) -> Occasion:
    major = row.grade == "major"
    return Occasion(Subject.FINDING, point, row.finding_id, row.company_id, row.site_id, at, major, row.owner_id)


def _impairment(row: ImpairmentRow, point: Point, at: datetime) -> Occasion:
    return Occasion(Subject.IMPAIRMENT, point, row.impairment_id, row.company_id, row.site_id, at)
