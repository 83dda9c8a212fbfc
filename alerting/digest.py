"""The day in numbers for one of the insurer's people: when it is due, what it counts, whether it says anything. Pure.

Counts only: no reading, no sensor, nobody's name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

HOUR: Final = 8  # local: on the desk when the working day begins
A_DAY: Final = timedelta(days=1)
LONGEST: Final = timedelta(days=7)  # a digest reaches back to the last one, at most so far: quiet days send none


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyTally:
    """One company in one digest, without what the demo's history made up. Counts are of the period unless they say at its end.

    Args:
        life_safety: of the occurrences, how many.
        unacknowledged: alarms that wait for a person, at its end.
        counted, unanswered, answered_p50_s, answered_p90_s: see `core.response_time.ResponseTime`.
        findings_open, findings_overdue, major_overdue: at its end.
        impairments_open: at its end.
        impairment_s: how long protections were out of service within the period, added up.
        sensors, heard: how many there are, and how many of them were heard from lately, at its end or since.
        fell_silent: of those not heard from lately, how many ever were.
    """

    company: str
    company_zh: str
    occurrences: int = 0
    life_safety: int = 0
    unacknowledged: int = 0
    counted: int = 0
    unanswered: int = 0
    answered_p50_s: float | None = None
    answered_p90_s: float | None = None
    findings_new: int = 0
    findings_closed: int = 0
    findings_open: int = 0
    findings_overdue: int = 0
    major_overdue: int = 0
    impairments_open: int = 0
    impairment_s: float = 0.0
    sensors: int = 0
    heard: int = 0
    fell_silent: int = 0

    @property
    def says_something(self) -> bool:
        """Whether anything happened or is amiss; findings that are open and in time are no news."""
        counted = (
            self.occurrences,
            self.unacknowledged,
            self.findings_new,
            self.findings_closed,
            self.findings_overdue,
            self.impairments_open,
            self.fell_silent,
        )
        return any(counted) or self.impairment_s > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """A whole digest."""

    since: datetime
    until: datetime
    time_zone: str
    companies: tuple[CompanyTally, ...]

    @property
    def says_something(self) -> bool:
        """Whether it is worth sending."""
        return any(company.says_something for company in self.companies)

    def as_json(self) -> dict[str, Any]:
        """For the row."""
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "time_zone": self.time_zone,
            "companies": [asdict(company) for company in self.companies],
        }


def from_json(row: Mapping[str, Any]) -> Tally:
    """The digest of a row; what an older Davy did not count is as if there was none."""
    known = {field.name for field in fields(CompanyTally)}
    return Tally(
        since=datetime.fromisoformat(row["since"]),
        until=datetime.fromisoformat(row["until"]),
        time_zone=row["time_zone"],
        companies=tuple(
            CompanyTally(**{name: value for name, value in company.items() if name in known})
            for company in row["companies"]
        ),
    )


def newest_end(now: datetime, time_zone: str) -> datetime:
    """The last instant not after `now` at which it was `HOUR` o'clock there: a digest's end.

    >>> from datetime import UTC
    >>> newest_end(datetime(2026, 3, 1, 23, 59, tzinfo=UTC), "Asia/Shanghai").isoformat()
    '2026-03-01T08:00:00+08:00'
    """
    local = now.astimezone(ZoneInfo(time_zone))
    end = local.replace(hour=HOUR, minute=0, second=0, microsecond=0, fold=0)
    return end if end <= local else end - A_DAY


def period(
    now: datetime, time_zone: str, decided_until: datetime | None, told_until: datetime | None
) -> tuple[datetime, datetime] | None:
    """From when to when a digest is to be decided now; None where the newest end is decided.

    Args:
        decided_until: the newest end for which the person's digest was written, or found to have nothing to say.
        told_until: the newest end for which one was written. None: there was none.
    """
    until = newest_end(now, time_zone)
    # The same end, or a neighbour's after a change of zone: one a day.
    if decided_until is not None and until - decided_until < A_DAY / 2:
        return None
    return until - A_DAY if told_until is None else max(told_until, until - LONGEST), until


def eventful(companies: Sequence[CompanyTally]) -> list[CompanyTally]:
    """Those that have something to say."""
    return [company for company in companies if company.says_something]
