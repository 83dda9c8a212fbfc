"""What people add to an occurrence, as alerting/casework.py writes it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import Connection

from alerting.store.people import OccurrenceRow
from core.occasion import Occasion, Point, Subject
from core.store import journal as journals


def add_acknowledgement(
    connection: Connection[Any], found: OccurrenceRow, *, person_id: int, now: datetime, words: str | None
) -> bool:
    """Whether it was new: each of the insurer's people has one an occurrence, under the name they bear then."""
    return (
        connection.execute(
            """
            INSERT INTO insurer_acknowledgement (company_id, occurrence_id, person_id, name, at, words)
            SELECT %s, %s, person_id, name, %s, %s FROM person WHERE person_id = %s
            ON CONFLICT (occurrence_id, person_id) DO NOTHING RETURNING person_id
            """,
            (found.company_id, found.occurrence_id, now, words, person_id),
        ).fetchone()
        is not None
    )


def lock_assignee(connection: Connection[Any], occurrence_id: int) -> int | None:
    """Who sees to it now; locked, so that of two who name somebody at once the second knows of the first."""
    row = connection.execute(
        "SELECT assignee_id FROM occurrence WHERE occurrence_id = %s FOR NO KEY UPDATE", (occurrence_id,)
    ).fetchone()
    return None if row is None else row[0]


def set_assignee(connection: Connection[Any], occurrence_id: int, assignee_id: int | None) -> None:
    """Who sees to it from now on."""
    connection.execute("UPDATE occurrence SET assignee_id = %s WHERE occurrence_id = %s", (assignee_id, occurrence_id))


def given_since(connection: Connection[Any], since: datetime) -> list[Occasion]:
    """Unresolved occurrences that somebody else has given to a person after `since`."""
    rows = connection.execute(
        """
        SELECT occurrence_id, company_id, site_id, assigned_at, assignee_id FROM occurrence
        WHERE assigned_at > %s AND resolved_at IS NULL AND assigned_by IS DISTINCT FROM assignee_id ORDER BY occurrence_id
        """,
        (since,),
    ).fetchall()
    return [
        Occasion(Subject.OCCURRENCE, Point.ASSIGNED, number, company, site, at, owner_id=assignee)
        for number, company, site, at, assignee in rows
    ]


def journal(
    connection: Connection[Any],
    found: OccurrenceRow,
    *,
    person_id: int,
    actor: str,
    now: datetime,
    before: int | None,
    after: int | None,
) -> None:
    """Writes down who gave it to whom."""
    journals.write(
        connection, at=now, company_id=found.company_id, person_id=person_id, actor=actor, action="occurrence_assigned",
        subject=f"occurrence/{found.occurrence_id}", old={"assignee_id": before}, new={"assignee_id": after},
        reason="who sees to it",
    )  # fmt: skip


def count_photos(connection: Connection[Any], occurrence_id: int) -> int:
    """How many photos it has."""
    row = connection.execute(
        "SELECT count(*) FROM occurrence_photo WHERE occurrence_id = %s", (occurrence_id,)
    ).fetchone()
    assert row is not None
    return int(row[0])


def add_photo(
    connection: Connection[Any],
    found: OccurrenceRow,
    *,
    person_id: int,
    now: datetime,
    jpeg: bytes,
    size: tuple[int, int],
    sha256: bytes,
) -> int:
    """Keeps a photo; gives its id."""
    row = connection.execute(
        """
        INSERT INTO occurrence_photo (company_id, occurrence_id, at, person_id, width, height, jpeg, sha256)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING photo_id
        """,
        (found.company_id, found.occurrence_id, now, person_id, *size, jpeg, sha256),
    ).fetchone()
    assert row is not None
    return int(row[0])
