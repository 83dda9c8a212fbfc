"""Whom a calendar puts on duty although life safety does not reach them: told before the turn begins, for a calendar asks nobody. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerting.roster import By, Roster, spans
from core.site_rosters import DAYS_AHEAD


@dataclass(frozen=True, slots=True)
class Unreached:
    """Somebody whom the calendar of a duty position names, and a step of life safety that has no way to them.

    Args:
        position: key of the site and of the position.
        channel: of that step.
        others: channels that lead to them all the same, and over which it would go instead.
    """

    roster_id: int
    position: str
    person_id: int
    channel: str
    others: list[str]


@dataclass(frozen=True, slots=True)
class UnreachedTurn:
    """When such a turn begins, or that it is on."""

    begins_at: datetime
    of: Unreached


def unreached_turns(roster: Roster, unreached: Iterable[Unreached], now: datetime) -> list[UnreachedTurn]:
    """The first turn of each in the next days, unless somebody else has taken it over."""
    of = {each.person_id: each for each in unreached if each.roster_id == roster.roster_id}
    found: dict[int, UnreachedTurn] = {}
    for span in spans(roster, now, now + timedelta(days=DAYS_AHEAD)) if of else ():
        person = span.duty.person_id
        if span.duty.by is By.CALENDAR and person in of and person is not None:
            found.setdefault(person, UnreachedTurn(span.begins_at, of[person]))
    return list(found.values())
