"""Sites, duty positions and exercises, as the page of readiness reads them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

MOST = 30  # exercises of a site on the page


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteLine:
    """A site at which people may be tried."""

    site_id: int
    key: str
    site: str
    site_zh: str
    company: str
    company_zh: str
    time_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionLine:
    """A duty position of a site.

    Args:
        roll_calls: how often in 30 days it is called without warning.
    """

    roster_id: int
    site_id: int
    key: str
    name: str
    name_zh: str
    audience: str
    time_zone: str
    roll_calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitLine:
    """A limit whose alarm an exercise may try."""

    site_id: int
    key: str
    title: str
    title_zh: str
    sensor: str
    sensor_zh: str
    priority: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExerciseLine:
    """An exercise or roll call; names only for the client's people.

    Args:
        title: of the limit that it tries; None: of none by name.
        called: who was on duty.
        on_wire: it began with a reading, published, taken by the broker, and stored with its alarm raised, at these instants.
    """

    exercise_id: int
    site_id: int
    kind: str
    priority: str
    title: str | None
    title_zh: str | None
    position: str | None
    position_zh: str | None
    asked_at: datetime
    asked_by: str | None
    why: str | None
    lasts_s: float
    began_at: datetime | None
    occurrence_id: int | None
    called: str | None
    answered_at: datetime | None
    answered_by: str | None
    stop_asked_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    on_wire: bool
    published_at: datetime | None
    taken_at: datetime | None
    raised_at: datetime | None
    delivered_at: datetime | None

    @property
    def legs(self) -> tuple[float | None, float | None, float | None]:
        """Seconds from its being published to broker, alarm and receipt; None: it has not come."""
        began, ends = self.published_at, (self.taken_at, self.raised_at, self.delivered_at)
        broker, alarm, receipt = (None if began is None or at is None else (at - began).total_seconds() for at in ends)
        return broker, alarm, receipt


def sites(connection: Connection[Any]) -> list[SiteLine]:
    """All that the principal may see, by company and key."""
    with connection.cursor(row_factory=class_row(SiteLine)) as cursor:
        return cursor.execute(
            """
            SELECT s.site_id, s.key, s.name AS site, s.name_zh AS site_zh, c.name AS company, c.name_zh AS company_zh, s.time_zone
            FROM site s JOIN company c USING (company_id) ORDER BY c.key, s.key
            """
        ).fetchall()


def positions(connection: Connection[Any]) -> list[PositionLine]:
    """All that hold, the client's first."""
    with connection.cursor(row_factory=class_row(PositionLine)) as cursor:
        return cursor.execute(
            """
            SELECT roster_id, site_id, key, name, name_zh, audience, time_zone, roll_calls FROM roster
            WHERE retired_at IS NULL ORDER BY site_id, audience, roster_id
            """
        ).fetchall()


def limits(connection: Connection[Any]) -> list[LimitLine]:
    """Those of life safety and high priority that hold, the gravest first."""
    with connection.cursor(row_factory=class_row(LimitLine)) as cursor:
        return cursor.execute(
            """
            SELECT d.site_id, d.key, d.title, d.title_zh, s.name AS sensor, s.name_zh AS sensor_zh, d.priority
            FROM alarm_definition d JOIN sensor s USING (sensor_id)
            WHERE d.role = 'alarm' AND d.retired_at IS NULL AND s.retired_at IS NULL AND d.priority IN ('life-safety', 'high') AND NOT s.is_virtual
            ORDER BY d.site_id, d.priority <> 'life-safety', d.key
            """
        ).fetchall()


def exercises(connection: Connection[Any], site_id: int | None = None) -> list[ExerciseLine]:
    """Those of each site, or of one, the newest first; the daily delivery tests are not among them."""
    with connection.cursor(row_factory=class_row(ExerciseLine)) as cursor:
        return cursor.execute(
            """
            SELECT e.exercise_id, e.site_id, e.kind, e.priority, d.title, d.title_zh, r.name AS position, r.name_zh AS position_zh, e.asked_at,
                   a.name AS asked_by, e.why, e.lasts_s, e.began_at, e.occurrence_id, c.name AS called, e.answered_at, p.name AS answered_by,
                   e.stop_asked_at, e.ended_at, e.outcome, e.on_wire, e.published_at, e.taken_at, e.raised_at, e.delivered_at
            FROM site s CROSS JOIN LATERAL (
                SELECT * FROM v_exercise WHERE site_id = s.site_id AND kind <> 'delivery' ORDER BY asked_at DESC, exercise_id DESC LIMIT %(most)s
            ) e
            LEFT JOIN alarm_definition d ON d.definition_id = e.as_definition_id
            LEFT JOIN roster r ON r.roster_id = e.roster_id
            LEFT JOIN person a ON a.person_id = e.asked_by
            LEFT JOIN person c ON c.person_id = e.called_id
            LEFT JOIN person p ON p.person_id = e.answered_by
            WHERE %(site)s::int IS NULL OR s.site_id = %(site)s
            ORDER BY e.asked_at DESC, e.exercise_id DESC
            """,
            {"site": site_id, "most": MOST},
        ).fetchall()


def exercise_of(connection: Connection[Any], occurrence_id: int) -> ExerciseLine | None:
    """The exercise, roll call or delivery test that an occurrence belongs to."""
    with connection.cursor(row_factory=class_row(ExerciseLine)) as cursor:
        return cursor.execute(
            """
            SELECT e.exercise_id, e.site_id, e.kind, e.priority, d.title, d.title_zh, r.name AS position, r.name_zh AS position_zh, e.asked_at,
                   a.name AS asked_by, e.why, e.lasts_s, e.began_at, e.occurrence_id, c.name AS called, e.answered_at, p.name AS answered_by,
                   e.stop_asked_at, e.ended_at, e.outcome, e.on_wire, e.published_at, e.taken_at, e.raised_at, e.delivered_at
            FROM v_exercise e
            LEFT JOIN alarm_definition d ON d.definition_id = e.as_definition_id
            LEFT JOIN roster r ON r.roster_id = e.roster_id
            LEFT JOIN person a ON a.person_id = e.asked_by
            LEFT JOIN person c ON c.person_id = e.called_id
            LEFT JOIN person p ON p.person_id = e.answered_by
            WHERE e.occurrence_id = %s ORDER BY e.asked_at DESC, e.exercise_id DESC LIMIT 1
            """,
            (occurrence_id,),
        ).fetchone()
