"""Who answers for what a site file does to limits, routes and people: two named ones for life safety, and nobody undoes a page unawares. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from typing import Any, Final

from alerting.store.limit_imports import PageChange
from alerting.store.routes import PageChange as RouteChange
from core.compound_row import CompoundRow
from core.errors import Refused
from core.model import Priority, Role
from core.portfolio import AddressRow, DefinitionRow, DeviceRow, PersonRow, Portfolio, RouteRow, Row, SensorRow, Step
from core.route_strictness import carries_life, loosened
from core.sensor_faults import OF_SENSOR
from core.site_changes import ADDED, CHANGED, RETIRED, Change
from core.site_hearers import Address, called_for_life
from core.site_life import life_hangs_on, must_work, together
from core.strictness import loosened as limit_loosened

ANSWERING: Final = frozenset({Role.SAFETY_OFFICER, Role.INTEGRATOR})
_TOLD: Final = 5
_LESS_URGENT: Final = (Priority.LIFE_SAFETY, Priority.HIGH, Priority.MEDIUM, Priority.LOW)


def for_two(changes: Iterable[Change], current: Portfolio, dead: Set[Address] = frozenset()) -> list[Change]:
    """Changes of limits that are, or become, of life safety, or that a compound of life safety counts on; and whatever else ends such
    a limit, lets it judge differently, or lets somebody not hear of it.

    Args:
        dead: addresses at which nothing arrives: another one in such a place takes nothing from anybody.
    """
    changes = list(changes)
    for_life = _ForLife(current, dead, [change.row for change in changes])
    return [change for change in changes if for_life.touched_by(change)]


class _ForLife:
    """What life safety hangs on, as it is in force."""

    def __init__(self, current: Portfolio, dead: Set[Address], written: Sequence[Row]) -> None:
        self.dead = dead
        self.called = called_for_life(current)
        self.limits = {row.name_parts: row for row in current.definitions}
        self.routes = {row.name_parts: row for row in current.routes}
        self.with_officer = {
            row.company for row in current.people if row.active and row.role == Role.SAFETY_OFFICER and row.company
        }
        hanging = life_hangs_on(current.definitions, current.compounds)
        self.keys, self.sensors = hanging.limits, hanging.sensors
        wanted = Portfolio(
            definitions=[row for row in written if isinstance(row, DefinitionRow)],
            compounds=[row for row in written if isinstance(row, CompoundRow)],
        )  # what ends together with all that is on its sensor takes what that takes
        self.must_work = must_work(current.definitions, current.compounds) & must_work(*together(wanted, current))

    def touched_by(self, change: Change) -> bool:
        """Whether two people answer for it."""
        row = change.row
        if change.action == ADDED:
            return False
        if isinstance(row, DefinitionRow):
            before = self.limits[row.name_parts]
            own = Priority.LIFE_SAFETY in (row.priority, before.priority) or (row.site, row.key) in self.keys
            return own or self._deafens(before, row)
        if isinstance(row, CompoundRow):
            return (row.site, row.sensor) in self.keys
        if isinstance(row, SensorRow):
            return (row.device, row.key) in self.sensors and (
                change.action == RETIRED or "states" in (change.new or {})
            )
        if isinstance(row, DeviceRow):
            return change.action == RETIRED and row.key in {device for device, _ in self.sensors}
        if isinstance(row, AddressRow):
            corrected = change.action == CHANGED and row.name_parts in self.dead
            return row.person in self.called and not corrected
        if isinstance(row, PersonRow):
            return (row.key in self.called and _left(change)) or self._becomes_officer(row, change)
        if not isinstance(row, RouteRow) or not carries_life(self.routes[row.name_parts]):
            return False
        return not carries_life(row) or bool(loosened(self.routes[row.name_parts].steps, row.steps))

    def _becomes_officer(self, row: PersonRow, change: Change) -> bool:
        """Whether one of a company's people is made a safety officer beside those it has: one of any two must be one."""
        return (change.new or {}).get("role") == Role.SAFETY_OFFICER and row.company in self.with_officer

    def _deafens(self, before: DefinitionRow, row: DefinitionRow) -> bool:
        """Whether the fault of a sensor that must work is heard of later, or less."""
        return (
            row.detector in OF_SENSOR
            and (row.device, row.sensor) in self.must_work
            and bool(limit_loosened(before, row))
        )


