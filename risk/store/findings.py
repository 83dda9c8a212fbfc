"""Findings, their events and photos, as the acts of risk/findings.py write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from core.photo import Photo
from risk.finding import Grade, Plan, Standing, State


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRow:
    """What an act needs of a finding."""

    finding_id: int
    company_id: int
    state: str
    grade: str
    graded_by: int | None
    owner_id: int | None
    measures: str
    funds: str
    due_at: datetime | None
    contingency: str
    claimed_by: int | None

    @property
    def standing(self) -> Standing:
        """As the rules want it."""
        return Standing(
            state=State(self.state),
            graded_by=self.graded_by,
            owner_id=self.owner_id,
            claimed_by=self.claimed_by,
            due_at=self.due_at,
        )


def lock(connection: Connection[Any], finding_id: int) -> FindingRow | None:
    """The finding, locked until the transaction ends; None where there is none that the principal may work on."""
    if connection.execute("SELECT 1 FROM finding WHERE finding_id = %s FOR UPDATE", (finding_id,)).fetchone() is None:
        return None
    # Read after the lock, and through the view: the columns of the plan are not granted to who acts for persons.
    with connection.cursor(row_factory=class_row(FindingRow)) as cursor:
        return cursor.execute(
            """
            SELECT finding_id, company_id, state, grade, graded_by, owner_id, measures, funds, due_at, contingency, claimed_by
            FROM v_finding WHERE finding_id = %s
            """,
            (finding_id,),
        ).fetchone()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A finding as it is first written down.

    Args:
        reported_by: None: Davy itself.
        title_zh: only where Davy wrote the title.
    """

    company_id: int
    site_id: int
    zone_id: int | None
    source: str
    occurrence_id: int | None = None
    sensor_id: int | None = None
    title: str
    title_zh: str | None = None
    description: str = ""
    grade: Grade
    reported_by: int | None


def insert(connection: Connection[Any], said: Reported, now: datetime) -> int:
    """Writes a new finding down; gives its id."""
    row = connection.execute(
        """
        INSERT INTO finding (company_id, site_id, zone_id, source, occurrence_id, sensor_id, title, title_zh, description,
                             grade, reported_at, reported_by)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING finding_id
        """,
        (
            said.company_id,
            said.site_id,
            said.zone_id,
            said.source,
            said.occurrence_id,
            said.sensor_id,
            said.title,
            said.title_zh,
            said.description,
            said.grade,
            now,
            said.reported_by,
        ),
    ).fetchone()
    assert row is not None
    return int(row[0])


def add_event(
    connection: Connection[Any],
    found: FindingRow,
    event: str,
    *,
    to: State,
    person_id: int | None,
    now: datetime,
    note: str = "",
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
) -> int:
    """Appends what happened, who did it, and what was changed; gives the event's id."""
    row = connection.execute(
        """
        INSERT INTO finding_event (company_id, finding_id, at, person_id, event, from_state, to_state, note, old, new)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING event_id
        """,
        (
            found.company_id,
            found.finding_id,
            now,
            person_id,
            event,
            found.state if event != "reported" else None,
            to,
            note,
            Jsonb(old) if old is not None else None,
            Jsonb(new) if new is not None else None,
        ),
    ).fetchone()
    assert row is not None
    return int(row[0])


def add_word(
    connection: Connection[Any], company_id: int, finding_id: int, *, now: datetime, new: Mapping[str, Any]
) -> None:
    """Appends what Davy itself noticed. It holds no lock, so it says nothing of the state: the database knows it."""
    connection.execute(
        "INSERT INTO finding_event (company_id, finding_id, at, event, new) VALUES (%s, %s, %s, 'noted', %s)",
        (company_id, finding_id, now, Jsonb(new)),
    )


def write_grade(connection: Connection[Any], finding_id: int, grade: Grade, person_id: int) -> None:
    """The grade, by a named person."""
    connection.execute(
        "UPDATE finding SET grade = %s, graded_by = %s WHERE finding_id = %s", (grade, person_id, finding_id)
    )


def write_plan(connection: Connection[Any], finding_id: int, plan: Plan) -> None:
    """The five things settled: work goes on by them."""
    connection.execute(
        """
        UPDATE finding SET state = 'rectifying', owner_id = %s, measures = %s, funds = %s, due_at = %s, contingency = %s
        WHERE finding_id = %s
        """,
        (plan.owner_id, plan.measures, plan.funds, plan.due_at, plan.contingency, finding_id),
    )


def write_deadline(connection: Connection[Any], finding_id: int, due_at: datetime) -> None:
    """A later deadline."""
    connection.execute("UPDATE finding SET due_at = %s WHERE finding_id = %s", (due_at, finding_id))


def write_claim(connection: Connection[Any], finding_id: int, person_id: int, now: datetime) -> None:
    """Somebody says it is done."""
    connection.execute(
        "UPDATE finding SET state = 'claimed_done', claimed_by = %s, claimed_at = %s WHERE finding_id = %s",
        (person_id, now, finding_id),
    )


