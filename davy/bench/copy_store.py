"""The limit that ingest's store is measured against: bare binary COPY into a twin of `reading`, commit by commit."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from core.migrate import kind_of

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_PG_EPOCH_US = 946_684_800_000_000  # 2000-01-01 UTC, from which PostgreSQL counts
# One row as COPY BINARY wants it: number of fields, then length and content of each; -1 is null. Big-endian.
_ROW = np.dtype(
    [
        ("fields", ">i2"),
        ("sensor_length", ">i4"),
        ("sensor", ">i4"),
        ("measured_length", ">i4"),
        ("measured_at", ">i8"),
        ("value_length", ">i4"),
        ("value", ">f8"),
        ("quality_length", ">i4"),
        ("quality", ">i2"),
        ("batch_length", ">i4"),
        ("batch_no", ">i8"),
        ("judged_length", ">i4"),
    ]
)


class CopyLimit:
    """A twin of `reading`, and how fast rows go into it from this machine at this moment.

    Args:
        connection: as owner, in autocommit mode; durability is the server's.
        sensors: how many there are, met in rotation as the devices send them.
        rows: of one COPY and commit.
    """

    def __init__(self, connection: Connection[Any], *, sensors: int, rows: int) -> None:
        self._connection = connection
        self._batch_no = 0
        self._sensors = sensors
        self._first = 0
        self._rows = _blank_rows(max(1, rows))
        _make_twin(connection)

    def measure(self, seconds: float) -> float:
        """Rows a second over about so many seconds; what is in the twin stays in it."""
        began = time.monotonic()
        written = 0
        while (elapsed := time.monotonic() - began) < seconds:
            self._write(time.time_ns() // 1000)
            written += len(self._rows)
        return written / elapsed

    def _write(self, now_us: int) -> None:
        rows = self._rows
        self._batch_no += 1
        rows["sensor"] = 1 + (self._first + np.arange(len(rows))) % self._sensors
        self._first = (self._first + len(rows)) % self._sensors
        # A sensor that comes twice in a batch has two stamps, as its device would give it.
        rows["measured_at"] = now_us - _PG_EPOCH_US + np.arange(len(rows)) // self._sensors
        rows["batch_no"] = self._batch_no
        with (
            self._connection.cursor() as cursor,
            cursor.copy(
                "COPY reading_twin (sensor_id, measured_at, value, quality, batch_no, judged_at) FROM STDIN (FORMAT binary)"
            ) as copy,
        ):
            copy.write(_HEADER)
            copy.write(rows.view(np.uint8).data)
            copy.write(_TRAILER)


def _blank_rows(rows: int) -> NDArray[np.void]:
    blank = np.zeros(rows, _ROW)
    blank["fields"] = 6
    for name, length in (("sensor", 4), ("measured", 8), ("value", 8), ("quality", 2), ("batch", 8), ("judged", -1)):
        blank[f"{name}_length"] = length
    blank["value"] = np.random.default_rng(1).uniform(20, 30, rows).round(2)
    return blank


def _make_twin(connection: Connection[Any]) -> None:
    """Same columns, same indexes, same kind of table; empty."""
    connection.execute("DROP TABLE IF EXISTS reading_twin")
    connection.execute("CREATE TABLE reading_twin (LIKE reading)")
    if kind_of(connection) == "timescaledb":
        connection.execute(
            "SELECT create_hypertable('reading_twin', by_range('measured_at', INTERVAL '1 day'), create_default_indexes => false)"
        )
    connection.execute("CREATE UNIQUE INDEX reading_twin_key ON reading_twin (sensor_id, measured_at)")
    connection.execute(
        "CREATE INDEX reading_twin_by_batch ON reading_twin USING brin (batch_no) WITH (autosummarize = on, pages_per_range = 32)"
    )
