"""From rows to the figures of a report: counts, times, hours, shares. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from core.model import Priority
from core.response_time import Answer, ResponseTime, response_time
from risk.report.facts import DayAlarms, DeviceCoverage, GradeFacts, OpenFindingFacts, PriorityFacts, ResolutionFacts

PRIORITIES: Final = tuple(priority.value for priority in Priority)  # the worst first
GRADES: Final = ("major", "general")
DAY_S: Final = 86400.0
Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """An occurrence; what came after the report's instant is None.

    Args:
        called_at: when it first called somebody; None: it called nobody.
        answered_at: when it was first acknowledged after that.
    """

    priority: str
    began_at: datetime
    called_at: datetime | None
    answered_at: datetime | None
    resolution: str | None
    historic: bool
    simulated: bool


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A finding with its changes of state, as it was at the report's end.

    Args:
        due_at: the deadline that ran then; of a major one that nobody has put in hand: until when somebody should have.
        late: when it was overdue, see risk/overdue.py.
        changes: (when, state after it), in order, the report of it among them.
    """

    finding_id: int
    title: str
    grade: str
    suspected: bool
    zone: str | None
    zone_zh: str | None
    reported_at: datetime
    due_at: datetime | None
    simulated: bool
    late: tuple[Span, ...]
    changes: tuple[tuple[datetime, str], ...]


@dataclass(frozen=True, slots=True)
class SensorRow:
    """A sensor that should report.

    Args:
        begins: when it was known, or its first stored hour where that is earlier.
        ends: None: still in use.
    """

    sensor_id: int
    device: str
    kind: str
    period_s: float
    begins: datetime
    ends: datetime | None


def by_priority(
    rows: Sequence[AlarmRow], respond_within_s: Mapping[str, float], targets_s: Mapping[str, float], until: datetime
) -> tuple[PriorityFacts, ...]:
    """Counts and times to the first acknowledgement, each priority, the worst first.

    Args:
        respond_within_s: what the site's definitions state, to be shown.
        targets_s: what the score judges by.
    """
    told = []
    for priority in PRIORITIES:
        mine = [row for row in rows if row.priority == priority]
        answers = _answers(mine, until)
        times = response_time(answers, targets_s)
        told.append(
            PriorityFacts(
                priority=priority,
                alarms=len(mine),
                historic=sum(row.historic for row in mine),
                called=len(answers),
                answered=sum(each.answered for each in answers),
                unanswered=sum(not each.answered for each in answers),
                counted=times.counted,
                p50_s=times.p50_s,
                p90_s=times.p90_s,
                longest_s=max((each.waited_s for each in answers if each.answered), default=None),
                target_s=respond_within_s.get(priority),
            )
        )
    return tuple(told)


def response(rows: Sequence[AlarmRow], targets_s: Mapping[str, float], until: datetime) -> ResponseTime:
    """The times of all priorities together, as the score has them of its window."""
    return response_time(_answers(rows, until), targets_s)


def _answers(rows: Iterable[AlarmRow], until: datetime) -> list[Answer]:
    return [
        Answer(row.priority, ((row.answered_at or until) - row.called_at).total_seconds(), row.answered_at is not None)
        for row in rows
        if row.called_at is not None
    ]


def by_day(rows: Iterable[AlarmRow], days: Sequence[date], zone: str) -> tuple[DayAlarms, ...]:
    """How many began on each day there, by priority."""
    there = ZoneInfo(zone)
    counts = Counter((row.began_at.astimezone(there).date(), row.priority) for row in rows)
    life, high, medium, low = PRIORITIES
    return tuple(
        DayAlarms(day=day, counts=(counts[day, life], counts[day, high], counts[day, medium], counts[day, low]))
        for day in days
    )


def resolutions(rows: Iterable[AlarmRow]) -> ResolutionFacts:
    """By what people said it was."""
    counts = Counter(row.resolution for row in rows)
    still_open = counts.pop(None, 0)
    closed = sum(counts.values())
    by_reason = {
        str(reason): count for reason, count in sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    }
    return ResolutionFacts(
        by_reason=by_reason, open=still_open, nuisance_share=counts["nuisance"] / closed if closed else None
    )


def state_at(finding: FindingRow, at: datetime) -> str | None:
    """Its state at an instant; None before it was reported."""
    return next((state for when, state in reversed(finding.changes) if when <= at), None)


def overlap(span: Span, since: datetime, until: datetime) -> timedelta:
    """How long of `span` lies between."""
    return max(min(span[1], until) - max(span[0], since), timedelta(0))


