"""The second opinion as a visitor sees it: of each site its last night, each window with its words, its curve and the alarms of that time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from api.second_chart import Drawn, draw
from api.store import second as store
from api.store.second import Alarm, Name, Night, Week, Window

AROUND: Final = timedelta(hours=1)  # shown before and after, so that one sees what it differs from
WHOLE: Final = timedelta(hours=12)  # the same on the window's own page
MOST_WHOLE: Final = 5  # sites on one page with all their windows; of more each is a line
WEEKS: Final = 8  # of what people said
Names = dict[tuple[str, int], Name]


@dataclass(frozen=True, slots=True)
class Seen:
    """A window with what stands beside it.

    Args:
        drawn: None where its minutes are gone.
    """

    window: Window
    alarms: list[Alarm]
    drawn: Drawn | None


@dataclass(frozen=True, slots=True)
class Heard:
    """What people said of the windows of a stretch of time.

    Args:
        share: of those that somebody looked at, how many were worth it or showed a sensor's fault; None: nobody has said anything.
    """

    week: date | None
    shown: int
    worth: int
    sensor_fault: int
    nothing: int

    @property
    def said(self) -> int:
        """Of how many somebody has said something."""
        return self.worth + self.sensor_fault + self.nothing

    @property
    def share(self) -> float | None:
        """The precision: 0 to 1."""
        return (self.worth + self.sensor_fault) / self.said if self.said else None


@dataclass(frozen=True, slots=True)
class SiteNight:
    """A site's night.

    Args:
        whole: False where there are many sites: then its windows are counted and not drawn.
    """

    night: Night
    whole: bool
    windows: list[Seen]
    weeks: list[Heard]
    total: Heard

    @property
    def unalarmed(self) -> int:
        """How many of its windows nobody was alarmed of."""
        return sum(not seen.alarms for seen in self.windows)


def read_nights(
    connection: Connection[Any], now: datetime, site: str | None = None, day: date | None = None
) -> tuple[list[SiteNight], Names]:
    """Every site that may be seen, or the one, with its last night, or that of a day; and what all in it are called."""
    nights = store.nights(connection, site, day)
    numbers = [night.night_id for night in nights if night.night_id is not None]
    whole = len(nights) <= MOST_WHOLE
    seen = look_at(connection, store.windows(connection, numbers), now, AROUND if whole else None) if numbers else []
    of_night: dict[int, list[Seen]] = defaultdict(list)
    for each in seen:
        of_night[each.window.night_id].append(each)
    weeks: dict[int, list[Week]] = defaultdict(list)
    for week in store.weeks(connection, now.date() - timedelta(weeks=WEEKS)):
        weeks[week.site_id].append(week)
    made = [
        SiteNight(
            night,
            whole,
            of_night[night.night_id or 0],
            [_heard(week) for week in weeks[night.site_id]],
            _total(weeks[night.site_id]),
        )
        for night in nights
    ]
    return made, names_of(connection, [each.window for each in seen], nights)


def look_at(
    connection: Connection[Any], windows: Sequence[Window], now: datetime, around: timedelta | None
) -> list[Seen]:
    """Windows with their alarms, and the curve around them; None: no curve."""
    alarms: dict[int, list[Alarm]] = defaultdict(list)
    for alarm in store.alarms(connection, [window.opinion_id for window in windows], now):
        alarms[alarm.opinion_id].append(alarm)
    return [
        Seen(window, alarms[window.opinion_id], None if around is None else _drawn(connection, window, around))
        for window in windows
    ]


def names_of(connection: Connection[Any], windows: Sequence[Window], nights: Sequence[Night] = ()) -> Names:
    """What the sensors and machines in the facts of windows, and among what nights left out, are called."""
    left = [each for night in nights for each in night.left_out or []]
    sensors = {int(fact["sensor"]) for window in windows for fact in window.facts}
    sensors |= {int(each["number"]) for each in left if each["kind"] != "asset"}
    assets = {int(each["number"]) for each in left if each["kind"] == "asset"}
    return {(name.kind, name.number): name for name in store.names(connection, sorted(sensors), sorted(assets))}


def _drawn(connection: Connection[Any], window: Window, around: timedelta) -> Drawn | None:
    since, until = window.from_at - around, window.until_at + around
    return draw(
        store.minutes(connection, window.sensor_id, since, until), (since, until), (window.from_at, window.until_at)
    )


def _heard(week: Week) -> Heard:
    return Heard(week.week, week.shown, week.worth, week.sensor_fault, week.nothing)


def _total(weeks: Sequence[Week]) -> Heard:
    return Heard(
        None,
        sum(week.shown for week in weeks),
        sum(week.worth for week in weeks),
        sum(week.sensor_fault for week in weeks),
        sum(week.nothing for week in weeks),
    )
