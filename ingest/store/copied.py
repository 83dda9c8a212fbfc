"""Stored readings as a binary COPY gives them: the one statement whose columns `ingest.copy_rows.stored_rows` reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, LiteralString

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection, sql

from core.db import transaction
from ingest.copy_rows import stored_rows

_STATEMENT: Final = sql.SQL(
    "COPY (SELECT batch_no, sensor_id, measured_at, coalesce(judged_at, measured_at), coalesce(value, 'NaN'), quality"
    " FROM reading WHERE {}) TO STDOUT (FORMAT binary)"
)


def copied(
    connection: Connection[Any], token: str, condition: LiteralString, values: Sequence[object]
) -> NDArray[np.void]:
    """The readings that meet a condition on `reading`, as `stored_rows` has them; its placeholders take `values`."""
    with (
        transaction(connection, token),
        connection.cursor() as cursor,
        cursor.copy(
            _STATEMENT.format(sql.SQL(condition)),
            values,
        ) as copy,
    ):
        return stored_rows(b"".join(bytes(block) for block in copy))
