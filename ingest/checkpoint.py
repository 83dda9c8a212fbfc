"""Memory that outlives the process: raw columns with a layout version, and the batches that came after them.

Restart = load the checkpoint, judge the batches after its mark again in their order without side effects: those that are
stored, then those in the spool. The
same readings, the same `now` and the same watched time give the same bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from core.batch import Mark, ReadingBatch
from core.log import logger
from ingest.copy_rows import from_2000, unpack_judged
from ingest.directory import NO_SLOT, Directory
from ingest.late import Recount
from ingest.organs import Columns, Organs
from ingest.packed_columns import pack, unpack
from ingest.sorting import MESSAGE
from ingest.store.batch import Record
from ingest.store.memory import BatchRow, SavedState, batches_after, load_checkpoint, stored_readings
from ingest.stream import GapRow

LAYOUT: Final = 5  # raise it when a column changes its meaning; an older checkpoint is then left aside

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Resumed:
    """Where the memory stands.

    Args:
        batch_no: the last batch it knows.
        replayed: how many batches were judged again.
    """

    batch_no: int = 0
    now_us: int = 0
    watched_us: int = 0
    replayed: int = 0
    watch: Mapping[str, NDArray[np.generic]] | None = None


def resume(connection: Connection[Any], token: str, worker: str, organs: Organs) -> Resumed:
    """Brings fresh organs to where the worker's last committed batch left them."""
    saved = load_checkpoint(connection, token, worker)
    found = Resumed()
    if saved is not None and saved.layout == LAYOUT:
        found = _restore(saved, organs)
    elif saved is not None:
        log.warning("checkpoint_left_aside", layout=saved.layout, wanted=LAYOUT)
    rows = batches_after(connection, token, worker, found.batch_no)
    for part, readings in stored_readings(connection, token, rows):
        _replay(part, readings, organs)
    if not rows:
        return found
    last = rows[-1]
    return Resumed(last.batch_no, max(found.now_us, last.judged_now), last.watched_us, len(rows), found.watch)


def _restore(saved: SavedState, organs: Organs) -> Resumed:
    columns = unpack(saved.state)
    organs.restore(columns)
    now_us, watched_us = columns["instants"].tolist()
    watch = {name: column for name, column in columns.items() if name.startswith("watch/")}
    return Resumed(saved.batch_no, now_us, watched_us, 0, watch)


def capture(
    batch_no: int, now_us: int, watched_us: int, organs: Organs, watch: Mapping[str, NDArray[np.generic]]
) -> SavedState:
    """A checkpoint of all memory as of `batch_no`."""
    columns: Columns = {"instants": np.array([now_us, watched_us], np.int64), **watch, **organs.state()}
    return SavedState(batch_no, LAYOUT, organs.judge.definitions.version, pack(columns))


def replay_spooled(record: Record, organs: Organs) -> list[GapRow]:
    """Judges a batch of the spool again; sensors that are gone meanwhile are left out, as with stored ones.

    Returns:
        Gaps that it does not know of, because batches before it were lost since it was judged.
    """
    judgement, kept = record.judgement, record.sorted
    gaps = organs.sorter.replay_messages(kept.messages, judgement.now_us)
    slots = organs.directory.slots_of(record.directory.sensor_id[kept.batch.sensor])
    known = slots != NO_SLOT
    batch, late = replace(kept.batch, sensor=slots).take(known), kept.late[known]
    organs.sorter.replay_readings(batch, late)
    organs.judge.advance(batch.take(~late), judgement.now_us, judgement.watched_us, judgement.recount)
    organs.judge.averages.note(batch, late, judgement.now_us)
    return [gap for gap in gaps if gap not in kept.gaps]


def _replay(rows: Sequence[BatchRow], stored: NDArray[np.void], organs: Organs) -> None:
    """Judges stored batches again: readings by their judged instant, then time to the batch's own `now`."""
    # What ingest says itself comes after what devices said, as it was judged: a gateway is back once somebody has spoken.
    own = np.isin(stored["sensor_id"], organs.directory.sensor_id[list(organs.directory.own_slots())])
    stored = stored[np.lexsort((stored["judged_at"], own, stored["batch_no"]))]
    numbers = stored["batch_no"].astype(np.int64)
    begins = np.searchsorted(numbers, [row.batch_no for row in rows], "left")
    ends = np.searchsorted(numbers, [row.batch_no for row in rows], "right")
    everything = _as_batch(stored, organs.directory)
    for row, begin, end in zip(rows, begins.tolist(), ends.tolist(), strict=True):
        organs.sorter.replay_messages(np.frombuffer(row.messages, MESSAGE), row.judged_now)
        batch = everything.take(np.arange(begin, end))
        if row.judged is not None:
            batch = _with_judged(batch, row.judged, organs.directory)
        batch = batch.take(batch.sensor != NO_SLOT)
        late = (batch.quality & int(Mark.LATE)) != 0
        organs.sorter.replay_readings(batch, late)
        organs.judge.advance(batch.take(~late), row.judged_now, row.watched_us, Recount.unpacked(row.recount))
        organs.judge.averages.note(batch, late, row.judged_now)


def _as_batch(stored: NDArray[np.void], directory: Directory) -> ReadingBatch:
    measured, judged = from_2000(stored["measured_at"]), from_2000(stored["judged_at"])
    return ReadingBatch(
        directory.slots_of(stored["sensor_id"].astype(np.int32)),
        measured,
        judged,
        judged,
        stored["value"].astype(np.float64),
        stored["quality"].astype(np.uint8),
    )


def _with_judged(batch: ReadingBatch, packed: bytes, directory: Directory) -> ReadingBatch:
    """A batch with the readings that were judged but could not be stored under their own key."""
    extra = unpack_judged(packed)
    joined = ReadingBatch(
        np.concatenate([batch.sensor, directory.slots_of(extra["sensor_id"])]),
        np.concatenate([batch.measured_at, extra["measured_at"]]),
        np.concatenate([batch.judged_at, extra["judged_at"]]),
        np.concatenate([batch.received_at, extra["judged_at"]]),
        np.concatenate([batch.value, extra["value"]]),
        np.concatenate([batch.quality, extra["quality"]]),
    )
    own = np.isin(joined.sensor, list(directory.own_slots()))
    return joined.take(np.lexsort((joined.judged_at, own)))
