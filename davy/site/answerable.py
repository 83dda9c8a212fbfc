"""Who answers for what a site file does to limits: two named people for life safety, and nobody undoes a page unawares. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from alerting.store.limit_imports import PageChange
from core.errors import Refused
from core.model import Priority, Role
from core.portfolio import DefinitionRow, DeviceRow, PersonRow, Portfolio, SensorRow
from core.site_changes import ADDED, RETIRED, Change

ANSWERING: Final = frozenset({Role.SAFETY_OFFICER, Role.INTEGRATOR})
_TOLD: Final = 5


def for_two(changes: Iterable[Change], current: Portfolio) -> list[Change]:
    """Changes of limits that are, or become, of life safety; and whatever ends such a limit by ending its sensor."""
    rows = {row.name_parts: row for row in current.definitions}
    live = [row for row in current.definitions if row.priority is Priority.LIFE_SAFETY and not row.retired]
    sensors, devices = {(row.device, row.sensor) for row in live}, {row.device for row in live}
    found = []
    for change in changes:
        row = change.row
        if isinstance(row, DefinitionRow) and change.action != ADDED:
            is_for = Priority.LIFE_SAFETY in (row.priority, rows[row.name_parts].priority)
        elif isinstance(row, SensorRow) and change.action == RETIRED:
            is_for = (row.device, row.key) in sensors
        else:
            is_for = isinstance(row, DeviceRow) and change.action == RETIRED and row.key in devices
        if is_for:
            found.append(change)
    return found


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