def by_grade(rows: Sequence[FindingRow], since: datetime, until: datetime) -> tuple[GradeFacts, ...]:
    """Opened, closed, overdue in the month, each grade, the worse first."""
    told = []
    for grade in GRADES:
        mine = [row for row in rows if row.grade == grade]
        pairs = [
            (before[1], when, after)
            for row in mine
            for before, (when, after) in zip(row.changes, row.changes[1:], strict=False)
            if since <= when < until
        ]
        late = timedelta(0)
        for row in mine:
            late += sum((overlap(span, since, until) for span in row.late), timedelta(0))
        told.append(
            GradeFacts(
                grade=grade,
                open_before=sum(
                    state_at(row, since) not in (None, "closed") and row.reported_at < since for row in mine
                ),
                opened=sum(since <= row.reported_at < until for row in mine),
                closed=sum(before != "closed" and after == "closed" for before, _, after in pairs),
                reopened=sum(before == "closed" and after != "closed" for before, _, after in pairs),
                open_after=sum(_is_open(row, until) for row in mine),
                overdue=sum(_is_open(row, until) and overdue_days(row, until) > 0 for row in mine),
                overdue_days=late.total_seconds() / DAY_S,
            )
        )
    return tuple(told)


def overdue_days(row: FindingRow, at: datetime) -> float:
    """Days since it was due; 0 where it is not, or has no date yet."""
    return max((at - row.due_at).total_seconds() / DAY_S, 0.0) if row.due_at is not None else 0.0


def open_ones(rows: Iterable[FindingRow], until: datetime) -> tuple[OpenFindingFacts, ...]:
    """Those that are major or overdue and open at the end: the worst first."""
    found = [
        OpenFindingFacts(
            finding_id=row.finding_id,
            title=row.title,
            grade=row.grade,
            suspected=row.suspected,
            state=state_at(row, until) or "reported",
            zone=row.zone,
            zone_zh=row.zone_zh,
            reported_at=row.reported_at,
            due_at=row.due_at,
            overdue_days=overdue_days(row, until),
            simulated=row.simulated,
        )
        for row in rows
        if _is_open(row, until) and (row.grade == "major" or overdue_days(row, until) > 0)
    ]
    return tuple(sorted(found, key=lambda one: (one.grade != "major", -one.overdue_days, one.finding_id)))


def _is_open(row: FindingRow, at: datetime) -> bool:
    return row.reported_at < at and state_at(row, at) not in (None, "closed")


def coverage(
    sensors: Iterable[SensorRow],
    received: Mapping[tuple[int, date], float],
    days: Sequence[date],
    zone: str,
    until: datetime,
) -> tuple[tuple[DeviceCoverage, ...], float | None]:
    """What came of what was expected: each device and day, and all together.

    Args:
        received: (sensor, day) -> readings, none of its hours counted above what was expected of it.
    """
    there = ZoneInfo(zone)
    nights = [*days, days[-1] + timedelta(days=1)]
    bounds = [datetime(day.year, day.month, day.day, tzinfo=there).astimezone(UTC) for day in nights]
    expected: dict[tuple[str, str], list[float]] = {}
    came: dict[tuple[str, str], list[float]] = {}
    for sensor in sensors:
        want = expected.setdefault((sensor.device, sensor.kind), [0.0] * len(days))
        have = came.setdefault((sensor.device, sensor.kind), [0.0] * len(days))
        for index, (day, since, end) in enumerate(zip(days, bounds, bounds[1:], strict=False)):
            watched = overlap((sensor.begins, min(sensor.ends or until, until)), since, end).total_seconds()
            want[index] += watched / sensor.period_s
            have[index] += min(received.get((sensor.sensor_id, day), 0.0), watched / sensor.period_s)
    told = [
        DeviceCoverage(
            device=device,
            kind=kind,
            share=share(sum(came[device, kind]), sum(want)),
            days=tuple(share(got, asked) for got, asked in zip(came[device, kind], want, strict=True)),
        )
        for (device, kind), want in expected.items()
    ]
    told.sort(key=lambda one: (one.share is None, one.share or 0.0, one.device))
    return tuple(told), share(sum(map(sum, came.values())), sum(map(sum, expected.values())))


def share(part: float, whole: float) -> float | None:
    """A fraction of 0-1; None of nothing.

    >>> share(1, 4), share(0, 0)
    (0.25, None)
    """
    return part / whole if whole > 0 else None
