"""Who is on duty: a duty position of a site, filled by rotations, and at any instant by one person or, said as such, by nobody. Pure.

A roster is made of layers. A layer is a rotation: people in their order, each for a turn of days, handed over at an hour of the
roster's own clock, all day or within hours of the day. What the layers say, a person may override for a while. A roster may follow a calendar
of the company's own: what that says comes before the layers, and where it names nobody, they hold.

Instants are kept by the rule of RFC 5545 3.3.5, which calendars use too: an hour of the clock that the change to summer time skips
is read with the offset before it, one that comes twice is the first of the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

_DAY: Final = timedelta(days=1)
LONGEST_OVERRIDE: Final = timedelta(days=62)  # two months: a longer change belongs in the rotation


class By(StrEnum):
    """By which rule somebody is on duty, or why nobody is."""

    LAYER = "layer"
    HOLIDAY = "holiday"
    OVERRIDE = "override"
    NOBODY_BY_OVERRIDE = "nobody_by_override"
    CALENDAR = "calendar"
    STRANGER = "stranger"
    HOLE = "hole"
    GONE = "gone"


class Hours(NamedTuple):
    """From one hour of the clock until another; where it ends before it begins, it ends on the next day.

    >>> str(Hours(time(20), time(8)))
    '20:00-08:00'
    """

    begins: time
    ends: time

    def __str__(self) -> str:
        return f"{self.begins:%H:%M}-{self.ends:%H:%M}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A rotation.

    Args:
        people: in the order in which they take turns.
        begins_on: day of the first hand-over; before it the layer is empty.
        hand_over: hour at which a turn ends and the next begins.
        turn_days: how long a turn is; 7 is a week, handed over on the weekday of `begins_on`.
        hours: of the day in which it is filled; None: all day.
        on_holidays: it holds on the roster's holidays only, and then comes first.
    """

    key: str
    people: tuple[int, ...]
    begins_on: date
    hand_over: time = time(8)
    turn_days: int = 7
    hours: Hours | None = None
    on_holidays: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """Somebody takes over for a while, or nobody is on duty.

    Args:
        override_id: the higher is the later word, and holds.
        person_id: None: nobody.
    """

    override_id: int
    person_id: int | None
    begins_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class CalendarTurn:
    """What the calendar says that a roster follows.

    Args:
        person_id: None: somebody whom nobody here knows.
    """

    begins_at: datetime
    ends_at: datetime
    person_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """A duty position of a site.

    Args:
        audience: "client", or "insurer" for its duty desk.
        layers: those for holidays come first, then in this order: the first that names somebody holds.
        holidays: days that begin with the hand-over of each layer.
        gone: people whom it names and who are no longer active.
        turns: what a calendar says that it follows; of two at once the first holds.
    """

    roster_id: int
    key: str
    audience: str
    time_zone: str
    layers: tuple[Layer, ...]
    holidays: frozenset[date] = frozenset()
    overrides: tuple[Override, ...] = ()
    gone: frozenset[int] = frozenset()
    turns: tuple[CalendarTurn, ...] = ()

    def people(self) -> frozenset[int]:
        """Everybody active whom it can put on duty."""
        named = {person for layer in self.layers for person in layer.people}
        named |= {each.person_id for each in self.overrides if each.person_id is not None}
        named |= {each.person_id for each in self.turns if each.person_id is not None}
        return frozenset(named - self.gone)


@dataclass(frozen=True, slots=True)
class Duty:
    """Who is on duty and why.

    Args:
        person_id: None: nobody.
        layer: whose turn it is; of an override and a hole empty.
        override_id: which override says so.
        missing: who would be on duty, had they not left.
    """

    person_id: int | None
    by: By
    layer: str = ""
    override_id: int | None = None
    missing: int | None = None

    def reason(self) -> str:
        """The rule in words, for the books.

        >>> Duty(3, By.LAYER, "week").reason()
        'layer week'
        """
        match self.by:
            case By.LAYER:
                return f"layer {self.layer}"
            case By.HOLIDAY:
                return f"layer {self.layer}, a holiday"
            case By.OVERRIDE:
                return f"override {self.override_id}"
            case By.NOBODY_BY_OVERRIDE:
                return f"nobody, by override {self.override_id}"
            case By.CALENDAR:
                return "its calendar"
            case By.STRANGER:
                return "nobody: its calendar names somebody whom nobody here knows"
            case By.GONE:
                return "nobody: who would be on duty is no longer active"
            case _:
                return "nobody: the roster has a hole"


@dataclass(frozen=True, slots=True)
class Span:
    """One answer from an instant until another."""

    begins_at: datetime
    ends_at: datetime
    duty: Duty


