"""What an import would change: the rows of a file compared with those in the database. Pure.

What vanished from a file stays: only `retired: true` (or `active: false`) ends something, so that half a file can never
switch a plant's alarms off. Lists within a row (steps of a route, companies of a person) are values and are replaced whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlsplit

from core.compound_row import CompoundPart
from core.model_setup import ModelSetup
from core.portfolio import AddressRow, DefinitionRow, Portfolio, Row, Step
from core.site_rosters import RosterLayer

ADDED: Final = "added"
CHANGED: Final = "changed"
RETIRED: Final = "retired"
RESTORED: Final = "restored"
REMOVED: Final = "removed"


@dataclass(frozen=True, slots=True)
class Change:
    """One row to write, and what the journal says of it.

    Args:
        old: the fields that change, as they are; None for a new row.
        new: the same fields, as they will be; None for a removed row.
        needs_reason: it touches what alarms depend on.
        new_version: a definition whose number is judged differently from now on.
    """

    action: str
    row: Row
    old: dict[str, Any] | None
    new: dict[str, Any] | None
    needs_reason: bool = False
    new_version: bool = False

    @property
    def subject(self) -> str:
        """The row's name."""
        return self.row.subject

    def __str__(self) -> str:
        if self.old is None or self.new is None:
            return f"{self.subject}: {self.action}"
        told = (f"{name} {_shown(self.old[name])} -> {_shown(self.new[name])}" for name in self.new)
        return f"{self.subject}: {self.action}: {', '.join(told)}"


def compare(wanted: Portfolio, current: Portfolio) -> list[Change]:
    """The changes that turn `current` into `wanted`, in an order in which they can be written."""
    changes: list[Change] = []
    for want, have in zip(wanted.kinds(), current.kinds(), strict=True):
        present = {row.name_parts: row for row in have}
        changes += [change for row in want if (change := _change(row, present.get(row.name_parts))) is not None]
    return changes + list(_removed_addresses(wanted, current))


def left_alone(wanted: Portfolio, current: Portfolio) -> list[Row]:
    """What the database has of the file's companies and the file no longer names; retired things are not counted."""
    companies = {row.key for row in wanted.companies}
    named = {(row.kind, row.name_parts) for row in wanted.all()}
    return [
        row
        for row in current.all()
        if row.company in companies
        and (row.kind, row.name_parts) not in named
        and not isinstance(row, AddressRow)
        and not getattr(row, "retired", False)
    ]


def _change(want: Row, have: Row | None) -> Change | None:
    if have is None:
        return Change(ADDED, want, None, journalled(want.columns()))
    before, after = have.columns(), want.columns()
    differing = [name for name in after if after[name] != before[name]]
    if not differing:
        return None
    action = CHANGED
    if "retired" in differing:
        action = RETIRED if after["retired"] else RESTORED
    return Change(
        action,
        want,
        journalled({name: before[name] for name in differing}),
        journalled({name: after[name] for name in differing}),
        needs_reason=not want.guarded.isdisjoint(differing),
        new_version=isinstance(want, DefinitionRow) and not want.judging.isdisjoint(differing),
    )


def _removed_addresses(wanted: Portfolio, current: Portfolio) -> Iterator[Change]:
    people = {row.key for row in wanted.people}
    kept = {row.name_parts for row in wanted.addresses}
    for row in current.addresses:
        if row.person in people and row.name_parts not in kept:
            yield Change(REMOVED, row, journalled(row.columns()), None, needs_reason=True)


def journalled(columns: dict[str, Any]) -> dict[str, Any]:
    """Columns as JSON for the journal; of a web address only host and a digest, because its path may be a key."""
    shown = {name: _plain(value) for name, value in columns.items()}
    address = shown.get("address")
    if isinstance(address, str) and "://" in address:
        digest = hashlib.sha256(address.encode()).hexdigest()[:12]
        shown["address"] = f"{urlsplit(address).scheme}://{urlsplit(address).netloc.rpartition('@')[2]}/... ({digest})"
    return shown


def _plain(value: object) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return f"{value:%H:%M}"
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, CompoundPart | ModelSetup | RosterLayer):
        return value.told()
    if isinstance(value, Step):
        return f"{value.position}: after {value.after_s:g} s {value.channel} to {value.whom}"
    return value


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
