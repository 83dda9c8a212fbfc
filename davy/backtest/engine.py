"""One run over history: pieces of stored readings through the very judge that ingest has, for each version that is compared.

Nothing here judges by itself. A version is a set of definitions with a `Judge` of its own; pieces only say how much is read at
once, and change nothing about what comes out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.batch import Event, Int64, ReadingBatch
from core.model import COMPOUND, AlarmDefinition, Compound, DefinitionSet
from davy.backtest.columns import Order, Stored, joined
from ingest.directory import Directory
from ingest.judge import Judge, LateFinding

SECOND_US: Final = 1_000_000
ROWS_AT_ONCE: Final = 500_000  # some 100 MB of columns, numbers and room for events
MINUTE_US: Final = 60 * SECOND_US
HOUR_US: Final = 3_600 * SECOND_US
LONGEST_PIECE_US: Final = 86_400 * SECOND_US
SHORTEST_PIECE_US: Final = 60 * SECOND_US
# Silence is said by time alone, and so is that a part of a compound counts no more: a judge that watches for it is given time in
# steps, as ingest sweeps, only more coarsely. What a sensor's rhythm is learnt from comes in steps too.
STEP_US: Final = 10 * SECOND_US
MOST_EVENTS: Final = 100_000  # of one definition, 172 bytes each: who is told so often is told nothing
LATE_TOGETHER_US: Final = 60 * SECOND_US  # late readings closer than this came in one batch, more or less
STALE: Final = "stale"
NO_TIME: Final = 0  # an instant before all readings: nothing is due by then


class Piece(NamedTuple):
    """A stretch that is read at once, microseconds UTC.

    Args:
        grain: "reading", or "minute": of minutes, and of hours where there are none.
    """

    since: int
    until: int
    grain: str


@dataclass(frozen=True, slots=True)
class Watch:
    """The minutes in which anything of the site is stored: in the others nobody may have watched.

    Args:
        minutes: int64, microseconds UTC, ascending; None: time is not what this run is about.
    """

    minutes: Int64 | None = None

    def watched_us(self, since: int, until: int) -> int:
        """How much of a stretch was watched, as ingest counts it."""
        return until - since if self.minutes is None else self._heard_us(until) - self._heard_us(since)

    def _heard_us(self, at: int) -> int:
        """How much was watched before an instant in all."""
        assert self.minutes is not None
        begun = int(np.searchsorted(self.minutes, at))
        if begun == 0:
            return 0
        return (begun - 1) * MINUTE_US + min(at - int(self.minutes[begun - 1]), MINUTE_US)


@dataclass(slots=True)
class Version:
    """Definitions that are tried together, and what they have said.

    Args:
        name: "in_force" or "proposed".
        view: which of the numbers of a minute or an hour they are given, see `davy.backtest.buckets`.
        endless: definitions that have said `MOST_EVENTS`, and when the last of them was: what they say later is not kept.

    Memory: 172 bytes an event.
    """

    name: str
    view: str
    directory: Directory
    definitions: DefinitionSet
    events: list[Event] = field(default_factory=list)
    late: list[LateFinding] = field(default_factory=list)
    endless: dict[int, int] = field(default_factory=dict)
    judge: Judge = field(init=False)
    _said: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.judge = Judge(self.directory, self.definitions)

    def take(self, on_time: ReadingBatch, now_us: int, watched_us: int, averaged: ReadingBatch | None = None) -> None:
        """Readings on time, then time; `averaged`: what averages hear, where that is more."""
        for event in self.judge.advance(on_time, now_us, watched_us, averaged=averaged):
            definition_id = event.definition_id
            if definition_id in self.endless:
                continue
            self.events.append(event)
            self._said[definition_id] += 1
            if self._said[definition_id] >= MOST_EVENTS:
                self.endless[definition_id] = event.at

    def take_late(self, late: ReadingBatch) -> None:
        """What late readings say by themselves, whatever the conditions are: those that held are known only at the end."""
        alone = Judge(self.directory, self.definitions)
        self.late += alone.judge(late, np.ones(len(late), np.bool_), NO_TIME, 0).late

    def told(self) -> dict[int, list[Event]]:
        """All events by definition, in the order of time; late ones where nothing held."""
        found: dict[int, list[Event]] = {d.definition_id: [] for d in self.definitions.definitions}
        for event in self.events:
            found[event.definition_id].append(event)
        for finding in self.late:
            kept = found[finding.definition_id]
            kept += _beside(finding, kept)[: max(0, MOST_EVENTS - len(kept))]
        return {key: sorted(events, key=lambda e: e.at) for key, events in found.items()}


def _beside(finding: LateFinding, events: Sequence[Event]) -> list[Event]:
    """The pairs that late readings make: none of a reading within a spell, none where one number is not enough."""
    if not finding.is_at_once:
        return []
    at = np.array([e.at for e in events], np.int64)
    holds = np.array([e.active for e in events], np.bool_)
    before = np.searchsorted(at, finding.at, side="right") - 1
    free = np.ones(len(finding.at), np.bool_)
    if len(at):
        free = (before < 0) | ~holds[np.maximum(before, 0)]
    rows = np.flatnonzero(free)
    if len(rows) == 0:
        return []
    rows = rows[np.argsort(finding.at[rows], kind="stable")]
    breaks = np.flatnonzero(np.diff(finding.at[rows]) > LATE_TOGETHER_US) + 1
    pairs = []
    for group in np.split(rows, breaks):
        for active, row in ((True, group[0]), (False, group[-1])):
            pairs.append(
                Event(
                    finding.definition_id,
                    finding.sensor_id,
                    active,
                    int(finding.at[row]),
                    float(finding.value[row]),
                    late=True,
                )
            )
    return pairs


class _Heard(NamedTuple):
    """Readings in the order of judged time.

    Args:
        late: bool, one a reading: no condition hears it; behind: likewise, no average does.
    """

    batch: ReadingBatch
    late: NDArray[np.bool_]
    behind: NDArray[np.bool_]

    def part(self, begin: int, end: int) -> _Heard:
        """Those from one place to another."""
        if end <= begin:
            return _Heard(ReadingBatch.empty(), self.late[:0], self.behind[:0])
        return _Heard(self.batch.take(np.arange(begin, end)), self.late[begin:end], self.behind[begin:end])

    @property
    def on_time(self) -> ReadingBatch:
        """What conditions hear."""
        return self.batch.take(~self.late) if self.late.any() else self.batch

    @property
    def averaged(self) -> ReadingBatch | None:
        """What averages hear; None: the same."""
        return self.batch.take(~self.behind) if self.late.any() or self.behind.any() else None


class Run:
    """The versions over one stretch of history.

    Args:
        directory: of the site.
        watch: needed where a definition is about silence.
    """

    def __init__(self, directory: Directory, versions: Sequence[Version], watch: Watch) -> None:
        self.versions = versions
        self._slot_of = {int(sensor_id): slot for slot, sensor_id in enumerate(directory.sensor_id.tolist())}
        self._order = Order(len(directory))
        self._watch = watch
        self._stepped = any(d.detector in (STALE, COMPOUND) for v in versions for d in v.definitions.definitions)
        self._now_us: int | None = None
        self._watched_us = 0
        self.readings = 0
        self.late = 0

    def take(self, piece: Piece, stored: Sequence[Stored]) -> None:
        """The readings of the next piece."""
        batch = joined([part for part in stored if part.sensor_id in self._slot_of], self._slot_of)
        late, behind = self._order.late(batch), self._order.behind(batch)
        self.readings += len(batch)
        if late.any():
            self.late += int(late.sum())
            for version in self.versions:
                version.take_late(batch.take(late))
        self._advance(piece, _Heard(batch, late, behind), self.versions)

    def take_buckets(self, piece: Piece, views: Mapping[str, Sequence[Stored]]) -> None:
        """The minutes or hours of the next piece, as each view sees them."""
        watched_us, now_us = self._watched_us, self._now_us
        for view, stored in views.items():
            self._watched_us, self._now_us = watched_us, now_us
            batch = joined([part for part in stored if part.sensor_id in self._slot_of], self._slot_of)
            on_time = np.zeros(len(batch), np.bool_)
            self._advance(
                piece, _Heard(batch, on_time, on_time), [version for version in self.versions if version.view == view]
            )

    def _advance(self, piece: Piece, heard: _Heard, versions: Sequence[Version]) -> None:
        if not self._stepped:
            for version in versions:
                version.take(heard.on_time, NO_TIME, 0, heard.averaged)
            return
        for part, now_us in self._steps(heard, piece):
            since = now_us if self._now_us is None else self._now_us
            self._watched_us += self._watch.watched_us(since, now_us)
            self._now_us = now_us
            for version in versions:
                version.take(part.on_time, now_us, self._watched_us, part.averaged)

    def _steps(self, heard: _Heard, piece: Piece) -> Iterator[tuple[_Heard, int]]:
        """The readings step by step, each with the instant up to which time has passed then."""
        edges = np.arange(piece.since + STEP_US, piece.until, STEP_US, dtype=np.int64)
        edges = np.append(edges, piece.until)
        ends = np.searchsorted(heard.batch.judged_at, edges)
        begin = 0
        for edge, end in zip(edges.tolist(), ends.tolist(), strict=True):
            yield heard.part(begin, end), edge
            begin = end
        if begin < len(heard.batch):  # a clock that is ahead: judged with the last of the piece
            yield heard.part(begin, len(heard.batch)), piece.until

    def finish(self, until_us: int) -> None:
        """Time passes to the end of the stretch: delays that end by then have ended."""
        for version in self.versions:
            version.take(ReadingBatch.empty(), until_us, self._watched_us)


def pieces(since: int, until: int, grain: str, rows_a_second: float, rows: int = ROWS_AT_ONCE) -> list[Piece]:
    """A stretch in pieces of about so many rows, but of a minute at least and a day at most."""
    if until <= since:
        return []
    seconds = rows / max(rows_a_second, 1e-6)
    width = int(min(max(seconds * SECOND_US, SHORTEST_PIECE_US), LONGEST_PIECE_US))
    if grain != "reading":
        width = max(width // HOUR_US, 1) * HOUR_US
    cuts = [*range(since, until, width), until]
    return [Piece(a, b, grain) for a, b in pairwise(cuts)]


def numbered(
    definitions: Sequence[AlarmDefinition],
    directory: Directory,
    version: int = 0,
    compounds: Sequence[Compound] = (),
) -> DefinitionSet:
    """A set of definitions as a judge wants it; those of sensors that are not in the directory are left out."""
    slots = directory.slots_of(np.array([d.sensor_id for d in definitions], np.int32))
    other = directory.slots_of(np.array([d.other_sensor_id for d in definitions], np.int32))
    kept = np.flatnonzero(slots >= 0)
    return DefinitionSet(
        version, tuple(definitions[i] for i in kept.tolist()), slots[kept], len(directory), compounds, other[kept]
    )
