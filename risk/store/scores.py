"""Scores as they are kept, and which days still need one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb


@dataclass(frozen=True, slots=True)
class SiteRow:
    """A site that is scored."""

    site_id: int
    company_id: int
    key: str
    time_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRow:
    """A row of `site_score`."""

    site_id: int
    company_id: int
    day: date
    formula: str
    hazard: float | None
    hazard_low: float | None
    hazard_high: float | None
    control: float | None
    control_low: float | None
    control_high: float | None
    confidence: float | None
    confidence_low: float | None
    confidence_high: float | None
    not_enough: str | None
    coverage: float | None
    parts: dict[str, Any]
    computed_at: datetime
    simulated: bool


def sites(connection: Connection[Any], key: str | None = None) -> list[SiteRow]:
    """All sites, or the one."""
    with connection.cursor(row_factory=class_row(SiteRow)) as cursor:
        return cursor.execute(
            """
            SELECT site_id, company_id, key, time_zone FROM site WHERE %(key)s::text IS NULL OR key = %(key)s::text
            ORDER BY site_id
            """,
            {"key": key},
        ).fetchall()


def due_days(
    connection: Connection[Any],
    site: SiteRow,
    *,
    formula: str,
    first: date,
    last: date,
    again_from: date,
    stale: datetime,
) -> list[date]:
    """Days from `first` to `last` that need a score, the newest first: those without one since the site's first hour of
    readings, and from `again_from` on those computed before `stale`, because readings come late."""
    rows = connection.execute(
        """
        SELECT d.day::date FROM generate_series(
            greatest(%(first)s::date, least(%(last)s::date, (
                SELECT (min(h.hour) AT TIME ZONE %(zone)s)::date FROM sensor s CROSS JOIN LATERAL (
                    SELECT min(hour) AS hour FROM v_reading_hour WHERE sensor_id = s.sensor_id AND hour >= %(first)s::date - 1
                ) h WHERE s.site_id = %(site)s AND NOT s.is_virtual))),
            %(last)s::date, interval '1 day') AS d(day)
        LEFT JOIN site_score k ON k.site_id = %(site)s AND k.day = d.day::date AND k.formula = %(formula)s
        WHERE k.site_id IS NULL OR (d.day >= %(again)s::date AND k.computed_at < %(stale)s)
        ORDER BY 1 DESC
        """,
        {
            "site": site.site_id, "zone": site.time_zone, "formula": formula, "first": first, "last": last,
            "again": again_from, "stale": stale,
        },
    ).fetchall()  # fmt: skip
    return [row[0] for row in rows]


def find_score(connection: Connection[Any], site_id: int, day: date, formula: str) -> ScoreRow | None:
    """The one that is kept."""
    with connection.cursor(row_factory=class_row(ScoreRow)) as cursor:
        return cursor.execute(
            """
            SELECT site_id, company_id, day, formula, hazard, hazard_low, hazard_high, control, control_low, control_high,
                   confidence, confidence_low, confidence_high, not_enough, coverage, parts, computed_at, simulated
            FROM site_score WHERE site_id = %s AND day = %s AND formula = %s
            """,
            (site_id, day, formula),
        ).fetchone()


def scores_between(connection: Connection[Any], site_id: int, first: date, last: date) -> list[ScoreRow]:
    """The scores of the days from `first` to `last`, of a day one for each formula that has made one."""
    with connection.cursor(row_factory=class_row(ScoreRow)) as cursor:
        return cursor.execute(
            """
            SELECT site_id, company_id, day, formula, hazard, hazard_low, hazard_high, control, control_low, control_high,
                   confidence, confidence_low, confidence_high, not_enough, coverage, parts, computed_at, simulated
            FROM site_score WHERE site_id = %s AND day BETWEEN %s AND %s
            ORDER BY day, computed_at, formula
            """,
            (site_id, first, last),
        ).fetchall()


def write_score(connection: Connection[Any], row: ScoreRow) -> None:
    """Keeps a score in place of the one before."""
    columns = {name: getattr(row, name) for name in ScoreRow.__slots__}
    connection.execute(
        """
        INSERT INTO site_score (site_id, company_id, day, formula, hazard, hazard_low, hazard_high, control, control_low,
            control_high, confidence, confidence_low, confidence_high, not_enough, coverage, parts, computed_at, simulated)
        VALUES (%(site_id)s, %(company_id)s, %(day)s, %(formula)s, %(hazard)s, %(hazard_low)s, %(hazard_high)s, %(control)s,
            %(control_low)s, %(control_high)s, %(confidence)s, %(confidence_low)s, %(confidence_high)s, %(not_enough)s,
            %(coverage)s, %(parts)s, %(computed_at)s, %(simulated)s)
        ON CONFLICT (site_id, day, formula) DO UPDATE SET hazard = excluded.hazard, hazard_low = excluded.hazard_low,
            hazard_high = excluded.hazard_high, control = excluded.control, control_low = excluded.control_low,
            control_high = excluded.control_high, confidence = excluded.confidence, confidence_low = excluded.confidence_low,
            confidence_high = excluded.confidence_high, not_enough = excluded.not_enough, coverage = excluded.coverage,
            parts = excluded.parts, computed_at = excluded.computed_at, simulated = excluded.simulated
        """,
        {**columns, "parts": Jsonb(row.parts)},
    )
