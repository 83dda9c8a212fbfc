"""Working days (工作日), for clocks that count them: packs/working_days.yaml over Monday to Friday. Pure but for reading the pack once.

A year whose holidays are not announced yet is counted without any: a clock then ends earlier than the law's, never later, and
`Calendar.knows` says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib import resources
from typing import Any, Final
from zoneinfo import ZoneInfo

import yaml

from core.errors import BadSetting

PACK: Final = "working_days.yaml"
_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5
_END: Final = time(23, 59, 59)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The working days of one jurisdiction.

    Args:
        off: days of the week that are not worked.
        worked: days of the weekend that are.
        years: whose holidays are known.
    """

    off: frozenset[date] = frozenset()
    worked: frozenset[date] = frozenset()
    years: frozenset[int] = frozenset()

    def is_working(self, day: date) -> bool:
        """Whether people work on that day."""
        return day in self.worked or (day.weekday() < _SATURDAY and day not in self.off)

    def after(self, day: date, count: int) -> date:
        """The working day that is `count` after `day`, which does not count itself.

        >>> Calendar().after(date(2026, 11, 26), 2)
        datetime.date(2026, 11, 30)
        """
        while count > 0:
            day += _DAY
            count -= self.is_working(day)
        return day

    def ends(self, began: datetime, count: int, zone: str) -> datetime:
        """When a clock of so many working days ends: with the last second of the last of them, by the clock of `zone`.

        The day on which it began does not count (Civil Code of the PRC, article 201 as commonly read; not verified against its text).
        """
        last = self.after(began.astimezone(ZoneInfo(zone)).date(), count)
        return datetime.combine(last, _END, ZoneInfo(zone)).astimezone(UTC)

    def between(self, since: datetime, until: datetime, zone: str) -> int:
        """How many working days lie after the day of `since`, up to and with that of `until`."""
        day, last, count = since.astimezone(ZoneInfo(zone)).date(), until.astimezone(ZoneInfo(zone)).date(), 0
        while day < last:
            day += _DAY
            count += self.is_working(day)
        return count

    def knows(self, since: datetime, until: datetime, zone: str) -> bool:
        """Whether the holidays of all the years between are announced."""
        first, last = (at.astimezone(ZoneInfo(zone)).year for at in (since, until))
        return all(year in self.years for year in range(first, last + 1))


@cache
def calendar_of(jurisdiction: str) -> Calendar:
    """The calendar of a site's jurisdiction; where the pack has none, Monday to Friday.

    Raises:
        BadSetting: the pack cannot be read as days.
    """
    stated = yaml.safe_load(resources.files("packs").joinpath(PACK).read_text("utf-8"))
    return read(stated if isinstance(stated, dict) else {}, jurisdiction)


def read(stated: Mapping[str, Any], jurisdiction: str) -> Calendar:
    """The calendar that a pack states.

    Raises:
        BadSetting: something in it is no day, or does nothing where it stands.
    """
    years = stated.get(jurisdiction, {}).get("years", {})
    off, worked = set[date](), set[date]()
    for year, days in years.items():
        for key, kept, weekend in (("holidays", off, False), ("worked", worked, True)):
            for day in days.get(key, ()):
                where = f"packs/{PACK}: {jurisdiction}, {year}, {key}: {day}"
                if not isinstance(day, date) or day.year != year:
                    raise BadSetting(f"{where} is no day of that year; write it as {year}-05-01.")
                if (day.weekday() >= _SATURDAY) != weekend:
                    raise BadSetting(f"{where} changes nothing: it is {'no' if weekend else 'a'} day of the weekend.")
                kept.add(day)
    return Calendar(frozenset(off), frozenset(worked), frozenset(years))
