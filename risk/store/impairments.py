"""Impairments, as the acts of risk/impairments.py write them; what was changed stands in the journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from core.store import journal as journals
from risk.impairment import Outage


@dataclass(frozen=True, slots=True)
class ImpairmentRow:
    """What an act needs of an impairment."""

    impairment_id: int
    company_id: int
    interim_measures: str
    began_at: datetime
    expected_until: datetime


def lock(connection: Connection[Any], impairment_id: int) -> ImpairmentRow | None:
    """The impairment, locked until the transaction ends; None where none is open that the principal may work on."""
    with connection.cursor(row_factory=class_row(ImpairmentRow)) as cursor:
        return cursor.execute(
            """
            SELECT impairment_id, company_id, interim_measures, began_at, expected_until
            FROM impairment WHERE impairment_id = %s AND restored_at IS NULL FOR UPDATE
            """,
            (impairment_id,),
        ).fetchone()


def exists(connection: Connection[Any], impairment_id: int) -> bool:
    """Whether there is one that the principal may see, restored or not."""
    return (
        connection.execute("SELECT 1 FROM impairment WHERE impairment_id = %s", (impairment_id,)).fetchone() is not None
    )


def insert(
    connection: Connection[Any],
    outage: Outage,
    *,
    company_id: int,
    site_id: int,
    zone_id: int | None,
    person_id: int,
    now: datetime,
) -> int:
    """Writes a new impairment down; gives its id."""
    row = connection.execute(
        """
        INSERT INTO impairment (company_id, site_id, zone_id, sensor_id, kind, what, reason, interim_measures, began_at,
                                expected_until, reported_at, reported_by)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING impairment_id
        """,
        (
            company_id,
            site_id,
            zone_id,
            outage.sensor_id,
            outage.kind,
            outage.what,
            outage.reason,
            outage.interim_measures,
            outage.began_at,
            outage.expected_until,
            now,
            person_id,
        ),
    ).fetchone()
    assert row is not None
    return int(row[0])


def write_extension(
    connection: Connection[Any], impairment_id: int, expected_until: datetime, interim_measures: str
) -> None:
    """A later end, and what holds until then."""
    connection.execute(
        "UPDATE impairment SET expected_until = %s, interim_measures = %s WHERE impairment_id = %s",
        (expected_until, interim_measures, impairment_id),
    )


def write_restoring(
    connection: Connection[Any], impairment_id: int, *, restored_at: datetime, person_id: int, proof: str
) -> None:
    """It works again, and how that is known."""
    connection.execute(
        "UPDATE impairment SET restored_at = %s, restored_by = %s, restore_proof = %s WHERE impairment_id = %s",
        (restored_at, person_id, proof, impairment_id),
    )


def journal(
    connection: Connection[Any],
    impairment_id: int,
    *,
    company_id: int,
    person_id: int,
    actor: str,
    action: str,
    reason: str,
    now: datetime,
    old: Mapping[str, Any] | None,
    new: Mapping[str, Any],
) -> None:
    """Writes down who changed what, why, and what it was before."""
    journals.write(
        connection, at=now, company_id=company_id, person_id=person_id, actor=actor, action=action,
        subject=f"impairment/{impairment_id}", old=old, new=new, reason=reason,
    )  # fmt: skip
