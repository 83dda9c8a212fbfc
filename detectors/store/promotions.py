"""Which version of a model is in force since when, and who put it there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from detectors.store.models import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """One row of `model_promotion`; see the migration."""

    asset_id: int
    version: int
    promoted_at: datetime
    promoted_by: str
    reason: str
    shadow_windows: int
    overruled: str | None


def load_promotions(connection: Connection[Any], asset_id: int | None = None) -> dict[int, list[Promotion]]:
    """All promotions by asset, the newest first: a window is judged by the version that was in force at its end."""
    with connection.cursor(row_factory=class_row(Promotion)) as cursor:
        rows = cursor.execute(
            """
            SELECT asset_id, version, promoted_at, promoted_by, reason, shadow_windows, overruled
            FROM model_promotion WHERE %(asset)s::int IS NULL OR asset_id = %(asset)s::int
            ORDER BY asset_id, promoted_at DESC
            """,
            {"asset": asset_id},
        ).fetchall()
    found: dict[int, list[Promotion]] = {}
    for row in rows:
        found.setdefault(row.asset_id, []).append(row)
    return found


def add_promotion(connection: Connection[Any], plan: Plan, promotion: Promotion) -> None:
    """Puts a version in force; nothing earlier is changed."""
    connection.execute(
        """
        INSERT INTO model_promotion (company_id, asset_id, version, promoted_at, promoted_by, reason, shadow_windows, overruled)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
        """,
        (
            *(plan.company_id, promotion.asset_id, promotion.version, promotion.promoted_at, promotion.promoted_by),
            *(promotion.reason, promotion.shadow_windows, promotion.overruled),
        ),
    )
