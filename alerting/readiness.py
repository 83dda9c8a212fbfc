"""How a duty position answers when nobody warned it: drawn instants of roll calls, what they show by hour and holiday, and what follows for calls. Pure.

A position that answers badly at some hours is known before it matters: then whoever comes after it on the ladder is called sooner.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from core.response_time import HALF, NINE_IN_TEN, nearest_rank

PERIOD: Final = timedelta(days=30)  # in which a position is called so many times
REMEMBERED: Final = timedelta(days=365)  # twice in 30 days are six calls of each quarter of the day then
FEWEST: Final = 5  # of roll calls: fewer say nothing of a position. Ours
# Ours, for want of anybody's: who leaves two of five calls unanswered is a coin toss; one of five, or nine of ten only after five
# minutes, which is the first wait of the usual ladder.
AT_ONCE_FROM: Final = 0.4
SOONER_FROM: Final = 0.2
SLOW_S: Final = 300.0
BANDS: Final = ((0, 6), (6, 12), (12, 18), (18, 24))
SATURDAY: Final = 5
_EPOCH: Final = date(1970, 1, 1)
_DAY_S: Final = 86_400


class Answer(NamedTuple):
    """One roll call that was made.

    Args:
        hour: of the position's clock.
        took_s: until somebody answered; None: nobody did in time.
    """

    hour: int
    holiday: bool
    took_s: float | None


class Hours(NamedTuple):
    """Within which hours of the clock roll calls are drawn; where it ends before it begins, it ends on the next day."""

    begins: time
    ends: time


@dataclass(frozen=True, slots=True)
class Figure:
    """What the roll calls of some hours show.

    Args:
        band: from which hour until which.
        holiday: on weekends and holidays, or on other days; None: on all.
        p50_s, p90_s: of those that were answered; None where none was.
    """

    band: tuple[int, int]
    holiday: bool | None
    calls: int
    answered: int
    p50_s: float | None
    p90_s: float | None

    @property
    def unanswered_share(self) -> float:
        """Of all calls; 0 where there was none."""
        return (self.calls - self.answered) / self.calls if self.calls else 0.0

    @property
    def hours(self) -> str:
        """As people write it.

        >>> Figure((0, 6), None, 0, 0, None, None).hours
        '00:00-06:00'
        """
        return f"{self.band[0]:02d}:00-{self.band[1]:02d}:00"

    def keeps(self) -> float:
        """How much of the wait behind the position is kept: all of it, half, or nothing, so that the next is called at once."""
        if self.calls < FEWEST:
            return 1.0
        if self.unanswered_share >= AT_ONCE_FROM:
            return 0.0
        slow = self.p90_s is not None and self.p90_s > SLOW_S
        return 0.5 if slow or self.unanswered_share >= SOONER_FROM else 1.0


@dataclass(frozen=True, slots=True)
class Weak:
    """Hours at which a position answers badly.

    Args:
        holiday: on which days; None: on all.
        keeps: see `Figure.keeps`; below 1.
        of_all: the calls are those of all days, for want of enough of its own.
    """

    band: tuple[int, int]
    holiday: bool | None
    keeps: float
    calls: int
    answered: int
    of_all: bool = False

    def reason(self, position: str) -> str:
        """The clause of a rule.

        >>> Weak((0, 6), None, 0.0, 5, 3).reason("gas-desk")
        'sooner than the route says, for duty position gas-desk answered 3 of 5 roll calls at 00:00-06:00'
        """
        days = "" if self.of_all else {None: "", True: " on holidays", False: " on working days"}[self.holiday]
        hours = f"{self.band[0]:02d}:00-{self.band[1]:02d}:00"
        return f"sooner than the route says, for duty position {position} answered {self.answered} of {self.calls} roll calls at {hours}{days}"


@dataclass(frozen=True, slots=True)
class WeakHours:
    """All of them of one position, on its own clock."""

    time_zone: str
    holidays: frozenset[date]
    hours: tuple[Weak, ...]

    def at(self, instant: datetime) -> Weak | None:
        """What holds at an instant."""
        hour, holiday = on_the_clock(instant, self.time_zone, self.holidays)
        return next((w for w in self.hours if w.band[0] <= hour < w.band[1] and w.holiday in (None, holiday)), None)


def on_the_clock(instant: datetime, time_zone: str, holidays: Iterable[date]) -> tuple[int, bool]:
    """The hour of a clock, and whether it is a weekend or one of the holidays there.

    >>> on_the_clock(datetime(2026, 10, 1, 20, tzinfo=UTC), "Asia/Shanghai", [date(2026, 10, 2)])
    (4, True)
    """
    local = instant.astimezone(ZoneInfo(time_zone))
    return local.hour, local.weekday() >= SATURDAY or local.date() in frozenset(holidays)


def figures(record: Sequence[Answer]) -> list[Figure]:
    """Each quarter of the day: on working days, on holidays, and on all days."""
    return [_figure(record, band, holiday) for band in BANDS for holiday in (False, True, None)]


def overall(record: Sequence[Answer]) -> Figure:
    """All of them together."""
    return _figure(record, (0, 24), None)


def weak_hours(record: Sequence[Answer], time_zone: str, holidays: Iterable[date]) -> WeakHours | None:
    """The hours at which a position answers badly; None: at none.

    Where the calls of working days alone, or of holidays alone, are too few to say anything, those of all days speak for them.
    """
    found = []
    for band in BANDS:
        on_all = _figure(record, band, None)
        own = [_figure(record, band, holiday) for holiday in (False, True)]
        if all(each.calls < FEWEST for each in own):
            own = [on_all]
        for each in own:
            said = each if each.calls >= FEWEST else on_all
            if said.keeps() < 1.0:
                found.append(Weak(band, each.holiday, said.keeps(), said.calls, said.answered, said is on_all))
    return WeakHours(time_zone, frozenset(holidays), tuple(found)) if found else None


def drawn(
    seed: int, times: int, hours: Hours | None, time_zone: str, since: datetime, until: datetime
) -> list[datetime]:
    """The instants after `since`, up to `until`, at which a position is called: so many in each 30 days, the same for the same seed.

    Args:
        hours: of the position's clock; None: at any hour, nights too.
    """
    zone = ZoneInfo(time_zone)
    first, last = (_period(at) for at in (since - timedelta(days=2), until + timedelta(days=2)))
    found = {_drawn(seed, period, number, hours, zone) for period in range(first, last + 1) for number in range(times)}
    return sorted(at for at in found if since < at <= until)


def _period(at: datetime) -> int:
    return (at.astimezone(UTC).date() - _EPOCH).days // PERIOD.days


def _drawn(seed: int, period: int, number: int, hours: Hours | None, zone: ZoneInfo) -> datetime:
    digest = hashlib.sha256(f"{seed} {period} {number}".encode()).digest()
    day = _EPOCH + timedelta(days=period * PERIOD.days + int.from_bytes(digest[:8], "big") % PERIOD.days)
    begins = time(0) if hours is None else hours.begins
    length = _DAY_S if hours is None else _length_s(hours)
    into = int.from_bytes(digest[8:16], "big") % length
    return (datetime.combine(day, begins, zone).astimezone(UTC) + timedelta(seconds=into)).replace(microsecond=0)


def _length_s(hours: Hours) -> int:
    """Seconds between two hours of the clock.

    >>> _length_s(Hours(time(22), time(6)))
    28800
    """
    begins, ends = (each.hour * 3600 + each.minute * 60 for each in hours)
    return (ends - begins) % _DAY_S or _DAY_S


def _figure(record: Sequence[Answer], band: tuple[int, int], holiday: bool | None) -> Figure:
    own = [each for each in record if band[0] <= each.hour < band[1] and holiday in (None, each.holiday)]
    took = sorted(each.took_s for each in own if each.took_s is not None)
    return Figure(band, holiday, len(own), len(took), nearest_rank(took, HALF), nearest_rank(took, NINE_IN_TEN))
