"""Raw messages become columns. One look-up a device, then one pass a column; a reading never becomes our object."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import msgspec
import numpy as np

from core.batch import Float64, Int32, Int64, Mark, UInt8
from core.errors import Malformed
from core.wire import QUALITY_OF, WireReading, decode, decode_status, reject
from ingest.directory import NO_SLOT, Device, Directory
from ingest.rejection import Rejected, rejection
from ingest.source import RawMessage


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A device said it is there, or the broker said for it that it is gone."""

    device: Device
    online: bool
    received_us: int


@dataclass(slots=True)
class Decoded:
    """A lot of messages as columns, one group a message and one a reading, both in order of arrival.

    Args:
        device: per message, who sent it.
        boot: per message; `seq`, `sent_us`, `received_us` (microseconds UTC) likewise.
        count: int64, readings of each message that were good; 0 is possible.
        origin: per message, its place in the lot.
        sensor: int32, slot of each reading.
        stamp_us: int64, what the device says of each reading's time, microseconds UTC.
        value: float64, in the sensor's unit.
        quality: uint8, `core.batch.Quality`, with the mark of what is replayed.
        place: int64, place of each reading within its message; empty where none before it was left out.
        rejected: what could not be taken, in order of arrival.
        again: the messages were rejected once and are taken again: nobody speaks now.
    """

    device: list[Device]
    boot: list[int]
    seq: list[int]
    sent_us: Int64
    received_us: Int64
    count: Int64
    origin: list[int]
    sensor: Int32
    stamp_us: Int64
    value: Float64
    quality: UInt8
    place: Int64 = field(default_factory=lambda: np.empty(0, np.int64))
    rejected: list[Rejected] = field(default_factory=list)
    statuses: list[StatusChange] = field(default_factory=list)
    again: bool = False


class _Header(msgspec.Struct):
    """What names a message, found even in one whose readings are wrong: it was delivered, so it is no gap."""

    boot: int
    seq: int


_headers = msgspec.json.Decoder(_Header)
_quality_of = QUALITY_OF.__getitem__


class Decoder:
    """Turns lots into columns for one directory."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def decode(self, lot: Sequence[RawMessage]) -> Decoded:
        """The columns of `lot`, and what was wrong with the rest."""
        columns = _Columns()
        for place, message in enumerate(lot):
            device: Device | None = None
            try:
                device, kind = self._directory.speaker(message.topic)
                if kind == "status":
                    status = decode_status(message.payload)
                    if message.kept is None:  # what was true then is not now
                        columns.statuses.append(StatusChange(device, status.online, message.received_us))
                    continue
                if message.retained:
                    raise reject("retained")
                said = decode(message.payload)
            except Malformed as mistake:
                place_of = self._directory.place_of(message.topic, mistake) if device is None else None
                columns.rejected.append(rejection(message, device, mistake, place_of))
                if device is not None and not message.retained:
                    columns.add_header(place, device, message)
                continue
            count = self._add_readings(columns, message, device, said.readings, said.sent_at)
            if said.replayed:
                columns.mark_replayed(count)
            received_us = message.received_us if message.kept is None else message.kept.received_us
            columns.add_message(place, device, said.boot, said.seq, said.sent_at, received_us, count)
        return columns.finish(again=bool(lot) and lot[0].kept is not None)

    def _add_readings(
        self, columns: _Columns, message: RawMessage, device: Device, readings: list[WireReading], sent_at: int
    ) -> int:
        """Appends a message's readings; returns how many were good."""
        find = device.slots.get
        if len(readings) == 1:  # a device that sends each reading by itself sends many messages
            (only,) = readings
            slot = find(only.s, NO_SLOT)
            if slot == NO_SLOT or only.u is not None or isinstance(only.v, str):
                return self._add_carefully(columns, message, device, readings, sent_at)
            columns.add_reading(slot, only.v, sent_at if only.t is None else only.t, _quality_of(only.q))
            return 1
        slots = [find(r.s, NO_SLOT) for r in readings]
        units = [r.u for r in readings]
        try:
            values = array("d", cast(list[float], [r.v for r in readings]))  # the except is for texts
        except TypeError:
            return self._add_carefully(columns, message, device, readings, sent_at)
        if NO_SLOT in slots or units.count(None) != len(units):
            return self._add_carefully(columns, message, device, readings, sent_at)
        columns.slots.fromlist(slots)
        columns.values += values
        columns.stamps.fromlist([sent_at if r.t is None else r.t for r in readings])
        columns.qualities += bytes([_quality_of(r.q) for r in readings])
        return len(slots)

    def _add_carefully(
        self, columns: _Columns, message: RawMessage, device: Device, readings: list[WireReading], sent_at: int
    ) -> int:
        """The same, reading by reading: units to convert, states to look up, strangers to reject.

        Good readings of such a message are taken; it is kept once for each kind of mistake in it.
        """
        directory, count = self._directory, 0
        mistakes: dict[str, Malformed] = {}
        for place, reading in enumerate(readings):
            try:
                slot = device.slots.get(reading.s, NO_SLOT)
                if slot == NO_SLOT:
                    raise directory.stranger(device, reading.s)
                value = directory.number(slot, reading.v) if isinstance(reading.v, str) else reading.v
                if reading.u is not None:
                    scale, offset = directory.conversion(slot, reading.u)
                    value = value * scale + offset
            except Malformed as mistake:
                mistakes.setdefault(mistake.reason, mistake)
                continue
            if place != count:
                columns.places[len(columns.slots)] = place
            columns.add_reading(slot, value, sent_at if reading.t is None else reading.t, _quality_of(reading.q))
            count += 1
        columns.rejected += [rejection(message, device, mistake) for mistake in mistakes.values()]
        return count


