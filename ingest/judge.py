"""Judging, once: detectors and conditions turn a batch into events. The result is a value; nothing is judged twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from alerting.condition import Conditions
from alerting.together import Together
from alerting.votes import Votes
from core.batch import Awaited, Event, Float64, Int32, Int64, ReadingBatch, Scores
from core.log import logger
from core.model import COMPOUND, DefinitionSet, Priority
from detectors.contract import Detector
from detectors.registry import detectors_for, sift
from ingest.averages import Averages
from ingest.directory import Directory
from ingest.late import Recount
from ingest.mute import Mute
from ingest.played import Played, is_played

Columns = dict[str, NDArray[np.generic]]
# A batch whose newest reading is older than this is a backlog: what follows in it may cancel a delay that `now` has passed.
# Ours; twice the tolerance that clocks have.
BACKLOG_US: Final = 10_000_000
UNGUARDED: Final = "limit"  # limits go on or the process stops: nothing may look as if it were watched and is not
RECOUNT: Final = "recount"  # what counting late readings is called where it is switched off

log = logger(__name__)
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class LateFinding:
    """Late readings beyond the setpoint of one definition that was not active then: events where they are new, and, for life
    safety, where they contradict what is stored.

    Args:
        row: int32, rows of the batch; at (int64, microseconds UTC of judged time), value and replayed (bool) likewise.
        is_at_once: one number is enough for its condition: it has no on-delay and no votes.
        for_life: it is a definition of life safety.
    """

    definition_id: int
    sensor_id: int
    row: Int32
    at: Int64
    value: Float64
    replayed: NDArray[np.bool_]
    is_at_once: bool = True
    for_life: bool = False

    def events(self, new: NDArray[np.bool_]) -> list[Event]:
        """At most one pair, from the first to the last of the readings that are `new` to the table (bool, per row)."""
        rows = np.flatnonzero(new[self.row])
        if len(rows) == 0 or not self.is_at_once:
            return []
        first, last = rows[np.argmin(self.at[rows])], rows[np.argmax(self.at[rows])]
        return [
            Event(
                self.definition_id,
                self.sensor_id,
                active,
                int(self.at[i]),
                float(self.value[i]),
                int(self.row[i]),
                True,
                bool(self.replayed[i]),
            )
            for active, i in ((True, first), (False, last))
        ]

    def contradicted(self, stored: Mapping[int, float], now_us: int) -> list[Event]:
        """A pair as of `now_us` for the worst of the readings that contradict what is stored; none but for life safety.

        Nobody knows which of two values under one stamp is true, and when the other one was measured. So it counts from the moment
        at which we learn of it, whatever delay or votes its limit has: there is no second number that could bear it out.

        Args:
            stored: by row of the batch, the value that stays.
        """
        rows = [i for i, row in enumerate(self.row.tolist()) if row in stored] if self.for_life and stored else []
        if not rows:
            return []
        worst = max(rows, key=lambda i: abs(float(self.value[i]) - stored[int(self.row[i])]))
        row, value = int(self.row[worst]), float(self.value[worst])
        is_replayed = bool(self.replayed[worst])
        return [
            Event(self.definition_id, self.sensor_id, active, now_us, value, row, True, is_replayed, stored=stored[row])
            for active in (True, False)
        ]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a batch means.

    Args:
        now_us: `now` as the judge saw it; watched_us likewise: both are kept with the batch.
        recount: what averages booked besides with it: kept with it too.
    """

    now_us: int
    watched_us: int
    definitions_version: int
    events: list[Event] = field(default_factory=list)
    late: list[LateFinding] = field(default_factory=list)
    recount: Recount | None = None


