"""Routes as pages show them: those of a site, every version one has had, and what was proposed and is not in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteLine:
    """A route of a site.

    Args:
        priorities, hears: what it carries.
        calls: how many calls it makes if nobody acknowledges, a duty position counted once.
        lasts_s: when the last of them is made.
        proposed: a change of it waits for somebody.
    """

    route_id: int
    company_id: int
    key: str
    audience: str
    priorities: list[str]
    hears: list[str]
    calls: int
    lasts_s: float
    proposed: bool
    site_key: str
    site: str
    site_zh: str
    company: str
    company_zh: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class RouteVersion:
    """What its steps became at some time; steps as the journal tells them."""

    at: datetime
    action: str
    old: list[str]
    new: list[str]
    who: str | None
    settler: str | None
    actor: str
    by_file: bool
    reason: str
    answer: str | None


@dataclass(frozen=True, slots=True)
class RouteProposal:
    """A change that is not in force."""

    change_id: int
    old: list[dict[str, Any]]
    proposed: list[dict[str, Any]]
    reason: str
    proposed_by: int
    who: str | None
    proposed_at: datetime
    state: str
    settler: str | None
    settled_at: datetime | None
    answer: str | None


def list_routes(connection: Connection[Any], site: str | None = None, route_id: int | None = None) -> list[RouteLine]:
    """The routes that the principal sees: of one site, or one of them; the client's first."""
    with connection.cursor(row_factory=class_row(RouteLine)) as cursor:
        return cursor.execute(
            """
            SELECT r.route_id, r.company_id, r.key, r.audience, r.priorities, r.hears, count(s.route_id)::int AS calls,
                   coalesce(max(s.after_s), 0) AS lasts_s,
                   EXISTS (SELECT FROM route_change l WHERE l.route_id = r.route_id AND l.state = 'proposed') AS proposed,
                   t.key AS site_key, t.name AS site, t.name_zh AS site_zh, c.name AS company, c.name_zh AS company_zh, t.time_zone
            FROM route r JOIN site t USING (site_id) JOIN company c ON c.company_id = r.company_id LEFT JOIN route_step s USING (route_id)
            WHERE (%(site)s::text IS NULL OR t.key = %(site)s) AND (%(route)s::int IS NULL OR r.route_id = %(route)s)
            GROUP BY r.route_id, t.site_id, c.company_id ORDER BY c.company_id, t.site_id, r.audience, r.route_id
            """,
            {"site": site, "route": route_id},
        ).fetchall()


def versions_of(connection: Connection[Any], line: RouteLine) -> list[RouteVersion]:
    """What its steps became and when, the newest first."""
    with connection.cursor(row_factory=class_row(RouteVersion)) as cursor:
        return cursor.execute(
            """
            SELECT j.at, j.action, ARRAY(SELECT jsonb_array_elements_text(coalesce(j.old -> 'steps', '[]'))) AS old,
                   ARRAY(SELECT jsonb_array_elements_text(coalesce(j.new -> 'steps', '[]'))) AS new,
                   p.name AS who, q.name AS settler, j.actor, coalesce(l.by_file, true) AS by_file, j.reason, l.answer
            FROM journal j LEFT JOIN route_change l USING (journal_id) LEFT JOIN person p ON p.person_id = l.proposed_by
            LEFT JOIN person q ON q.person_id = l.settled_by AND l.settled_by <> l.proposed_by
            WHERE j.subject = %s AND j.company_id = %s AND j.action IN ('route_added', 'route_changed')
            ORDER BY j.journal_id DESC LIMIT 50
            """,
            (f"route {line.site_key}/{line.key}", line.company_id),
        ).fetchall()


def proposals_of(connection: Connection[Any], route_id: int) -> list[RouteProposal]:
    """What was proposed and is not in force: the open one first, then those refused or withdrawn, the newest first."""
    with connection.cursor(row_factory=class_row(RouteProposal)) as cursor:
        return cursor.execute(
            """
            SELECT l.change_id, l.old, l.proposed, l.reason, l.proposed_by, p.name AS who, l.proposed_at, l.state, q.name AS settler,
                   l.settled_at, l.answer
            FROM route_change l LEFT JOIN person p ON p.person_id = l.proposed_by LEFT JOIN person q ON q.person_id = l.settled_by
            WHERE l.route_id = %s AND l.state <> 'applied' ORDER BY l.state <> 'proposed', l.change_id DESC LIMIT 50
            """,
            (route_id,),
        ).fetchall()


def names_by_key(connection: Connection[Any], line: RouteLine) -> dict[str, tuple[str, str]]:
    """What people and duty positions of a route are called, by how the journal names them: (English, Chinese)."""
    rows = connection.execute(
        """
        SELECT p.key, p.name, p.name FROM person p WHERE p.company_id = %(company)s OR p.company_id IS NULL
        UNION ALL
        SELECT 'roster ' || r.key, r.name, r.name_zh FROM roster r JOIN site t USING (site_id) WHERE t.key = %(site)s
        """,
        {"company": line.company_id, "site": line.site_key},
    ).fetchall()
    return {str(key): (str(name), str(name_zh)) for key, name, name_zh in rows}
