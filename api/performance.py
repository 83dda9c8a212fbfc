"""How the alarms of a site go, over a stretch of time: the figures with their targets, the worst offenders, the duty positions.

One gathering for the page, its JSON, the command and the weekly report. Who may not see the client's people gets no positions.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from psycopg import Connection

from alerting.budget import budget
from alerting.performance import (
    DAY_US,
    LEAST_FOR_RATE_US,
    TEN_MINUTES_US,
    Counts,
    DayCount,
    counts,
    micros,
    most_within,
)
from alerting.performance_targets import TARGETS
from alerting.store import performance as store
from alerting.store.budget import messages_by_day
from alerting.store.performance import Position, Told
from api.false_alarms import FalseAlarms, false_alarms
from api.offenders import Offender, offenders
from api.store.voice import nuisance_by_limit
from core.model import Priority
from core.response_time import ResponseTime, response_time
from risk import own_finding
from risk.own_finding import TooMany
from risk.report.facts import SilencedFacts, SiteFacts
from risk.report.store.happened import silenced
from risk.score.formula import explaining
from risk.store.calls import answers, calls

PRIORITIES: Final = tuple(priority.value for priority in Priority)  # the worst first
NIGHT_BEGINS, NIGHT_ENDS = time(22), time(6)  # at the site: when a call wakes somebody. Ours
LEAST_FOR_TOP: Final = 100  # of fewer announcements ten alarms make most, and it says nothing. Ours
REAL: Final = frozenset({"true_danger", "near_miss"})
JUDGED: Final = frozenset(
    {"true_danger", "near_miss", "nuisance", "sensor_fault"}
)  # neither tests nor what nobody knows


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number with its target.

    Args:
        value: None: there is nothing to count it from.
        verdict: "met", "over", "far_over"; None without value or target.
    """

    key: str
    value: float | None
    aim: float | None = None
    most: float | None = None
    below: bool = False
    least: bool = False
    source: str | None = None
    verdict: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDuty:
    """What one duty position was told: messages, each alarm's onset once."""

    person_id: int
    name: str
    role: str
    priorities: tuple[str, ...]
    told: int
    per_day: float
    most_in_ten_minutes: int
    night_calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """All there is to say of one site and window.

    Args:
        announced: how many times an alarm came to stand before a person.
        told, night_calls: alarms that called somebody, and at night, each onset once.
        mix: announcements by priority, the worst first.
        busiest: the day's most; for the bars.
        against_us: the finding that stands because people get too many messages.
        statistics: false alarms against what the site bears; None: it has no statistical alarm.
    """

    site: SiteFacts
    since: datetime
    until: datetime
    announced: int
    told: int
    night_calls: int
    figures: tuple[Figure, ...]
    mix: dict[str, int]
    response: ResponseTime
    resolutions: dict[str, int]
    nuisance_share: float | None
    silenced: tuple[SilencedFacts, ...]
    suppressed_hours: float
    days: tuple[DayCount, ...]
    offenders: tuple[Offender, ...]
    positions: tuple[OnDuty, ...]
    simulated: bool
    against_us: TooMany | None = None
    statistics: FalseAlarms | None = None

    @property
    def busiest(self) -> int:
        """Announcements of the day that had most."""
        return max((day.announced for day in self.days), default=0)

    def figure(self, key: str) -> Figure:
        """The figure of that name."""
        return next(each for each in self.figures if each.key == key)


