"""A judged batch as bytes: all that storing it later needs, and all that a restart needs to judge it again."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from core.batch import Event, ReadingBatch
from core.model import Sensor
from core.row_table import RowTable
from ingest.directory import DeviceRow, Directory
from ingest.judge import Judgement, LateFinding
from ingest.late import Recount
from ingest.packed_columns import pack, unpack
from ingest.rejection import Rejected
from ingest.sorting import MESSAGE, Sorted
from ingest.source import Again, Lot, RawMessage
from ingest.store.batch import Record
from ingest.stream import GapRow

READINGS = ("sensor", "measured_at", "judged_at", "received_at", "value", "quality")
QUICK = 1  # zlib's level: JSON shrinks to a fifth all the same


class _Finding(msgspec.Struct, array_like=True):
    """A `LateFinding`."""

    definition_id: int
    sensor_id: int
    row: list[int]
    at: list[int]
    value: list[float]
    replayed: list[bool]
    is_at_once: bool = True
    for_life: bool = False


class _Refusal(msgspec.Struct, array_like=True):
    """A `Rejected`, its device by number."""

    device_id: int | None
    received_us: int
    topic: str
    payload: bytes
    length: int
    sha256: bytes
    reason: str
    sentence: str
    repeated: bool
    count: int
    continued: bool
    place: tuple[int, int] | None = None
    kept_id: int = 0


class _Batch(msgspec.Struct, array_like=True):
    """A `Record` but for its number, which is the row's.

    Args:
        columns: raw arrays, as a checkpoint packs them.
        messages: the lot as it came, for evidence against what the database refuses; without packet ids, compressed.
    """

    received_us: int
    now_us: int
    watched_us: int
    definitions_version: int
    columns: bytes
    messages: bytes
    events: list[Event]
    late: list[_Finding]
    gaps: list[GapRow]
    repeated: list[int]
    rejected: list[_Refusal]
    standing: list[tuple[int, int]] | None
    again: Again | None = None
    recount: bytes | None = None


class _Directory(msgspec.Struct):
    """Who may say what, as the batch was decoded with it."""

    version: int
    devices: list[DeviceRow]
    sensors: dict[str, tuple[str, bytes, list[Any] | None]]


_batches = msgspec.msgpack.Decoder(_Batch)
_lots = msgspec.msgpack.Decoder(list[RawMessage])
_directories = msgspec.msgpack.Decoder(_Directory)


def pack_record(record: Record, rejected: Sequence[Rejected]) -> bytes:
    """A batch for the spool.

    Args:
        rejected: what decoding rejected; storing may have begun to add to the record's own.
    """
    kept, judgement = record.sorted, record.judgement
    columns = {name: getattr(kept.batch, name) for name in READINGS}
    columns |= {"late": kept.late, "direct": kept.direct, "origin": kept.origin}
    columns["messages"] = kept.messages.view(np.uint8)
    messages = [
        RawMessage(m.topic, m.payload, 0, bool(m.retained), bool(m.repeated), m.received_us, 0, m.kept)
        for m in record.lot.messages
    ]
    return msgspec.msgpack.encode(
        _Batch(
            received_us=record.received_us,
            now_us=judgement.now_us,
            watched_us=judgement.watched_us,
            definitions_version=judgement.definitions_version,
            columns=pack(columns),
            messages=zlib.compress(msgspec.msgpack.encode(messages), QUICK),
            events=judgement.events,
            late=[
                _Finding(
                    f.definition_id,
                    f.sensor_id,
                    f.row.tolist(),
                    f.at.tolist(),
                    f.value.tolist(),
                    f.replayed.tolist(),
                    f.is_at_once,
                    f.for_life,
                )
                for f in judgement.late
            ],
            gaps=kept.gaps,
            repeated=kept.repeated,
            rejected=[_refusal(row) for row in rejected],
            standing=None if record.standing is None else sorted(record.standing),
            again=record.lot.again,
            recount=None if judgement.recount is None else judgement.recount.packed(),
        )
    )


def unpack_record(batch_no: int, payload: bytes, directory: Directory) -> Record:
    """The batch of `pack_record`."""
    found = _batches.decode(payload)
    columns = unpack(found.columns)
    batch = ReadingBatch(*(columns[name] for name in READINGS))  # type: ignore[arg-type]
    kept = Sorted(
        batch,
        columns["late"].astype(np.bool_),
        columns["direct"].astype(np.bool_),
        columns["origin"].astype(np.int32),
        columns["messages"].view(MESSAGE),
        found.gaps,
        found.repeated,
    )
    late = [
        LateFinding(
            f.definition_id,
            f.sensor_id,
            np.array(f.row, np.int32),
            np.array(f.at, np.int64),
            np.array(f.value, np.float64),
            np.array(f.replayed, np.bool_),
            f.is_at_once,
            f.for_life,
        )
        for f in found.late
    ]
    return Record(
        received_us=found.received_us,
        lot=Lot(_lots.decode(zlib.decompress(found.messages)), found.again),
        sorted=kept,
        judgement=Judgement(
            found.now_us,
            found.watched_us,
            found.definitions_version,
            found.events,
            late,
            Recount.unpacked(found.recount),
        ),
        directory=directory,
        rejected=[_rejected(row, directory) for row in found.rejected],
        batch_no=batch_no,
        standing=None if found.standing is None else frozenset(found.standing),
    )


def pack_directory(directory: Directory) -> bytes:
    """Who may say what."""
    devices = [device.row for device in directory.devices]
    return msgspec.msgpack.encode(_Directory(directory.version, devices, directory.sensors.packed()))


def unpack_directory(content: bytes) -> Directory:
    """The directory of `pack_directory`, with the same slots."""
    found = _directories.decode(content)
    return Directory(found.version, found.devices, RowTable.unpacked(Sensor, found.sensors))


def _refusal(row: Rejected) -> _Refusal:
    return _Refusal(
        None if row.device is None else row.device.row.device_id, row.received_us, row.topic, row.payload, row.length,
        row.sha256, row.reason, row.sentence, row.repeated, row.count, row.continued, row.place, row.kept_id,
    )  # fmt: skip


def _rejected(row: _Refusal, directory: Directory) -> Rejected:
    return Rejected(
        device=None if row.device_id is None else directory.device_of[row.device_id],
        received_us=row.received_us,
        topic=row.topic,
        payload=row.payload,
        length=row.length,
        sha256=row.sha256,
        reason=row.reason,
        sentence=row.sentence,
        repeated=row.repeated,
        count=row.count,
        continued=row.continued,
        place=row.place,
        kept_id=row.kept_id,
    )