def write_closing(connection: Connection[Any], finding_id: int, person_id: int, now: datetime) -> None:
    """Another person has looked: closed."""
    connection.execute(
        "UPDATE finding SET state = 'closed', verified_by = %s, closed_at = %s WHERE finding_id = %s",
        (person_id, now, finding_id),
    )


def write_return(connection: Connection[Any], finding_id: int, due_at: datetime | None) -> None:
    """Back to work: claim and verification are over, the events keep them.

    Args:
        due_at: a new deadline; None leaves the one that runs.
    """
    connection.execute(
        """
        UPDATE finding SET state = 'rectifying', claimed_by = NULL, claimed_at = NULL, verified_by = NULL, closed_at = NULL,
                           reopened = reopened + 1, due_at = coalesce(%s, due_at)
        WHERE finding_id = %s
        """,
        (due_at, finding_id),
    )


def add_photo(
    connection: Connection[Any], found: FindingRow, photo: Photo, *, shows: str, person_id: int, now: datetime
) -> int:
    """Keeps a photo; gives its id."""
    row = connection.execute(
        """
        INSERT INTO finding_photo (company_id, finding_id, at, person_id, shows, width, height, jpeg, sha256)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING photo_id
        """,
        (
            found.company_id,
            found.finding_id,
            now,
            person_id,
            shows,
            photo.width,
            photo.height,
            photo.jpeg,
            photo.sha256,
        ),
    ).fetchone()
    assert row is not None
    return int(row[0])


def count_photos(connection: Connection[Any], finding_id: int) -> int:
    """How many photos a finding has."""
    row = connection.execute("SELECT count(*) FROM finding_photo WHERE finding_id = %s", (finding_id,)).fetchone()
    return int(row[0]) if row else 0


def open_of_occurrence(connection: Connection[Any], occurrence_id: int) -> int | None:
    """The finding of an occurrence that is not closed; None where there is none."""
    row = connection.execute(
        "SELECT finding_id FROM finding WHERE occurrence_id = %s AND state <> 'closed' ORDER BY finding_id LIMIT 1",
        (occurrence_id,),
    ).fetchone()
    return int(row[0]) if row else None


def take_turns(connection: Connection[Any], subject: str) -> None:
    """Until this transaction ends nobody else opens a finding of the same subject."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('finding of ' || %s, 0))", (subject,))


def notify(connection: Connection[Any], company_id: int) -> None:
    """Tells the pages of a company that something changed."""
    connection.execute("SELECT pg_notify('davy_scope', %s)", (str(company_id),))


@dataclass(frozen=True, slots=True)
class SilentFinding:
    """An open finding of a silent detector.

    Args:
        speaks: what Davy last wrote down: whether the detector speaks again.
        silent_since: when the silence began that was written down last.
    """

    finding_id: int
    company_id: int
    sensor_id: int
    speaks: bool
    silent_since: datetime


def open_silences(connection: Connection[Any]) -> Sequence[SilentFinding]:
    """Open findings that Davy itself opened for a silent detector that is still in use."""
    with connection.cursor(row_factory=class_row(SilentFinding)) as cursor:
        return cursor.execute(
            """
            SELECT f.finding_id, f.company_id, f.sensor_id, coalesce(said.speaks, false) AS speaks,
                   coalesce(silent.since, f.reported_at) AS silent_since
            FROM finding f
            JOIN sensor s ON s.sensor_id = f.sensor_id AND s.retired_at IS NULL AND s.mandatory
            LEFT JOIN LATERAL (
                SELECT (e.new ->> 'speaks')::boolean AS speaks FROM finding_event e
                WHERE e.finding_id = f.finding_id AND e.person_id IS NULL AND e.new ? 'speaks'
                ORDER BY e.event_id DESC LIMIT 1
            ) said ON true
            LEFT JOIN LATERAL (
                SELECT (e.new ->> 'silent_since')::timestamptz AS since FROM finding_event e
                WHERE e.finding_id = f.finding_id AND e.person_id IS NULL AND e.new ? 'silent_since'
                ORDER BY e.event_id DESC LIMIT 1
            ) silent ON true
            WHERE f.source = 'silent_detector' AND f.state <> 'closed'
            ORDER BY f.finding_id
            """
        ).fetchall()


def excused(connection: Connection[Any], sensor_ids: Sequence[int], now: datetime, patience: timedelta) -> set[int]:
    """Silent sensors that need no new finding: a bypass within its time, or a finding that a person closed not long ago."""
    rows = connection.execute(
        """
        SELECT sensor_id FROM impairment
        WHERE sensor_id = ANY (%(sensors)s) AND restored_at IS NULL AND began_at <= %(now)s AND expected_until > %(now)s
        UNION
        SELECT sensor_id FROM finding
        WHERE sensor_id = ANY (%(sensors)s) AND source = 'silent_detector' AND closed_at > %(closed_after)s
        """,
        {"sensors": list(sensor_ids), "now": now, "closed_after": now - patience},
    ).fetchall()
    return {int(row[0]) for row in rows}
