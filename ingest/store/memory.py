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
from ingest.copy_rows import stored_rows

KEPT_BEHIND: Final = timedelta(hours=1)
ROWS_AT_ONCE: Final = 1_000_000  # of 64 bytes each


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a worker is."""

    epoch: int
    batch_no: int


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


def take_over(connection: Connection[Any], token: str, worker: str) -> Mark:
    """Begins a new epoch: whoever held the worker before is fenced from now on."""
    with transaction(connection, token):
        row = connection.execute(
            """
            INSERT INTO ingest_mark (worker, epoch, batch_no) VALUES (%s, 1, 0)
            ON CONFLICT (worker) DO UPDATE SET epoch = ingest_mark.epoch + 1, moved_at = now()
            RETURNING epoch, batch_no
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
    """
    with transaction(connection, token):
        mark = connection.execute(
            "SELECT FROM ingest_mark WHERE worker = %s AND epoch = %s AND batch_no >= %s FOR SHARE",
            (worker, epoch, saved.batch_no),
        ).fetchone()
        if mark is None:
            return False
        connection.execute(
            """
            INSERT INTO checkpoint (worker, batch_no, saved_at, layout, definitions_version, state)
            VALUES (%s, %s, clock_timestamp(), %s, %s, %s)
            ON CONFLICT (worker) DO UPDATE SET batch_no = excluded.batch_no, saved_at = excluded.saved_at,
                layout = excluded.layout, definitions_version = excluded.definitions_version, state = excluded.state
            """,
            (worker, saved.batch_no, saved.layout, saved.definitions_version, saved.state),
            binary=True,
        )
        connection.execute(
            "DELETE FROM ingest_batch WHERE worker = %s AND batch_no <= %s AND received_at < %s",
            (worker, saved.batch_no, now - KEPT_BEHIND),
        )
    return True


def load_checkpoint(connection: Connection[Any], token: str, worker: str) -> SavedState | None:
    """The newest checkpoint of a worker."""
    with transaction(connection, token), connection.cursor(row_factory=class_row(SavedState), binary=True) as cursor:
        return cursor.execute(
            "SELECT batch_no, layout, definitions_version, state FROM checkpoint WHERE worker = %s", (worker,)
        ).fetchone()


def batches_after(connection: Connection[Any], token: str, worker: str, batch_no: int) -> list[BatchRow]:
    """The batches a worker committed after `batch_no`, in order."""
    with transaction(connection, token), connection.cursor(row_factory=class_row(BatchRow), binary=True) as cursor:
        return cursor.execute(
            """
            SELECT batch_no, received_at, judged_now, watched_us, definitions_version, readings, messages, judged
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
        yield part, _copy_out(connection, token, part[0].batch_no, part[-1].batch_no)
        start = end


def _copy_out(connection: Connection[Any], token: str, first: int, last: int) -> NDArray[np.void]:
    with (
        transaction(connection, token),
        connection.cursor() as cursor,
        cursor.copy(
            """
        COPY (
            SELECT batch_no, sensor_id, measured_at, coalesce(judged_at, measured_at), coalesce(value, 'NaN'), quality
            FROM reading WHERE batch_no BETWEEN %s AND %s
        ) TO STDOUT (FORMAT binary)
        """,
            (first, last),
        ) as copy,
    ):
        return stored_rows(b"".join(bytes(block) for block in copy))
