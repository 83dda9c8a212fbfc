"""A calendar month in a site's time zone. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from risk.report.refusal import Unreportable, later

INSURERS_DELAY: Final = timedelta(hours=24)  # design section 9: an underwriter sees nothing younger
FIRST_YEAR, LAST_YEAR = 2000, 2199  # beyond them a month is a slip of the finger
_WRITTEN: Final = re.compile(r"(\d{4})-(\d{2})", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month of a calendar; it becomes instants only with a zone."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Month:
        """Reads YYYY-MM.

        >>> Month.parse("2026-10").next()
        Month(year=2026, number=11)

        Raises:
            Unreportable: it is no month.
        """
        match = _WRITTEN.fullmatch(text)
        if match is None:
            raise Unreportable(
                later("%(text)s is not a month; write year and month as 2026-10."), text=text[:40] or "—"
            )
        if not 1 <= int(match[2]) <= 12:
            raise Unreportable(
                later("%(text)s is not a month: a year has the months 01 to 12. Write it as 2026-10."), text=text
            )
        if not FIRST_YEAR <= int(match[1]) <= LAST_YEAR:
            raise Unreportable(
                later("There is no report of %(text)s: the year must lie between %(first)s and %(last)s."),
                text=text,
                first=FIRST_YEAR,
                last=LAST_YEAR,
            )
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, at: datetime, zone: str) -> Month:
        """The month an instant falls into there.

        >>> str(Month.of(datetime(2026, 10, 31, 16, tzinfo=UTC), "Asia/Shanghai"))
        '2026-11'
        """
        there = at.astimezone(ZoneInfo(zone))
        return cls(there.year, there.month)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"

    def next(self) -> Month:
        """The month after."""
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    def previous(self) -> Month:
        """The month before."""
        return Month(self.year - 1, 12) if self.number == 1 else Month(self.year, self.number - 1)

    def first_day(self) -> date:
        """Its first."""
        return date(self.year, self.number, 1)

    def days(self) -> list[date]:
        """All of its days."""
        count = (self.next().first_day() - self.first_day()).days
        return [self.first_day() + timedelta(days=day) for day in range(count)]

    def since(self, zone: str) -> datetime:
        """Its first instant there, in UTC."""
        return datetime(self.year, self.number, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)

    def until(self, zone: str) -> datetime:
        """The first instant after it."""
        return self.next().since(zone)


def as_of(month: Month, zone: str, now: datetime, *, delay: timedelta = timedelta(0)) -> datetime:
    """The instant up to which a report of `month` tells: its end, or for a month that runs the last full hour.

    What happened afterwards is not in the report, so a month that is over is told the same on every later day.

    Args:
        delay: what is younger is not for this reader.

    Raises:
        Unreportable: the month has not begun, or nothing of it is old enough.
    """
    since, until = month.since(zone), month.until(zone)
    if now <= since:
        raise Unreportable(
            later("%(month)s has not begun yet; the newest report is that of %(newest)s."),
            month=month,
            newest=Month.of(now - delay, zone),
        )
    known = (now - delay).replace(minute=0, second=0, microsecond=0)
    if known <= since:
        raise Unreportable(
            later("%(month)s has only begun: nothing of it is old enough for you to read yet. Take %(before)s."),
            month=month,
            before=month.previous(),
        )
    return min(known, until)
