"""Per-sensor marks: which readings are late for judging, and which are certain to be new to the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.batch import NEVER, Float64, Int32, Int64, Mark, ReadingBatch, UInt8
from core.kernel_cache import kernel
from ingest.directory import NO_SLOT, Directory

Flags = NDArray[np.bool_]

LATE_FLAG: Final = int(Mark.LATE)


class Marks:
    """Highest judged and highest stored instant of each sensor, and its newest value in judged time.

    Memory: 42 bytes a sensor.
    """

    def __init__(self, directory: Directory) -> None:
        n = len(directory)
        self.sensor_id = directory.sensor_id
        self.judged: Int64 = np.full(n, NEVER, np.int64)
        self.stored: Int64 = np.full(n, NEVER, np.int64)
        self.received: Int64 = np.full(n, NEVER, np.int64)
        self.value: Float64 = np.full(n, np.nan)
        self.quality: UInt8 = np.zeros(n, np.uint8)
        self.changed = np.zeros(n, np.bool_)

    def sort(self, batch: ReadingBatch) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Moves the marks over a batch, in its order.

        A late reading's quality takes the late flag, in place.

        Returns:
            late: `judged_at` not above the judged mark; only stateless detectors may see it.
            direct: `measured_at` above the stored mark; the others go through the staging insert.
        """
        late = np.empty(len(batch), np.bool_)
        direct = np.empty(len(batch), np.bool_)
        _sort(
            batch.sensor, batch.measured_at, batch.judged_at, batch.received_at, batch.value, batch.quality, late, direct,
            self.judged, self.stored, self.received, self.value, self.quality, self.changed,
        )  # fmt: skip
        return late, direct

    def take_changed(self, within: slice) -> NDArray[np.int64]:
        """Slots of a piece whose newest value changed since the last call for them."""
        first = within.indices(len(self.changed))[0]
        slots = np.flatnonzero(self.changed[within]) + first
        self.changed[slots] = False
        return slots

    def carry(self, earlier: Marks, directory: Directory) -> None:
        """Takes newest values over from before definitions changed, with what of them was not written yet."""
        columns = {name: getattr(earlier, name) for name in ("sensor_id", "received", "value", "quality", "changed")}
        self._take_over(columns, directory)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """The marks as columns, the very ones: whoever keeps them beyond the next batch copies them."""
        return {name: getattr(self, name) for name in ("sensor_id", "judged", "stored")}

    def restore(self, state: Mapping[str, NDArray[np.generic]], directory: Directory) -> None:
        """Goes on from an earlier `state()`, sensor by sensor; sensors that are new start fresh."""
        self._take_over({name: state[name] for name in ("sensor_id", "judged", "stored")}, directory)

    def _take_over(self, columns: Mapping[str, NDArray[np.generic]], directory: Directory) -> None:
        slots: Int32 = directory.slots_of(columns["sensor_id"].astype(np.int32))
        kept = slots != NO_SLOT
        for name, column in columns.items():
            getattr(self, name)[slots[kept]] = column[kept]


@kernel
def _sort(
    sensor: Int32,
    measured: Int64,
    judged: Int64,
    received: Int64,
    value: Float64,
    quality: UInt8,
    late: Flags,
    direct: Flags,
    judged_mark: Int64,
    stored_mark: Int64,
    newest_received: Int64,
    newest_value: Float64,
    newest_quality: UInt8,
    changed: Flags,
) -> None:
    """One pass in order of arrival: a reading is late or direct by what came before it, in its batch or earlier."""
    for row in range(len(sensor)):
        slot = sensor[row]
        late[row] = judged[row] <= judged_mark[slot]
        if late[row]:
            quality[row] |= LATE_FLAG
        else:
            # Newest by judged time: a stamp from a clock that was ahead must not stand on the page for as long.
            judged_mark[slot] = judged[row]
            newest_received[slot] = received[row]
            newest_value[slot] = value[row]
            newest_quality[slot] = quality[row]
            changed[slot] = True
        direct[row] = measured[row] > stored_mark[slot]
        if direct[row]:
            stored_mark[slot] = measured[row]


def compile_kernels(directory: Directory) -> None:
    """Compiles the kernel into numba's cache."""
    Marks(directory).sort(ReadingBatch.empty())
