"""All compounds of a definition set, those first that others are made of, with the conditions that judge their numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from alerting.compound import Compounds
from alerting.condition import Conditions
from core.batch import NOTHING_DUE, Event, Part
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
        self._parts = {each.sensor_id: each.parts for each in definitions.compounds}
        self._told = {each.sensor_id: each.told for each in definitions.compounds}
        sensor_of = definitions.definitions.numbers("sensor_id")
        definition_id = definitions.definitions.numbers("definition_id")
        mine = definitions.of(COMPOUND)
        self._inner = dict(zip(definition_id[mine].tolist(), sensor_of[mine].tolist(), strict=True))
        # Whose delays may not end before their numbers are known; not those of a definition whose compound has gone.
        self.definitions: NDArray[np.bool_] = np.zeros(len(definitions), np.bool_)
        for level in self._levels:
            self.definitions |= level.definitions
        self._yet_to_come: list[NDArray[np.bool_]] = []  # after each level
        yet_to_come = self.definitions
        for level in self._levels:
            yet_to_come = yet_to_come & ~level.definitions
            self._yet_to_come.append(yet_to_come)

    def __len__(self) -> int:
        return len(self._parts)

    def judge(self, events: Sequence[Event], until_us: int) -> Iterator[Event]:
        """What the events of other conditions, delays that `until_us` has passed among them, make of compounds, level by level.

        Returns:
            The events of compounds: each that began carries its parts.
        """
        heard = list(events)
        for level, yet_to_come in zip(self._levels, self._yet_to_come, strict=True):
            level.hear(heard)
            told = level.pass_time(until_us)
            began = self._conditions.step(told.scores) if len(told.scores) else []
            began += self._conditions.sweep(until_us, yet_to_come)
            for event in began:
                parts = level.evidence(event, told) if event.active else ()
                heard.append(replace(event, row=-1, parts=self._named(event.sensor_id, parts)))
                yield heard[-1]

    def _named(self, sensor_id: int, parts: Sequence[Part]) -> tuple[Part, ...]:
        """The parts as they are called now: when they are stored they may have other names, or be others."""
        told = self._told.get(sensor_id) or (None,) * len(parts)
        return tuple(replace(part, told=told[part.position]) for part in parts)

    def next_due_us(self) -> int:
        """When time alone shows something next, microseconds UTC; `NOTHING_DUE`: never."""
        return min((level.next_due_us() for level in self._levels), default=NOTHING_DUE)

    def numbers(self) -> dict[int, float]:
        """sensor_id of each compound -> how many of its parts count, as last worked out."""
        return {sensor: number for level in self._levels for sensor, number in level.numbers().items()}

    def behind(self, event: Event) -> set[int]:
        """`definition_id` of the conditions that made a compound whole: of one that is a part, those that count in it.

        Of one that counts by its window alone, and has no part that still does, all.
        """
        own = self._parts.get(event.sensor_id, ())
        waiting, seen = [own[part.position] for part in event.parts if part.counts], set[int]()
        while waiting:
            part = waiting.pop()
            if part in seen:
                continue
            seen.add(part)
            inner = self._inner.get(part, 0)
            counting = [each for level in self._levels for each in level.counting(inner)] if inner else []
            waiting += counting or self._parts.get(inner, ())
        return {part for part in seen if part not in self._inner}

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Everything as columns, those of each level under its number."""
        levels = enumerate(self._levels)
        return {f"{i}/{name}": column for i, level in levels for name, column in level.state().items()}

    def restore(self, columns: Mapping[str, NDArray[np.generic]]) -> None:
        """Goes on from an earlier `state()`; what holds already is known of parts that are new."""
        pieces: dict[str, list[NDArray[np.generic]]] = {}
        for name, column in columns.items():
            pieces.setdefault(name.partition("/")[2], []).append(column)
        # A compound may be of another level than it was: each finds its own among all.
        joined = {name: np.concatenate(own) for name, own in pieces.items()}
        for level in self._levels:
            if joined:
                level.restore(joined)
            level.align(self._conditions, self._definitions)


def _levels(definitions: DefinitionSet) -> list[list[Compound]]:
    """Compounds in an order in which each comes after those it is made of; one that is part of itself comes last."""
    mine = definitions.of(COMPOUND)
    ids, sensors = (definitions.definitions.numbers(name)[mine].tolist() for name in ("definition_id", "sensor_id"))
    sensor_of = dict(zip(ids, sensors, strict=True))
    waiting: Sequence[Compound] = definitions.compounds
    levels: list[list[Compound]] = []
    while waiting:
        still = {each.sensor_id for each in waiting}
        ready = [c for c in waiting if not any(sensor_of.get(part) in still for part in c.parts)] or list(waiting)
        levels.append(ready)
        taken = {each.sensor_id for each in ready}
        waiting = [each for each in waiting if each.sensor_id not in taken]
    return levels
