"""Whether the routes of a site still reach somebody once people leave, or lose their addresses. Pure.

A route that a file names is checked step by step (`core/site_references.py`). One that it does not name stays as it is in the
database, and a file that only says who is no longer active can leave it with nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

from core.portfolio import PersonRow, Portfolio, RouteRow, Step
from core.route_strictness import carries_life
from core.wish import wish_of

Address = tuple[str, str]  # person, channel


@dataclass(frozen=True, slots=True)
class Hearers:
    """Who can be told of anything.

    Args:
        people: by key.
        addresses: over which channels each can be reached.
        rosters: people of each duty position, by its site and key.
    """

    people: dict[str, PersonRow]
    addresses: Set[Address]
    rosters: Mapping[tuple[str, str], tuple[str, ...]]

    def of(self, site: str, step: Step) -> tuple[str, ...]:
        """Who may be told by a step: its person, or whoever has turns at its duty position."""
        return self.rosters.get((site, step.roster), ()) if step.roster else (step.person,)

    def lets_through(self, person: str, channel: str) -> bool:
        """Whether they have an address for it: any, where the choice is theirs. No channel: it is told on the pages."""
        if wish_of(channel) is None:
            return not channel or (person, channel) in self.addresses
        return any(each == person for each, _ in self.addresses)


def reaches(route: RouteRow, among: Hearers) -> bool:
    """Whether one of its steps tells somebody: active, still of that side, and with an address."""
    return any(
        (person := among.people.get(key)) is not None
        and _may_hear(route, person)
        and among.lets_through(key, step.channel)
        for step in route.steps
        for key in among.of(route.site, step)
    )


def _may_hear(route: RouteRow, person: PersonRow) -> bool:
    if not person.active:
        return False
    if route.audience == "client":
        return person.company == route.company
    return person.company is None and route.company in person.looks_after


def called_for_life(portfolio: Portfolio) -> frozenset[str]:
    """Keys of everybody whom a step of a client's route of life safety calls: by name, or as one of a duty position.

    The insurer's duty desk stands in such a step too.
    """
    among, _ = _hearers(Portfolio(), portfolio)
    return frozenset(
        key
        for route in portfolio.routes
        if carries_life(route)
        for step in route.steps
        for key in among.of(route.site, step)
    )


def left_unheard(wanted: Portfolio, current: Portfolio) -> Iterator[tuple[int, str]]:
    """Routes that a file does not name and that would reach nobody after it, as (line, sentence)."""
    before, after = _hearers(wanted, current)
    told = {row.key: row for row in wanted.people}
    named = {row.name_parts for row in wanted.routes}
    for route in current.routes:
        if route.name_parts in named or not reaches(route, before) or reaches(route, after):
            continue
        people = [told[key] for step in route.steps for key in before.of(route.site, step) if key in told]
        line, who = (people[0].line, people[0].subject) if people else (0, "this file")
        yield (
            line,
            f"{who} leaves {route.subject} with nobody whom it reaches; name somebody in its steps, in this file, before they go.",
        )


def unreached_on_duty(wanted: Portfolio, current: Portfolio) -> Iterator[tuple[int, str]]:
    """People of a duty position whom a step of a route would not reach when it is their turn, as (line, sentence).

    Each of them: a call goes to whoever is on duty, and nobody stands in for somebody who has no address for it. What was so before the
    file is left, where it names neither the route, nor the position, nor the person.
    """
    _, after = _hearers(wanted, current)
    routes = {row.name_parts: row for row in wanted.routes}
    positions = {(row.site, row.key): row for row in wanted.rosters}
    told = {row.key: row for row in wanted.people}
    for route in (*routes.values(), *(row for row in current.routes if row.name_parts not in routes)):
        for step in route.steps:
            for key in dict.fromkeys(after.of(route.site, step)) if step.roster else ():
                person = after.people.get(key)
                if person is None or not person.active or after.lets_through(key, step.channel):
                    continue
                position = positions.get((route.site, step.roster))
                if route.name_parts in routes:
                    line = step.line
                elif position is not None:
                    line = position.line
                elif key in told:
                    line = told[key].line
                else:
                    continue
                lacks = "no channel" if wish_of(step.channel) is not None else f"no address for {step.channel}"
                turns = f"{route.subject} tells the duty position {step.roster}, in which {key} takes turns"
                yield line, f"{turns}, who has {lacks}; add one to their channels, or take them out of the position."


def _hearers(wanted: Portfolio, current: Portfolio) -> tuple[Hearers, Hearers]:
    """Before the file and after it."""
    before = Hearers(
        {row.key: row for row in current.people},
        {(row.person, row.channel) for row in current.addresses},
        _rosters(current),
    )
    told = {row.key: row for row in wanted.people}
    return before, Hearers(
        {**before.people, **told},
        {each for each in before.addresses if each[0] not in told}
        | {(row.person, row.channel) for row in wanted.addresses},
        {**before.rosters, **_rosters(wanted)},
    )


def _rosters(portfolio: Portfolio) -> dict[tuple[str, str], tuple[str, ...]]:
    return {
        (row.site, row.key): () if row.retired else tuple(person for layer in row.layers for person in layer.people)
        for row in portfolio.rosters
    }
