"""Late readings in averages: which windows they touch, and what these must book besides once it is known.

What is stored as of a batch is played in its order twice, with and without the readings that came late since. The difference is a value.
It goes to the judge with a later batch and is kept with that, so that a restart books the same (docs/decisions/0066).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerting.condition import Conditions
from core.batch import Event, Float64, Int32, Int64, Mark, ReadingBatch
from core.model import AlarmDefinition, DefinitionSet
from detectors.registry import detector_class
from detectors.window import Booked, OverWindow
from ingest.packed_columns import pack, unpack
from ingest.played import is_played

# A backlog comes in many messages: it is counted once nothing more has come of a sensor for so long, or it has waited for so long.
# Ours; a STEL is about 15 minutes.
QUIET_US: Final = 2_000_000
LONGEST_US: Final = 30_000_000
MOST: Final = 200  # sensors counted at once; eight hours of one at 1 Hz are 2 MB of rows, read one after the other

# What a limit was exceeded by in the past is looked for so far back, where the window is shorter. Ours: a day of outage.
FAR_US: Final = 86_400_000_000

# What cannot be read is tried again after a pause that doubles with each failure: a table under repair takes hours, a statement that hangs 30 s of
# the one thread that reads. Ours.
FIRST_PAUSE_US: Final = 10_000_000
LONGEST_PAUSE_US: Final = 300_000_000

_ROW: Final = ("sensor_id", "first_us", "last_us", "since_us", "noted_us", "shift_us", "failures", "not_before_us")


@dataclass(slots=True)
class Touched:
    """Late readings of one sensor that no window has counted, instants in microseconds UTC.

    Args:
        first_us, last_us: judged time of the earliest and of the latest.
        since_us, noted_us: `now` of the first and of the last batch that brought any.
        shift_us: how far stamp and judged time are apart at most.
        failures: how often it could not be counted, one after the other; not_before_us: when it is tried again.
    """

    sensor_id: int
    first_us: int
    last_us: int
    since_us: int
    noted_us: int
    shift_us: int
    failures: int = 0
    not_before_us: int = 0


class LateReadings:
    """What is touched. Memory: some hundred bytes a sensor that had late readings of late."""

    def __init__(self) -> None:
        self._of: dict[int, Touched] = {}

    def __bool__(self) -> bool:
        return bool(self._of)

    def __len__(self) -> int:
        return len(self._of)

    def failing(self) -> list[Touched]:
        """Those that could not be counted when it was last tried, the longest first."""
        return sorted((t for t in self._of.values() if t.failures), key=lambda t: t.since_us)

    def note(self, late: ReadingBatch, sensor_id: Int32, now_us: int) -> None:
        """Late readings of a batch, all of sensors with a window.

        Args:
            sensor_id: int32, of each slot.
        """
        order = np.argsort(late.sensor, kind="stable")  # a backlog of thousands of sensors is gone through once
        slots, begins = np.unique(late.sensor[order], return_index=True)
        judged = late.judged_at[order]
        apart = np.abs(late.measured_at[order] - judged)
        columns = (
            sensor_id[slots],
            np.minimum.reduceat(judged, begins),
            np.maximum.reduceat(judged, begins),
            np.maximum.reduceat(apart, begins),
        )
        for key, first, last, shift in zip(*(column.tolist() for column in columns), strict=True):
            was = self._of.get(key)
            if was is None:
                self._of[key] = Touched(key, first, last, now_us, now_us, shift)
            else:
                was.first_us, was.last_us = min(was.first_us, first), max(was.last_us, last)
                was.noted_us, was.shift_us = now_us, max(was.shift_us, shift)

    def due(self, now_us: int) -> list[Touched]:
        """Whose readings are to be counted now; those that could not be the last time come after all others."""
        due = [
            t
            for t in self._of.values()
            if (now_us - t.noted_us >= QUIET_US or now_us - t.since_us >= LONGEST_US) and now_us >= t.not_before_us
        ]
        return sorted(due, key=lambda t: (t.failures, t.since_us))[:MOST]

    def postpone(self, sensor_id: int, now_us: int) -> None:
        """It could not be counted: it is tried again after a pause."""
        was = self._of.get(sensor_id)
        if was is not None:
            was.not_before_us = now_us + min(FIRST_PAUSE_US << min(was.failures, 20), LONGEST_PAUSE_US)
            was.failures += 1

    def settle(self, sensor_ids: Sequence[int], asof_us: int) -> None:
        """These are counted, as of a batch; what has come since waits for the next time."""
        for key in sensor_ids:
            was = self._of.get(key)
            if was is not None and was.noted_us <= asof_us:
                del self._of[key]
            elif was is not None:
                was.since_us = max(was.since_us, asof_us + 1)
                was.failures = was.not_before_us = 0

    def state(self) -> Int64:
        """What is touched, shape (n, 8)."""
        rows = [[getattr(t, name) for name in _ROW] for t in self._of.values()]
        return np.array(rows, np.int64).reshape(-1, len(_ROW))

    def restore(self, columns: Mapping[str, NDArray[np.generic]]) -> None:
        """Goes on from an earlier `state()`, kept as the column `late`."""
        if "late" in columns:
            self._of = {row[0]: Touched(*row) for row in columns["late"].tolist()}


class Window(NamedTuple):
    """Definitions of one sensor and detector, and what they had booked."""

    definitions: tuple[AlarmDefinition, ...]
    booked: Booked
    reach_us: int


@dataclass(frozen=True, slots=True)
class Asked:
    """One sensor whose windows are to be counted anew.

    Args:
        upto_us: its newest reading on time, microseconds UTC: of what is later nothing was booked.
    """

    touched: Touched
    upto_us: int
    windows: tuple[Window, ...]

    @property
    def since_us(self) -> int:
        """From when on readings can matter."""
        return min(self.touched.first_us, self.upto_us) - max(window.reach_us for window in self.windows)


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be counted, as of a batch that was judged.

    Args:
        asof_us: its `now`; batch_no: its number: once that is stored, all that was booked can be read.
    """

    asof_us: int
    batch_no: int
    sensors: tuple[Asked, ...]


