"""What the last look at each asset's version in force found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from detectors.store.models import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRow:
    """One row of `model_drift`; see the migration."""

    asset_id: int
    version: int
    looked_at: datetime
    drifted_since: datetime | None
    found: dict[str, Any]


def load_drift(connection: Connection[Any]) -> dict[int, DriftRow]:
    """The last look at each asset."""
    with connection.cursor(row_factory=class_row(DriftRow)) as cursor:
        rows = cursor.execute("SELECT asset_id, version, looked_at, drifted_since, found FROM model_drift").fetchall()
    return {row.asset_id: row for row in rows}


def keep_drift(connection: Connection[Any], plan: Plan, row: DriftRow) -> None:
    """Writes a look down in place of the one before it."""
    connection.execute(
        """
        INSERT INTO model_drift (asset_id, company_id, version, looked_at, drifted_since, found) VALUES (%s, %s, %s, %s, %s, %s)
        ON CONFLICT (asset_id) DO UPDATE SET version = excluded.version, looked_at = excluded.looked_at,
            drifted_since = excluded.drifted_since, found = excluded.found
        """,
        (plan.asset_id, plan.company_id, row.version, row.looked_at, row.drifted_since, Jsonb(row.found)),
    )