def gather(
    connection: Connection[Any],
    site: SiteFacts,
    since: datetime,
    until: datetime,
    *,
    people: bool,
    made_up: bool = True,
) -> Performance:
    """Counts what happened from `since` until `until`.

    Args:
        people: whether who asks may see the client's people.
        made_up: with the demo's history, which the page marks and no message tells of.
    """
    limits = store.limits(connection, site.site_id)
    ids = [limit.definition_id for limit in limits]
    happened = store.steps(connection, site.site_id, since, until, ids, made_up=made_up)
    priority = np.array([PRIORITIES.index(limit.priority) for limit in limits], np.int64)
    counted = counts(happened.steps, priority, since, until, site.time_zone)
    resolved = store.resolutions(connection, site.site_id, since, until, made_up=made_up)
    told = store.told(connection, site.site_id, since, until)
    quiet = tuple(silenced(connection, site.site_id, since, until))
    by_reason = _by_reason(resolved)
    days = max(micros(until) - micros(since), LEAST_FOR_RATE_US) / DAY_US
    called, at_night = _told(told, site.time_zone)
    borne = budget(messages_by_day(connection, site.site_id, since, until, site.time_zone))
    stands = own_finding.standing(connection, [site.site_id]).get(site.site_id)
    values = {
        **_counted(counted),
        "nameless": float(store.nameless_suppressions(connection, site.site_id, since, until)),
        "told_per_day": called / days,
        "most_messages": float(borne.most),
        "days_over_budget": float(borne.days_over),
        "night_calls_per_week": at_night / days * 7,
        "precision": _precision(by_reason),
    }
    return Performance(
        site=site,
        since=since,
        until=until,
        announced=counted.announced,
        told=called,
        night_calls=at_night,
        figures=tuple(_figure(key, value) for key, value in values.items()),
        mix=dict(zip(PRIORITIES, counted.mix, strict=True)),
        response=response_time(
            answers(
                [call for call in calls(connection, [site.site_id], since, until) if made_up or not call.simulated],
                until,
            ),
            explaining(None).control.response.targets_s,
        ),
        resolutions=by_reason,
        nuisance_share=by_reason.get("nuisance", 0) / sum(by_reason.values()) if by_reason else None,
        silenced=quiet,
        suppressed_hours=sum(each.hours for each in quiet),
        days=counted.days,
        offenders=offenders(
            limits, counted.alarms, resolved, days, nuisance_by_limit(connection, site.site_id, since, until)
        ),
        positions=_on_duty(store.positions(connection, site.site_id), told, days, site.time_zone) if people else (),
        simulated=happened.simulated,
        against_us=stands[1] if stands is not None else None,
        statistics=false_alarms(connection, site.key, since, until, made_up=made_up),
    )


def _counted(of: Counts) -> dict[str, float | None]:
    """The figures that are of beginnings and announcements."""
    share = {
        name: times / of.announced if of.announced else None for name, times in zip(PRIORITIES, of.mix, strict=True)
    }
    return {
        "per_day": of.per_day,
        "per_hour": of.per_hour,
        "per_ten_minutes": of.per_ten_minutes,
        "most_in_ten_minutes": of.most_in_ten_minutes,
        "busy_periods": of.busy_periods,
        "busy_hours": of.busy_hours,
        "flood_share": of.flood_share,
        "top_share": of.top_share if of.announced >= LEAST_FOR_TOP else None,
        "chattering": of.chattering,
        "fleeting": of.fleeting,
        "stale": of.stale,
        "urgent_share": None if share["high"] is None else share["high"] + (share["life-safety"] or 0.0),
        "medium_share": share["medium"],
    }


def _told(told: Sequence[Told], zone: str) -> tuple[int, int]:
    """Alarms that called somebody, each onset once, by the first of the site's people who heard; and how many of them at night."""
    once = {(each.occurrence_id, each.onset): each.sent_at for each in reversed(told)}
    return len(once), sum(is_night(at, zone) for at in once.values())


def _precision(by_reason: Mapping[str, int]) -> float | None:
    """What was a danger, or could have been, of what people could tell."""
    judged = sum(count for reason, count in by_reason.items() if reason in JUDGED)
    real = sum(count for reason, count in by_reason.items() if reason in REAL)
    return real / judged if judged else None


def _figure(key: str, value: float | None) -> Figure:
    target = TARGETS[key]
    return Figure(
        key=key,
        value=value,
        aim=target.aim,
        most=target.most,
        below=target.below,
        least=target.least,
        source=target.source,
        verdict=target.verdict(value),
    )


def _by_reason(resolved: Sequence[tuple[int, str, int]]) -> dict[str, int]:
    told: Counter[str] = Counter()
    for _, reason, count in resolved:
        told[reason] += count
    return dict(told.most_common())


def _on_duty(positions: Sequence[Position], told: Sequence[Told], days: float, zone: str) -> tuple[OnDuty, ...]:
    mine: dict[int, list[datetime]] = defaultdict(list)
    for each in told:
        mine[each.person_id].append(each.sent_at)
    return tuple(
        OnDuty(
            person_id=each.person_id,
            name=each.name,
            role=each.role,
            priorities=tuple(name for name in PRIORITIES if name in each.priorities),
            told=len(mine[each.person_id]),
            per_day=len(mine[each.person_id]) / days,
            most_in_ten_minutes=most_within(
                np.array([micros(at) for at in mine[each.person_id]], np.int64), TEN_MINUTES_US
            ),
            night_calls=sum(is_night(at, zone) for at in mine[each.person_id]),
        )
        for each in positions
    )


def is_night(at: datetime, zone: str) -> bool:
    """Whether a call then wakes somebody at the site.

    >>> is_night(datetime.fromisoformat("2026-03-01T14:00:00+00:00"), "Asia/Shanghai")
    True
    """
    there = at.astimezone(ZoneInfo(zone)).time()
    return there >= NIGHT_BEGINS or there < NIGHT_ENDS
