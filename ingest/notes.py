"""What is to be written outside of batches: newest values and device streams that changed, gathered between flushes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from core.batch import NEVER
from ingest.instant import instant
from ingest.organs import Organs
from ingest.pipeline import Work
from ingest.store.status import Newest, StreamRow
from ingest.watch import UNKNOWN, Watch


@dataclass(slots=True)
class Notes:
    """One flush: what goes out, and what must go out again where it failed."""

    newest: Newest
    streams: list[StreamRow]
    slots: NDArray[np.int64]
    devices: set[int]
    repeated: Counter[int]


@dataclass(slots=True)
class Gatherer:
    """Which devices changed since the last flush."""

    devices: set[int] = field(default_factory=set)
    repeated: Counter[int] = field(default_factory=Counter)
    received: dict[int, int] = field(default_factory=dict)

    def see(self, work: Work) -> None:
        """Notes a batch that was committed."""
        assert work.decoded is not None
        assert work.sorted is not None
        if work.decoded.again:
            return
        ids = [device.row.device_id for device in work.decoded.device]
        self.devices.update(ids)
        self.received.update(zip(ids, work.decoded.received_us.tolist(), strict=True))
        self.repeated.update(work.sorted.repeated)

    def newest(self, organs: Organs, within: slice) -> Notes:
        """Newest values of a piece of the sensors that changed; the next call for it starts anew."""
        slots = organs.sorter.marks.take_changed(within)
        return Notes(_newest(organs, slots), [], slots, set(), Counter())

    def add_streams(self, notes: Notes, organs: Organs, watch: Watch) -> None:
        """Adds the devices that changed; the next call starts anew."""
        notes.devices, notes.repeated = self.devices | watch.status_changed, self.repeated
        watch.status_changed = set()
        known = [device for device in sorted(notes.devices) if device in organs.directory.device_of]
        notes.streams = [self._stream(organs, watch, device) for device in known]
        self.devices, self.repeated, self.received = set(), Counter(), {}

    def take_back(self, notes: Notes, organs: Organs) -> None:
        """A flush failed: what was in it goes into the next one."""
        self.devices |= notes.devices
        self.repeated.update(notes.repeated)
        marks, slots = organs.sorter.marks, organs.directory.slots_of(notes.newest.sensor_id)
        marks.changed[slots[slots >= 0]] = True
        # Definitions may have changed since: new organs know how far a sensor is judged, but not its newest value.
        forgotten = (slots >= 0) & (marks.received[slots] == NEVER)
        marks.received[slots[forgotten]] = notes.newest.received_us[forgotten]
        marks.value[slots[forgotten]] = notes.newest.value[forgotten]
        marks.quality[slots[forgotten]] = notes.newest.quality[forgotten]

    def _stream(self, organs: Organs, watch: Watch, device_id: int) -> StreamRow:
        device = organs.directory.device_of[device_id]
        newest = organs.sorter.sequences.newest(device_id)
        clock = organs.sorter.clocks.of(device_id)
        again = organs.sorter.sequences.restart(device_id)
        online = int(watch.online[device.index])
        received_us = self.received.get(device_id)
        return StreamRow(
            device_id=device_id,
            company_id=device.row.company_id,
            boot=newest[0] if newest else None,
            seq=newest[1].highest if newest else None,
            missing=organs.sorter.sequences.missing(device_id),
            repeated=self.repeated[device_id],
            clock_offset_ms=None if clock is None else clock.offset_us / 1000,
            online=None if online == UNKNOWN else bool(online),
            last_received_at=None if received_us is None else instant(received_us),
            clock_wrong_since=None if clock is None else _known(clock.wrong_since_us),
            clock_right_since=None if clock is None else _known(clock.right_since_us),
            clock_was_ms=None if clock is None or clock.was_us == 0 else clock.was_us / 1000,
            restarts=again.times if again else 0,
            restarted_at=instant(again.at_us) if again else None,
            restarted_from=again.before if again else None,
            restarted_to=again.seq if again else None,
        )


def _known(us: int) -> datetime | None:
    return None if us == NEVER else instant(us)


def _newest(organs: Organs, slots: NDArray[np.int64]) -> Newest:
    marks = organs.sorter.marks
    return Newest(
        sensor_id=organs.directory.sensor_id[slots],
        company_id=organs.directory.company_id[slots],
        measured_us=marks.judged[slots],
        received_us=marks.received[slots],
        value=marks.value[slots],
        quality=marks.quality[slots].astype(np.int32),
    )
