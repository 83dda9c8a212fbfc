"""The points at which findings and impairments are told of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core.occasion import Point
from risk.occasions import NEWS_FOR, FindingRow, ImpairmentRow, of_findings, of_impairments

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def points(*rows: FindingRow | ImpairmentRow) -> list[tuple[Point, datetime]]:
    found = [
        *of_findings([row for row in rows if isinstance(row, FindingRow)], NOW),
        *of_impairments([row for row in rows if isinstance(row, ImpairmentRow)], NOW),
    ]
    return [(occasion.point, occasion.at) for occasion in found]


def test_an_impairment_from_beginning_to_end() -> None:
    """Begun; overrun beside it once the expected end has passed; restored alone, for a day."""
    began, ends = NOW - 5 * HOUR, NOW + HOUR
    assert points(ImpairmentRow(1, 1, 1, began, ends, None)) == [(Point.BEGUN, began)]
    assert points(ImpairmentRow(1, 1, 1, began, NOW, None)) == [(Point.BEGUN, began), (Point.OVERRUN, NOW)]
    assert points(ImpairmentRow(1, 1, 1, began, NOW, NOW - HOUR)) == [(Point.RESTORED, NOW - HOUR)]
    assert points(ImpairmentRow(1, 1, 1, NOW - 90 * HOUR, NOW, NOW - NEWS_FOR)) == []
    assert points(ImpairmentRow(1, 1, 1, NOW + HOUR, NOW + 2 * HOUR, None)) == []


def test_a_finding_is_assigned_and_missed() -> None:
    """Who takes it on themselves knows; an assignment of last week is no news, a missed deadline of last week is."""
    assert points(FindingRow(1, 1, 1, "major", NOW + HOUR, 7, NOW - HOUR, 3)) == [(Point.ASSIGNED, NOW - HOUR)]
    assert points(FindingRow(1, 1, 1, "major", NOW + HOUR, 7, NOW - HOUR, 7)) == []
    last_week = NOW - 170 * HOUR
    assert points(FindingRow(1, 1, 1, "general", last_week, 7, last_week, 3)) == [(Point.OVERDUE, last_week)]
    assert points(FindingRow(1, 1, 1, "general", None, None, None, None)) == []
