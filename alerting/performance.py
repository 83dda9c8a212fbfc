"""How alarms go at one site: the counts of ISA-18.2 and EEMUA 191 over a stretch of time, from the transitions. Pure.

An alarm *begins* each time its condition comes (a raise). It is *announced* each time it comes to stand before a person anew:
unacknowledged, and not put aside. So a re-alarm announces it once more, and so does the end of its shelf while it is active. That a higher
limit on its sensor announces it with itself does not: people hear one call, which is that limit's. Rates and floods are of announcements; chattering, fleeting and stale ones are of beginnings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Instants = NDArray[np.int64]  # microseconds UTC

SECOND_US: Final = 1_000_000
TEN_MINUTES_US: Final = 600 * SECOND_US
HOUR_US: Final = 3600 * SECOND_US
DAY_US: Final = 24 * HOUR_US

# What is counted, with the words of reference/domain.md 3.2. None of it is verified against a standard's text.
MANY_IN_TEN_MINUTES: Final = 10  # more than so many in a period is too many to work through
MANY_IN_AN_HOUR: Final = 30
FLOOD_BEGINS, FLOOD_ENDS = 10, 5  # a flood: so many within ten minutes, until fewer than so many are
LEAST_FOR_RATE_US: Final = HOUR_US  # a minute after midnight, one alarm is not 1,440 a day. Ours
TOP: Final = 10  # the alarms that announce themselves most often
CHATTERS: Final = 3  # times begun and over within `CHATTER_US`
CHATTER_US: Final = 60 * SECOND_US
FLEETING_US: Final = 60 * SECOND_US  # over so soon, and not back within `AGAIN_US` either way; how short is ours to say
AGAIN_US: Final = TEN_MINUTES_US
STALE_US: Final = DAY_US

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Transitions of one site as columns, each alarm's together and in their order.

    Args:
        alarm: int32, which alarm: an index into the site's own list.
        at: int64 microseconds UTC; before the window too, where an occurrence reaches into it.
        raised, cleared, announced: bool.
    """

    alarm: NDArray[np.int32]
    at: Instants
    raised: NDArray[np.bool_]
    cleared: NDArray[np.bool_]
    announced: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount:
    """How many were announced on a day of the site."""

    day: date
    announced: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmCount:
    """One alarm's part in it.

    Args:
        alarm: index into the site's list.
        chatter: how many times it began within a stretch of chattering.
        fleeting: how many times it came and went at once, and did not come back.
        stale_s: longest time it was active on end; None where that is a day or less.
    """

    alarm: int
    announced: int
    begun: int
    chatter: int
    fleeting: int
    stale_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """A window's counts.

    Args:
        announced: in all; shares and rates are of them.
        per_day, per_hour, per_ten_minutes: averages over the window, of an hour at least.
        most_in_ten_minutes: in any ten minutes, wherever they begin.
        busy_periods: share of the ten-minute periods with more than ten.
        busy_hours: share of the hours with more than thirty.
        flood_share: share of the time in a flood; floods: how many there were.
        top_share: what the ten most frequent alarms announced of all; None where nothing was announced.
        chattering, fleeting: how many alarms did.
        stale: most alarms on any one day that had been active for more than 24 hours.
        mix: announcements by priority, as indexes into the caller's list.
    """

    announced: int
    per_day: float
    per_hour: float
    per_ten_minutes: float
    most_in_ten_minutes: int
    busy_periods: float
    busy_hours: float
    flood_share: float
    floods: int
    top_share: float | None
    chattering: int
    fleeting: int
    stale: int
    mix: tuple[int, ...]
    days: tuple[DayCount, ...]
    alarms: tuple[AlarmCount, ...]


