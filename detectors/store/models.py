"""Models in use: who their members are, what was fitted, how far they are scored, why they fired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from core.model_setup import PLAIN, ModelSetup


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One column of a model."""

    sensor_id: int
    sensor: str
    name: str
    name_zh: str
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A declared model with its members in order.

    Args:
        key: the virtual device is `_model.{key}`.
        members: the columns: first a signal that tells the state and is not judged itself, where there is one.
        setup: what they are to each other.
    """

    asset_id: int
    company_id: int
    company: str
    site: str
    key: str
    window_s: float
    members: tuple[Member, ...]
    setup: ModelSetup = PLAIN

    @property
    def names(self) -> tuple[str, ...]:
        """`device/sensor` of each column."""
        return tuple(member.sensor for member in self.members)


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedRow:
    """One row of `detector_model`; see the migration."""

    model_id: int
    asset_id: int
    version: int
    kind: str
    members: list[str]
    window_s: float
    trained_from: datetime
    trained_until: datetime
    fitted_at: datetime
    highest: float
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an asset is scored, and the message of its last window."""

    asset_id: int
    scored_until: datetime
    boot: int
    seq: int
    message: bytes
    acknowledged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Unexplained:
    """An occurrence on a model's score that nobody has worked out yet."""

    occurrence_id: int
    company_id: int
    asset_id: int
    kind: str
    began_at: datetime


def load_plans(connection: Connection[Any]) -> list[Plan]:
    """The declared models that are not retired, by key."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """
            SELECT m.asset_id, m.company_id, c.key AS company, s.key AS site, m.key, m.window_s, m.setup, k.sensor_id, d.key || '/' || n.key AS sensor,
                   n.name, n.name_zh, n.unit
            FROM asset_model m JOIN asset a USING (asset_id) JOIN zone z USING (zone_id) JOIN site s USING (site_id)
            JOIN company c ON c.company_id = m.company_id
            JOIN asset_model_member k USING (asset_id) JOIN sensor n USING (sensor_id) JOIN device d USING (device_id)
            WHERE m.retired_at IS NULL
            ORDER BY m.key, k.position
            """
        ).fetchall()
    members: dict[int, list[Member]] = {}
    plans: dict[int, dict[str, Any]] = {}
    for row in rows:
        names = ("sensor_id", "sensor", "name", "name_zh", "unit")
        members.setdefault(row["asset_id"], []).append(Member(**{name: row.pop(name) for name in names}))
        plans[row["asset_id"]] = row | {"setup": ModelSetup.restored(row["setup"])}
    return [Plan(**row, members=tuple(members[asset_id])) for asset_id, row in plans.items()]


def newest(connection: Connection[Any]) -> tuple[int, int]:
    """The newest fit and the newest promotion; it moves when something was fitted, or put in force."""
    row = connection.execute(
        "SELECT (SELECT coalesce(max(model_id), 0) FROM detector_model), (SELECT coalesce(max(promotion_id), 0) FROM model_promotion)"
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def load_fitted(connection: Connection[Any], asset_id: int | None = None, *, shadows: int = 2) -> list[FittedRow]:
    """What may have something to say: of each asset the version in force and the one before it, and the newest that are not yet in force.

    A window is judged by the version that was in force at its end. In shadow run the newest `shadows` that were never promoted and are
    newer than the one in force.
    """
    with connection.cursor(row_factory=class_row(FittedRow)) as cursor:
        return cursor.execute(
            """
            WITH promoted AS (
                SELECT asset_id, version, row_number() OVER (PARTITION BY asset_id ORDER BY promoted_at DESC) AS age FROM model_promotion
            ), beside AS (
                SELECT f.asset_id, f.version, row_number() OVER (PARTITION BY f.asset_id ORDER BY f.version DESC) AS age
                FROM (SELECT DISTINCT asset_id, version FROM detector_model) f
                LEFT JOIN promoted p ON p.asset_id = f.asset_id AND p.age = 1
                WHERE f.version > coalesce(p.version, 0)
                  AND NOT EXISTS (SELECT FROM promoted q WHERE q.asset_id = f.asset_id AND q.version = f.version)
            )
            SELECT model_id, asset_id, version, kind, members, window_s, trained_from, trained_until, fitted_at, highest, parameters
            FROM detector_model
            WHERE (%(asset)s::int IS NULL OR asset_id = %(asset)s::int)
              AND (asset_id, version) IN (SELECT asset_id, version FROM promoted WHERE age <= 2
                                          UNION SELECT asset_id, version FROM beside WHERE age <= %(shadows)s)
            ORDER BY asset_id, version DESC, kind
            """,
            {"asset": asset_id, "shadows": shadows},
        ).fetchall()


def load_progress(connection: Connection[Any]) -> dict[int, Progress]:
    """How far each asset is scored."""
    with connection.cursor(row_factory=class_row(Progress)) as cursor:
        rows = cursor.execute(
            "SELECT asset_id, scored_until, boot, seq, message, acknowledged FROM model_progress"
        ).fetchall()
    return {row.asset_id: row for row in rows}


def begin_progress(connection: Connection[Any], plan: Plan, progress: Progress) -> bool:
    """Writes an asset's first window; False where another process has."""
    done = connection.execute(
        """
        INSERT INTO model_progress (asset_id, company_id, scored_until, boot, seq, message, acknowledged)
        VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
        """,
        (
            *(progress.asset_id, plan.company_id, progress.scored_until, progress.boot, progress.seq),
            *(progress.message, progress.acknowledged),
        ),
    )
    return done.rowcount == 1


