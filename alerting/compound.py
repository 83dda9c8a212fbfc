"""Compounds: several conditions of one site that mean more together than alone, with the evidence of each part.

A part is a condition, of a limit or of the compound's own. It counts while it holds and for a window after it ended. How many
count is the compound's number, and an ordinary definition on its virtual sensor judges that: states, routes and pages are
those of any alarm.

Parts are taken in the order of their instants, as far as `now` has come, whatever sensors they come from and in whatever
batches they arrived. So a compound begins at the instant of the part that made it whole, however readings were cut.
Readings are few here: what is done at all is done for events, which are rare, in plain Python.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerting.condition import Conditions
from core.batch import Event, Part, Scores
from core.model import COMPOUND, Compound, DefinitionSet

NEVER: Final = np.iinfo(np.int64).min
NOTHING_DUE: Final = np.iinfo(np.int64).max
_Told = tuple[int, int, bool, float]  # at, definition_id, active, value


@dataclass(slots=True)
class _PartState:
    """What is remembered of one part: its last stretch. `ended` is NEVER while it holds."""

    began: int = NEVER
    value: float | None = None
    ended: int = NEVER

    def until(self, window_us: int) -> int:
        """The first instant at which it counts no more."""
        if self.began == NEVER:
            return NEVER
        return NOTHING_DUE if self.ended == NEVER else self.ended + window_us


@dataclass(slots=True)
class _State:
    """One compound.

    Args:
        index: of its definitions in the set.
        shown: its parts as of the last number that was said.
    """

    compound: Compound
    index: tuple[int, ...]
    parts: list[_PartState]
    shown: tuple[Part, ...] = ()
    said: int = 0

    def next_end(self, after_us: int) -> int:
        """The first instant after `after_us` at which a part counts no more."""
        ends = [part.until(self.compound.window_us) for part in self.parts]
        return min((end for end in ends if end > after_us), default=NOTHING_DUE)

    def look(self, at: int) -> tuple[Part, ...]:
        """Its parts at an instant."""
        holds = [part.began <= at < part.until(self.compound.window_us) for part in self.parts]
        if self.compound.in_order:
            holds = _in_order([part.began if held else NEVER for part, held in zip(self.parts, holds, strict=True)])
        return tuple(
            Part(
                position,
                counts,
                None if part.began == NEVER else part.began,
                None if part.ended == NEVER else part.ended,
                part.value,
            )
            for position, (part, counts) in enumerate(zip(self.parts, holds, strict=True))
        )


def _in_order(began: Sequence[int]) -> list[bool]:
    """Which parts make up the longest chain that began in the order they are written; of equal chains the first.

    >>> _in_order([30, 10, NEVER, 20])
    [False, True, False, True]
    """
    length: list[int] = []
    before: list[int] = []
    for i, at in enumerate(began):
        chains = [(length[j], -j) for j in range(i) if began[j] != NEVER and began[j] <= at]
        longest, j = max(chains, default=(0, 1))
        length.append(0 if at == NEVER else longest + 1)
        before.append(-j if longest else -1)
    chosen = [False] * len(began)
    last = max(range(len(began)), key=lambda i: (length[i], -i), default=-1)
    while last >= 0 and length[last]:
        chosen[last] = True
        last = before[last]
    return chosen


@dataclass(slots=True)
class Found:
    """What time has shown of compounds.

    Args:
        scores: the number of each compound at each instant at which something changed.
        shown: by definition_id, the parts at those instants, in order.
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
        rows = definitions.definitions
        own: dict[int, list[int]] = {}
        for i, d in enumerate(rows):
            if d.detector == COMPOUND and d.sensor_id in sensors:
                own.setdefault(d.sensor_id, []).append(i)
        self._ids = {i: rows[i].definition_id for indices in own.values() for i in indices}
        self._states = [
            _State(each, tuple(own.get(each.sensor_id, ())), [_PartState() for _ in each.parts])
            for each in sorted(chosen, key=lambda c: c.sensor_id)
        ]
        self._of_part: dict[int, list[tuple[_State, int]]] = {}
        for state in self._states:
            for position, part in enumerate(state.compound.parts):
                self._of_part.setdefault(part, []).append((state, position))
        self._pending: list[_Told] = []
        self._until = NEVER
        self._anew = False  # every number is said again: what it is made of may have changed
        self.definitions: NDArray[np.bool_] = np.zeros(len(rows), np.bool_)
        self.definitions[list(self._ids)] = True

    def __len__(self) -> int:
        return len(self._states)

    def hear(self, events: Iterable[Event]) -> None:
        """Keeps the events of parts until time has come to them."""
        for event in events:
            if event.definition_id in self._of_part:
                self._pending.append((event.at, event.definition_id, event.active, event.value))

    def pass_time(self, until_us: int) -> Found:
        """Takes what was heard up to `until_us` (microseconds UTC), in the order of its instants.

        What comes for an instant that has passed already is booked where it belongs, and seen from now on.
        """
        due = any(told[0] <= until_us for told in self._pending)
        # What was said before: a delay that ends now may have been decided by that.
        before = {self._ids[index]: [(NEVER, state.shown)] for state in self._states for index in state.index}
        found = Found(Scores.empty(), before)
        rows: list[tuple[int, int, float]] = []
        if self._anew:
            for state in self._states:
                self._say(state, until_us if self._until == NEVER else self._until, rows, found)
        self._anew = False
        if not due and self._next_end() > until_us:
            found.scores = _scores(rows)
            self._until = max(self._until, until_us)
            return found
        heard = [told for told in self._pending if told[0] <= until_us]
        self._pending = [told for told in self._pending if told[0] > until_us]
        heard.sort(key=lambda told: (max(told[0], self._until), told[0], told[1]))  # stable: one part's own order stays
        place = 0
        while True:
            told_at = max(heard[place][0], self._until) if place < len(heard) else NOTHING_DUE
            at = min(told_at, self._next_end())
            if at > until_us:
                break
            touched = [state for state in self._states if state.next_end(self._until) == at]
            while place < len(heard) and max(heard[place][0], self._until) <= at:
                touched += self._book(heard[place])
                place += 1
            self._until = at
            for state in self._states:
                if any(state is each for each in touched):
                    self._say(state, at, rows, found)
        self._until = max(self._until, until_us)
        found.scores = _scores(rows)
        return found

    def _book(self, told: _Told) -> list[_State]:
        at, definition_id, active, value = told
        states = []
        for state, position in self._of_part[definition_id]:
            part = state.parts[position]
            part.value = value
            if active:
                part.began, part.ended = at, NEVER
            elif part.began != NEVER:
                part.ended = max(at, part.began)
            states.append(state)
        return states

    def _say(self, state: _State, at: int, rows: list[tuple[int, int, float]], found: Found) -> None:
        state.shown = state.look(at)
        state.said = sum(part.counts for part in state.shown)
        for index in state.index:
            rows.append((index, at, float(state.said)))
            found.shown[self._ids[index]].append((at, state.shown))

    def evidence(self, event: Event, found: Found) -> tuple[Part, ...]:
        """The parts of a compound's event: as they stood when the number was said that decided it."""
        said = [shown for at, shown in found.shown.get(event.definition_id, ()) if at <= event.at]
        deciding = (shown for shown in reversed(said) if sum(part.counts for part in shown) == event.value)
        return next(deciding, said[-1] if said else ())

    def _next_end(self) -> int:
        return min((state.next_end(self._until) for state in self._states), default=NOTHING_DUE)

    def next_due_us(self) -> int:
        """When time alone shows something next, microseconds UTC; `NOTHING_DUE`: never."""
        return min(self._next_end(), min((told[0] for told in self._pending), default=NOTHING_DUE))

    def numbers(self) -> dict[int, float]:
        """sensor_id of each compound -> how many of its parts count, as last worked out."""
        return {state.compound.sensor_id: float(state.said) for state in self._states}

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Everything as columns: a row a part, a row an event that waits."""
        parts = [(s, p, part) for s in self._states for p, part in enumerate(s.parts)]
        shown = [dict(enumerate(s.shown)).get(p) for s, p, _ in parts]
        keys = [(s.compound.sensor_id, s.compound.parts[p], part.began, part.ended) for s, p, part in parts]
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
        waiting = [(at, definition_id, int(active)) for at, definition_id, active, _ in self._pending]
        return {
            "parts": np.array(keys, np.int64).reshape(-1, 4),
            "shown": np.array(said, np.int64).reshape(-1, 3),
            "values": np.array(values, np.float64).reshape(-1, 2),
            "waiting": np.array(waiting, np.int64).reshape(-1, 3),
            "waiting_values": np.array([told[3] for told in self._pending], np.float64),
            "until": np.array([self._until], np.int64),
        }

    def restore(self, columns: Mapping[str, NDArray[np.generic]]) -> None:
        """Goes on from an earlier `state()`: a part that is still there keeps what it was."""
        kept = {
            (sensor_id, definition_id): (began, ended, *shown, *values)
            for (sensor_id, definition_id, began, ended), shown, values in zip(
                columns["parts"].tolist(), columns["shown"].tolist(), columns["values"].tolist(), strict=True
            )
        }
        for state in self._states:
            names = [(state.compound.sensor_id, part) for part in state.compound.parts]
            shown: list[Part] = []
            for position, name in enumerate(names):
                if name not in kept:
                    continue
                began, ended, counts, shown_began, shown_ended, value, shown_value = kept[name]
                state.parts[position] = _PartState(began, _as_value(value), ended)
                if counts >= 0:
                    since = None if shown_began == NEVER else shown_began
                    until = None if shown_ended == NEVER else shown_ended
                    shown.append(Part(position, bool(counts), since, until, _as_value(shown_value)))
            if len(shown) == len(names):
                state.shown = tuple(shown)
                state.said = sum(part.counts for part in shown)
        self._pending = [
            (at, definition_id, bool(active), value)
            for (at, definition_id, active), value in zip(
                columns["waiting"].tolist(), columns["waiting_values"].tolist(), strict=True
            )
            if definition_id in self._of_part
        ]
        self._until = int(columns["until"][0])

    def align(self, conditions: Conditions, definitions: DefinitionSet) -> None:
        """After a restore: what holds already is known of parts that are new here, and every number is said again."""
        self._anew = True
        index_of = {d.definition_id: i for i, d in enumerate(definitions.definitions)} if self._states else {}
        waiting = {told[1] for told in self._pending}
        for definition_id, places in self._of_part.items():
            index = index_of.get(definition_id)
            holds = index is not None and bool(conditions.active[index])
            for state, position in places:
                part = state.parts[position]
                if holds and definition_id not in waiting and (part.began == NEVER or part.ended != NEVER):
                    assert index is not None
                    state.parts[position] = _PartState(*conditions.last_raise(index))


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