class _Columns:
    """Columns while they grow."""

    def __init__(self) -> None:
        self.messages: list[tuple[int, Device, int, int, int, int, int]] = []
        self.slots = array("i")
        self.places: dict[int, int] = {}  # row -> place in its message, behind a reading that was left out
        self.stamps = array("q")
        self.values = array("d")
        self.qualities = bytearray()
        self.rejected: list[Rejected] = []
        self.statuses: list[StatusChange] = []

    def add_message(
        self, place: int, device: Device, boot: int, seq: int, sent_at: int, received_us: int, count: int
    ) -> None:
        self.messages.append((place, device, boot, seq, sent_at, received_us, count))

    def add_reading(self, slot: int, value: float, stamp: int, quality: int) -> None:
        self.slots.append(slot)
        self.values.append(value)
        self.stamps.append(stamp)
        self.qualities.append(quality)

    def mark_replayed(self, count: int) -> None:
        """The last `count` readings are history."""
        begin = len(self.qualities) - count
        self.qualities[begin:] = bytes(quality | Mark.REPLAYED for quality in self.qualities[begin:])

    def add_header(self, place: int, device: Device, message: RawMessage) -> None:
        """A rejected message counts as delivered where its boot and seq can be read."""
        try:
            header = _headers.decode(message.payload)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return
        if 0 <= header.boot < 2**32 and 0 <= header.seq < 2**32:
            self.add_message(place, device, header.boot, header.seq, 0, message.received_us, 0)

    def _places(self, count: Int64) -> Int64:
        if not self.places:
            return np.empty(0, np.int64)
        place: Int64 = np.arange(len(self.slots)) - np.repeat(np.cumsum(count) - count, count)
        for row, there in self.places.items():
            place[row] = there
        return place

    def finish(self, *, again: bool) -> Decoded:
        origin, device, boot, seq, sent, received, count = (
            map(list, zip(*self.messages, strict=True)) if self.messages else ([] for _ in range(7))
        )
        counts = np.array(count, np.int64)
        return Decoded(
            device=device,
            boot=boot,
            seq=seq,
            sent_us=np.array(sent, np.int64) * 1000,
            received_us=np.array(received, np.int64),
            count=counts,
            origin=origin,
            sensor=np.array(self.slots, np.int32),
            stamp_us=np.array(self.stamps, np.int64) * 1000,
            value=np.array(self.values, np.float64),
            quality=np.frombuffer(bytes(self.qualities), np.uint8).copy(),
            place=self._places(counts),
            rejected=self.rejected,
            statuses=self.statuses,
            again=again,
        )
