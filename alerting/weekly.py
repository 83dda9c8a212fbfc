"""The week in numbers for a duty position: when it is told, what it counts, whether it says anything. Pure.

Numbers and what alarms are called: no reading, nobody's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

MORNING, EVENING = time(8), time(20)  # local: a week is told by day, whenever it is decided
A_WEEK: Final = timedelta(days=7)
TELLS_OF: Final = 3  # worst offenders named in a message; all ten stand on the page


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstAlarm:
    """An alarm that disturbs, with what is proposed.

    Args:
        title, title_zh: with the sensor's name: four tanks have one title.
        change: "deadband", "off_delay", "on_delay", "mend"; None: nothing.
        now, then: of what would change, in `unit` or seconds.
    """

    title: str
    title_zh: str
    announced: int
    change: str | None = None
    now: float | None = None
    then: float | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteWeek:
    """One site in one week, beside the week before it.

    Args:
        met, judged: how many figures are within their target, of those that have a value.
        told, night_calls: alarms that called one of the client's people, and how many of them at night.
        chattering, stale: how many alarms did.
        most_messages: to one person on one day; days_over: on which that was more than they can bear.
        against_us: Davy has a finding against itself for that.
        answered_p50_s, answered_p90_s, unanswered, counted: see `core.response_time.ResponseTime`.
    """

    site_key: str
    site: str
    site_zh: str
    announced: int
    announced_before: int
    met: int
    judged: int
    met_before: int
    told: int
    told_before: int
    night_calls: int
    floods_share: float
    chattering: int
    stale: int
    nuisance_share: float | None
    counted: int
    unanswered: int
    answered_p50_s: float | None
    answered_p90_s: float | None
    suppressed_hours: float
    worst: tuple[WorstAlarm, ...] = ()
    most_messages: int = 0
    days_over: int = 0
    against_us: bool = False

    @property
    def says_something(self) -> bool:
        """Whether anything came, now or the week before, or an alarm stands on end."""
        return bool(self.announced or self.announced_before or self.stale or self.suppressed_hours)


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """A whole message."""

    since: datetime
    until: datetime
    time_zone: str
    sites: tuple[SiteWeek, ...]

    @property
    def says_something(self) -> bool:
        """Whether it is worth sending."""
        return any(site.says_something for site in self.sites)

    def as_json(self) -> dict[str, Any]:
        """For the row."""
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "time_zone": self.time_zone,
            "sites": [asdict(site) for site in self.sites],
        }


def week_from_json(row: Mapping[str, Any]) -> Week:
    """The week of a row."""
    return Week(
        since=datetime.fromisoformat(row["since"]),
        until=datetime.fromisoformat(row["until"]),
        time_zone=row["time_zone"],
        sites=tuple(
            SiteWeek(**{**site, "worst": tuple(WorstAlarm(**one) for one in site["worst"])}) for site in row["sites"]
        ),
    )


def week_to_tell(now: datetime, time_zone: str, decided_until: datetime | None) -> tuple[datetime, datetime] | None:
    """From which Monday to which a week is to be told now; None at night, before Monday's morning, and once it is decided.

    Args:
        decided_until: the end of the newest week that was written down for this person.

    >>> told = week_to_tell(datetime.fromisoformat("2026-11-23T00:30:00+00:00"), "Asia/Shanghai", None)
    >>> [at.isoformat() for at in told]
    ['2026-11-16T00:00:00+08:00', '2026-11-23T00:00:00+08:00']
    >>> week_to_tell(datetime.fromisoformat("2026-11-22T23:30:00+00:00"), "Asia/Shanghai", None) is None
    True
    """
    there = ZoneInfo(time_zone)
    local = now.astimezone(there)
    if not MORNING <= local.time() < EVENING:
        return None
    monday = local.date() - timedelta(days=local.weekday())
    until = datetime.combine(monday, time(), there)
    # The same end, or a neighbour's after a change of zone: one a week.
    if decided_until is not None and until - decided_until < A_WEEK / 2:
        return None
    return datetime.combine(monday - A_WEEK, time(), there), until
