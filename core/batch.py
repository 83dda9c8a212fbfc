"""Readings as columns: what travels from the wire to the database.

Nothing between decode and store makes an object for a reading; objects appear again only when something happens.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum, IntFlag
from typing import Final

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]
Int32 = NDArray[np.int32]
Float64 = NDArray[np.float64]
UInt8 = NDArray[np.uint8]

# Where an int64 column has no instant: before all others, and after all others; far enough from its ends that differences do not overflow.
NEVER: Final = -(2**62)
NOTHING_DUE: Final = 2**62


class Quality(IntEnum):
    """What the device says of a value: the low two bits of the quality column (wire `q`)."""

    GOOD = 0
    UNCERTAIN = 1
    BAD = 2
    SUBSTITUTED = 3


class Mark(IntFlag):
    """What ingest found out about a reading: the high bits of the quality column."""

    CLOCK = 0x10  # the device's clock was out of tolerance: judged_at differs from measured_at
    LATE = 0x20  # judged_at was not above the sensor's judged mark: only stateless detectors saw it
    REPLAYED = 0x40  # history played into a live system


QUALITY_CODE = 0x03


@dataclass(frozen=True, slots=True)
class ReadingBatch:
    """One batch of readings, in the order they arrived.

    Args:
        sensor: int32, shape (n,), dense slot of the sensor in the `Directory` the batch was decoded with.
        measured_at: int64, shape (n,), microseconds UTC, the device's stamp and the key in `reading`.
        judged_at: int64, shape (n,), microseconds UTC, the time detectors and conditions use.
        received_at: int64, shape (n,), microseconds UTC, when ingest took the message.
        value: float64, shape (n,), in the sensor's unit; NaN where the device sent no usable number (quality BAD).
        quality: uint8, shape (n,), `Quality` in the low two bits, `Mark` flags above.
    """

    sensor: Int32
    measured_at: Int64
    judged_at: Int64
    received_at: Int64
    value: Float64
    quality: UInt8

    def __post_init__(self) -> None:
        columns = (self.sensor, self.measured_at, self.judged_at, self.received_at, self.value, self.quality)
        lengths = {len(column) for column in columns}
        if len(lengths) != 1:
            raise ValueError(f"columns of one batch have lengths {sorted(lengths)}; they must be one length")

    def __len__(self) -> int:
        return len(self.sensor)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> ReadingBatch:
        """The readings at `rows` (indices or mask), in that order."""
        return ReadingBatch(
            self.sensor[rows], self.measured_at[rows], self.judged_at[rows], self.received_at[rows], self.value[rows],
            self.quality[rows],
        )  # fmt: skip

    @staticmethod
    def empty() -> ReadingBatch:
        """A batch without readings: a sweep with events is stored as one."""
        i8, f8 = np.empty(0, np.int64), np.empty(0, np.float64)
        return ReadingBatch(np.empty(0, np.int32), i8, i8.copy(), i8.copy(), f8, np.empty(0, np.uint8))


@dataclass(frozen=True, slots=True)
class Scores:
    """What a detector says: one number a (definition, reading), in time order within each definition.

    Args:
        definition: int32, shape (m,), index into the `DefinitionSet` being judged.
        row: int32, shape (m,), row of the batch the number comes from; -1 where time alone produced it (a sweep).
        at: int64, shape (m,), judged time in microseconds UTC.
        number: float64, shape (m,), in the detector's own unit; NaN means "cannot judge": the condition stays as it is.
    """

    definition: Int32
    row: Int32
    at: Int64
    number: Float64

    def __len__(self) -> int:
        return len(self.definition)

    def take(self, rows: NDArray[np.intp]) -> Scores:
        """Those at `rows`, in that order."""
        return Scores(self.definition[rows], self.row[rows], self.at[rows], self.number[rows])

    @staticmethod
    def empty() -> Scores:
        """No scores."""
        i4 = np.empty(0, np.int32)
        return Scores(i4, i4.copy(), np.empty(0, np.int64), np.empty(0, np.float64))

    @staticmethod
    def join(parts: list[Scores]) -> Scores:
        """All parts one after the other."""
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return Scores.empty()
        return Scores(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Scores)))


@dataclass(frozen=True, slots=True)
class Awaited:
    """Readings that are here and whose number is not known yet: time alone ends no delay that it may still cancel.

    Args:
        definition: int32, shape (m,), index into the `DefinitionSet`, each once.
        since: int64, shape (m,), instant of the oldest such reading, microseconds UTC.
        patience: int64, shape (m,), how long after its end a delay is kept open for the number, microseconds.
    """

    definition: Int32
    since: Int64
    patience: Int64

    @staticmethod
    def none() -> Awaited:
        """Nothing is awaited."""
        i8 = np.empty(0, np.int64)
        return Awaited(np.empty(0, np.int32), i8, i8.copy())


@dataclass(frozen=True, slots=True)
class PartTold:
    """What a part of a compound is called and asks for, as people read it beside an occurrence.

    Args:
        limit: key of the definition it is; None: a condition of the compound's own.
        sensor: `device/sensor`.
    """

    name: str
    name_zh: str
    limit: str | None
    sensor: str
    sensor_name: str
    sensor_name_zh: str
    unit: str
    detector: str
    direction: str
    setpoint: float


@dataclass(frozen=True, slots=True)
class Part:
    """How one part of a compound stood when the compound's condition began: its evidence.

    Args:
        position: its place among the parts, from 0.
        counts: it held, or had within the compound's window, and was one of those that were counted.
        began_at, ended_at: its last beginning and end, microseconds UTC; None: never, or not since.
        value: the number that decided it last, in its own detector's unit; None: none yet.
        told: what it was called when it was judged, which may be long before it is stored; None: nobody has said.
    """

    position: int
    counts: bool
    began_at: int | None
    ended_at: int | None
    value: float | None
    told: PartTold | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A condition that began or ended. Objects may be slow here: events are rare.

    Args:
        definition_id: `alarm_definition.definition_id`.
        sensor_id: `sensor.sensor_id`.
        active: True where the condition began, False where it ended.
        at: microseconds UTC of judged time: onset plus delay.
        value: the detector's number that decided it (in the detector's unit).
        row: row of the batch, -1 for a sweep.
        late: comes from a late reading: falls away where that reading was already stored.
        replayed: the reading that decided it, or the sensor's last before a delay or a silence did, was marked as replayed.
        parts: of a compound that began: what it was made of.
        stored: another value, which is stored under the same instant; None: nothing contradicts it.
    """

    definition_id: int
    sensor_id: int
    active: bool
    at: int
    value: float
    row: int = -1
    late: bool = False
    replayed: bool = False
    parts: tuple[Part, ...] = ()
    stored: float | None = None
