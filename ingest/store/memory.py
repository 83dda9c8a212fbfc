"""What a restart needs: the mark, the checkpoint, and the batches that came after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import class_row

from core.db import transaction
from core.errors import Fenced, SteppedBack
from ingest.store.copied import copied

KEPT_BEHIND: Final = timedelta(hours=1)
PART: Final = 1_000_000  # bytes
PARTS_AT_ONCE: Final = 4
ROWS_AT_ONCE: Final = 1_000_000  # of 64 bytes each


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a worker is.

    Args:
        lineage: tells the database from others; standbys and restored copies have it too.
    """

    epoch: int
    batch_no: int
    lineage: str


@dataclass(frozen=True, slots=True)
class SavedState:
    """A checkpoint as the database has it."""

    batch_no: int
    layout: int
    definitions_version: int
    state: bytes


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A row of `ingest_batch`."""

    batch_no: int
    received_at: datetime
    judged_now: int
    watched_us: int
    definitions_version: int
    readings: int
    messages: bytes
    judged: bytes | None
    recount: bytes | None


def take_over(connection: Connection[Any], token: str, worker: str) -> Mark:
    """Begins a new epoch: whoever held the worker before is fenced from now on."""
    with transaction(connection, token):
        row = connection.execute(
            """
            INSERT INTO ingest_mark (worker, epoch, batch_no) VALUES (%s, 1, 0)
            ON CONFLICT (worker) DO UPDATE SET epoch = ingest_mark.epoch + 1, moved_at = now()
            RETURNING epoch, batch_no, lineage::text
            """,
            (worker,),
        ).fetchone()
    assert row is not None
    return Mark(*row)


def save_checkpoint(
    connection: Connection[Any], token: str, worker: str, epoch: int, saved: SavedState, now: datetime
) -> bool:
    """Keeps a checkpoint, in one transaction with a look at the mark, and drops batches it makes needless.

    Returns:
        False where another owner has taken over: nothing is kept.

    Raises:
        SteppedBack: the database has lost batches that the checkpoint knows.
    """
    with transaction(connection, token):
        mark = connection.execute(
            "SELECT FROM ingest_mark WHERE worker = %s AND epoch = %s AND batch_no >= %s FOR SHARE",
            (worker, epoch, saved.batch_no),
        ).fetchone()
        if mark is None:
            reason = passed_over(connection, worker, epoch, saved.batch_no)
            if isinstance(reason, SteppedBack):
                raise reason
            return False
        connection.execute(
            """
            INSERT INTO checkpoint (worker, batch_no, saved_at, layout, definitions_version)
            VALUES (%s, %s, clock_timestamp(), %s, %s)
            ON CONFLICT (worker) DO UPDATE SET batch_no = excluded.batch_no, saved_at = excluded.saved_at,
                layout = excluded.layout, definitions_version = excluded.definitions_version
            """,
            (worker, saved.batch_no, saved.layout, saved.definitions_version),
        )
        _save_parts(connection, worker, saved.state)
        connection.execute(
            "DELETE FROM ingest_batch WHERE worker = %s AND batch_no <= %s AND received_at < %s",
            (worker, saved.batch_no, now - KEPT_BEHIND),
        )
    return True


def _save_parts(connection: Connection[Any], worker: str, state: bytes) -> None:
    count = -(-len(state) // PART)
    for part in range(count):
        connection.execute(
            """
            INSERT INTO checkpoint_part (worker, part, state) VALUES (%s, %s, %s)
            ON CONFLICT (worker, part) DO UPDATE SET state = excluded.state
            """,
            (worker, part, memoryview(state)[part * PART : (part + 1) * PART]),
            binary=True,
        )
    connection.execute("DELETE FROM checkpoint_part WHERE worker = %s AND part >= %s", (worker, count))


def passed_over(connection: Connection[Any], worker: str, epoch: int, confirmed_no: int) -> Fenced | SteppedBack:
    """Why the mark is not where an owner left it.

    Args:
        confirmed_no: the last batch that the database had confirmed to the owner of `epoch`.
    """
    row = connection.execute("SELECT epoch, batch_no FROM ingest_mark WHERE worker = %s", (worker,)).fetchone()
    found = "there is no mark" if row is None else f"the mark is at epoch {row[0]}, batch {row[1]}"
    if row is not None and (row[0] > epoch or (row[0] == epoch and row[1] >= confirmed_no)):
        return Fenced(
            f"Worker {worker} has another owner: this one is at epoch {epoch}, batch {confirmed_no}, but {found}."
        )
    return SteppedBack(
        f"The database is in an earlier state than the one that confirmed batch {confirmed_no} of worker {worker} in epoch "
        f"{epoch}: {found}. It failed over to a standby that was behind, or is an older copy. What it lost of this worker shows "
        "as gaps of the devices; ingest goes on from there when it is started again."
    )


def load_checkpoint(connection: Connection[Any], token: str, worker: str) -> SavedState | None:
    """The newest checkpoint of a worker."""
    with transaction(connection, token), connection.cursor("checkpoint_parts") as cursor:
        found = connection.execute(
            "SELECT batch_no, layout, definitions_version FROM checkpoint WHERE worker = %s", (worker,)
        ).fetchone()
        if found is None:
            return None
        cursor.itersize = PARTS_AT_ONCE
        cursor.execute("SELECT state FROM checkpoint_part WHERE worker = %s ORDER BY part", (worker,), binary=True)
        state = b"".join(part for (part,) in cursor)
    batch_no, layout, version = found
    return SavedState(batch_no, layout, version, state)


def batches_after(connection: Connection[Any], token: str, worker: str, batch_no: int) -> list[BatchRow]:
    """The batches a worker committed after `batch_no`, in order."""
    with transaction(connection, token), connection.cursor(row_factory=class_row(BatchRow), binary=True) as cursor:
        return cursor.execute(
            """
            SELECT batch_no, received_at, judged_now, watched_us, definitions_version, readings, messages, judged, recount
            FROM ingest_batch WHERE worker = %s AND batch_no > %s ORDER BY batch_no
            """,
            (worker, batch_no),
        ).fetchall()


def judged_now_of(connection: Connection[Any], token: str, worker: str, batch_no: int) -> int | None:
    """`now` of a batch as its judge saw it, microseconds UTC; None where its row is gone."""
    with transaction(connection, token):
        row = connection.execute(
            "SELECT judged_now FROM ingest_batch WHERE worker = %s AND batch_no = %s", (worker, batch_no)
        ).fetchone()
    return None if row is None else int(row[0])


def stored_readings(
    connection: Connection[Any], token: str, rows: list[BatchRow]
) -> Iterator[tuple[list[BatchRow], NDArray[np.void]]]:
    """Readings of stored batches, a bounded number at a time, with the batches they belong to."""
    start = 0
    while start < len(rows):
        end, count = start, 0
        while end < len(rows) and (end == start or count + rows[end].readings <= ROWS_AT_ONCE):
            count += rows[end].readings
            end += 1
        part = rows[start:end]
        yield part, copied(connection, token, "batch_no BETWEEN %s AND %s", (part[0].batch_no, part[-1].batch_no))
        start = end
