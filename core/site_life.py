"""What life safety hangs on at a site: its limits, those a compound of it counts on, and the sensors they look at. Pure.

`davy_counts_for_life()` and `davy_life_hangs_on()` (0018) say the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.compound_row import CompoundRow
from core.model import Priority
from core.portfolio import DefinitionRow, Portfolio


@dataclass(frozen=True, slots=True)
class Hanging:
    """What is in force of it.

    Args:
        limits: as (site, key).
        sensors: as (device, key).
    """

    limits: frozenset[tuple[str, str]]
    sensors: frozenset[tuple[str, str]]


def life_hangs_on(definitions: Iterable[DefinitionRow], compounds: Iterable[CompoundRow]) -> Hanging:
    """Limits of life safety, and through whatever compounds of it what those are made of."""
    live = {(row.site, row.key): row for row in definitions if not row.retired}
    parts = {(row.site, row.sensor): row.parts for row in compounds if not row.retired}
    limits: set[tuple[str, str]] = set()
    sensors: set[tuple[str, str]] = set()
    waiting = [key for key, row in live.items() if row.priority is Priority.LIFE_SAFETY]
    while waiting:
        key = waiting.pop()
        if key in limits or key not in live:
            continue
        limits.add(key)
        sensors |= _looked_at(live[key])
        for part in parts.get(key, ()):
            if part.limit is not None:
                waiting.append((key[0], part.limit))
            elif part.sensor is not None:
                sensors.add(_place(part.sensor))
    return Hanging(frozenset(limits), frozenset(sensors))


def must_work(definitions: Iterable[DefinitionRow], compounds: Iterable[CompoundRow]) -> frozenset[tuple[str, str]]:
    """Sensors whose own fault is a danger: those that life safety hangs on, and those of a limit that latches, as those of gas do."""
    rows = list(definitions)
    latching = {place for row in rows if row.latch and not row.retired for place in _looked_at(row)}
    return life_hangs_on(rows, compounds).sensors | latching


def together(wanted: Portfolio, current: Portfolio) -> tuple[list[DefinitionRow], list[CompoundRow]]:
    """Limits and compounds as they will be: the database's, and over them the file's."""
    limits = {row.name_parts: row for each in (current, wanted) for row in each.definitions}
    compounds = {row.name_parts: row for each in (current, wanted) for row in each.compounds}
    return list(limits.values()), list(compounds.values())


def _looked_at(row: DefinitionRow) -> set[tuple[str, str]]:
    """Its sensor, and, of a difference, the other one too."""
    return {(row.device, row.sensor)} | ({_place(row.other)} if row.other is not None else set())


def _place(written: str) -> tuple[str, str]:
    device, _, sensor = written.partition("/")
    return device, sensor
