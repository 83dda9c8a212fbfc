"""Compounds: several conditions of one site that mean more together than alone, with the evidence of each part.

A part is a condition, of a limit or of the compound's own. It counts while it holds and for a window after it ended. How many
count is the compound's number, and an ordinary definition on its virtual sensor judges that: states, routes and pages are
those of any alarm.

Each compound goes its own way through time: its parts' events are taken in the order of their instants, as far as `now` has
come, whatever sensors they come from and in whatever batches they arrived. What comes for an instant that is past is said at
that instant as long as nothing later was said of the same compound; else as of what was said last. So a compound begins at
the instant of the part that made it whole, however readings were cut and however late they are judged, except where the
parts are behind each other or time alone has ended a part meanwhile.
Readings are few here: what is done at all is done for events, which are rare, in plain Python, and only for compounds
that something is due for.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from alerting.compound_state import CompoundState, PartState, Told
from alerting.condition import Conditions
from core.batch import NEVER, NOTHING_DUE, Event, Part, Scores
from core.model import COMPOUND, Compound, DefinitionSet


@dataclass(slots=True)
class Found:
    """What time has shown of compounds.

    Args:
        scores: the number of each compound at each instant at which something changed.
        shown: by definition_id, what was said before, then the parts at those instants, in order.
    """

    scores: Scores
    shown: dict[int, list[tuple[int, tuple[Part, ...]]]] = field(default_factory=dict)


class Compounds:
    """Compounds of a definition set of which none is a part of another.

    Args:
        chosen: which ones; None: all.

    Memory: some 300 bytes a part; none where there is no compound.
    """

    def __init__(self, definitions: DefinitionSet, chosen: Sequence[Compound] | None = None) -> None:
        chosen = definitions.compounds if chosen is None else chosen
        sensors = {each.sensor_id for each in chosen}
        sensor_id = definitions.definitions.numbers("sensor_id")
        definition_id = definitions.definitions.numbers("definition_id")
        own: dict[int, list[int]] = {}
        for i in definitions.of(COMPOUND).tolist():
            if int(sensor_id[i]) in sensors:
                own.setdefault(int(sensor_id[i]), []).append(i)
        self._sensor = {each.sensor_id: place for place, each in enumerate(sorted(chosen, key=lambda c: c.sensor_id))}
        self._asks = {
            sensor: sorted((sensor, *key) for key in definitions.keys[indices].tolist())
            for sensor, indices in own.items()
        }
        self._ids = {i: int(definition_id[i]) for indices in own.values() for i in indices}
        self._states = [
            CompoundState(each, tuple(own.get(each.sensor_id, ())), [PartState() for _ in each.parts])
            for each in sorted(chosen, key=lambda c: c.sensor_id)
        ]
        self._state_of = {self._ids[index]: state for state in self._states for index in state.index}
        self._of_part: dict[int, list[int]] = {}
        for place, state in enumerate(self._states):
            for part in dict.fromkeys(state.compound.parts):
                self._of_part.setdefault(part, []).append(place)
        self._due: list[
            tuple[int, int]
        ] = []  # a heap of (due, place among the states); one whose state is due else is stale
        self._changed: list[int] = []  # places of those whose number is said again
        self._until = NEVER
        self.definitions: NDArray[np.bool_] = np.zeros(len(definitions), np.bool_)
        self.definitions[list(self._ids)] = True

    def __len__(self) -> int:
        return len(self._states)

    def hear(self, events: Iterable[Event]) -> None:
        """Keeps the events of parts until time has come to them."""
        for event in events:
            for place in self._of_part.get(event.definition_id, ()):
                self._states[place].waiting.append((event.at, event.definition_id, event.active, event.value))
                self._wake(place, min(self._states[place].due, event.at))

    def pass_time(self, until_us: int) -> Found:
        """Takes what was heard up to `until_us` (microseconds UTC), for each compound in the order of its instants.

        `until_us` may lie before that of an earlier batch, in a backlog: what has come by then is taken all the same.
        """
        places = set(self._changed)
        while self._due and self._due[0][0] <= until_us:
            due, place = heapq.heappop(self._due)
            if self._states[place].due == due:
                places.add(place)
        found = Found(Scores.empty())
        rows: list[tuple[int, int, float]] = []
        reached = until_us if self._until == NEVER else self._until
        for place in sorted(places):
            state = self._states[place]
            if state.changed:
                self._say(state, max(reached, state.said_at), rows, found)
                state.changed = False
            self._advance(state, until_us, rows, found)
            state.due = NOTHING_DUE
            self._wake(place, state.next_due())
        self._changed = []
        self._until = max(self._until, until_us)
        rows.sort(key=lambda row: row[1])  # stable: one compound's own order stays
        if rows:
            found.scores = _scores(rows)
        return found

    def _advance(self, state: CompoundState, until_us: int, rows: list[tuple[int, int, float]], found: Found) -> None:
        """Lets a compound's events and the ends of its parts' windows come, up to an instant or as far as it is already."""
        until_us = max(until_us, state.said_at)
        heard = state.take(until_us)
        place = 0
        while True:
            told_at = max(heard[place][0], state.said_at) if place < len(heard) else NOTHING_DUE
            at = min(told_at, state.next_end(state.said_at))
            if at > until_us:
                return
            while place < len(heard) and heard[place][0] <= at:
                state.book(heard[place])
                place += 1
            self._say(state, at, rows, found)

    def _say(self, state: CompoundState, at: int, rows: list[tuple[int, int, float]], found: Found) -> None:
        before = (NEVER, state.shown)  # a delay that ends now may have been decided by that
        state.shown, state.said_at = state.look(at), at
        state.said = sum(part.counts for part in state.shown)
        for index in state.index:
            rows.append((index, at, float(state.said)))
            found.shown.setdefault(self._ids[index], [before]).append((at, state.shown))

    def _wake(self, place: int, due: int) -> None:
        state = self._states[place]
        if due < state.due:
            state.due = due
            heapq.heappush(self._due, (due, place))

    def evidence(self, event: Event, found: Found) -> tuple[Part, ...]:
        """The parts of a compound's event: as they stood when the number was said that decided it."""
        said = [shown for at, shown in found.shown.get(event.definition_id, ()) if at <= event.at]
        deciding = (shown for shown in reversed(said) if sum(part.counts for part in shown) == event.value)
        last = said[-1] if said else self._state_of[event.definition_id].shown
        return next(deciding, last)

    def next_due_us(self) -> int:
        """When time alone shows something next, microseconds UTC; `NOTHING_DUE`: never."""
        while self._due and self._states[self._due[0][1]].due != self._due[0][0]:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else NOTHING_DUE

    def numbers(self) -> dict[int, float]:
        """sensor_id of each compound -> how many of its parts count, as last worked out."""
        return {state.compound.sensor_id: float(state.said) for state in self._states}

    def counting(self, sensor_id: int) -> tuple[int, ...]:
        """`definition_id` of the parts of a compound that count, as last worked out; none of one that is not of these."""
        if sensor_id not in self._sensor:
            return ()
        state = self._states[self._sensor[sensor_id]]
        return tuple(state.compound.parts[part.position] for part in state.shown if part.counts)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Everything as columns: a row a part, a row a compound, a row an event that waits."""
        parts = [(s, p, part) for s in self._states for p, part in enumerate(s.parts)]
        shown = [s.shown[p] if s.shown else None for s, p, _ in parts]
        keys = [(s.compound.sensor_id, s.compound.parts[p], part.began, part.ended, part.first) for s, p, part in parts]
        said = [
            (
                -1 if each is None else int(each.counts),
                NEVER if each is None or each.began_at is None else each.began_at,
                NEVER if each is None or each.ended_at is None else each.ended_at,
            )
            for each in shown
        ]
        values = [
            (_as_number(part.value), _as_number(None if each is None else each.value))
            for (_, _, part), each in zip(parts, shown, strict=True)
        ]
        waiting = [(s.compound.sensor_id, told) for s in self._states for told in s.waiting]
        rows = [(sensor_id, at, definition_id, int(active)) for sensor_id, (at, definition_id, active, _) in waiting]
        return {
            "parts": np.array(keys, np.int64).reshape(-1, 5),
            "shown": np.array(said, np.int64).reshape(-1, 3),
            "values": np.array(values, np.float64).reshape(-1, 2),
            "said": np.array([(*_rule(s.compound), s.said_at) for s in self._states], np.int64).reshape(-1, 4),
            "asks": np.array([key for keys in self._asks.values() for key in keys], np.int64).reshape(-1, 3),
            "waiting": np.array(rows, np.int64).reshape(-1, 4),
            "waiting_values": np.array([told[3] for _, told in waiting], np.float64),
            "until": np.array([self._until], np.int64),
        }

    def restore(self, columns: Mapping[str, NDArray[np.generic]]) -> None:
        """Goes on from an earlier `state()`, or several put together: a part that is still there keeps what it was."""
        kept = {
            (sensor_id, definition_id): (began, ended, first, *shown, *values)
            for (sensor_id, definition_id, began, ended, first), shown, values in zip(
                columns["parts"].tolist(), columns["shown"].tolist(), columns["values"].tolist(), strict=True
            )
        }
        rules = {sensor_id: (rule, at) for sensor_id, *rule, at in columns["said"].tolist()}
        asks: dict[int, list[tuple[int, ...]]] = {}
        for key in columns["asks"].tolist():
            asks.setdefault(key[0], []).append(tuple(key))
        members: dict[int, list[int]] = {}
        for sensor_id, definition_id, *_ in columns["parts"].tolist():
            members.setdefault(sensor_id, []).append(definition_id)
        waiting: dict[int, list[Told]] = {}
        rows = zip(columns["waiting"].tolist(), columns["waiting_values"].tolist(), strict=True)
        for (sensor_id, at, definition_id, active), value in rows:
            waiting.setdefault(sensor_id, []).append((at, definition_id, bool(active), value))
        for state in self._states:
            sensor_id = state.compound.sensor_id
            names = [(sensor_id, part) for part in state.compound.parts]
            shown: list[Part] = []
            for position, name in enumerate(names):
                if name not in kept:
                    continue
                began, ended, first, counts, shown_began, shown_ended, value, shown_value = kept[name]
                state.parts[position] = PartState(began, _as_value(value), ended, first)
                if counts >= 0:
                    since = None if shown_began == NEVER else shown_began
                    until = None if shown_ended == NEVER else shown_ended
                    shown.append(Part(position, bool(counts), since, until, _as_value(shown_value)))
            if len(shown) == len(names):
                state.shown = tuple(shown)
                state.said = sum(part.counts for part in shown)
            rule, state.said_at = rules.get(sensor_id, ([], NEVER))
            state.changed = (
                [sensor_id, *rule] != list(_rule(state.compound))
                or members.get(sensor_id) != list(state.compound.parts)
                or asks.get(sensor_id, []) != self._asks.get(sensor_id, [])
            )
            state.waiting = [told for told in waiting.get(sensor_id, ()) if told[1] in state.compound.parts]
        self._until = int(columns["until"].max())
        self._note_due()

    def align(self, conditions: Conditions, definitions: DefinitionSet) -> None:
        """After a restore, in line with the conditions: what holds is known of parts that are new here, what has gone counts not.

        The number of a compound that is not what it was, or is asked for by another definition, is said again.
        """
        definition_id = definitions.definitions.numbers("definition_id")
        mine = np.flatnonzero(np.isin(definition_id, np.array(list(self._of_part), np.int64)))
        index_of = dict(zip(definition_id[mine].tolist(), mine.tolist(), strict=True))
        for state in self._states:
            waiting = {told[1] for told in state.waiting}
            for position, part_id in enumerate(state.compound.parts):
                index = index_of.get(part_id)
                part = self._aligned(state.parts[position], index, part_id in waiting, conditions)
                state.changed |= part != state.parts[position]
                state.parts[position] = part
            state.waiting = [told for told in state.waiting if told[1] in index_of]
        self._note_due()

    def _note_due(self) -> None:
        self._due = []
        for place, state in enumerate(self._states):
            state.due = NOTHING_DUE
            self._wake(place, state.next_due())
        self._changed = [place for place, state in enumerate(self._states) if state.changed]

    def _aligned(self, part: PartState, index: int | None, waits: bool, conditions: Conditions) -> PartState:
        """A part as its condition, `index` in the set, has it; as it was where an event of it waits."""
        if index is None:
            return PartState()
        if waits:
            return part
        holds, held = bool(conditions.active[index]), part.began != NEVER and part.ended == NEVER
        if holds and not held:
            began, value = conditions.last_raise(index)
            return PartState(began, value, NEVER, began)
        if held and not holds:
            return PartState(part.began, part.value, max(part.began, self._until), part.first)
        return part


def _rule(compound: Compound) -> tuple[int, int, int]:
    return compound.sensor_id, compound.window_us, int(compound.in_order)


def _as_number(value: float | None) -> float:
    return float("nan") if value is None else value


def _as_value(number: float) -> float | None:
    return None if math.isnan(number) else number


def _scores(rows: list[tuple[int, int, float]]) -> Scores:
    return Scores(
        np.array([row[0] for row in rows], np.int32),
        np.full(len(rows), -1, np.int32),
        np.array([row[1] for row in rows], np.int64),
        np.array([row[2] for row in rows], np.float64),
    )