class Counted(NamedTuple):
    """What the windows of one sensor must book besides: definition, version, bucket, amount, known time; and what had been."""

    sensor_id: int
    booked: list[tuple[int, int, int, float, int]]
    events: list[Event]


@dataclass(frozen=True, slots=True)
class Recount:
    """What windows must book besides, as columns of one length.

    Args:
        asof_us: `now` of the batch that it was counted as of; sensor_id: int32, whose late readings are counted with it.
        events: of what had been, and was over by then: pairs of the past.
    """

    asof_us: int
    sensor_id: Int32
    definition_id: Int32
    version: Int32
    bucket: Int64
    amount: Float64
    known: Int64
    events: list[Event] = field(default_factory=list)

    def packed(self) -> bytes:
        """All but the events, which are stored with the batch that brings it."""
        columns = {name: getattr(self, name) for name in _COLUMNS}
        return pack({"asof": np.array([self.asof_us], np.int64), **columns})

    @staticmethod
    def of(asof_us: int, counted: Sequence[Counted]) -> Recount:
        """What was counted of single sensors, as one answer."""
        found = [row for each in counted for row in each.booked]
        definition_id, version, bucket, amount, known = zip(*found, strict=True) if found else ((),) * 5
        return Recount(
            asof_us,
            np.array([each.sensor_id for each in counted], np.int32),
            np.array(definition_id, np.int32),
            np.array(version, np.int32),
            np.array(bucket, np.int64),
            np.array(amount, np.float64),
            np.array(known, np.int64),
            [event for each in counted for event in each.events],
        )

    @staticmethod
    def unpacked(packed: bytes | None) -> Recount | None:
        """What was `packed`."""
        if packed is None:
            return None
        columns = unpack(packed)
        return Recount(int(columns["asof"][0]), *(columns[name] for name in _COLUMNS))  # type: ignore[arg-type]


_COLUMNS: Final = ("sensor_id", "definition_id", "version", "bucket", "amount", "known")
# A stored reading, instants in microseconds UTC; `value` is NaN where there is none.
STORED: Final = np.dtype(
    [
        ("batch_no", np.int64),
        ("measured_at", np.int64),
        ("judged_at", np.int64),
        ("value", np.float64),
        ("quality", np.uint8),
    ]
)
# (sensor_id, since, until, shift) in microseconds of judged time, and how far stamps may be from it -> `STORED` rows
Rows = Callable[[int, int, int, int], NDArray[np.void]]


