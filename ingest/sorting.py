"""Sorting out: what was seen before, when readings were taken, what is late. Holds what ingest remembers of streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.batch import Int32, Int64, ReadingBatch
from ingest.clock import AHEAD_US, Clocks, instants
from ingest.decode import Decoded
from ingest.directory import TEST_PREFIX, Directory
from ingest.marks import Marks
from ingest.sequence import FRESH, REPEATED, RESTARTED, Sequences
from ingest.stream import NOTHING_SAID, Arrival, GapRow

NO_ORIGIN: Final = -1

# What `ingest_batch.messages` keeps of a message that was not a repeat. `said_us`: the time its first reading names. It and
# `sent_us` are `NOTHING_SAID` where no reading of it was taken.
MESSAGE = np.dtype(
    [
        ("device_id", "<i4"),
        ("boot", "<u4"),
        ("seq", "<u4"),
        ("said_us", "<i8"),
        ("sent_us", "<i8"),
        ("received_us", "<i8"),
    ]
)


@dataclass(slots=True)
class Sorted:
    """A batch ready to be judged and stored.

    Args:
        batch: all readings, late ones marked, in order of arrival, then those of virtual sensors.
        late: bool, per reading: only stateless detectors may see it.
        direct: bool, per reading: certain to be new to the table.
        origin: int32, per reading, place of its message in the lot; `NO_ORIGIN` for virtual sensors.
        messages: `MESSAGE` rows of what was not a repeat, in order of arrival.
        gaps: what `stream_gap` must learn.
        repeated: device_id of each message that was a repeat.
    """

    batch: ReadingBatch
    late: NDArray[np.bool_]
    direct: NDArray[np.bool_]
    origin: Int32
    messages: NDArray[np.void]
    gaps: list[GapRow] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)


class Sorter:
    """What is remembered of every stream, clock and sensor."""

    def __init__(self, directory: Directory, tolerance_us: int) -> None:
        self.directory = directory
        self.sequences = Sequences()
        self.clocks = Clocks(tolerance_us)
        self.marks = Marks(directory)
        self._testers = {d.row.device_id for d in directory.devices if d.row.key.startswith(TEST_PREFIX)}

    def sort(self, decoded: Decoded, now_us: int, virtual: Sequence[tuple[int, float]] = ()) -> Sorted:
        """Drops repeats, finds the instants, moves the marks.

        Args:
            virtual: (slot, number) of virtual sensors, measured now.
        """
        if decoded.again:
            return self._taken_again(decoded, now_us, virtual)
        rows: list[tuple[int, int, int, int, int, int]] = []
        gaps: list[GapRow] = []
        repeated: list[int] = []
        taken = np.ones(len(decoded.device), np.bool_)
        trusted = np.zeros(len(decoded.device), np.bool_)
        said, sent = _said(decoded)
        received = decoded.received_us.tolist()
        for i, device in enumerate(decoded.device):
            row = (device.row.device_id, decoded.boot[i], decoded.seq[i], said[i], sent[i], received[i])
            answer = self._note(row, now_us, gaps)
            if answer is None:
                taken[i] = False
                repeated.append(device.row.device_id)
                continue
            trusted[i] = answer
            rows.append(row)
        messages = np.array(rows, MESSAGE)
        batch, origin = self._readings(decoded, taken, trusted, now_us, virtual)
        late, direct = self.marks.sort(batch)
        return Sorted(batch, late, direct, origin, messages, gaps, repeated)

    def _taken_again(self, decoded: Decoded, now_us: int, virtual: Sequence[tuple[int, float]]) -> Sorted:
        """Messages that were rejected before. They count as delivered since then, so streams and clocks learn nothing of them;
        what of them is stored already finds its key taken.
        """
        sent, received = decoded.sent_us.tolist(), decoded.received_us.tolist()
        of = zip(decoded.device, sent, received, strict=True)
        trusted = np.array([self.clocks.trusts(d.row.device_id, sent_us, at) for d, sent_us, at in of], np.bool_)
        batch, origin = self._readings(decoded, np.ones(len(trusted), np.bool_), trusted, now_us, virtual)
        late, direct = self.marks.sort(batch)
        return Sorted(batch, late, direct, origin, np.empty(0, MESSAGE))

    def _note(self, row: tuple[int, int, int, int, int, int], now_us: int, gaps: list[GapRow]) -> bool | None:
        """Notes one message; None for a repeat, which leaves no trace, else whether its device's clock can be trusted."""
        device_id, boot, seq, said_us, sent_us, received_us = row
        stamp = sent_us if abs(sent_us - received_us) <= AHEAD_US else received_us
        answer = self.sequences.take(Arrival(device_id, boot, seq, said_us, stamp, received_us), now_us, gaps)
        if answer == REPEATED:
            return None
        if sent_us == NOTHING_SAID:
            return False
        if device_id in self._testers:
            # One message a day, stamped with when its test began: it may have waited for a broker, or for us, and there is none after it
            # to show that the clock was right all along.
            return True
        began = answer == RESTARTED
        return self.clocks.trust(device_id, boot, sent_us, received_us, began or answer == FRESH, began=began)

    def _readings(
        self,
        decoded: Decoded,
        taken: NDArray[np.bool_],
        trusted: NDArray[np.bool_],
        now_us: int,
        virtual: Sequence[tuple[int, float]],
    ) -> tuple[ReadingBatch, Int32]:
        measured, judged, received, flag = instants(
            decoded.count, decoded.sent_us, decoded.received_us, trusted, decoded.stamp_us, self.clocks.tolerance_us,
            decoded.place,
        )  # fmt: skip
        origin = np.repeat(np.array(decoded.origin, np.int32), decoded.count)
        batch = ReadingBatch(decoded.sensor, measured, judged, received, decoded.value, decoded.quality | flag)
        if not taken.all():
            kept = np.repeat(taken, decoded.count)
            batch, origin = batch.take(kept), origin[kept]
        if virtual:
            batch = _append_virtual(batch, virtual, now_us)
            origin = np.concatenate([origin, np.full(len(virtual), NO_ORIGIN, np.int32)])
        return batch, origin

    def replay_messages(self, messages: NDArray[np.void], now_us: int) -> list[GapRow]:
        """Notes the messages of a batch again, after a restart; gives the gaps that it opens, changes or closes this time."""
        changes: list[GapRow] = []
        for row in messages.tolist():
            self._note(row, now_us, changes)
        return changes

    def replay_readings(self, batch: ReadingBatch, late: NDArray[np.bool_]) -> None:
        """Moves the marks over the readings of a stored batch again, in order of judged time.

        Their newest values count as changed: what was to write them down may have died with the process.
        """
        marks = self.marks
        np.maximum.at(marks.stored, batch.sensor, batch.measured_at)
        on_time = batch.take(~late)
        np.maximum.at(marks.judged, on_time.sensor, on_time.judged_at)
        # Of equal slots the last assignment stands. When a reading came is not stored: it was about when it was judged to be.
        marks.received[on_time.sensor] = on_time.received_at
        marks.value[on_time.sensor] = on_time.value
        marks.quality[on_time.sensor] = on_time.quality
        marks.changed[on_time.sensor] = True

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Everything remembered, as columns."""
        return {**self.sequences.state(), **self.clocks.state(), **self.marks.state()}

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Goes on from an earlier `state()`, of this or another directory."""
        columns: dict[str, Int64] = {name: state[name].astype(np.int64) for name in _COLUMNS}
        self.sequences.restore(columns)
        self.clocks.restore(columns)
        self.marks.restore(state, self.directory)


_COLUMNS: Final = ("stream", "came", "span", "hole", "part", "restart", "clock")


def _said(decoded: Decoded) -> tuple[list[int], list[int]]:
    """The time that the first reading of each message names, and when it was sent; `NOTHING_SAID` without a reading."""
    some = decoded.count > 0
    first = (np.cumsum(decoded.count) - decoded.count)[some]
    said = np.full(len(some), NOTHING_SAID, np.int64)
    said[some] = decoded.stamp_us[first]
    return said.tolist(), np.where(some, decoded.sent_us, NOTHING_SAID).tolist()


def _append_virtual(batch: ReadingBatch, virtual: Sequence[tuple[int, float]], now_us: int) -> ReadingBatch:
    n = len(virtual)
    at = np.full(n, now_us, np.int64)
    return ReadingBatch(
        np.concatenate([batch.sensor, np.array([slot for slot, _ in virtual], np.int32)]),
        np.concatenate([batch.measured_at, at]),
        np.concatenate([batch.judged_at, at]),
        np.concatenate([batch.received_at, at]),
        np.concatenate([batch.value, np.array([number for _, number in virtual], np.float64)]),
        np.concatenate([batch.quality, np.zeros(n, np.uint8)]),
    )