def counts(steps: Steps, priority: NDArray[np.int64], since: datetime, until: datetime, zone: str) -> Counts:
    """The counts from `since` until `until`.

    Args:
        priority: of each alarm of the site's list, an index below 4: the order is the caller's.
        zone: the site's; days begin and end with its midnights, so one of a change of clocks has 23 or 25 hours.
    """
    begin, end = micros(since), micros(until)
    inside = (steps.at >= begin) & (steps.at < end)
    announced = steps.announced & inside
    at = np.sort(steps.at[announced])
    by_alarm = np.bincount(steps.alarm[announced], minlength=len(priority))
    flood_us, floods = flood_time(at, begin, end)
    on, off, of = active_spans(steps, end)
    chatter, fleeting = short_ones(on, off, of, begin, end, len(priority))
    stale, longest = stale_ones(on, off, of, midnights(since, until, zone), begin, end, len(priority))
    total, days = len(at), max(end - begin, LEAST_FOR_RATE_US) / DAY_US
    return Counts(
        announced=total,
        per_day=total / days,
        per_hour=total / days / 24,
        per_ten_minutes=total / days / 144,
        most_in_ten_minutes=most_within(at, TEN_MINUTES_US),
        busy_periods=busy_share(at, begin, end, TEN_MINUTES_US, MANY_IN_TEN_MINUTES),
        busy_hours=busy_share(at, begin, end, HOUR_US, MANY_IN_AN_HOUR),
        flood_share=flood_us / (end - begin),
        floods=floods,
        top_share=float(np.sort(by_alarm)[::-1][:TOP].sum() / total) if total else None,
        chattering=int(np.count_nonzero(chatter)),
        fleeting=int(np.count_nonzero(fleeting)),
        stale=stale,
        mix=tuple(np.bincount(priority[steps.alarm[announced]], minlength=4).tolist()),
        days=days_of(at, since, until, zone),
        alarms=_by_alarm(steps, inside, by_alarm, chatter, fleeting, longest),
    )


def _by_alarm(
    steps: Steps,
    inside: NDArray[np.bool_],
    announced: NDArray[np.int64],
    chatter: NDArray[np.int64],
    fleeting: NDArray[np.int64],
    longest: Instants,
) -> tuple[AlarmCount, ...]:
    """The alarms of which there is anything to say, the most frequent first."""
    begun = np.bincount(steps.alarm[steps.raised & inside], minlength=len(announced))
    told = np.flatnonzero((announced > 0) | (begun > 0) | (longest > 0))
    order = told[np.lexsort((told, -begun[told], -announced[told]))]
    return tuple(
        AlarmCount(
            alarm=int(n),
            announced=int(announced[n]),
            begun=int(begun[n]),
            chatter=int(chatter[n]),
            fleeting=int(fleeting[n]),
            stale_s=float(longest[n] / SECOND_US) if longest[n] else None,
        )
        for n in order
    )


def micros(at: datetime) -> int:
    """Microseconds UTC of an aware instant."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def midnights(since: datetime, until: datetime, zone: str) -> list[datetime]:
    """Beginning and ends of the site's days that the window touches: one more than there are days.

    >>> len(midnights(datetime(2026, 3, 1, 16, tzinfo=UTC), datetime(2026, 3, 3, 16, tzinfo=UTC), "Asia/Shanghai"))
    3
    """
    there = ZoneInfo(zone)
    day = since.astimezone(there).date()
    found = [datetime.combine(day, time(), there)]
    while found[-1] < until:
        day += timedelta(days=1)
        found.append(datetime.combine(day, time(), there))
    return found


def days_of(at: Instants, since: datetime, until: datetime, zone: str) -> tuple[DayCount, ...]:
    """Announcements by the site's day; `at` is rising."""
    edges = midnights(since, until, zone)
    places = np.searchsorted(at, [micros(edge) for edge in edges])
    return tuple(
        DayCount(day=edge.date(), announced=int(count)) for edge, count in zip(edges, np.diff(places), strict=False)
    )


def most_within(at: Instants, width: int) -> int:
    """The most instants that lie in any stretch of this width; `at` is rising.

    >>> most_within(np.array([0, 5, 9, 30]), 10)
    3
    """
    if not len(at):
        return 0
    return int((np.arange(len(at)) - np.searchsorted(at, at - width, side="right")).max()) + 1


