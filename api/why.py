"""Why somebody was, or was not, told of an occurrence: what the books say, and where they say nothing, why that is. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.store.duty import CallLine
from api.store.occurrences import Occurrence

# Why nobody was called at all, by what the occurrence says of itself.
SIMULATED, HISTORIC, SUPPRESSED, NO_CALL = "simulated", "historic", "suppressed", "no_call"
# Why one person was not.
NO_ROUTE, NOT_ON_DUTY, NOT_REACHED, OTHERS_TRIED = "no_route", "not_on_duty", "not_reached", "others_tried"


@dataclass(frozen=True, slots=True)
class Told:
    """One person and this occurrence.

    Args:
        name: None where the reader may not know it.
        calls: messages to them.
        why_not: a word of this module where there are none; None where there are.
    """

    person_id: int
    name: str | None
    is_reader: bool
    calls: tuple[CallLine, ...]
    why_not: str | None


def everybody_told(
    found: Occurrence,
    calls: Sequence[CallLine],
    reached: Mapping[int, set[int | None]],
    names: Mapping[int, str],
    *,
    reader: int,
    sees_people: bool,
) -> list[Told]:
    """The reader first, then everybody who was told or whom a route can reach, for whoever may see people.

    Args:
        reached: whom the site's routes of this priority can reach now, and by which duty positions.
    """
    others = [call.person_id for call in calls] + sorted(reached)
    people = [reader, *(others if sees_people else [])]
    return [
        _told(found, person, calls, reached, names, is_reader=person == reader)
        for person in dict.fromkeys(people)
        if person == reader or person in names
    ]


def _told(
    found: Occurrence,
    person: int,
    calls: Sequence[CallLine],
    reached: Mapping[int, set[int | None]],
    names: Mapping[int, str],
    *,
    is_reader: bool,
) -> Told:
    own = tuple(call for call in calls if call.person_id == person)
    return Told(
        person, names.get(person), is_reader, own, None if own else _why_not(found, person, bool(calls), reached)
    )


def _why_not(found: Occurrence, person: int, anybody: bool, reached: Mapping[int, set[int | None]]) -> str:
    if person not in reached:
        return NO_ROUTE
    if found.exercise:  # of a duty position it calls whoever is on duty there, whatever the routes say
        return OTHERS_TRIED if anybody else NO_CALL
    if found.simulated:
        return SIMULATED
    if not anybody:
        return HISTORIC if found.historic else SUPPRESSED if found.suppression != "none" else NO_CALL
    return NOT_REACHED if None in reached[person] else NOT_ON_DUTY
