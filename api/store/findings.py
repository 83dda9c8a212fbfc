"""Findings as pages and programs read them: the board, one with all that belongs to it, its photos."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from risk.patience import put_in_hand

MOST_OPEN = 500  # cards of the board; beyond that nobody works by a board
MOST_CLOSED = 20  # the newest closed ones beside them


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingLine:
    """One card of the board.

    Args:
        title_zh: the same as `title` where a person wrote it.
        graded: whether a named person has confirmed the grade.
        owner: None for who may not see the client's people.
    """

    finding_id: int
    title: str
    title_zh: str
    grade: str
    graded: bool
    state: str
    source: str
    occurrence_id: int | None
    reported_at: datetime
    due_at: datetime | None
    claimed_at: datetime | None
    closed_at: datetime | None
    reopened: int
    simulated: bool
    owner: str | None
    photos: int
    zone: str | None
    zone_zh: str | None
    site: str
    site_zh: str
    company: str
    company_zh: str
    time_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding(FindingLine):
    """One finding.

    Args:
        description, measures, funds, contingency: None for who may not see what the client's people write.
    """

    company_id: int
    site_id: int
    zone_id: int | None
    sensor_id: int | None
    description: str | None
    owner_id: int | None
    measures: str | None
    funds: str | None
    contingency: str | None
    reported_by: str | None
    graded_by: str | None
    claimed_by: str | None
    claimed_by_id: int | None
    verified_by: str | None
    occurrence_title: str | None
    occurrence_title_zh: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingEvent:
    """One thing that happened to a finding.

    Args:
        person_id: None: Davy itself.
    """

    at: datetime
    event: str
    person_id: int | None
    who: str | None
    from_state: str | None
    to_state: str
    note: str
    old: dict[str, Any] | None
    new: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoLine:
    """A photo without its bytes."""

    photo_id: int
    at: datetime
    who: str | None
    shows: str
    width: int
    height: int


def open_findings(connection: Connection[Any], now: datetime) -> list[FindingLine]:
    """All that are not closed, the most urgent first: overdue, major, then the nearest deadline."""
    with connection.cursor(row_factory=class_row(FindingLine)) as cursor:
        return cursor.execute(
            """
            SELECT f.finding_id, f.title, f.title_zh, f.grade, f.graded, f.state, f.source, f.occurrence_id, f.reported_at, f.due_at,
                   f.claimed_at, f.closed_at, f.reopened, f.simulated, f.owner, f.photos, f.zone, f.zone_zh, f.site, f.site_zh,
                   f.time_zone, f.company, f.company_zh
            FROM v_finding f
            WHERE f.state <> 'closed'
            ORDER BY coalesce(f.due_at, CASE f.grade WHEN 'major' THEN f.reported_at + %(put_in_hand)s::interval END) < %(now)s IS TRUE DESC,
                     f.grade = 'major' DESC, f.due_at NULLS FIRST, f.finding_id
            LIMIT %(most)s
            """,
            {"now": now, "most": MOST_OPEN, "put_in_hand": put_in_hand()},
        ).fetchall()


def closed_findings(connection: Connection[Any], most: int = MOST_CLOSED) -> list[FindingLine]:
    """The newest closed first."""
    with connection.cursor(row_factory=class_row(FindingLine)) as cursor:
        return cursor.execute(
            """
            SELECT f.finding_id, f.title, f.title_zh, f.grade, f.graded, f.state, f.source, f.occurrence_id, f.reported_at, f.due_at,
                   f.claimed_at, f.closed_at, f.reopened, f.simulated, f.owner, f.photos, f.zone, f.zone_zh, f.site, f.site_zh,
                   f.time_zone, f.company, f.company_zh
            FROM v_finding f
            WHERE f.state = 'closed'
            ORDER BY f.closed_at DESC, f.finding_id DESC LIMIT %s
            """,
            (most,),
        ).fetchall()


def find_finding(connection: Connection[Any], finding_id: int) -> Finding | None:
    """None where there is none, or none that the principal may see: nobody learns which."""
    with connection.cursor(row_factory=class_row(Finding)) as cursor:
        return cursor.execute(
            """
            SELECT f.finding_id, f.title, f.title_zh, f.grade, f.graded, f.state, f.source, f.occurrence_id, f.reported_at, f.due_at,
                   f.claimed_at, f.closed_at, f.reopened, f.simulated, f.owner, f.photos, f.zone, f.zone_zh, f.site, f.site_zh,
                   f.time_zone, f.company, f.company_zh,
                   f.company_id, f.site_id, f.zone_id, f.sensor_id, f.description, f.owner_id, f.measures, f.funds, f.contingency,
                   reporter.name AS reported_by, grader.name AS graded_by, claimer.name AS claimed_by,
                   f.claimed_by AS claimed_by_id, verifier.name AS verified_by,
                   d.title AS occurrence_title, d.title_zh AS occurrence_title_zh
            FROM v_finding f
            LEFT JOIN person reporter ON reporter.person_id = f.reported_by
            LEFT JOIN person grader ON grader.person_id = f.graded_by
            LEFT JOIN person claimer ON claimer.person_id = f.claimed_by
            LEFT JOIN person verifier ON verifier.person_id = f.verified_by
            LEFT JOIN LATERAL (SELECT definition_id FROM v_occurrence WHERE occurrence_id = f.occurrence_id LIMIT 1) o ON true
            LEFT JOIN alarm_definition d ON d.definition_id = o.definition_id
            WHERE f.finding_id = %s
            """,
            (finding_id,),
        ).fetchone()


def events_of(connection: Connection[Any], finding_id: int) -> list[FindingEvent]:
    """All that happened to it, the newest first."""
    with connection.cursor(row_factory=class_row(FindingEvent)) as cursor:
        return cursor.execute(
            """
            SELECT e.at, e.event, e.person_id, p.name AS who, e.from_state, e.to_state, e.note, e.old, e.new
            FROM finding_event e LEFT JOIN person p USING (person_id)
            WHERE e.finding_id = %s ORDER BY e.event_id DESC LIMIT 500
            """,
            (finding_id,),
        ).fetchall()


def photos_of(connection: Connection[Any], finding_id: int) -> list[PhotoLine]:
    """Its photos, the oldest first."""
    with connection.cursor(row_factory=class_row(PhotoLine)) as cursor:
        return cursor.execute(
            """
            SELECT photo_id, at, p.name AS who, shows, width, height
            FROM finding_photo LEFT JOIN person p USING (person_id) WHERE finding_id = %s ORDER BY photo_id
            """,
            (finding_id,),
        ).fetchall()


def jpeg_of(connection: Connection[Any], finding_id: int, photo_id: int) -> bytes | None:
    """The bytes of one photo."""
    row = connection.execute(
        "SELECT jpeg FROM finding_photo WHERE finding_id = %s AND photo_id = %s", (finding_id, photo_id)
    ).fetchone()
    return bytes(row[0]) if row else None


@dataclass(frozen=True, slots=True)
class OfOccurrence:
    """A finding as the page of its occurrence names it."""

    finding_id: int
    title: str
    title_zh: str
    grade: str
    graded: bool
    state: str
    reported_at: datetime
    due_at: datetime | None


def of_occurrence(connection: Connection[Any], occurrence_id: int) -> list[OfOccurrence]:
    """Findings that were opened from it."""
    with connection.cursor(row_factory=class_row(OfOccurrence)) as cursor:
        return cursor.execute(
            """
            SELECT finding_id, title, title_zh, grade, graded, state, reported_at, due_at FROM v_finding WHERE occurrence_id = %s ORDER BY finding_id
            """,
            (occurrence_id,),
        ).fetchall()


@dataclass(frozen=True, slots=True)
class Origin:
    """What a finding takes over from the occurrence it is opened from."""

    site_id: int
    zone_id: int | None
    title: str
    title_zh: str
    priority: str


def origin(connection: Connection[Any], occurrence_id: int) -> Origin | None:
    """Where it happened and what it is called; None where there is none to see."""
    with connection.cursor(row_factory=class_row(Origin)) as cursor:
        return cursor.execute(
            """
            SELECT o.site_id, s.zone_id, left(d.title, 200) AS title, left(d.title_zh, 200) AS title_zh, d.priority
            FROM v_occurrence o JOIN alarm_definition d USING (definition_id) JOIN sensor s ON s.sensor_id = o.sensor_id
            WHERE o.occurrence_id = %s
            """,
            (occurrence_id,),
        ).fetchone()
