"""Whether the routes of a site still reach somebody once people leave, or lose their addresses. Pure.

A route that a file names is checked step by step (`core/site_references.py`). One that it does not name stays as it is in the
database, and a file that only says who is no longer active can leave it with nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass

from core.portfolio import PersonRow, Portfolio, RouteRow

Address = tuple[str, str]  # person, channel


@dataclass(frozen=True, slots=True)
class Hearers:
    """Who can be told of anything.

    Args:
        people: by key.
        addresses: over which channels each can be reached.
    """

    people: dict[str, PersonRow]
    addresses: Set[Address]


def reaches(route: RouteRow, among: Hearers) -> bool:
    """Whether one of its steps tells somebody: active, still of that side, and with an address.

    A step without a channel is told on the pages.
    """
    return any(
        (person := among.people.get(step.person)) is not None
        and _may_hear(route, person)
        and (not step.channel or (step.person, step.channel) in among.addresses)
        for step in route.steps
    )


def _may_hear(route: RouteRow, person: PersonRow) -> bool:
    if not person.active:
        return False
    if route.audience == "client":
        return person.company == route.company
    return person.company is None and route.company in person.looks_after


def left_unheard(wanted: Portfolio, current: Portfolio) -> Iterator[tuple[int, str]]:
    """Routes that a file does not name and that would reach nobody after it, as (line, sentence)."""
    before = Hearers({row.key: row for row in current.people}, {(row.person, row.channel) for row in current.addresses})
    told = {row.key: row for row in wanted.people}
    after = Hearers(
        {**before.people, **told},
        {each for each in before.addresses if each[0] not in told}
        | {(row.person, row.channel) for row in wanted.addresses},
    )
    named = {row.name_parts for row in wanted.routes}
    for route in current.routes:
        if route.name_parts in named or not reaches(route, before) or reaches(route, after):
            continue
        people = [told[step.person] for step in route.steps if step.person in told]
        line, who = (people[0].line, people[0].subject) if people else (0, "this file")
        yield (
            line,
            f"{who} leaves {route.subject} with nobody whom it reaches; name somebody in its steps, in this file, before they go.",
        )
