"""What a calendar says of duty (iCalendar, RFC 5545): who is on duty from when until when. Pure; what is wrong gets a sentence.

People write calendars, and programs of many makers. So what can be read is read, what is odd is said, and nothing in a file can make
reading it long: its size, its events, their repetitions and the time spent are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from icalendar import Calendar, Event

from alerting.calendar_zones import listed, own_zones, parts_of
from alerting.roster import CalendarTurn
from core.errors import BadInput

LARGEST: Final = 2 * 1024 * 1024  # bytes: ten years of shifts of a site are a tenth of it
MOST_LINES: Final = 40_000  # the library reads some 8,000 a second
MOST_EVENTS, MOST_RULES, MOST_TURNS, MOST_REMARKS = 5_000, 300, 3_000, 20
MOST_STEPS: Final = 100_000  # repetitions that are counted through, those before today as well
LONGEST_S: Final = 5.0
_RULES: Final = frozenset({"DAILY", "WEEKLY", "MONTHLY", "YEARLY"})
_PARTS: Final = frozenset(
    {
        "FREQ",
        "INTERVAL",
        "COUNT",
        "UNTIL",
        "WKST",
        "BYDAY",
        "BYMONTHDAY",
        "BYMONTH",
        "BYSETPOS",
        "BYWEEKNO",
        "BYYEARDAY",
    }
)
_EARLIEST: Final = datetime(1990, 1, 1)  # noqa: DTZ001 -- of the calendar's own clock
_DAY: Final = timedelta(days=1)
_MAILTO: Final = re.compile(r"mailto:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody who can be on duty.

    Args:
        mails: addresses by which a calendar may name them.
    """

    person_id: int
    key: str
    name: str
    mails: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reading:
    """What a calendar says.

    Args:
        turns: in the order of their beginning.
        remarks: sentences about what is odd, the first few.
    """

    turns: list[CalendarTurn]
    remarks: list[str]


@dataclass(frozen=True, slots=True)
class _Shift:
    begins_at: datetime
    ends_at: datetime
    who: Known | None
    said: str


class _LeftOut(BadInput):
    """An event that is left out, and not the calendar with it; in words."""


class _Budget:
    """What reading may cost."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic, self._ends, self._steps, self._rules = monotonic, monotonic() + LONGEST_S, 0, 0

    def rule(self) -> None:
        """One more event that repeats."""
        self._rules += 1
        if self._rules > MOST_RULES:
            raise BadInput(f"The calendar has more than {MOST_RULES} events that repeat; shorten it.")
        self.look()

    def step(self) -> None:
        """One more repetition."""
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise BadInput(f"The events of the calendar repeat more than {MOST_STEPS} times until then; shorten it.")
        if self._steps % 1000 == 0:
            self.look()

    def look(self) -> None:
        """Whether there is time left: a zone's own rules cost some, each time they are asked."""
        if self._monotonic() > self._ends:
            raise BadInput(f"Reading the calendar takes more than {LONGEST_S:g} s; shorten it.")


def read(
    content: bytes,
    people: Sequence[Known],
    *,
    time_zone: str,
    begins_at: datetime,
    ends_at: datetime,
    monotonic: Callable[[], float],
) -> Reading:
    """Every shift between two instants.

    Args:
        time_zone: of the roster: of whole days, and of times that name none.
        monotonic: seconds of a clock that never goes back.

    Raises:
        BadInput: no calendar, or too much of one.
    """
    zone, remarks = ZoneInfo(time_zone), list[str]()
    events = _events(content)
    budget = _Budget(monotonic)
    try:
        replaced = _replaced(events, zone, budget)
        shifts: list[_Shift] = []
        for event in events:
            for begins, ends in _times(event, zone, begins_at, ends_at, replaced, budget, remarks):
                budget.look()
                if begins < ends_at and ends > begins_at:
                    shifts.append(_Shift(begins, ends, _who(event, people), _said(event)))
            if len(shifts) > MOST_TURNS:
                raise BadInput(
                    f"The calendar has more than {MOST_TURNS} shifts in the weeks that are looked at; shorten it."
                )
    except (
        ValueError,
        TypeError,
        OverflowError,
        AttributeError,
    ) as error:  # years that no clock has, zones that have no beginning
        raise BadInput(
            f"The times of the calendar cannot be worked out: {' '.join(str(error).split())[:160]}."
        ) from error
    shifts.sort(key=lambda each: (each.begins_at, each.ends_at, each.said))
    remarks += _odd(shifts, zone)
    turns = [CalendarTurn(each.begins_at, each.ends_at, each.who.person_id if each.who else None) for each in shifts]
    return Reading(turns, list(dict.fromkeys(remarks))[:MOST_REMARKS])


