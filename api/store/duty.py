"""Duty positions as pages and programs read them, how the reader wants to be told, and who was told of an occurrence by which rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from alerting.held import with_calm


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterLine:
    """One duty position."""

    roster_id: int
    key: str
    name: str
    name_zh: str
    audience: str
    time_zone: str
    site_id: int
    site_key: str
    site: str
    site_zh: str
    company_id: int
    company: str
    company_zh: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideLine:
    """Somebody takes over; what has been taken back is not among them."""

    override_id: int
    roster_id: int
    person_id: int | None
    begins_at: datetime
    ends_at: datetime
    reason: str
    made_at: datetime
    made_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarLine:
    """The calendar that a duty position follows, and what came of the last look at it."""

    roster_id: int
    host: str
    tried_at: datetime | None
    problem: str | None
    failing_since: datetime | None
    read_at: datetime | None
    remarks: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteLine:
    """What one shift leaves to the next."""

    roster_id: int
    hand_over_at: datetime
    written_at: datetime
    name: str | None
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How a person wants to be told; all empty where they never said."""

    language: str
    urgent: list[str]
    other: list[str]
    time_zone: str | None
    quiet_from: time | None
    quiet_until: time | None
    quiet_high: bool
    in_quiet: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLine:
    """One message about an occurrence, as the books have it.

    Args:
        delivered_at, seen_at, answered_at: how far it has come, see `alerting.receipts`; None: nobody says so.
    """

    notification_id: int
    person_id: int
    name: str | None
    audience: str
    channel: str
    state: str
    step: int
    rule: str
    onset: datetime
    due_at: datetime
    sent_at: datetime | None
    finished_at: datetime | None
    outcome: str | None
    delivered_at: datetime | None
    seen_at: datetime | None
    answered_at: datetime | None
    held_by: str | None
    told_in: str | None

    @property
    def why(self) -> str:
        """The rule, and what calm made of it."""
        return with_calm(self.rule, self.state, self.held_by, self.told_in, self.sent_at)


def list_rosters(connection: Connection[Any], site_key: str | None = None) -> list[RosterLine]:
    """Those of the sites that the visitor may see, or of one; the insurer's desk last, and nothing else for the insurer's people."""
    with connection.cursor(row_factory=class_row(RosterLine)) as cursor:
        return cursor.execute(
            """
            SELECT r.roster_id, r.key, r.name, r.name_zh, r.audience, r.time_zone, s.site_id, s.key AS site_key, s.name AS site,
                   s.name_zh AS site_zh, c.company_id, c.name AS company, c.name_zh AS company_zh
            FROM roster r JOIN site s USING (site_id) JOIN company c ON c.company_id = r.company_id
            WHERE r.retired_at IS NULL AND (%(site)s::text IS NULL OR s.key = %(site)s)
              AND (r.audience = 'insurer' OR (SELECT davy_role()) NOT IN ('underwriter', 'risk_engineer'))
            ORDER BY c.key, s.key, r.audience, r.roster_id
            """,
            {"site": site_key},
        ).fetchall()


def list_overrides(connection: Connection[Any], roster_ids: Sequence[int], now: datetime) -> list[OverrideLine]:
    """Those that hold now or are to come."""
    with connection.cursor(row_factory=class_row(OverrideLine)) as cursor:
        return cursor.execute(
            """
            SELECT o.override_id, o.roster_id, o.person_id, o.begins_at, o.ends_at, o.reason, o.made_at, p.name AS made_by
            FROM roster_override o LEFT JOIN person p ON p.person_id = o.made_by
            WHERE o.roster_id = ANY(%s) AND o.withdrawn_at IS NULL AND o.ends_at > %s ORDER BY o.begins_at, o.override_id
            """,
            (list(roster_ids), now),
        ).fetchall()


def list_calendars(connection: Connection[Any], roster_ids: Sequence[int]) -> list[CalendarLine]:
    """Those that these positions follow."""
    with connection.cursor(row_factory=class_row(CalendarLine)) as cursor:
        return cursor.execute(
            """
            SELECT roster_id, host, tried_at, problem, failing_since, read_at, remarks FROM roster_calendar WHERE roster_id = ANY(%s)
            """,
            (list(roster_ids),),
        ).fetchall()


def list_notes(connection: Connection[Any], roster_ids: Sequence[int], now: datetime) -> list[NoteLine]:
    """Those for shifts that began in the last two days or begin later."""
    with connection.cursor(row_factory=class_row(NoteLine)) as cursor:
        return cursor.execute(
            """
            SELECT n.roster_id, n.hand_over_at, n.written_at, p.name, n.body
            FROM roster_note n LEFT JOIN person p USING (person_id)
            WHERE n.roster_id = ANY(%s) AND n.hand_over_at > %s ORDER BY n.hand_over_at, n.note_id
            """,
            (list(roster_ids), now - timedelta(days=2)),
        ).fetchall()


def find_wishes(connection: Connection[Any], person_id: int) -> Wishes | None:
    """How a person wants to be told."""
    with connection.cursor(row_factory=class_row(Wishes)) as cursor:
        return cursor.execute(
            """
            SELECT p.language, coalesce(f.urgent, '{}') AS urgent, coalesce(f.other, '{}') AS other, f.time_zone, f.quiet_from,
                   f.quiet_until, coalesce(f.quiet_high, false) AS quiet_high, coalesce(f.in_quiet, 'defer') AS in_quiet
            FROM person p LEFT JOIN person_preference f USING (person_id) WHERE p.person_id = %s
            """,
            (person_id,),
        ).fetchone()


def calls_of(connection: Connection[Any], occurrence_id: int) -> list[CallLine]:
    """Every message about an occurrence in the order in which they were or are due."""
    with connection.cursor(row_factory=class_row(CallLine)) as cursor:
        return cursor.execute(
            """
            SELECT v.notification_id, v.person_id, p.name, v.audience, v.channel, v.state, v.step, v.rule, v.onset, v.due_at, v.sent_at,
                   v.finished_at, v.outcome, n.delivered_at, seen.at AS seen_at, answered.at AS answered_at, v.held_by, v.told_in
            FROM v_notification v
            LEFT JOIN person p ON p.person_id = v.person_id
            LEFT JOIN notification n ON n.notification_id = v.notification_id
            LEFT JOIN message_receipt seen ON seen.notification_id = v.notification_id AND seen.stage = 'seen'
            LEFT JOIN message_receipt answered ON answered.notification_id = v.notification_id AND answered.stage = 'answered'
            WHERE v.occurrence_id = %s ORDER BY v.onset, v.due_at, v.step, v.notification_id
            """,
            (occurrence_id,),
        ).fetchall()


def named_by_routes(connection: Connection[Any], definition_id: int, priority: str) -> dict[int, set[int | None]]:
    """Whom the routes of a limit's site can reach -> by which duty positions; None: by name."""
    found = connection.execute(
        """
        SELECT v.person_id, v.roster_id FROM v_route_person v JOIN route r USING (route_id)
        WHERE r.site_id = (SELECT d.site_id FROM alarm_definition d WHERE d.definition_id = %s) AND %s = ANY(r.priorities)
        """,
        (definition_id, priority),
    )
    reached: dict[int, set[int | None]] = {}
    for person_id, roster_id in found.fetchall():
        reached.setdefault(int(person_id), set()).add(roster_id)
    return reached
