"""Versions of a model: what each was made of, so that it can be made again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from detectors.store.models import FittedRow, Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRow(FittedRow):
    """The same with what it was made of."""

    windows: int
    cut: list[dict[str, str]]
    training: dict[str, dict[str, float]]
    made_with: dict[str, Any]
    readings: bytes | None
    fitted_by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What all kinds of one fit come from, and what somebody should know of it.

    Args:
        cut: stretches of the interval that were flagged.
        training: what its members did, as they are held against it later.
        readings: sha256 of the windows.
    """

    trained: tuple[datetime, datetime]
    windows: int
    cut: list[dict[str, str]]
    contamination: dict[str, Any]
    training: dict[str, dict[str, float]]
    readings: bytes
    fitted_at: datetime
    fitted_by: str
    reason: str


def load_version(connection: Connection[Any], asset_id: int, version: int) -> list[VersionRow]:
    """Every kind of one version with what it was made of; empty where there is none."""
    with connection.cursor(row_factory=class_row(VersionRow)) as cursor:
        return cursor.execute(
            """
            SELECT model_id, asset_id, version, kind, members, window_s, trained_from, trained_until, fitted_at, highest, parameters,
                   windows, cut, training, made_with, readings, fitted_by, reason
            FROM detector_model WHERE asset_id = %s AND version = %s ORDER BY model_id
            """,
            (asset_id, version),
        ).fetchall()


def lock_asset(connection: Connection[Any], asset_id: int) -> int:
    """Until the transaction ends nobody else fits this asset.

    Returns:
        Its newest version; 0 where nothing was fitted yet.
    """
    connection.execute("SELECT pg_advisory_xact_lock(7251103, %s)", (asset_id,))
    row = connection.execute(
        "SELECT coalesce(max(version), 0) FROM detector_model WHERE asset_id = %s", (asset_id,)
    ).fetchone()
    assert row is not None
    return int(row[0])


def add_fitted(
    connection: Connection[Any],
    plan: Plan,
    origin: Origin,
    *,
    version: int,
    kind: str,
    parameters: dict[str, Any],
    highest: float,
    notices: Sequence[str],
    made_with: dict[str, Any],
) -> int:
    """Keeps one fit; gives its number."""
    row = connection.execute(
        """
        INSERT INTO detector_model (company_id, asset_id, version, kind, members, window_s, trained_from, trained_until, windows,
                                    parameters, highest, notices, cut, contamination, training, made_with, readings,
                                    fitted_at, fitted_by, reason)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING model_id
        """,
        (
            *(
                plan.company_id,
                plan.asset_id,
                version,
                kind,
                list(plan.names),
                plan.window_s,
                *origin.trained,
                origin.windows,
            ),
            *(Jsonb(parameters), highest, list(notices), Jsonb(origin.cut), Jsonb(origin.contamination)),
            *(
                Jsonb(origin.training),
                Jsonb(made_with),
                origin.readings,
                origin.fitted_at,
                origin.fitted_by,
                origin.reason,
            ),
        ),
    ).fetchone()
    assert row is not None
    return int(row[0])


def versions_of(connection: Connection[Any], asset_id: int) -> list[int]:
    """The versions there are, ascending."""
    rows = connection.execute(
        "SELECT DISTINCT version FROM detector_model WHERE asset_id = %s ORDER BY version", (asset_id,)
    ).fetchall()
    return [int(row[0]) for row in rows]


def models_in_force(connection: Connection[Any]) -> dict[int, list[FittedRow]]:
    """What each model's version in force was fitted for, by asset: of the parameters only the setup."""
    with connection.cursor(row_factory=class_row(FittedRow)) as cursor:
        rows = cursor.execute(
            """SELECT f.model_id, f.asset_id, f.version, f.kind, f.members, f.window_s, f.trained_from, f.trained_until, f.fitted_at, f.highest,
                      jsonb_build_object('setup', f.parameters -> 'setup') AS parameters
               FROM detector_model f
               JOIN (SELECT DISTINCT ON (asset_id) asset_id, version FROM model_promotion ORDER BY asset_id, promoted_at DESC) p
                   USING (asset_id, version)"""
        ).fetchall()
    found: dict[int, list[FittedRow]] = {}
    for row in rows:
        found.setdefault(row.asset_id, []).append(row)
    return found
