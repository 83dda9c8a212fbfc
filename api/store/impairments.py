"""Impairments as pages and programs read them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection, Cursor
from psycopg.rows import class_row

MOST = 500
MOST_RESTORED = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Impairment:
    """A protection out of service.

    Args:
        reported_by, restored_by: None for who may not see the client's people.
    """

    impairment_id: int
    company_id: int
    kind: str
    what: str
    reason: str
    interim_measures: str
    began_at: datetime
    expected_until: datetime
    reported_at: datetime
    restored_at: datetime | None
    restore_proof: str | None
    simulated: bool
    reported_by: str | None
    restored_by: str | None
    sensor: str | None
    sensor_zh: str | None
    zone: str | None
    zone_zh: str | None
    site: str
    site_zh: str
    company: str
    company_zh: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class ImpairmentChange:
    """An entry of the journal about an impairment."""

    at: datetime
    action: str
    who: str | None
    reason: str
    old: dict[str, Any] | None
    new: dict[str, Any] | None


def list_impairments(connection: Connection[Any], now: datetime) -> list[Impairment]:
    """Open ones first, the longest overrun on top; then the newest restored."""
    with connection.cursor(row_factory=class_row(Impairment)) as cursor:
        return cursor.execute(
            """
            SELECT i.impairment_id, i.company_id, i.kind, i.what, i.reason, i.interim_measures, i.began_at, i.expected_until,
                   i.reported_at, i.restored_at, i.restore_proof, i.simulated, reporter.name AS reported_by,
                   restorer.name AS restored_by, i.sensor, i.sensor_zh, i.zone, i.zone_zh, i.site, i.site_zh, i.time_zone,
                   i.company, i.company_zh
            FROM (
                (SELECT * FROM v_impairment WHERE restored_at IS NULL
                 ORDER BY began_at > %(now)s, expected_until, impairment_id LIMIT %(most)s)
                UNION ALL
                (SELECT * FROM v_impairment WHERE restored_at IS NOT NULL ORDER BY restored_at DESC LIMIT %(restored)s)
            ) i
            LEFT JOIN person reporter ON reporter.person_id = i.reported_by
            LEFT JOIN person restorer ON restorer.person_id = i.restored_by
            ORDER BY i.restored_at DESC NULLS FIRST, i.began_at > %(now)s, i.expected_until, i.impairment_id
            """,
            {"now": now, "most": MOST, "restored": MOST_RESTORED},
        ).fetchall()


def find_impairment(connection: Connection[Any], impairment_id: int) -> Impairment | None:
    """None where there is none, or none that the principal may see."""
    with connection.cursor(row_factory=class_row(Impairment)) as cursor:
        return cursor.execute(
            """
            SELECT i.impairment_id, i.company_id, i.kind, i.what, i.reason, i.interim_measures, i.began_at, i.expected_until,
                   i.reported_at, i.restored_at, i.restore_proof, i.simulated, reporter.name AS reported_by,
                   restorer.name AS restored_by, i.sensor, i.sensor_zh, i.zone, i.zone_zh, i.site, i.site_zh, i.time_zone,
                   i.company, i.company_zh
            FROM v_impairment i
            LEFT JOIN person reporter ON reporter.person_id = i.reported_by
            LEFT JOIN person restorer ON restorer.person_id = i.restored_by
            WHERE i.impairment_id = %s
            """,
            (impairment_id,),
        ).fetchone()


def changes_of(connection: Connection[Any], impairment_id: int) -> list[ImpairmentChange]:
    """What the journal says of it, the newest first."""
    with connection.cursor(row_factory=class_row(ImpairmentChange)) as cursor:
        return cursor.execute(
            """
            SELECT j.at, j.action, p.name AS who, j.reason, j.old, j.new
            FROM journal j LEFT JOIN person p USING (person_id)
            WHERE j.subject = %s AND j.action LIKE 'impairment\\_%%' ORDER BY j.journal_id DESC
            """,
            (f"impairment/{impairment_id}",),
        ).fetchall()


@dataclass(frozen=True, slots=True)
class OutNow:
    """Protections that are out of service at this moment.

    Args:
        since: when the first of them began.
        overrun: how many should have been restored by now.
        time_zone: of the site of one of them.
        simulated: one of them at least was made by the demo's history.
    """

    count: int
    since: datetime | None
    overrun: int
    time_zone: str | None
    simulated: bool


def ask_out_now(connection: Connection[Any], now: datetime) -> Cursor[OutNow]:
    """How many, since when, and how many have overrun: one row, still to be fetched."""
    return connection.cursor(row_factory=class_row(OutNow)).execute(
        """
        SELECT count(*) AS count, min(i.began_at) AS since,
               count(*) FILTER (WHERE i.expected_until < %(now)s) AS overrun, min(i.time_zone) AS time_zone,
               coalesce(bool_or(i.simulated), false) AS simulated
        FROM v_impairment i WHERE i.restored_at IS NULL AND i.began_at <= %(now)s
        """,
        {"now": now},
    )
