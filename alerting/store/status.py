"""The signs of life of the processes that call people, look after findings and score models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import Connection, Cursor
from psycopg.rows import class_row
from psycopg.types.json import Jsonb


def beat(
    connection: Connection[Any], process: str, now: datetime, *, turned_at: datetime, report: dict[str, Any]
) -> None:
    """Writes down that a process lives.

    Args:
        process: "alerting", "risk" or "detectors".
        turned_at: see `alerting.pulse`.
        report: for whoever looks into it.
    """
    connection.execute(
        """
        INSERT INTO process_status (process, beat_at, turned_at, report) VALUES (%s, %s, %s, %s)
        ON CONFLICT (process) DO UPDATE
            SET beat_at = excluded.beat_at, turned_at = excluded.turned_at, report = excluded.report
        """,
        (process, now, turned_at, Jsonb(report)),
    )


@dataclass(frozen=True, slots=True)
class ProcessBeat:
    """The newest sign of life of one of these processes; see `alerting.pulse`.

    Args:
        report: what the process said of itself; under `failing` names and what is known of each.
    """

    process: str
    beat_at: datetime
    turned_at: datetime
    report: Mapping[str, Any] = field(default_factory=dict)


def process_beats(connection: Connection[Any]) -> dict[str, ProcessBeat]:
    """Those that have ever run, by name."""
    return {row.process: row for row in ask_process_beats(connection).fetchall()}


def ask_process_beats(connection: Connection[Any]) -> Cursor[ProcessBeat]:
    """Those that have ever run, still to be fetched: for who asks several things in one message."""
    cursor = connection.cursor(row_factory=class_row(ProcessBeat))
    return cursor.execute("SELECT process, beat_at, turned_at, report FROM process_status")
