"""One batch, one transaction: fence, readings, what was rejected, the batch's own row, gaps, and last the events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from alerting.actions import call_for_the_spool, call_for_the_untold, not_told
from alerting.apply import apply_events, lock_all
from alerting.store.alarms import active
from core.batch import Event, Int32, ReadingBatch
from core.db import transaction
from ingest.conflict import conflict_rejections
from ingest.copy_rows import pack_judged, reading_rows
from ingest.directory import Directory
from ingest.instant import instant
from ingest.judge import Judgement, differences
from ingest.rejection import Rejected
from ingest.sorting import Sorted
from ingest.source import Clock, Lot
from ingest.store.again import settle
from ingest.store.memory import passed_over
from ingest.store.sidelines import insert_rejected, write_gaps
from ingest.store.staging import Staged, insert_staged
from ingest.urgent import Nobody, Urgent

DAY_US: Final = 86_400_000_000
FENCE, COPIED, APPLIED, COMMITTED = "fence", "copied", "applied", "committed"
STORE_POINTS: Final = (FENCE, COPIED, APPLIED, COMMITTED)
# A batch that is written down so long after it was judged comes out of the spool, and what ends its alarms may lie there too: who
# is told of them is decided when that is known. Longer than a database takes to start again.
OVERTAKEN_US: Final = 30_000_000
# A database that stays behind may stay so for hours: so often people are told then of what holds, by what it knows. Ours; the longest
# that an alarm below life safety may wait for the next, and too seldom to tell of each flicker.
STAYS_BEHIND_US: Final = 300_000_000


@dataclass(slots=True)
class Record:
    """All that a batch leaves in the database.

    Args:
        received_us: when its first message came, microseconds UTC.
        batch_no: given when it is handed over to be stored.
        standing: the (definition_id, sensor_id) of conditions that hold after it, where `alarm` may have missed events of
            batches that were lost: it is brought in line. Else None.
        staged: put every reading through the staging insert, whatever `sorted.direct` says.
        refused: bool, per reading: the database will not have it; it was judged, so the batch's row keeps it.
    """

    received_us: int
    lot: Lot
    sorted: Sorted
    judgement: Judgement
    directory: Directory
    rejected: list[Rejected] = field(default_factory=list)
    batch_no: int = 0
    standing: frozenset[tuple[int, int]] | None = None
    staged: bool = False
    refused: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class Committed:
    """What the commit said.

    Args:
        already: the batch was there: an earlier try had succeeded without our hearing of it.
        readings: rows added to `reading`.
        events: events that were applied.
        rejected: messages that were rejected, by reason; replayed: messages taken again, by what came of it.
    """

    already: bool = False
    readings: int = 0
    events: int = 0
    conflicts: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    replayed: Mapping[str, int] = field(default_factory=dict)


class _Came(NamedTuple):
    """What a batch brought about.

    Args:
        tells: it was written down soon enough for its alarms to be told; calls: those of before it were told with it.
        written_us: when.
    """

    events: Sequence[Event]
    conflicts: int
    rejected: Sequence[Rejected]
    replayed: Mapping[str, int]
    tells: bool
    calls: bool
    written_us: int


class BatchWriter:
    """Writes records of one worker under one epoch.

    Args:
        after: told each fault point once it is passed.
        urgent: told of what was applied, in the same transaction.
        clock: None where time follows the data: then no batch is late.
        used: share of the spool's room that is taken, 0 to 1.
    """

    def __init__(
        self,
        worker: str,
        epoch: int,
        after: Callable[[str], None],
        urgent: Urgent | None = None,
        clock: Clock | None = None,
        used: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._clock = clock
        self._used = used
        self._untold = True  # somebody may wait to be told, and the next batch that is not late does it
        self._behind_us: int | None = None  # since when every batch was late, or people were told in spite of it
        self._urgent = urgent or Nobody()
        self.worker = worker
        self.epoch = epoch
        self._after = after
        self._days: set[int] = set()

    def commit(self, connection: Connection[Any], token: str, record: Record) -> Committed:
        """One try.

        Raises:
            Fenced: another owner has taken over the worker.
            SteppedBack: the database has lost batches that it had confirmed.
            psycopg.Error: nothing of the batch is stored, unless the answer to COMMIT itself was lost.
        """
        self._prepare_days(connection, record.sorted.batch)
        with transaction(connection, token):
            if not self._move_fence(connection, record.batch_no):
                self._untold = True  # whether that try told anybody is not known
                return Committed(already=True)
            self._after(FENCE)
            new, staged = _insert_readings(connection, record)
            self._after(COPIED)
            # Only what is read is waited for: the rest goes out behind it.
            with connection.pipeline():
                came = self._write_what_came(connection, record, new, staged)
            self._urgent.applied(connection, came.events, record.judgement.now_us)
            self._after(APPLIED)
        self._untold = not came.tells
        if came.tells:
            self._behind_us = None
        elif came.calls or self._behind_us is None:
            self._behind_us = came.written_us
        self._after(COMMITTED)
        return Committed(
            False, int(new.sum()), len(came.events), came.conflicts, _by_reason(came.rejected), came.replayed
        )

    def _write_what_came(
        self, connection: Connection[Any], record: Record, new: NDArray[np.bool_], staged: Staged
    ) -> _Came:
        """All that the readings brought about, once they are in the table."""
        conflicts = conflict_rejections(record.lot, record.sorted, staged.differing, record.directory)
        rejected = [*record.rejected, *conflicts]
        insert_rejected(connection, [row for row in rejected if not row.kept_id])
        replayed = settle(connection, record.lot, rejected, instant(record.judgement.now_us))
        self._insert_batch(connection, record, staged.not_stored)
        write_gaps(connection, record.sorted.gaps, record.directory, instant(record.judgement.now_us))
        events = [*record.judgement.events]
        contradicted = {conflict.row: conflict.stored for conflict in staged.differing}
        for finding in record.judgement.late:
            events += finding.events(new)
            events += finding.contradicted(contradicted, record.judgement.now_us)
        written_us = record.judgement.now_us if self._clock is None else self._clock()
        tells = written_us - record.judgement.now_us <= OVERTAKEN_US
        calls = self._untold if tells else self._stays_behind(written_us)
        may_follow: list[Event] = []
        if record.standing is not None:
            may_follow = differences(active(connection), record.standing, record.judgement.now_us)
        at_once = [*events, *may_follow]
        fills = 100 * self._used() if not tells and not calls and _fills(at_once, record.directory) else None
        if calls or fills is not None or may_follow:
            # One step after the other, each with its alarms in order, would wait crosswise with the duties of alerting.
            others = not_told(connection, fills) if calls or fills is not None else ()
            lock_all(connection, at_once, others, now=instant(record.judgement.now_us))
        _apply(connection, events, record, tells)
        if record.standing is not None:
            missed = differences(active(connection), record.standing, record.judgement.now_us)
            _apply(connection, missed, record, tells)
            events += missed
        if calls:
            call_for_the_untold(connection, instant(record.judgement.now_us if tells else written_us))
        elif fills is not None:
            call_for_the_spool(connection, instant(written_us), fills)
        return _Came(events, len(conflicts), rejected, replayed, tells, calls, written_us)

    def _stays_behind(self, now_us: int) -> bool:
        """Whether batches have been late without a break for so long that nobody may wait for the end of it."""
        return self._behind_us is not None and now_us - self._behind_us >= STAYS_BEHIND_US

    def _move_fence(self, connection: Connection[Any], batch_no: int) -> bool:
        """Moves the mark by exactly one; False where it is at `batch_no` already."""
        moved = connection.execute(
            """
            UPDATE ingest_mark SET batch_no = %(batch_no)s, moved_at = clock_timestamp()
            WHERE worker = %(worker)s AND epoch = %(epoch)s AND batch_no = %(batch_no)s - 1
            """,
            {"batch_no": batch_no, "worker": self.worker, "epoch": self.epoch},
        )
        if moved.rowcount == 1:
            return True
        row = connection.execute("SELECT epoch, batch_no FROM ingest_mark WHERE worker = %s", (self.worker,)).fetchone()
        if row is not None and row[0] == self.epoch and row[1] == batch_no:
            return False
        raise passed_over(connection, self.worker, self.epoch, batch_no - 1)

    def _prepare_days(self, connection: Connection[Any], batch: ReadingBatch) -> None:
        """Plain PostgreSQL has a partition a day; it is made before the day's first reading comes."""
        if len(batch) == 0:
            return
        first, last = int(batch.measured_at.min()) // DAY_US, int(batch.measured_at.max()) // DAY_US
        if first in self._days and last in self._days and last - first <= 1:
            return
        for day in np.unique(batch.measured_at // DAY_US).tolist():
            if day not in self._days:
                connection.execute("SELECT davy_reading_day(%s)", (instant(day * DAY_US).date(),))
                self._days.add(day)

    def _insert_batch(self, connection: Connection[Any], record: Record, not_stored: NDArray[np.bool_]) -> None:
        """The row that lets a restart judge this batch again; rows judged but not stored ride in it."""
        kept = record.sorted.batch.take(not_stored & ~record.sorted.late)
        connection.execute(
            """
            INSERT INTO ingest_batch
                (worker, batch_no, received_at, judged_now, watched_us, definitions_version, readings, messages, judged, recount)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            (
                self.worker,
                record.batch_no,
                instant(record.received_us),
                record.judgement.now_us,
                record.judgement.watched_us,
                record.judgement.definitions_version,
                len(record.sorted.batch),
                record.sorted.messages.tobytes(),
                pack_judged(kept, record.directory.sensor_id) if len(kept) else None,
                None if record.judgement.recount is None else record.judgement.recount.packed(),
            ),
        )

    def probe(self, connection: Connection[Any], token: str, record: Record, rows: NDArray[np.bool_]) -> None:
        """Tries to insert some readings and takes it back: what the database has against them comes as its error."""
        with transaction(connection, token) as inside, inside.transaction(force_rollback=True):
            insert_staged(inside, record.sorted.batch, record.directory, record.batch_no, np.flatnonzero(rows))


def _insert_readings(connection: Connection[Any], record: Record) -> tuple[NDArray[np.bool_], Staged]:
    """Puts the readings into the table.

    Returns:
        new: bool, per reading: it was added under its own key.
        staged: what the staging insert found.
    """
    batch, sensor_id = record.sorted.batch, record.directory.sensor_id
    wanted = np.ones(len(batch), np.bool_) if record.refused is None else ~record.refused
    direct = wanted & record.sorted.direct if not record.staged else np.zeros(len(batch), np.bool_)
    moved = batch.judged_at != batch.measured_at
    _copy_same(connection, batch, sensor_id, record.batch_no, direct & ~moved)
    _copy_judged(connection, batch, sensor_id, record.batch_no, direct & moved)
    rest = np.flatnonzero(wanted & ~direct)
    staged = insert_staged(connection, batch, record.directory, record.batch_no, rest)
    staged.not_stored |= ~wanted
    return direct | staged.new, staged


def _copy_same(
    connection: Connection[Any], batch: ReadingBatch, sensor_id: Int32, batch_no: int, rows: NDArray[np.bool_]
) -> None:
    if not rows.any():
        return
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY reading (sensor_id, measured_at, value, quality, batch_no) FROM STDIN (FORMAT binary)"
        ) as copy,
    ):
        copy.write(reading_rows(batch.take(_by_sensor(batch, rows)), sensor_id, batch_no, judged=False))


def _copy_judged(
    connection: Connection[Any], batch: ReadingBatch, sensor_id: Int32, batch_no: int, rows: NDArray[np.bool_]
) -> None:
    if not rows.any():
        return
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY reading (sensor_id, measured_at, value, quality, batch_no, judged_at) FROM STDIN (FORMAT binary)"
        ) as copy,
    ):
        copy.write(reading_rows(batch.take(_by_sensor(batch, rows)), sensor_id, batch_no, judged=True))


def _by_sensor(batch: ReadingBatch, rows: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The order of the key, as far as it costs nothing: rows of one sensor go to one page of the index, and rise already."""
    chosen = np.flatnonzero(rows)
    return chosen[np.argsort(batch.sensor[chosen], kind="stable")]


def _by_reason(rejected: Sequence[Rejected]) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for row in rejected:
        if not row.kept_id:  # it was counted when it came
            counted[row.reason] += row.count
    return counted


def _fills(events: Sequence[Event], directory: Directory) -> bool:
    """Whether it begins here that the spool fills up."""
    own = {int(directory.sensor_id[slot]) for slot in directory.spool_slot.values()}
    return any(event.active and event.sensor_id in own for event in events)


def _apply(connection: Connection[Any], events: list[Event], record: Record, tells: bool) -> None:
    if events:
        apply_events(connection, events, now=instant(record.judgement.now_us), batch_no=record.batch_no, tells=tells)