class Judge:
    """The detectors and conditions of one definition set. What no detector takes is set aside, and everything else judged.

    Args:
        on_failure: told (detector, what it said) when a detector, or `compound`, is switched off.
    """

    def __init__(
        self, directory: Directory, definitions: DefinitionSet, on_failure: Callable[[str, str], None] | None = None
    ) -> None:
        definitions, self.set_aside = sift(definitions)
        self.definitions = definitions
        self.conditions = Conditions(definitions)
        self.compounds = Together(definitions, self.conditions)
        self.detectors = detectors_for(definitions)
        self.switched_off: dict[str, str] = {}
        self._on_failure = on_failure
        self._mute = Mute(directory, definitions)
        self._stamped_now = np.zeros(len(directory), np.bool_)  # our own numbers, said as of `now`
        self._stamped_now[list(directory.own_slots())] = True
        rows = definitions.definitions
        self._definition_id, self._sensor_id = rows.numbers("definition_id"), rows.numbers("sensor_id")
        self._played = Played(definitions, len(directory))
        parts = np.array(sorted({part for each in definitions.compounds for part in each.parts}), np.int64)
        mine = np.flatnonzero(np.isin(self._definition_id, parts))
        self._sensor_of = dict(zip(self._definition_id[mine].tolist(), self._sensor_id[mine].tolist(), strict=True))
        self._keys = definitions.keys
        self._for_life = rows.where("priority", Priority.LIFE_SAFETY) & (self._definition_id > 0)
        self._no_delay = (rows.numbers("on_delay_us") == 0) & (rows.numbers("votes") == 1) & (self._definition_id > 0)
        self._setpoint = rows.numbers("setpoint")
        self._low = definitions.is_low()
        self.averages = Averages(self.detectors, definitions, directory.sensor_id)
        self._not_averages = [each for each in self.detectors if each not in self.averages.detectors]
        self._is_voted = rows.numbers("votes_of") > 1

    def judge(
        self,
        batch: ReadingBatch,
        late: NDArray[np.bool_],
        now_us: int,
        watched_us: int,
        recount: Recount | None = None,
    ) -> Judgement:
        """Judges a batch, then lets time pass to `now_us`.

        Args:
            recount: what averages must book besides, before anything of the batch.
        """
        on_time = batch if not late.any() else batch.take(~late)
        events = self.advance(on_time, now_us, watched_us, recount)
        if len(on_time) < len(batch):
            # Rows of events are those of the whole batch.
            rows = np.flatnonzero(~late)
            events = [e if e.row < 0 else replace(e, row=int(rows[e.row])) for e in events]
            self.averages.note(batch, late, now_us)
        findings = self._judge_late(batch, late) if len(on_time) < len(batch) else []
        if recount is not None:  # a definition may be gone since it was asked
            there = np.isin([event.definition_id for event in recount.events], self._definition_id)
            events += [event for event, is_there in zip(recount.events, there.tolist(), strict=True) if is_there]
        return Judgement(now_us, watched_us, self.definitions.version, events, findings, recount)

    def advance(
        self,
        on_time: ReadingBatch,
        now_us: int,
        watched_us: int,
        recount: Recount | None = None,
        averaged: ReadingBatch | None = None,
    ) -> list[Event]:
        """What averages must book besides, readings that are not late, then time: all that moves the state, live and after a restart
        alike.

        Args:
            averaged: what averages hear instead: history, in which late readings have come to their place.
        """
        events: list[Event] = [] if recount is None else self._correct(recount)
        if averaged is not None:
            scores = [self._guarded(d, lambda d: d.score(averaged)) for d in self.averages.detectors]
            for part in scores:
                if len(part):
                    events += self.conditions.step(replace(part, row=np.full(len(part), -1, np.int32)))
        if len(on_time):
            self._mute.hear(on_time)
            detectors = self.detectors if averaged is None else self._not_averages
            scores = [self._guarded(detector, lambda d: d.score(on_time)) for detector in detectors]
            for part in scores:
                if len(part):
                    events += self.conditions.step(part)
        self._mute.pass_time(now_us, watched_us)
        for detector in self.detectors:
            silent = self._mute.heard(self._guarded(detector, lambda d: d.sweep(now_us, watched_us)))
            if len(silent):
                events += self.conditions.step(silent)
        withheld = self._mute.withheld(now_us)
        if len(withheld):
            events += self.conditions.step(withheld)
        self._expect()
        events += self._judge_compounds(events, self._heard_until_us(on_time, now_us))
        alarms = [event for event in events if event.definition_id > 0] if self.compounds else events
        told = self._played.told(alarms, on_time)
        return [replace(event, replayed=self._is_of_played(event)) if event.parts else event for event in told]

    def _correct(self, recount: Recount) -> list[Event]:
        """Books what late readings add, and judges the averages as of their sensor's last reading."""
        events: list[Event] = []
        for detector, correction in self.averages.corrections(recount):
            scores = self._attempt(detector.name, partial(detector.correct, correction), Scores.empty())
            # A number of votes is one of a reading: these wait for the next.
            told = np.flatnonzero(~self._is_voted[scores.definition])
            events += self.conditions.step(scores.take(told))
        return events

    def _expect(self) -> None:
        """Tells the conditions which numbers are on their way: one detector gives any."""
        for detector in self.detectors:
            if detector.is_of_two:
                self.conditions.expect(self._attempt(detector.name, detector.awaited, Awaited.none()))

    def _judge_compounds(self, events: list[Event], until_us: int) -> list[Event]:
        """Ends the delays that are over, then judges compounds; where those break, everything else goes on."""
        is_whole = COMPOUND not in self.switched_off
        found = self.conditions.sweep(until_us, self.compounds.definitions if is_whole and self.compounds else None)
        heard = [*events, *found]
        # What was found before it broke is kept: `extend` takes one after the other.
        self._attempt(COMPOUND, lambda: found.extend(self.compounds.judge(heard, until_us)), None)
        if is_whole and COMPOUND in self.switched_off:
            found += self.conditions.sweep(until_us)
        return found

    def _is_of_played(self, event: Event) -> bool:
        """Whether every condition behind it is of a sensor that plays history: then the compound is history too."""
        sensors = [self._sensor_of.get(part) for part in self.compounds.behind(event)]
        return bool(sensors) and all(sensor is not None and self._played.plays(sensor) for sensor in sensors)

    def _heard_until_us(self, on_time: ReadingBatch, now_us: int) -> int:
        """The instant that delays may have ended by: `now`, but in a backlog that of its newest reading.

        A function of the batch alone, so that a restart judges the same.
        """
        heard = on_time.judged_at[~self._stamped_now[on_time.sensor]]
        newest_us = int(heard.max()) if len(heard) else now_us
        return newest_us if now_us - newest_us > BACKLOG_US else now_us

    def counted(self, take: Callable[[], Recount | None]) -> Recount | None:
        """What averages must book besides; where counting breaks it is switched off as a detector is, and limits go on."""
        return self._attempt(RECOUNT, take, None)

    def due_us(self) -> int | None:
        """When time alone will show something next, microseconds UTC; None: never."""
        instants = [d.next_due_us() for d in self.detectors if d.name not in self.switched_off and len(d)]
        instants.append(self._mute.next_due_us())
        pending = self.conditions.next_due_us()
        if pending is not None:
            instants.append(pending)
        if COMPOUND not in self.switched_off:
            instants.append(self.compounds.next_due_us())
        return min(instants) if instants else None

    def _guarded(self, detector: Detector, ask: Callable[[Detector], Scores]) -> Scores:
        """A detector that breaks is switched off loudly; the others, and limits above all, go on."""
        if detector.name == UNGUARDED:
            return ask(detector)
        return self._attempt(detector.name, lambda: ask(detector), Scores.empty())

    def _attempt(self, name: str, ask: Callable[[], Answer], otherwise: Answer) -> Answer:
        """The answer of what is guarded; `otherwise` once it has broken."""
        if name in self.switched_off:
            return otherwise
        try:
            return ask()
        except Exception as error:
            self.switched_off[name] = f"{type(error).__name__}: {error}"
            log.exception("detector_switched_off", detector=name)
            if self._on_failure is not None:
                self._on_failure(name, self.switched_off[name])
            return otherwise

    def _judge_late(self, batch: ReadingBatch, late: NDArray[np.bool_]) -> list[LateFinding]:
        """What late readings say by themselves: stateless detectors, definitions without on-delay, and those of life safety."""
        rows = np.flatnonzero(late)
        readings = batch.take(rows)
        found: dict[int, list[tuple[int, int, float]]] = {}
        for detector in self.detectors:
            if not detector.stateless:
                continue
            scores = self._guarded(detector, lambda d: d.score(readings))
            setpoint, low = self._setpoint[scores.definition], self._low[scores.definition]
            beyond = np.where(low, scores.number <= setpoint, scores.number >= setpoint)  # NaN is beyond nothing
            asked = self._no_delay[scores.definition] | self._for_life[scores.definition]
            for i in np.flatnonzero(beyond & asked).tolist():
                index, at = int(scores.definition[i]), int(scores.at[i])
                if not self.conditions.active[index] and not self.conditions.was_active(index, at):
                    row = int(rows[scores.row[i]])
                    found.setdefault(index, []).append((row, at, float(scores.number[i])))
        return [self._finding(index, entries, batch) for index, entries in sorted(found.items())]

    def _finding(self, index: int, entries: list[tuple[int, int, float]], batch: ReadingBatch) -> LateFinding:
        row, at, value = zip(*entries, strict=True)
        return LateFinding(
            int(self._definition_id[index]),
            int(self._sensor_id[index]),
            np.array(row, np.int32),
            np.array(at, np.int64),
            np.array(value, np.float64),
            is_played(batch.quality[list(row)]),
            bool(self._no_delay[index]),
            bool(self._for_life[index]),
        )

    def standing(self) -> frozenset[tuple[int, int]]:
        """(definition_id, sensor_id) of conditions that hold; parts of compounds are no alarms."""
        holds = np.flatnonzero(self.conditions.active & (self._definition_id > 0))
        return frozenset(zip(self._definition_id[holds].tolist(), self._sensor_id[holds].tolist(), strict=True))

    def state(self) -> Columns:
        """All state as columns, with (definition_id, version) of every condition and the memory of every detector's row (`DefinitionSet.memories`) beside it; see `Detector.state` on keeping it."""
        keys = self._keys
        columns: Columns = {**self._mute.state(), "played": self._played.state(), "late": self.averages.late.state()}
        columns["condition/rows"] = keys
        columns.update({f"condition/{name}": column for name, column in self.conditions.state().items()})
        votes = self.conditions.votes
        columns["votes/rows"] = keys[votes.definition]
        columns.update({f"votes/{name}": column for name, column in votes.state().items()})
        if self.compounds:
            columns.update({f"compounds/{name}": column for name, column in self.compounds.state().items()})
        memories = self.definitions.memories()
        for detector in self.detectors:
            columns[f"{detector.name}/rows"] = memories[self.definitions.of(detector.name)]
            columns.update({f"{detector.name}/{name}": column for name, column in detector.state().items()})
        return columns

    def restore(self, columns: Mapping[str, NDArray[np.generic]]) -> None:
        """Carries state over from an earlier `state()`; detectors' rows start fresh where the definition is new, or makes its number otherwise.

        A detector goes on under another setpoint or delay (`DefinitionSet.memories`): an average of eight hours is not lost by who corrects its
        limit. A condition goes on under a changed definition until its next number: a changed limit clears no alarm by itself.
        """
        own = self.state()
        parts: list[tuple[str, Conditions | Votes | Detector]] = [
            ("condition", self.conditions),
            ("votes", self.conditions.votes),
        ]
        parts += [(detector.name, detector) for detector in self.detectors]
        for name, part in parts:
            if f"{name}/rows" not in columns:
                continue
            keys = slice(0, 2) if isinstance(part, Detector) else slice(0, 1)
            mine, theirs = _matching(own[f"{name}/rows"][:, keys], columns[f"{name}/rows"][:, keys])
            fresh = part.state()
            for column, values in fresh.items():
                earlier = columns.get(f"{name}/{column}")
                if earlier is None or earlier.dtype != values.dtype or earlier.shape[1:] != values.shape[1:]:
                    log.warning("state_column_started_fresh", part=name, column=column)
                    continue
                values[mine] = earlier[theirs]
            part.restore(fresh)
        names = [name for name in columns if name.startswith("compounds/")]
        self.compounds.restore({name.removeprefix("compounds/"): columns[name] for name in names})
        self._played.restore(columns)
        self.averages.late.restore(columns)
        self._mute.restore(columns)
        self._expect()


def differences(held: Set[tuple[int, int]], standing: Set[tuple[int, int]], now_us: int) -> list[Event]:
    """Events that bring alarms, which `held` as of what was last applied, in line with the conditions that stand."""
    return [
        *(Event(*key, active=False, at=now_us, value=float("nan")) for key in sorted(held - standing)),
        *(Event(*key, active=True, at=now_us, value=float("nan")) for key in sorted(standing - held)),
    ]


def _matching(mine: NDArray[np.generic], theirs: NDArray[np.generic]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions of the rows, (definition_id, version) or (definition_id,), that both have; no row stands twice."""
    both = np.concatenate([mine, theirs]).astype(np.int64)
    order = np.lexsort(both.T[::-1])
    same = np.flatnonzero((both[order[1:]] == both[order[:-1]]).all(axis=1))
    first, second = order[same], order[same + 1]  # lexsort is stable: mine come first
    return first, second - len(mine)
