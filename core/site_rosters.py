"""What a site file says of duty positions: rotations of people, their hours, and the days on which another layer holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, time
from typing import TYPE_CHECKING, ClassVar, Final
from zoneinfo import available_timezones

from core.row import Row
from core.yaml_lines import Block

if TYPE_CHECKING:
    from core.portfolio import Portfolio

MOST_ROLL_CALLS: Final = 12  # in 30 days: more teach people to ignore them. Ours; as in the database
MOST_LAYERS, MOST_PEOPLE, MOST_HOLIDAYS = 12, 60, 400
LONGEST_TURN: Final = 56  # days: eight weeks, as in the database
DAYS_AHEAD: Final = 90  # in which a hole is looked for
FIRST_YEAR, LAST_YEAR = 1950, 2199  # of its days, as in the database
_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterLayer:
    """A rotation as the file has it.

    Args:
        people: keys, in the order of their turns.
        hours: from when until when of the day; None: all day.
    """

    key: str
    people: tuple[str, ...]
    begins_on: date
    hand_over: time
    turn_days: int
    hours: tuple[time, time] | None = None
    on_holidays: bool = False
    line: int = field(default=0, compare=False)

    def told(self) -> str:
        """For the journal."""
        hours = "" if self.hours is None else f", {self.hours[0]:%H:%M}-{self.hours[1]:%H:%M}"
        when = ", on holidays" if self.on_holidays else ""
        turns = f"turns of {self.turn_days} d from {self.begins_on} {self.hand_over:%H:%M}"
        return f"{self.key}: {', '.join(self.people)}, {turns}{hours}{when}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterRow(Row):
    """One duty position.

    Args:
        may_be_empty: hours that nobody fills are meant.
        roll_calls: how often in 30 days whoever is on duty is called without warning.
        roll_call_hours: within which hours of the roster's clock; None: at any.
    """

    kind: ClassVar[str] = "roster"
    named_by: ClassVar[tuple[str, ...]] = ("site", "key")
    guarded: ClassVar[frozenset[str]] = frozenset(
        {"audience", "time_zone", "layers", "holidays", "may_be_empty", "roll_calls", "roll_call_hours", "retired"}
    )
    site: str
    key: str
    name: str
    name_zh: str
    audience: str
    time_zone: str
    layers: tuple[RosterLayer, ...]
    holidays: tuple[date, ...] = ()
    may_be_empty: bool = False
    roll_calls: int = 0
    roll_call_hours: tuple[time, time] | None = None
    retired: bool = False


def read_roster(block: Block, portfolio: Portfolio, company: str, site: str, time_zone: str) -> None:
    """Adds one duty position.

    Args:
        time_zone: of its site, where it names none.
    """
    name, name_zh = block.both("name")
    roll_calls, roll_call_hours = _roll_calls(block)
    row = RosterRow(
        company=company,
        site=site,
        key=block.key("key"),
        name=name,
        name_zh=name_zh,
        audience=block.word("audience", ("client", "insurer"), default="client"),
        time_zone=block.word("time_zone", available_timezones(), default=time_zone or "UTC"),
        holidays=tuple(_holidays(block)),
        layers=tuple(_layer(each) for each in block.blocks("layers", f"layer of {block.where},")),
        may_be_empty=block.flag("may_be_empty"),
        roll_calls=roll_calls,
        roll_call_hours=roll_call_hours,
        retired=block.flag("retired"),
        line=block.line,
    )
    if not 1 <= len(row.layers) <= MOST_LAYERS:
        block.mistake("layers", f"{block.where} has {len(row.layers)} layers; it needs 1 to {MOST_LAYERS}.")
    if len({layer.key for layer in row.layers}) < len(row.layers):
        block.mistake("layers", f"{block.where} has two layers of one key; give one of them another.")
    portfolio.rosters.append(row)
    block.finish()


def _roll_calls(block: Block) -> tuple[int, tuple[time, time] | None]:
    inner = block.block("roll_calls", f"roll_calls of {block.where}", example="{times: 2}")
    if inner is None:
        return 0, None
    times = inner.number("times", default=0.0) or 0.0
    if times != int(times) or not 0 <= times <= MOST_ROLL_CALLS:
        inner.mistake(
            "times",
            f"times of roll_calls of {block.where} is {times:g}; it must be 0 to {MOST_ROLL_CALLS} whole times in 30 days.",
        )
        times = 0.0
    hours = _hours(inner)
    inner.finish()
    return int(times), hours if times else None


def _holidays(block: Block) -> Iterator[date]:
    listed = block.texts("holidays")
    if len(listed) > MOST_HOLIDAYS:
        block.mistake("holidays", f"{block.where} has {len(listed)} holidays; {MOST_HOLIDAYS} is the most.")
    days = set()
    for line, text in listed:
        try:
            day = date.fromisoformat(text)
        except ValueError:
            day = date.min
        if FIRST_YEAR <= day.year <= LAST_YEAR:
            days.add(day)
        else:
            block.reading.mistake(line, f"{text!r} in holidays of {block.where} must be a date such as 2026-10-01.")
    yield from sorted(days)


def _layer(block: Block) -> RosterLayer:
    key = block.key("key")
    people = tuple(text for _, text in block.texts("people"))
    if not 1 <= len(people) <= MOST_PEOPLE:
        told = "a rotation of nobody" if not people else f"a rotation of {len(people)} people"
        block.mistake("people", f"{block.where} is {told}; name 1 to {MOST_PEOPLE}.")
    begins_on = block.day("begins_on")
    if begins_on is not None and begins_on.year > LAST_YEAR:
        text = str(begins_on)
        block.mistake("begins_on", f"begins_on of {block.where} is {text!r}; it must be a date such as 2026-01-31.")
    turn = block.number("turn_days", default=7.0) or 0.0
    if turn != int(turn) or not 1 <= turn <= LONGEST_TURN:
        block.mistake(
            "turn_days", f"turn_days of {block.where} is {turn:g}; it must be 1 to {LONGEST_TURN} whole days."
        )
    hours = _hours(block)
    layer = RosterLayer(
        key=key,
        people=people,
        begins_on=begins_on or date(2000, 1, 1),
        hand_over=_clock(block, "hand_over", "08:00"),
        turn_days=max(1, int(turn)),
        hours=hours,
        on_holidays=block.flag("on_holidays"),
        line=block.line,
    )
    block.finish()
    return layer


def _hours(block: Block) -> tuple[time, time] | None:
    inner = block.block("hours", f"hours of {block.where}", example='{from: "08:00", until: "20:00"}')
    if inner is None:
        return None
    hours = _clock(inner, "from"), _clock(inner, "until")
    if hours[0] == hours[1]:
        inner.mistake(None, f"hours of {block.where} begin when they end; leave hours out for all day.")
    inner.finish()
    return hours


def _clock(block: Block, name: str, default: str = "") -> time:
    text = block.text(name, required=not default) or default
    found = _CLOCK.fullmatch(text)
    if text and found is None:
        block.mistake(name, f'{name} of {block.where} is {text!r}; it must be an hour such as "08:00", in quotes.')
    return time(int(found[1]), int(found[2])) if found else time(0)


def check_rosters(wanted: Portfolio, current: Portfolio) -> Iterator[tuple[int, str]]:
    """Whom the duty positions name, against everybody there will be, as (line, sentence)."""
    people = {row.key: row for each in (current, wanted) for row in each.people}
    named = {(row.site, row.key): row for each in (current, wanted) for row in each.rosters}
    for row in wanted.rosters:
        side = row.company if row.audience == "client" else None
        whose = "the insurer" if side is None else f"company {row.company}"
        for layer in row.layers:
            for key in layer.people if not row.retired else ():
                person = people.get(key)
                where = layer.line or row.line
                if person is None:
                    yield where, f"{row.subject}, layer {layer.key}, names {key}, who is nobody."
                elif person.company != side:
                    yield (
                        where,
                        f"{row.subject} is for {whose} and names {key}, who is not of them; one roster is of one company.",
                    )
                elif side is None and row.company not in person.looks_after:
                    yield (
                        where,
                        f"{row.subject} names {key}, who does not look after {row.company}; add it to looks_after.",
                    )
                elif not person.active:
                    yield (
                        where,
                        f"{row.subject}, layer {layer.key}, names {key}, who is not active; name somebody who is.",
                    )
    for route in wanted.routes:
        last = max((step.position for step in route.steps), default=0)
        for step in route.steps:
            if step.roster:
                found = named.get((route.site, step.roster))
                for sentence in _of_step(found, route.audience, bool(route.hears), last_step=step.position == last):
                    yield step.line, f"{route.subject} tells the duty position {step.roster}, {sentence}"
    yield from _still_used(wanted, current)


def _still_used(wanted: Portfolio, current: Portfolio) -> Iterator[tuple[int, str]]:
    """Positions that the file retires although a route it does not name tells them: nobody could change who is called any more."""
    retired = {(row.site, row.key): row for row in wanted.rosters if row.retired}
    named = {row.name_parts for row in wanted.routes}
    for route in current.routes:
        for key in dict.fromkeys(step.roster for step in route.steps if step.roster):
            row = retired.get((route.site, key))
            if row is not None and route.name_parts not in named:
                yield (
                    row.line,
                    f"{row.subject} is retired, and {route.subject} still tells it; name somebody else in its steps, in this file.",
                )


def _of_step(roster: RosterRow | None, audience: str, hears: bool, *, last_step: bool) -> Iterator[str]:
    if roster is None:
        yield "which there is not; add it to the site's rosters."
    elif roster.retired:
        yield "which is retired; name another."
    elif audience == "insurer" and roster.audience == "client":
        yield "which is the client's, on a route for the insurer; name a roster of audience insurer."
    elif audience == "client" and roster.audience == "insurer" and not last_step:
        yield "which is the insurer's duty desk, before the last step; the desk comes last."
    if hears:
        yield "and hears more than alarms; who hears of findings, impairments and days is named: give that a route of its own."
