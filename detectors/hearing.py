"""Who hears which reading: the readings of a batch as the definitions of one kind of detector hear them.

Detectors that watch the same sensors share the answer: it is worked out once a batch, however many there are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core.batch import QUALITY_CODE, Float64, Int32, Int64, Quality, ReadingBatch, UInt8
from core.borrow import borrowed
from core.kernel_cache import kernel
from core.model import DefinitionSet
from core.prefetch import AHEAD, prefetch

BAD = int(Quality.BAD)


class Heard(NamedTuple):
    """What the definitions of one kind hear of a batch: an entry a (definition, reading), in the batch's order.

    Detectors share these columns: they are not to be changed.

    Args:
        member: int32, shape (m,), the definition: row of its detector's state.
        row: int32, shape (m,), row of the batch.
        at: int64, shape (m,), judged time, microseconds UTC; ascends within each definition.
        value: float64, shape (m,), in the sensor's unit; NaN where it cannot be used: its quality is bad, or it is no finite number.
    """

    member: Int32
    row: Int32
    at: Int64
    value: Float64


class Listeners:
    """Which definitions of one kind watch a sensor: compressed sparse rows.

    The definitions on slot s are `members[offsets[s]:offsets[s + 1]]`: rows of the detector's state.

    Which definition of the set each row is differs by detector; those of a row lie side by side, so that one look finds all of them.

    Args:
        slots: int32, shape (definitions,), the sensor of each definition.
        sensors: how many slots the directory has.
    """

    def __init__(self, slots: Int32, sensors: int) -> None:
        self.offsets: Int32 = np.zeros(sensors + 1, np.int32)
        np.cumsum(np.bincount(slots, minlength=sensors), out=self.offsets[1:])
        self.members: Int32 = np.argsort(slots, kind="stable").astype(np.int32)
        self._definitions: Int32 = np.empty((len(slots), 0), np.int32)
        self._told: Int32 = np.empty((0, 0), np.int32)
        self._batch: ReadingBatch | None = None
        self._heard = Heard(self.members[:0], self.members[:0], np.empty(0, np.int64), np.empty(0, np.float64))

    def __eq__(self, other: object) -> bool:
        """Whether the same rows hear the same sensors."""
        return (
            isinstance(other, Listeners)
            and np.array_equal(self.offsets, other.offsets)
            and np.array_equal(self.members, other.members)
        )

    __hash__ = None  # type: ignore[assignment]

    def hear(self, batch: ReadingBatch) -> Heard:
        """What is heard of a batch; asked for the same one again, the same.

        Raises:
            ValueError: the batch was decoded with another directory than the definitions.
        """
        if batch is not self._batch:
            self._batch = None
            room = count_heard(self.offsets, batch.sensor)
            if room < 0:
                slots = len(self.offsets) - 1
                raise ValueError(f"the batch has sensor slots beyond the {slots} of the directory the definitions use")
            i4 = np.empty((2, room), np.int32)
            self._heard = Heard(i4[0], i4[1], np.empty(room, np.int64), np.empty(room, np.float64))
            _hear(self.offsets, self.members, batch.sensor, batch.judged_at, batch.value, batch.quality, self._heard)
            self._told = _tell(self._definitions, self._heard.member)
            self._batch = batch
        return self._heard

    def take(self, definition: Int32) -> int:
        """Makes room for one detector's definitions, int32, one a row; gives its place among those that share this."""
        for place in range(self._definitions.shape[1]):
            if np.array_equal(self._definitions[:, place], definition):
                return place
        self._batch = None
        self._definitions = np.column_stack([self._definitions, definition])
        return int(self._definitions.shape[1]) - 1

    def definitions(self, place: int) -> Int32:
        """Which definition each entry of what was heard last is, for the detector at `place`."""
        told: Int32 = self._told[place]
        return told


def listeners(definitions: DefinitionSet, detector: str) -> tuple[Int32, Listeners, int]:
    """The definitions that use `detector` (index into the set, ascending: the row order of its state), what they hear, and their place there.

    Raises:
        ValueError: a definition's slot lies outside the directory.
    """
    own = definitions.of(detector)
    slots = definitions.slot[own]
    if len(slots) and not 0 <= int(slots.min()) <= int(slots.max()) < definitions.sensors:
        raise ValueError(f"slots of {detector} reach {slots.min()}..{slots.max()} of {definitions.sensors} sensors")
    heard = definitions.shared(Listeners(slots, definitions.sensors))
    return own, heard, heard.take(own)


@kernel
def count_heard(offsets: Int32, sensor: Int32) -> int:
    """How many entries a batch has; -1 where a slot lies outside the directory."""
    count, slots = 0, len(offsets) - 1
    for slot in sensor:
        if slot < 0 or slot >= slots:
            return -1
        count += offsets[slot + 1] - offsets[slot]
    return count


@kernel
def _hear(
    offsets: Int32, members: Int32, sensor: Int32, judged_at: Int64, value: Float64, quality: UInt8, heard: Heard
) -> None:
    offsets, members, heard = borrowed((offsets, members, heard))
    n, count = 0, len(sensor)
    for r in range(count):
        if r + 2 * AHEAD < count:
            prefetch(offsets, sensor[r + 2 * AHEAD], 0)
        if r + AHEAD < count and len(members) > 0:
            prefetch(members, min(offsets[sensor[r + AHEAD]], len(members) - 1), 0)
        slot, x = sensor[r], value[r]
        if (quality[r] & QUALITY_CODE) == BAD or not np.isfinite(x):
            x = np.nan
        for k in range(offsets[slot], offsets[slot + 1]):
            heard.member[n] = members[k]
            heard.row[n] = r
            heard.at[n] = judged_at[r]
            heard.value[n] = x
            n += 1


@kernel
def _tell(definitions: Int32, member: Int32) -> Int32:
    """The definitions of these rows, a row for each detector."""
    count, detectors = len(member), definitions.shape[1]
    found = np.empty((detectors, count), np.int32)
    for n in range(count):
        if n + AHEAD < count:
            prefetch(definitions, member[n + AHEAD], 0)
            prefetch(definitions, member[n + AHEAD], 1)
        for place in range(detectors):
            found[place, n] = definitions[member[n], place]
    return found
