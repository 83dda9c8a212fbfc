"""From which day to which day alarms are looked at, as it was asked for. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import Query

from api.words.texts import later

USUAL_DAYS: Final = 28  # four weeks: every day of the week as often as any other
MOST_DAYS: Final = 366

First = Annotated[str, Query(alias="from", max_length=40)]
Last = Annotated[str, Query(alias="to", max_length=40)]


class WrongWindow(ValueError):
    """The days asked for will not do.

    Args:
        text: message id.
        words: what stands in its %(places)s.
    """

    def __init__(self, text: str, **words: object) -> None:
        super().__init__(text % words if words else text)
        self.text = text
        self.words = words


@dataclass(frozen=True, slots=True)
class Days:
    """Whole days at the site, the last one included; where that is today, until now."""

    first: date
    last: date
    since: datetime
    until: datetime


def days_asked(first: str, last: str, zone: str, now: datetime) -> Days:
    """The days, or the last four weeks until now where nothing is asked.

    Raises:
        WrongWindow: with the sentence that says why.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 11, 23, 4, tzinfo=UTC)
    >>> days_asked("", "", "Asia/Shanghai", noon).first, days_asked("2026-11-02", "2026-11-08", "Asia/Shanghai", noon).until.isoformat()
    (datetime.date(2026, 10, 27), '2026-11-09T00:00:00+08:00')
    """
    there = ZoneInfo(zone)
    today = now.astimezone(there).date()
    ends = _day(last) if last.strip() else today
    begins = _day(first) if first.strip() else ends - timedelta(days=USUAL_DAYS - 1)
    if begins > ends:
        raise WrongWindow(later("The first day, %(first)s, comes after the last, %(last)s."), first=begins, last=ends)
    if begins > today:
        raise WrongWindow(
            later("%(first)s has not begun yet: today is %(today)s at the site."), first=begins, today=today
        )
    if (ends - begins).days >= MOST_DAYS:
        raise WrongWindow(later("At most %(most)s days can be looked at in one go."), most=MOST_DAYS)
    since = datetime.combine(begins, time(), there)
    until = min(datetime.combine(ends + timedelta(days=1), time(), there), now)
    return Days(begins, min(ends, today), since, max(until, since + timedelta(minutes=1)))


def _day(text: str) -> date:
    try:
        found = datetime.strptime(text.strip(), "%Y-%m-%d").date()  # noqa: DTZ007  (a day, of no zone yet)
    except ValueError as error:
        raise WrongWindow(later("A day is written as 2026-12-31.")) from error
    if not 2000 <= found.year < 9000:
        raise WrongWindow(later("A day is written as 2026-12-31."))
    return found
