"""Who answers for what a site file does to limits: two named people for life safety, and nobody undoes a page unawares. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from alerting.store.limit_imports import PageChange
from alerting.store.routes import PageChange as RouteChange
from core.compound_row import CompoundRow
from core.errors import Refused
from core.model import Priority, Role
from core.portfolio import DefinitionRow, DeviceRow, PersonRow, Portfolio, RouteRow, SensorRow, Step
from core.route_strictness import loosened
from core.site_changes import ADDED, RETIRED, Change

ANSWERING: Final = frozenset({Role.SAFETY_OFFICER, Role.INTEGRATOR})
_TOLD: Final = 5


def for_two(changes: Iterable[Change], current: Portfolio) -> list[Change]:
    """Changes of limits that are, or become, of life safety, or that a compound of life safety counts on; and whatever else ends such
    a limit, lets it judge differently, or lets nobody hear of it.
    """
    for_life = _ForLife(current)
    return [change for change in changes if for_life.touched_by(change)]


class _ForLife:
    """What life safety hangs on, as it is in force."""

    def __init__(self, current: Portfolio) -> None:
        self.limits = {row.name_parts: row for row in current.definitions}
        self.routes = {row.name_parts: row for row in current.routes}
        live = {(row.site, row.key): row for row in current.definitions if not row.retired}
        compounds = {(row.site, row.sensor): row for row in current.compounds if not row.retired}
        self.keys: set[tuple[str, str]] = set()
        self.sensors: set[tuple[str, str]] = set()
        waiting = [key for key, row in live.items() if row.priority is Priority.LIFE_SAFETY]
        while waiting:
            key = waiting.pop()
            if key in self.keys or key not in live:
                continue
            self.keys.add(key)
            self.sensors.add((live[key].device, live[key].sensor))
            for part in compounds[key].parts if key in compounds else ():
                if part.limit is not None:
                    waiting.append((key[0], part.limit))
                elif part.sensor is not None:
                    device, _, sensor = part.sensor.partition("/")
                    self.sensors.add((device, sensor))

    def touched_by(self, change: Change) -> bool:
        """Whether two people answer for it."""
        row = change.row
        if change.action == ADDED:
            return False
        if isinstance(row, DefinitionRow):
            before = self.limits[row.name_parts]
            return Priority.LIFE_SAFETY in (row.priority, before.priority) or (row.site, row.key) in self.keys
        if isinstance(row, CompoundRow):
            return (row.site, row.sensor) in self.keys
        if isinstance(row, SensorRow):
            return (row.device, row.key) in self.sensors and (
                change.action == RETIRED or "states" in (change.new or {})
            )
        if isinstance(row, DeviceRow):
            return change.action == RETIRED and row.key in {device for device, _ in self.sensors}
        if not isinstance(row, RouteRow) or not _carried_life(self.routes[row.name_parts]):
            return False
        return not _carried_life(row) or bool(loosened(self.routes[row.name_parts].steps, row.steps))


def _carried_life(route: RouteRow) -> bool:
    """Whether the client's own people hear of life safety by it."""
    return route.audience == "client" and Priority.LIFE_SAFETY in route.priorities


def check_people(changes: Sequence[Change], current: Portfolio, proposer: str, approver: str) -> None:
    """Whether two people of the company answer for these changes, one of them a safety officer.

    Raises:
        Refused: nobody is named, or somebody who may not.
    """
    if not changes:
        return
    if not proposer or not approver:
        raise Refused(
            "Two people answer for limits of life safety: name them with --proposed-by and --approved-by, by their keys, "
            f"one of them a safety officer of the company: {_told(changes)}."
        )
    if proposer == approver:
        raise Refused(f"--proposed-by and --approved-by both name {proposer}; two people answer for life safety.")
    people = {row.key: row for row in current.people}
    companies = {change.row.company for change in changes}
    named = [_person(people, option, key, companies) for option, key in
             (("--proposed-by", proposer), ("--approved-by", approver))]  # fmt: skip
    if Role.SAFETY_OFFICER not in (each.role for each in named):
        raise Refused(f"Neither {proposer} nor {approver} is a safety officer; one of the two must be.")


def _person(people: dict[str, PersonRow], option: str, key: str, companies: set[str | None]) -> PersonRow:
    person = people.get(key)
    if person is None:
        those = sorted(each.key for each in people.values() if each.company in companies and each.role in ANSWERING)
        raise Refused(f"{option} {key} is nobody in the database; there are {', '.join(those) or 'none'}.")
    if person.company is None or companies != {person.company}:
        raise Refused(
            f"{option} {key} is not of the company whose limits change ({', '.join(sorted(map(str, companies)))}); "
            "people answer for their own company's limits, so import one company's changes at a time."
        )
    if not person.active or person.role not in ANSWERING:
        raise Refused(f"{option} {key} may not answer for limits: it takes an active safety officer or integrator.")
    return person


def undone(changes: Iterable[Change], made: Iterable[PageChange]) -> Iterator[str]:
    """What the file would put back that was changed on the page since, field by field.

    Args:
        made: changes applied on the page, oldest first.
    """
    newest: dict[tuple[str, str, str], PageChange] = {}
    for each in made:
        for name in each.proposed:
            newest[each.site, each.key, name] = each
    for change in changes:
        row = change.row
        if not isinstance(row, DefinitionRow) or change.old is None or change.new is None:
            continue
        for name, to in change.new.items():
            by = newest.get((row.site, row.key, name))
            if by is not None and by.proposed[name] == change.old[name]:
                yield (
                    f"{change.subject}: {name} {_shown(change.old[name])} -> {_shown(to)} undoes what {by.who} changed on the page "
                    f"at {by.at.isoformat(timespec='minutes')} ({by.reason})"
                )


def routes_of(changes: Iterable[Change], current: Portfolio) -> list[tuple[RouteRow, Sequence[Step]]]:
    """The routes among what two people answer for, each with its steps as they were."""
    before = {row.name_parts: row.steps for row in current.routes}
    return [(change.row, before[change.row.name_parts]) for change in changes if isinstance(change.row, RouteRow)]


def routes_undone(changes: Iterable[Change], made: Iterable[RouteChange]) -> Iterator[str]:
    """Steps that the file would put back and that were changed on the page since.

    Args:
        made: changes applied on the page, oldest first.
    """
    newest = {(each.site, each.key): each for each in made}
    for change in changes:
        row = change.row
        if not isinstance(row, RouteRow) or change.old is None or "steps" not in change.old:
            continue
        by = newest.get((row.site, row.key))
        if by is not None and sorted(by.steps) == sorted(change.old["steps"]):
            yield (
                f"{change.subject}: steps {_shown(change.old['steps'])} -> {_shown((change.new or {})['steps'])} undoes what {by.who} "
                f"changed on the page at {by.at.isoformat(timespec='minutes')} ({by.reason})"
            )


def check_undone(sentences: Sequence[str]) -> None:
    """Refuses a file that is older than the page.

    Raises:
        Refused: it would undo something.
    """
    if sentences:
        more = f"; and {len(sentences) - _TOLD} more" if len(sentences) > _TOLD else ""
        raise Refused(
            f"The file is older than changes made on the page: {'; '.join(sentences[:_TOLD])}{more}. "
            "Take them into the file (davy site export shows them), or say --undo."
        )


def _told(changes: Sequence[Change]) -> str:
    more = f"; and {len(changes) - _TOLD} more" if len(changes) > _TOLD else ""
    return "; ".join(str(change) for change in changes[:_TOLD]) + more


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