def _events(content: bytes) -> list[Event]:
    if len(content) > LARGEST:
        raise BadInput(f"The calendar has {len(content)} bytes; it may have {LARGEST}.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"Byte {error.start} of the calendar is not UTF-8.") from error
    if "\0" in text:  # which no remark about it could be written down with
        raise BadInput(f"Character {text.index(chr(0))} of the calendar is NUL, which no text has.")
    if not text.lstrip().upper().startswith("BEGIN:VCALENDAR"):
        raise BadInput("This is no calendar: it does not begin with BEGIN:VCALENDAR.")
    if text.count("\n") > MOST_LINES:
        raise BadInput(f"The calendar has more than {MOST_LINES} lines; shorten it.")
    if text.upper().count("BEGIN:VEVENT") > MOST_EVENTS:
        raise BadInput(f"The calendar has more than {MOST_EVENTS} events; shorten it.")
    try:
        with own_zones():
            read_in = Calendar.from_ical(text)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput(f"The calendar cannot be read: {' '.join(str(error).split())[:160]}.") from error
    events = (each for each in read_in.walk("VEVENT") if isinstance(each, Event))
    return [each for each in events if str(each.get("STATUS", "")).upper() != "CANCELLED"]


def _replaced(events: Iterable[Event], zone: ZoneInfo, budget: _Budget) -> set[tuple[str, datetime]]:
    """Repetitions that have an event of their own (RECURRENCE-ID)."""
    found = set()
    for event in events:
        budget.look()
        at = _moment(event.get("RECURRENCE-ID"), zone)
        if at is not None:
            found.add((str(event.get("UID", "")), at))
    return found


def _times(
    event: Event,
    zone: ZoneInfo,
    begins_at: datetime,
    ends_at: datetime,
    replaced: set[tuple[str, datetime]],
    budget: _Budget,
    remarks: list[str],
) -> Iterator[tuple[datetime, datetime]]:
    """From when until when, of each repetition."""
    start = getattr(event.get("DTSTART"), "dt", None)
    if not isinstance(start, date):
        remarks.append(f"An event ({_said(event)}) says no beginning; it is left out.")
        return
    own = _zone_of(start, zone)
    first = _wall(start, own)
    length = _length(event, start, own)
    if length <= timedelta(0):
        remarks.append(f"An event ({_said(event)}) ends when it begins; it is left out.")
        return
    uid = str(event.get("UID", ""))
    walls: Iterable[datetime] = [first]
    if event.get("RECURRENCE-ID") is None and (event.get("RRULE") is not None or event.get("RDATE") is not None):
        try:
            walls = list(_repeated(event, first, own, ends_at, budget))
        except _LeftOut as error:
            remarks.append(str(error))
            return
    for wall in walls:
        at = wall.replace(tzinfo=own).astimezone(UTC)
        if event.get("RECURRENCE-ID") is None and (uid, at) in replaced:
            continue
        if isinstance(start, datetime):
            yield at, at + length
        else:  # whole days are days of the clock, also where one has 23 hours
            yield at, (wall + length).replace(tzinfo=own).astimezone(UTC)


def _repeated(
    event: Event, first: datetime, own: ZoneInfo | Any, ends_at: datetime, budget: _Budget
) -> Iterator[datetime]:
    """The beginnings on the event's own clock, until `ends_at`."""
    if first < _EARLIEST:
        raise _LeftOut(f"An event ({_said(event)}) repeats since before {_EARLIEST.year}; it is left out.")
    last = ends_at.astimezone(own).replace(tzinfo=None)
    excluded = {_wall(at, own) for at in _dates(event, "EXDATE")}
    found = {first, *(_wall(at, own) for at in _dates(event, "RDATE"))}
    for rule in listed(event.get("RRULE")):
        budget.rule()
        for wall in rrulestr(_written(event, rule, own), dtstart=first):
            budget.step()
            if wall > last:
                break
            found.add(wall)
    yield from sorted(found - excluded)


def _written(event: Event, rule: Mapping[str, Any], own: ZoneInfo | Any) -> str:
    """A rule as it is read by the event's own clock: of these frequencies and parts only, since the others count seconds."""
    parts = parts_of(rule)
    frequency = str(parts.get("FREQ", [""])[0]).upper()
    if frequency not in _RULES or set(parts) - _PARTS:
        raise _LeftOut(
            f"An event ({_said(event)}) repeats {frequency or 'by an unknown rule'}; only days, weeks, months and years are read."
        )
    if any(int(each) < 1 for each in parts.get("INTERVAL", [])):  # which would never come to an end
        raise _LeftOut(f"An event ({_said(event)}) repeats by a rule that cannot be read; it is left out.")
    if "UNTIL" in parts:
        parts["UNTIL"] = [f"{_wall(each, own, latest=True):%Y%m%dT%H%M%S}" for each in parts["UNTIL"]]
    written = ";".join(f"{name}={','.join(str(each) for each in values)}" for name, values in parts.items())
    try:
        rrulestr(written, dtstart=_EARLIEST)
    except (ValueError, TypeError) as error:
        raise _LeftOut(f"An event ({_said(event)}) repeats by a rule that cannot be read; it is left out.") from error
    return written


def _dates(event: Event, name: str) -> Iterator[date]:
    for each in listed(event.get(name)):
        for inner in getattr(each, "dts", ()):
            if isinstance(inner.dt, date):
                yield inner.dt


def _zone_of(at: date, zone: ZoneInfo) -> Any:
    """Whose clock an event goes by: that of its time zone, else the roster's."""
    return at.tzinfo if isinstance(at, datetime) and at.tzinfo is not None else zone


def _wall(at: date, own: Any, *, latest: bool = False) -> datetime:
    """What a clock of that zone shows then."""
    if isinstance(at, datetime):
        return at.replace(tzinfo=None) if at.tzinfo is None else at.astimezone(own).replace(tzinfo=None)
    return datetime.combine(at, time(23, 59, 59) if latest else time(0))


def _moment(found: Any, zone: ZoneInfo) -> datetime | None:
    at = getattr(found, "dt", None)
    if not isinstance(at, date):
        return None
    return _wall(at, zone).replace(tzinfo=zone).astimezone(UTC)


def _length(event: Event, start: date, own: Any) -> timedelta:
    end = getattr(event.get("DTEND"), "dt", None)
    lasts = getattr(event.get("DURATION"), "dt", None)
    if isinstance(end, datetime) and isinstance(start, datetime):
        return _wall(end, own).replace(tzinfo=own).astimezone(UTC) - _wall(start, own).replace(tzinfo=own).astimezone(
            UTC
        )
    if isinstance(end, date):
        return _wall(end, own) - _wall(start, own)
    if isinstance(lasts, timedelta):
        return lasts
    return timedelta(0) if isinstance(start, datetime) else _DAY


def _who(event: Event, people: Sequence[Known]) -> Known | None:
    """Whom an event names: by an attendee's address, else by its title: all of it, else as the only one of the people in it."""
    mails = {_MAILTO.sub("", str(each)).strip().casefold() for each in listed(event.get("ATTENDEE"))}
    by_mail = [each for each in people if each.mails & mails]
    if by_mail:
        return by_mail[0]
    title = _said(event).casefold()
    for each in people:
        if title in (each.name.casefold(), each.key.casefold()) or title in each.mails:
            return each
    within = [each for each in people if each.name.casefold() in title or any(mail in title for mail in each.mails)]
    longest = [
        each for each in within if not any(each.name != other.name and each.name in other.name for other in within)
    ]
    return longest[0] if len(longest) == 1 else None


def _said(event: Event) -> str:
    """The title, as a sentence of ours may quote it."""
    return " ".join(str(event.get("SUMMARY", "")).split())[:80]


def _odd(shifts: Sequence[_Shift], zone: ZoneInfo) -> Iterator[str]:
    """Whom nobody knows, and two at once."""
    for name in dict.fromkeys(each.said for each in shifts if each.who is None):
        when = next(each for each in shifts if each.who is None and each.said == name)
        yield f"Nobody here is called {name or '(no title)'}, who is on duty from {when.begins_at.astimezone(zone):%Y-%m-%d %H:%M}."
    for before, after in pairwise(shifts):
        if after.begins_at < before.ends_at and before.who != after.who:
            yield (
                f"Two are on duty at {after.begins_at.astimezone(zone):%Y-%m-%d %H:%M}: {before.said} and {after.said}; "
                "the one who began first holds."
            )
