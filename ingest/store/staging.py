"""Readings that may be in the table already: inserted where their key is free, compared where it is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from core.batch import ReadingBatch
from ingest.directory import Directory


@dataclass(slots=True)
class Conflict:
    """A reading whose key holds another value.

    Args:
        row: of the batch.
        stored: the value that was there first and stays.
    """

    row: int
    stored: float


@dataclass(slots=True)
class Staged:
    """What a staging insert found.

    Args:
        new: bool, per reading of the batch: it was added.
        not_stored: bool, per reading: its key was taken; by the same value or, in `conflicts`, by another.
    """

    new: NDArray[np.bool_]
    not_stored: NDArray[np.bool_]
    differing: list[Conflict] = field(default_factory=list)


def insert_staged(
    connection: Connection[Any], batch: ReadingBatch, directory: Directory, batch_no: int, rows: NDArray[np.intp]
) -> Staged:
    """Inserts `rows` (indices) of a batch where their keys are free; the first of equal keys wins."""
    found = Staged(np.zeros(len(batch), np.bool_), np.zeros(len(batch), np.bool_))
    if len(rows) == 0:
        return found
    part = batch.take(rows)
    sensor = directory.sensor_id[part.sensor]
    added = connection.execute(
        """
        INSERT INTO reading (sensor_id, measured_at, value, quality, batch_no, judged_at)
        SELECT t.sensor_id, timestamptz 'epoch' + t.measured_at * interval '1 microsecond', t.value, t.quality, %s,
               CASE WHEN t.judged_at <> t.measured_at THEN timestamptz 'epoch' + t.judged_at * interval '1 microsecond' END
        FROM unnest(%s, %s, %s, %s, %s) WITH ORDINALITY
             AS t(sensor_id, measured_at, value, quality, judged_at, place)
        ORDER BY t.place
        ON CONFLICT DO NOTHING
        RETURNING sensor_id, (extract(epoch FROM measured_at) * 1000000)::bigint
        """,
        (batch_no, sensor, part.measured_at, part.value, part.quality.astype(np.int16), part.judged_at),
    ).fetchall()
    keys = set(added)
    for row, key in zip(rows.tolist(), zip(sensor.tolist(), part.measured_at.tolist(), strict=True), strict=True):
        if key in keys:
            keys.discard(key)  # a second reading of the same key in this batch found it taken
            found.new[row] = True
        else:
            found.not_stored[row] = True
    _compare(connection, batch, directory, found)
    return found


def _compare(connection: Connection[Any], batch: ReadingBatch, directory: Directory, found: Staged) -> None:
    """Which of the readings that found their key taken carry another value."""
    rows = np.flatnonzero(found.not_stored)
    if len(rows) == 0:
        return
    part = batch.take(rows)
    stored = connection.execute(
        """
        SELECT t.place - 1, r.value
        FROM unnest(%s, %s) WITH ORDINALITY AS t(sensor_id, measured_at, place)
        JOIN reading r ON r.sensor_id = t.sensor_id
             AND r.measured_at = timestamptz 'epoch' + t.measured_at * interval '1 microsecond'
        WHERE r.measured_at BETWEEN timestamptz 'epoch' + %s * interval '1 microsecond'
                                AND timestamptz 'epoch' + %s * interval '1 microsecond'
        ORDER BY t.place
        """,
        (
            directory.sensor_id[part.sensor],
            part.measured_at,
            int(part.measured_at.min()),
            int(part.measured_at.max()),
        ),
    ).fetchall()
    for place, value in stored:
        ours = float(part.value[place])
        if value != ours and not (np.isnan(ours) and (value is None or np.isnan(value))):
            found.differing.append(Conflict(int(rows[place]), float("nan") if value is None else value))