def _left(change: Change) -> bool:
    """Whether somebody is no longer active, or, of the insurer's, no longer looks after one of their companies."""
    old, new = change.old or {}, change.new or {}
    gone = set(old.get("looks_after", ())) - set(new.get("looks_after", ()))
    return new.get("active") is False or bool(gone)


def check_people(
    changes: Sequence[Change], current: Portfolio, proposer: str, approver: str, never_there: Set[str] = frozenset()
) -> None:
    """Whether two people of the company answer for these changes, one of them a safety officer.

    Args:
        never_there: who of the two has not logged in since an import added them: whoever writes site files may have made them up.

    Raises:
        Refused: nobody is named, or somebody who may not.
    """
    if not changes:
        return
    if not proposer or not approver:
        raise Refused(
            "Two people answer for life safety: name them with --proposed-by and --approved-by, by their keys, "
            f"{_whose(changes)}: {_told(changes)}."
        )
    if proposer == approver:
        raise Refused(f"--proposed-by and --approved-by both name {proposer}; two people answer for life safety.")
    people = {row.key: row for row in current.people}
    companies = {change.row.company for change in changes}
    named = [_person(people, option, key, companies, never_there) for option, key in
             (("--proposed-by", proposer), ("--approved-by", approver))]  # fmt: skip
    if companies != {None} and Role.SAFETY_OFFICER not in (each.role for each in named):
        raise Refused(f"Neither {proposer} nor {approver} is a safety officer; one of the two must be.")


def _whose(changes: Sequence[Change]) -> str:
    """Who the two are."""
    if all(change.row.company is None for change in changes):
        return "both of the insurer's own people"
    return "one of them a safety officer of the company"


def _person(
    people: dict[str, PersonRow], option: str, key: str, companies: set[str | None], never_there: Set[str]
) -> PersonRow:
    person = people.get(key)
    if person is None:
        those = sorted(each.key for each in people.values() if each.company in companies and _answers(each))
        raise Refused(f"{option} {key} is nobody in the database; there are {', '.join(those) or 'none'}.")
    if companies != {person.company}:
        whose = ", ".join(sorted("the insurer" if each is None else each for each in companies))
        raise Refused(
            f"{option} {key} is not of the company whose life safety this is ({whose}); "
            "people answer for their own company, so import one company's changes at a time."
        )
    if not person.active or not _answers(person):
        raise Refused(f"{option} {key} may not answer for it: it takes an active safety officer or integrator.")
    if key in never_there:
        raise Refused(
            f"{option} {key} has not logged in since a site file added them or changed what they may: nobody but the file says "
            "that they are there. Give them a log-in (davy user add) and let them log in once."
        )
    return person


def _answers(person: PersonRow) -> bool:
    """By their role: of a client's people those who change limits and routes, of the insurer's every one."""
    return person.company is None or person.role in ANSWERING


def lowered(rows: Iterable[DefinitionRow], made: Iterable[PageChange]) -> set[tuple[str, str, Priority]]:
    """Faults of sensors with the priority that they were last given on the page, as (site, key, priority); where two people last gave them that
    one, or one still less urgent: what one person did before lives hung on the sensor was said of no life.

    Args:
        rows: what the file says.
        made: changes applied on the page, oldest first.
    """
    newest: dict[tuple[str, str], Priority] = {}
    least: dict[tuple[str, str], int] = {}
    for each in made:
        if "priority" in each.proposed:
            place = each.site, each.key
            newest[place] = Priority(each.proposed["priority"])
            if each.two_people:
                least[place] = _LESS_URGENT.index(newest[place])
    return {
        (row.site, row.key, row.priority)
        for row in rows
        if newest.get((row.site, row.key)) is row.priority
        and _LESS_URGENT.index(row.priority) <= least.get((row.site, row.key), -1)
    }


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


def of_people(changes: Iterable[Change], proposer: str, approver: str) -> dict[str, str]:
    """Of the changes of people and addresses among them, by subject, who answers: limits and routes have records of their own for it."""
    told = f" (proposed by {proposer}, approved by {approver})"
    return {change.subject: told for change in changes if isinstance(change.row, PersonRow | AddressRow)}


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
