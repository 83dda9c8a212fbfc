"""What is stored of a sensor whose readings came late, and which batches brought them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from core.batch import Int64
from core.db import transaction
from ingest.copy_rows import from_2000
from ingest.instant import instant
from ingest.late import STORED
from ingest.store.copied import copied


def batches_since(connection: Connection[Any], token: str, worker: str, since_us: int) -> tuple[Int64, Int64]:
    """Number and `now` of the batches that were judged from an instant on, ascending, and of the one before them where it is still there."""
    with transaction(connection, token):
        rows = connection.execute(
            """
            SELECT batch_no, judged_now FROM ingest_batch
            WHERE worker = %(worker)s AND judged_now >= coalesce(
                (SELECT max(judged_now) FROM ingest_batch WHERE worker = %(worker)s AND judged_now < %(since_us)s), %(since_us)s)
            ORDER BY batch_no
            """,
            {"worker": worker, "since_us": since_us},
        ).fetchall()
    found = np.array(rows, np.int64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def readings_between(
    connection: Connection[Any], token: str, sensor_id: int, since_us: int, until_us: int, shift_us: int
) -> NDArray[np.void]:
    """One sensor's readings by their judged time, both ends with it, as `STORED` rows.

    The index is by stamps, and a clock may be years off: what is not asked for never leaves the database.

    Args:
        shift_us: how far stamp and judged time may be apart.
    """
    found = copied(
        connection,
        token,
        "sensor_id = %s AND measured_at BETWEEN %s AND %s AND coalesce(judged_at, measured_at) BETWEEN %s AND %s",
        (sensor_id, *(instant(at) for at in (since_us - shift_us, until_us + shift_us, since_us, until_us))),
    )
    rows = np.empty(len(found), STORED)
    for name in ("batch_no", "value", "quality"):
        rows[name] = found[name]
    for name in ("measured_at", "judged_at"):
        rows[name] = from_2000(found[name])
    return rows
