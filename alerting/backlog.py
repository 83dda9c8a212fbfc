"""What a gateway's backlog brought, told once and by day: which alarms, how often, between when, and the worst. Pure.

The past calls nobody (`alerting.routing.is_historic`); who would have been called hears of it together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from alerting.routing import URGENCY
from alerting.weekly import EVENING, MORNING
from core.model import Priority

# A backlog is over when nothing of it has been written down for so long; one that goes on is told of in parts. Ours.
OVER_AFTER: Final = timedelta(minutes=10)
LONGEST: Final = timedelta(hours=12)
NAMES: Final = 10  # kinds of alarms in a message; of the rest only their number


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One definition's alarms in a backlog; instants as ISO text.

    Args:
        times: how often it was raised.
        first_at, last_at: when it was so first and last.
    """

    title: str
    title_zh: str
    priority: str
    times: int
    first_at: str
    last_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What is told.

    Args:
        device: its key; device_id: its page.
        site, site_zh: what it is called.
        first_id, until_id: the first and the last transition told of: the next backlog begins after it.
        learnt_at: when the last of it was written down, as ISO text.
        kinds: the worst first.
    """

    device_id: int
    device: str
    site: str
    site_zh: str
    time_zone: str
    first_id: int
    until_id: int
    learnt_at: str
    kinds: tuple[Kind, ...]

    @property
    def times(self) -> int:
        """How many alarms."""
        return sum(kind.times for kind in self.kinds)

    @property
    def first_at(self) -> datetime:
        """When the first of them was true."""
        return min(datetime.fromisoformat(kind.first_at) for kind in self.kinds)

    @property
    def last_at(self) -> datetime:
        """When the last of them was raised."""
        return max(datetime.fromisoformat(kind.last_at) for kind in self.kinds)

    def as_json(self) -> dict[str, Any]:
        """For the row."""
        return asdict(self)


def backlog_from_json(row: Mapping[str, Any]) -> Backlog:
    """The backlog of a row."""
    return Backlog(**{**row, "kinds": tuple(Kind(**kind) for kind in row["kinds"])})


def worst_first(kinds: list[Kind]) -> tuple[Kind, ...]:
    """By priority, then by how often.

    >>> many = Kind(title="a", title_zh="", priority="low", times=9, first_at="", last_at="")
    >>> grave = Kind(title="b", title_zh="", priority="life-safety", times=1, first_at="", last_at="")
    >>> [kind.title for kind in worst_first([many, grave])]
    ['b', 'a']
    """
    return tuple(sorted(kinds, key=lambda kind: (URGENCY[Priority(kind.priority)], -kind.times, kind.title)))


def is_due(began_at: datetime, learnt_at: datetime, now: datetime, time_zone: str) -> bool:
    """Whether a backlog is to be told now: it is over, or has lasted for long; and it is day at the site.

    Args:
        began_at, learnt_at: when the first and the last of it were written down.

    >>> learnt = datetime.fromisoformat("2026-03-01T08:00:00+08:00")
    >>> [is_due(learnt, learnt, learnt + timedelta(minutes=m), "Asia/Shanghai") for m in (9, 10)]
    [False, True]
    >>> is_due(learnt, learnt, learnt + timedelta(hours=13), "Asia/Shanghai")
    False
    """
    over = now - learnt_at >= OVER_AFTER or now - began_at >= LONGEST
    return over and MORNING <= now.astimezone(ZoneInfo(time_zone)).time() < EVENING