def busy_share(at: Instants, begin: int, end: int, width: int, most: int) -> float:
    """Share of the periods of this width, one after the other from `begin` on, in which more than `most` lie."""
    periods = max(1, -(-(end - begin) // width))
    return float(np.count_nonzero(np.bincount((at - begin) // width, minlength=periods) > most) / periods)


def flood_time(at: Instants, begin: int, end: int) -> tuple[int, int]:
    """Microseconds in a flood, and how many floods there were; `at` is rising.

    A flood begins when ten have come within ten minutes, and is over when fewer than five have.
    """
    if not len(at):
        return 0, 0
    moments = np.concatenate([at, at + TEN_MINUTES_US])
    change = np.concatenate([np.ones(len(at), np.int64), -np.ones(len(at), np.int64)])
    order = np.argsort(moments, kind="stable")
    moments, standing = moments[order], np.cumsum(change[order])
    last = np.append(moments[1:] != moments[:-1], True)  # of the changes at one instant, what is left after them
    moments, standing = moments[last], standing[last]
    said = np.where(standing >= FLOOD_BEGINS, 1, np.where(standing < FLOOD_ENDS, 0, -1))
    newest = np.maximum.accumulate(np.where(said >= 0, np.arange(len(said)), 0))
    flooded = said[newest] == 1
    lengths = np.diff(np.minimum(np.append(moments, end), end))
    return int(lengths[flooded].sum()), int(np.count_nonzero(flooded & ~np.append(False, flooded[:-1])))


def active_spans(steps: Steps, end: int) -> tuple[Instants, Instants, NDArray[np.int32]]:
    """(from, to, alarm) of each time a condition held, those of one alarm together; what holds still has no end: to the largest number."""
    turn = steps.raised | steps.cleared
    at, alarm, raised = steps.at[turn], steps.alarm[turn], steps.raised[turn]
    following = np.append(at[1:], np.iinfo(np.int64).max)
    ends = np.append((alarm[1:] == alarm[:-1]) & ~raised[1:], False) if len(at) else np.zeros(0, np.bool_)
    off = np.where(ends, following, np.iinfo(np.int64).max)
    return at[raised], off[raised], alarm[raised]


def short_ones(
    on: Instants, off: Instants, of: NDArray[np.int32], begin: int, end: int, alarms: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How often each alarm began within chatter, and how often it was fleeting, in the window."""
    inside = (on >= begin) & (on < end)
    chattering = np.zeros(len(on), np.bool_)
    if len(on) >= CHATTERS:
        last = CHATTERS - 1
        first = (of[last:] == of[:-last]) & (off[last:] - on[:-last] <= CHATTER_US) & (off[last:] < end)
        for step in range(CHATTERS):
            chattering[step : len(on) - last + step] |= first
    far = np.iinfo(np.int64).max
    before = np.append(far, np.where(of[1:] == of[:-1], on[1:] - on[:-1], far)) if len(on) else on
    after = np.append(before[1:], far) if len(on) else on
    fleeting = (off - on <= FLEETING_US) & (before > AGAIN_US) & (after > AGAIN_US)
    return (
        np.bincount(of[chattering & inside], minlength=alarms),
        np.bincount(of[fleeting & inside], minlength=alarms),
    )


def stale_ones(
    on: Instants, off: Instants, of: NDArray[np.int32], edges: Sequence[datetime], begin: int, end: int, alarms: int
) -> tuple[int, Instants]:
    """Most alarms on any day that had been active for more than 24 hours, and each alarm's longest such time until `end`."""
    until = np.minimum(off, end)
    stale = (until - on > STALE_US) & (until > begin)
    longest = np.zeros(alarms, np.int64)
    np.maximum.at(longest, of[stale], (until - on)[stale])
    starts = np.array([micros(edge) for edge in edges[:-1]], np.int64)
    ends = np.array([micros(edge) for edge in edges[1:]], np.int64)
    since, to = np.maximum(on[stale] + STALE_US, begin), until[stale]
    per_day = [
        len(np.unique(of[stale][(since < day_ends) & (to > day_starts)]))
        for day_starts, day_ends in zip(starts, ends, strict=True)
    ]
    return max(per_day, default=0), longest