@lru_cache(maxsize=4096)
def _instant(zone: ZoneInfo, day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, zone).astimezone(UTC)


def on_call(roster: Roster, at: datetime) -> Duty:
    """Who is on duty at an instant, and by which rule."""
    for each in sorted(roster.overrides, key=lambda each: -each.override_id):
        if each.begins_at <= at < each.ends_at:
            if each.person_id is None:
                return Duty(None, By.NOBODY_BY_OVERRIDE, override_id=each.override_id)
            if each.person_id not in roster.gone:
                return Duty(each.person_id, By.OVERRIDE, override_id=each.override_id)
    zone = ZoneInfo(roster.time_zone)
    missing = None
    turn = next((each for each in roster.turns if each.begins_at <= at < each.ends_at), None)
    if turn is not None and turn.person_id is None:
        return Duty(None, By.STRANGER)
    if turn is not None and turn.person_id not in roster.gone:
        return Duty(turn.person_id, By.CALENDAR)
    if turn is not None:
        missing = turn.person_id
    for layer in sorted(roster.layers, key=lambda layer: not layer.on_holidays):
        person = _of_layer(roster, layer, zone, at)
        if person is not None and person not in roster.gone:
            return Duty(person, By.HOLIDAY if layer.on_holidays else By.LAYER, layer.key)
        missing = person if missing is None else missing
    return Duty(None, By.HOLE if missing is None else By.GONE, missing=missing)


def spans(roster: Roster, begins_at: datetime, ends_at: datetime) -> list[Span]:
    """Every answer between two instants, in order and without a gap: neighbours differ."""
    found: list[Span] = []
    edges = sorted({begins_at, *(edge for edge in _edges(roster, begins_at, ends_at) if begins_at < edge < ends_at)})
    for edge, following in zip(edges, [*edges[1:], ends_at], strict=True):
        duty = on_call(roster, edge)
        if found and found[-1].duty == duty:
            found[-1] = Span(found[-1].begins_at, following, duty)
        else:
            found.append(Span(edge, following, duty))
    return found


def holes(roster: Roster, begins_at: datetime, ends_at: datetime) -> list[Span]:
    """Where nobody is on duty."""
    return [span for span in spans(roster, begins_at, ends_at) if span.duty.person_id is None]


def reached_at(roster: Roster, at: datetime) -> tuple[tuple[int, ...], Duty]:
    """Whom a call to the duty position goes to: who is on duty, and where nobody is, everybody of the roster."""
    duty = on_call(roster, at)
    return (tuple(sorted(roster.people())) if duty.person_id is None else (duty.person_id,)), duty


def _of_layer(roster: Roster, layer: Layer, zone: ZoneInfo, at: datetime) -> int | None:
    """Whose turn it is in one layer; None where it says nobody."""
    local = at.astimezone(zone).date()
    # Two days back: where a clock skips a whole day (Apia, 2011) the hand-over before lies so far.
    day = next(d for d in (local + i * _DAY for i in (1, 0, -1, -2, -3)) if _instant(zone, d, layer.hand_over) <= at)
    if not layer.people or day < layer.begins_on or (layer.on_holidays and day not in roster.holidays):
        return None
    if layer.hours is not None and end_of(layer.hours, zone, at) is None:
        return None
    return layer.people[(day - layer.begins_on).days // layer.turn_days % len(layer.people)]


def end_of(hours: Hours, zone: ZoneInfo, at: datetime) -> datetime | None:
    """When those hours end in which an instant lies; None where it lies in none."""
    local = at.astimezone(zone).date()
    over = timedelta(days=int(hours.ends <= hours.begins))
    ends = [
        _instant(zone, day + over, hours.ends)
        for day in (local - 2 * _DAY, local - _DAY, local, local + _DAY)
        if _instant(zone, day, hours.begins) <= at < _instant(zone, day + over, hours.ends)
    ]
    return max(ends, default=None)


def _edges(roster: Roster, begins_at: datetime, ends_at: datetime) -> Iterator[datetime]:
    """Every instant at which the answer may change."""
    for override in roster.overrides:
        yield from (override.begins_at, override.ends_at)
    for turn in roster.turns:
        yield from (turn.begins_at, turn.ends_at)
    zone = ZoneInfo(roster.time_zone)
    day, last = begins_at.astimezone(zone).date() - 2 * _DAY, ends_at.astimezone(zone).date() + 2 * _DAY
    clocks = {layer.hand_over for layer in roster.layers}
    clocks |= {clock for layer in roster.layers if layer.hours is not None for clock in layer.hours}
    while day <= last:
        for clock in clocks:
            yield _instant(zone, day, clock)
        day += _DAY
