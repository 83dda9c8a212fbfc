"""All compounds of a definition set, those first that others are made of, with the conditions that judge their numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from alerting.compound import NOTHING_DUE, Compounds
from alerting.condition import Conditions
from core.batch import Event
from core.model import COMPOUND, Compound, DefinitionSet


class Together:
    """Levels of compounds: one that is a part of another is judged before it, up to the same instant.

    Args:
        conditions: of the same definitions; the numbers of compounds are judged there too.
    """

    def __init__(self, definitions: DefinitionSet, conditions: Conditions) -> None:
        self._definitions = definitions
        self._conditions = conditions
        self._levels = [Compounds(definitions, level) for level in _levels(definitions)]
        every = definitions.definitions.where("detector", COMPOUND)
        self._yet_to_come = [every]  # after so many levels, whose delays may not end yet
        for level in self._levels:
            self._yet_to_come.append(self._yet_to_come[-1] & ~level.definitions)

    def __len__(self) -> int:
        return sum(len(level) for level in self._levels)

    def judge(self, events: list[Event], until_us: int) -> list[Event]:
        """What the events of other conditions make of compounds, after all delays have ended that `until_us` has passed.

        Returns:
            What was swept, then the events of compounds: each that began carries its parts.
        """
        found = self._conditions.sweep(until_us, self._yet_to_come[0] if self._levels else None)
        for level, yet_to_come in zip(self._levels, self._yet_to_come[1:], strict=True):
            level.hear(events)
            level.hear(found)
            told = level.pass_time(until_us)
            began = self._conditions.step(told.scores) + self._conditions.sweep(until_us, yet_to_come)
            found += [
                replace(event, row=-1, parts=level.evidence(event, told) if event.active else ()) for event in began
            ]
        return found

    def next_due_us(self) -> int:
        """When time alone shows something next, microseconds UTC; `NOTHING_DUE`: never."""
        return min((level.next_due_us() for level in self._levels), default=NOTHING_DUE)

    def numbers(self) -> dict[int, float]:
        """sensor_id of each compound -> how many of its parts count, as last worked out."""
        return {sensor: number for level in self._levels for sensor, number in level.numbers().items()}

    def parts_of(self, sensor_id: int) -> tuple[int, ...]:
        """The `definition_id` of each part of a compound."""
        return next(each.parts for each in self._definitions.compounds if each.sensor_id == sensor_id)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Everything as columns, those of each level under its number."""
        levels = enumerate(self._levels)
        return {f"{i}/{name}": column for i, level in levels for name, column in level.state().items()}

    def restore(self, columns: Mapping[str, NDArray[np.generic]]) -> None:
        """Goes on from an earlier `state()`; what holds already is known of parts that are new."""
        for i, level in enumerate(self._levels):
            own = {n.removeprefix(f"{i}/"): column for n, column in columns.items() if n.startswith(f"{i}/")}
            if own:
                level.restore(own)
            level.align(self._conditions, self._definitions)


def _levels(definitions: DefinitionSet) -> list[list[Compound]]:
    """Compounds in an order in which each comes after those it is made of; one that is part of itself comes last."""
    rows = definitions.definitions
    sensor_of = {rows[i].definition_id: rows[i].sensor_id for i in definitions.of(COMPOUND).tolist()}
    waiting: Sequence[Compound] = definitions.compounds
    levels: list[list[Compound]] = []
    while waiting:
        open_sensors = {each.sensor_id for each in waiting}
        ready = [c for c in waiting if not any(sensor_of.get(part) in open_sensors for part in c.parts)] or list(
            waiting
        )
        levels.append(ready)
        waiting = [each for each in waiting if each not in ready]
    return levels
