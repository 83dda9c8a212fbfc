"""The budget: how many messages about alarms one person gets on one day of a site, and on how many days that was too many. Pure.

A message counts once, however many alarms it tells of. Life safety counts too: what calls too often is not answered any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

MOST_A_DAY: Final = (
    5  # messages that ask for something, a person, day and site: reference/domain.md 3.2, our own proposal
)
LOOKED_AT: Final = 7  # whole days of the site, today not
TOO_OFTEN: Final = (
    3  # days of those beyond the budget that are a finding against ourselves: one bad day is an event. Ours
)
CALM_AGAIN: Final = 1  # and as many at most that end it


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOfPerson:
    """How many messages somebody got on one day of a site."""

    person_id: int
    day: date
    messages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How a stretch of days went.

    Args:
        most: messages that one person got on one day, at most.
        days_over: days on which somebody got more than the budget.
        people_over: how many people that hit.
    """

    most: int
    days_over: int
    people_over: int


def budget(rows: Sequence[DayOfPerson]) -> Budget:
    """How it went.

    >>> rows = [DayOfPerson(person_id=1, day=date(2026, 3, d), messages=n) for d, n in ((1, 5), (2, 6), (3, 9))]
    >>> budget(rows)
    Budget(most=9, days_over=2, people_over=1)
    """
    over = [row for row in rows if row.messages > MOST_A_DAY]
    return Budget(
        most=max((row.messages for row in rows), default=0),
        days_over=len({row.day for row in over}),
        people_over=len({row.person_id for row in over}),
    )


def last_days(now: datetime, time_zone: str) -> tuple[datetime, datetime]:
    """From when to when the days reach that are looked at: whole ones of the site, up to its last midnight.

    >>> from datetime import UTC
    >>> [str(at) for at in last_days(datetime(2026, 3, 8, 15, tzinfo=UTC), "Asia/Shanghai")]
    ['2026-03-01 00:00:00+08:00', '2026-03-08 00:00:00+08:00']
    """
    there = ZoneInfo(time_zone)
    today = now.astimezone(there).date()
    return (
        datetime.combine(today - timedelta(days=LOOKED_AT), time(), there),
        datetime.combine(today, time(), there),
    )


def is_too_much(of: Budget, *, found: bool) -> bool:
    """Whether it is a finding against ourselves; one that stands ends only once it is calm again.

    >>> a_few = Budget(most=6, days_over=2, people_over=1)
    >>> is_too_much(a_few, found=False), is_too_much(a_few, found=True)
    (False, True)
    """
    return of.days_over > CALM_AGAIN if found else of.days_over >= TOO_OFTEN