def counted(asked: Asked, batch_no: int, numbers: Int64, judged_now: Int64, rows_of: Rows) -> Counted:
    """What the windows of one sensor must book besides: what is stored by batch `batch_no`, less what of it they have booked.

    What was judged and is not stored (the database refused it, its stamp was taken, a damaged spool has lost it) is in neither, so it stays
    booked. Where the batches that brought the late readings are not known any more, the windows themselves are what was booked.

    Args:
        numbers, judged_now: int64, ascending: the batches that may have brought late readings and the one before them, and `now` of each.
    """
    touched = asked.touched
    place = int(np.searchsorted(judged_now, touched.since_us))
    is_known = place > 0 or (len(judged_now) > 0 and int(judged_now[0]) == touched.since_us)
    fresh = int(numbers[place]) if place < len(numbers) else batch_no + 1
    rows = rows_of(touched.sensor_id, asked.since_us, asked.upto_us, touched.shift_us)
    rows = rows[rows["batch_no"] <= batch_no]
    is_new = ((rows["quality"] & np.uint8(Mark.LATE)) != 0) & (rows["batch_no"] >= fresh)
    found = Counted(touched.sensor_id, [], [])
    if is_known and not is_new.any():
        return found
    for window in asked.windows:
        whole, said = _play(window, _in_order(rows))
        earlier = window.booked
        if is_new.any():
            before, said_before = _play(window, _in_order(rows[~is_new]))
            earlier = before.everything() if is_known else earlier
            is_history = bool(is_played(rows["quality"][is_new]).all())
            found.events.extend(_past(said, said_before, replayed=is_history))
        correction = whole.beside(earlier, touched.first_us)
        for d, *booked in zip(*(column.tolist() for column in correction), strict=True):
            found.booked.append((window.definitions[d].definition_id, window.definitions[d].version, *booked))
    return found


def _in_order(rows: NDArray[np.void]) -> ReadingBatch:
    """The readings as if each had come in its order; of two at one instant that which was judged, or came first."""
    is_late = (rows["quality"] & np.uint8(Mark.LATE)) != 0
    rows = rows[np.lexsort((rows["batch_no"], is_late, rows["judged_at"]))]
    first = np.ones(len(rows), np.bool_)
    first[1:] = rows["judged_at"][1:] > rows["judged_at"][:-1]
    rows = rows[first]
    measured, judged, value, quality = (
        np.ascontiguousarray(rows[name]) for name in ("measured_at", "judged_at", "value", "quality")
    )
    return ReadingBatch(np.zeros(len(rows), np.int32), measured, judged, judged, value, quality)


def _play(window: Window, batch: ReadingBatch) -> tuple[OverWindow, list[Event]]:
    """Fresh windows that heard the readings, and what their conditions said."""
    own = DefinitionSet(0, window.definitions, np.zeros(len(window.definitions), np.int32), 1)
    detector = detector_class(window.definitions[0].detector)(own)
    assert isinstance(detector, OverWindow)
    conditions = Conditions(own)
    events = conditions.step(detector.score(batch))
    if len(batch):
        events += conditions.sweep(int(batch.judged_at[-1]))
    return detector, events


def _past(said: Sequence[Event], before: Sequence[Event], *, replayed: bool) -> Iterator[Event]:
    """The spells that are over, and that nobody had known of: one that was known is not told again because it was longer."""
    known = list(_spells(before))
    for begin, end in _spells(said):
        if end is None or begin.definition_id < 0:
            continue  # what holds is judged now; a condition of a compound's own is no alarm
        touches = (
            k.definition_id == begin.definition_id and k.at <= end.at and (e is None or e.at >= begin.at)
            for k, e in known
        )
        if not any(touches):
            for event in (begin, end):
                yield Event(
                    event.definition_id,
                    event.sensor_id,
                    event.active,
                    event.at,
                    event.value,
                    late=True,
                    replayed=replayed,
                )


def _spells(events: Sequence[Event]) -> Iterator[tuple[Event, Event | None]]:
    """Each beginning with its end; None: there is none yet."""
    for definition_id in sorted({event.definition_id for event in events}):
        own = sorted((e for e in events if e.definition_id == definition_id), key=lambda e: e.at)
        for event, after in pairwise([*own, None]):
            if event is not None and event.active:
                yield event, after
