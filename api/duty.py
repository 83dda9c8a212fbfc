"""Duty positions as a page shows them: who is on duty now, and the turns of the next two weeks. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from alerting.calendar_reach import Unreached, UnreachedTurn, unreached_turns
from alerting.roster import Roster, Span, spans
from api.store.duty import CalendarLine, NoteLine, OverrideLine, RosterLine

AHEAD: Final = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a duty position.

    Args:
        name: None where nobody is on duty, or where the reader may not know who is.
    """

    begins_at: datetime
    ends_at: datetime
    person_id: int | None
    name: str | None
    by: str
    layer: str

    @property
    def is_hole(self) -> bool:
        """Whether nobody is on duty."""
        return self.person_id is None


@dataclass(frozen=True, slots=True)
class Position:
    """A duty position with its turns, the first of which holds now.

    Args:
        choices: whom the reader may put on duty: (person, name).
        calendar: the one that it follows.
        unreached: turns by it of people whom a step of life safety has no way to, with their names where the reader may know them.
    """

    line: RosterLine
    now: Turn
    turns: list[Turn]
    overrides: list[OverrideLine]
    notes: list[NoteLine]
    choices: list[tuple[int, str]]
    calendar: CalendarLine | None = None
    unreached: Sequence[tuple[UnreachedTurn, str | None]] = ()

    def name_of(self, person_id: int) -> str | None:
        """Whom an override names, where the reader may know it."""
        return dict(self.choices).get(person_id)

    @property
    def holes(self) -> list[Turn]:
        """The turns that nobody takes."""
        return [turn for turn in self.turns if turn.is_hole]


def position(
    line: RosterLine,
    roster: Roster,
    names: Mapping[int, str],
    overrides: Sequence[OverrideLine],
    notes: Sequence[NoteLine],
    choices: list[tuple[int, str]],
    now: datetime,
    calendars: Sequence[CalendarLine] = (),
    unreached: Sequence[Unreached] = (),
) -> Position:
    """One duty position as it is read at an instant."""
    turns = [_turn(span, names) for span in spans(roster, now, now + AHEAD)]
    return Position(
        line,
        turns[0],
        turns,
        [each for each in overrides if each.roster_id == line.roster_id],
        [each for each in notes if each.roster_id == line.roster_id],
        choices,
        next((each for each in calendars if each.roster_id == line.roster_id), None),
        [(turn, names.get(turn.of.person_id)) for turn in unreached_turns(roster, unreached, now)],
    )


def _turn(span: Span, names: Mapping[int, str]) -> Turn:
    duty = span.duty
    name = None if duty.person_id is None else names.get(duty.person_id)
    return Turn(span.begins_at, span.ends_at, duty.person_id, name, duty.by.value, duty.layer)
