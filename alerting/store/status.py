"""The signs of life of the processes that call people, look after findings and score models."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import Connection
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