def move_progress(connection: Connection[Any], progress: Progress) -> bool:
    """Writes the next window of an asset; False where another process has scored it."""
    done = connection.execute(
        """
        UPDATE model_progress SET scored_until = %s, seq = %s, message = %s, acknowledged = %s
        WHERE asset_id = %s AND boot = %s AND seq = %s - 1
        """,
        (
            *(progress.scored_until, progress.seq, progress.message, progress.acknowledged),
            *(progress.asset_id, progress.boot, progress.seq),
        ),
    )
    return done.rowcount == 1


def acknowledge(connection: Connection[Any], asset_id: int, seq: int) -> None:
    """The broker has this message."""
    connection.execute(
        "UPDATE model_progress SET acknowledged = true WHERE asset_id = %s AND seq = %s", (asset_id, seq)
    )


def unexplained(connection: Connection[Any], since: datetime, most: int = 20) -> list[Unexplained]:
    """Occurrences on models' scores since then without evidence of ours, the newest first."""
    with connection.cursor(row_factory=class_row(Unexplained)) as cursor:
        return cursor.execute(
            """
            SELECT o.occurrence_id, o.company_id, m.asset_id, substr(n.key, 2) AS kind, o.began_at
            FROM asset_model m JOIN device d ON d.key = '_model.' || m.key
            JOIN sensor n ON n.device_id = d.device_id AND n.key NOT IN ('_missing', '_drift', '_unseen', '_ahead')
            JOIN v_occurrence o ON o.sensor_id = n.sensor_id AND o.began_at >= %s
            WHERE NOT EXISTS (SELECT FROM model_evidence e WHERE e.occurrence_id = o.occurrence_id)
            ORDER BY o.occurrence_id DESC LIMIT %s
            """,
            (since, most),
        ).fetchall()


def freeze(
    connection: Connection[Any],
    occurrence: Unexplained,
    *,
    model: FittedRow | None,
    window_end: datetime,
    number: float | None,
    members: Sequence[dict[str, Any]],
    now: datetime,
) -> None:
    """Writes down once why it fired."""
    judged_by = (model.model_id, model.version, model.trained_from, model.trained_until) if model else (None,) * 4
    connection.execute(
        """
        INSERT INTO model_evidence (occurrence_id, company_id, model_id, version, trained_from, trained_until, window_end,
                                    number, members, frozen_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (occurrence_id) DO NOTHING
        """,
        (
            *(occurrence.occurrence_id, occurrence.company_id, *judged_by, window_end, number),
            *(Jsonb(list(members)), now),
        ),
    )
