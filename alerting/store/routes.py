"""Routes between page and site file: as they stand, changes of their steps, and the owner's functions that alone write them (0031)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from alerting.routing import Route, RouteStep
from alerting.store.definitions import load_routes, weak_of
from alerting.store.roster_file import read_rosters
from alerting.store.rosters import load_preferences, load_rosters
from core.portfolio import AddressRow, PersonRow, Portfolio, RouteRow, Step


@dataclass(frozen=True, slots=True)
class RouteInForce:
    """A route and whose it is."""

    route_id: int
    company_id: int
    site_id: int
    row: RouteRow


@dataclass(frozen=True, slots=True)
class OpenRouteChange:
    """A proposal that nobody has settled."""

    change_id: int
    company_id: int
    route_id: int
    old: list[dict[str, Any]]
    proposed: list[dict[str, Any]]
    proposed_by: int


@dataclass(frozen=True, slots=True)
class PageChange:
    """A change of a route that was applied on its page.

    Args:
        steps: as the journal tells them.
        who: its proposer's name.
    """

    site: str
    key: str
    steps: list[str]
    reason: str
    who: str
    at: datetime


def route_in_force(connection: Connection[Any], route_id: int) -> RouteInForce | None:
    """The route, where the principal may see it."""
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(
            """
            SELECT r.route_id, r.company_id, r.site_id, c.key AS company, t.key AS site, r.key, r.audience, r.priorities, r.hears,
                   davy_route_steps(r.route_id) AS steps
            FROM route r JOIN site t USING (site_id) JOIN company c ON c.company_id = r.company_id WHERE r.route_id = %s
            """,
            (route_id,),
        ).fetchone()
    if found is None:
        return None
    row = RouteRow(
        company=found["company"],
        site=found["site"],
        key=found["key"],
        audience=found["audience"],
        priorities=tuple(found["priorities"]),
        hears=tuple(found["hears"]),
        steps=steps_of(found["steps"]),
    )
    return RouteInForce(found["route_id"], found["company_id"], found["site_id"], row)


def steps_of(kept: Iterable[dict[str, Any]]) -> tuple[Step, ...]:
    """Steps as a change has them."""
    return tuple(
        Step(
            position=each["position"],
            after_s=float(each["after_s"]),
            person=each["person"],
            channel=each["channel"],
            roster=each["roster"],
        )
        for each in kept
    )


def kept_steps(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """The same as they are kept in a change."""
    return [{name: value for name, value in asdict(step).items() if name != "line"} for step in steps]


def side(connection: Connection[Any], found: RouteInForce) -> Portfolio:
    """Whom a route of the client may name: the company's own people, with which channels reach them, and the duty positions of its site.

    Addresses stand without what they say.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        people = cursor.execute(
            "SELECT key, name, role, language, active FROM person WHERE company_id = %s ORDER BY name, person_id",
            (found.company_id,),
        ).fetchall()
        ways = cursor.execute(
            """
            SELECT p.key AS person, v.channel FROM v_reachable v JOIN person p USING (person_id)
            WHERE p.company_id = %s AND NOT v.dead ORDER BY p.person_id, v.channel
            """,
            (found.company_id,),
        ).fetchall()
    company, site = found.row.company, found.row.site
    return Portfolio(
        people=[PersonRow(company=company, **row) for row in people],
        addresses=[AddressRow(company=company, address="", **row) for row in ways],
        rosters=[each for each in read_rosters(connection) if each.site == site],
        routes=[found.row],
    )


def open_change(connection: Connection[Any], route_id: int) -> OpenRouteChange | None:
    """The proposal that waits for somebody, of which a route has one at most."""
    with connection.cursor(row_factory=class_row(OpenRouteChange)) as cursor:
        return cursor.execute(
            "SELECT change_id, company_id, route_id, old, proposed, proposed_by FROM route_change WHERE route_id = %s AND state = 'proposed'",
            (route_id,),
        ).fetchone()


def take_turns(connection: Connection[Any], route_id: int) -> None:
    """Until the transaction ends nobody else proposes a change of this route."""
    connection.execute("SELECT pg_advisory_xact_lock(7251131, %s)", (route_id,))


def insert_change(
    connection: Connection[Any],
    found: RouteInForce,
    steps: Sequence[Step],
    *,
    reason: str,
    person_id: int,
    now: datetime,
) -> int:
    """Writes a proposal down; gives its id."""
    row = connection.execute(
        """
        INSERT INTO route_change (company_id, site_id, route_id, old, proposed, reason, proposed_by, proposed_at)
        VALUES (%s, %s, %s, davy_route_steps(%s), %s, %s, %s, %s) RETURNING change_id
        """,
        (
            found.company_id,
            found.site_id,
            found.route_id,
            found.route_id,
            Jsonb(kept_steps(steps)),
            reason,
            person_id,
            now,
        ),
    ).fetchone()
    assert row is not None
    return int(row[0])


def apply_change(connection: Connection[Any], change_id: int, *, words: str, now: datetime) -> bool:
    """Puts a proposal in force; False where the route is another by now."""
    row = connection.execute("SELECT davy_route_apply(%s, %s, %s)", (change_id, words, now)).fetchone()
    return row is not None and row[0] is not None


def settle_change(connection: Connection[Any], change_id: int, *, words: str, now: datetime) -> bool:
    """Withdrawn by its proposer, refused by anybody else; False where it is settled already."""
    row = connection.execute("SELECT davy_route_settle(%s, %s, %s)", (change_id, words, now)).fetchone()
    return row is not None and bool(row[0])


def routes_with(connection: Connection[Any], found: RouteInForce, steps: Sequence[Step], now: datetime) -> list[Route]:
    """The routes of the site as calls are planned by them, one with other steps: for asking beforehand."""
    routes = load_routes(connection, [found.site_id], now).get(found.site_id, [])
    people = _ids(connection, "person", found, {step.person for step in steps})
    positions = _ids(connection, "roster", found, {step.roster for step in steps})
    rosters = load_rosters(connection, set(positions.values()), now)
    route = Route(
        found.row.key,
        found.row.audience,
        frozenset(),
        [
            RouteStep(each.position, each.after_s, people.get(each.person), each.channel, positions.get(each.roster))
            for each in steps
        ],
        frozenset(found.row.hears),
        rosters,
    )
    was = next((each for each in routes if each.key == found.row.key), None)
    if was is not None:
        route = replace(route, priorities=was.priorities)
    route.weak.update({each: hours for each, hours in weak_of(connection, rosters, now).items() if hours is not None})
    route.people.update(load_preferences(connection, sorted(route.everybody())))
    return [*(each for each in routes if each.key != found.row.key), route]


def _ids(connection: Connection[Any], kind: str, found: RouteInForce, keys: set[str]) -> dict[str, int]:
    if kind == "person":
        rows = connection.execute(
            "SELECT key, person_id FROM person WHERE company_id = %s AND key = ANY(%s)", (found.company_id, list(keys))
        )
    else:
        rows = connection.execute(
            "SELECT key, roster_id FROM roster WHERE site_id = %s AND key = ANY(%s)", (found.site_id, list(keys))
        )
    return {str(key): int(number) for key, number in rows.fetchall()}


def page_changes(connection: Connection[Any], rows: Sequence[RouteRow]) -> list[PageChange]:
    """What was applied on the page to these routes, oldest first."""
    with connection.cursor(row_factory=class_row(PageChange)) as cursor:
        return cursor.execute(
            """
            SELECT t.key AS site, r.key, ARRAY(SELECT jsonb_array_elements_text(j.new -> 'steps')) AS steps, l.reason, p.name AS who,
                   l.settled_at AS at
            FROM route_change l JOIN route r USING (route_id) JOIN site t ON t.site_id = r.site_id JOIN journal j USING (journal_id)
            JOIN person p ON p.person_id = l.proposed_by
            JOIN unnest(%s::text[], %s::text[]) AS asked (site, key) ON asked.site = t.key AND asked.key = r.key
            WHERE l.state = 'applied' AND NOT l.by_file ORDER BY l.journal_id
            """,
            ([row.site for row in rows], [row.key for row in rows]),
        ).fetchall()


def record_answered(
    connection: Connection[Any],
    changes: Iterable[tuple[RouteRow, Sequence[Step]]],
    *,
    proposer: str,
    approver: str,
    reason: str,
    now: datetime,
) -> None:
    """Writes down beside the journal's entries of an import which two people answer for them.

    Args:
        changes: the route as the file has it, and its steps as they were.
        proposer, approver: keys of people.
    """
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO route_change (company_id, site_id, route_id, old, proposed, reason, proposed_by, proposed_at, state, settled_by,
                                      settled_at, by_file, journal_id)
            SELECT r.company_id, r.site_id, r.route_id, %(old)s, %(new)s, left(%(reason)s, 1000),
                   (SELECT person_id FROM person WHERE key = %(proposer)s), %(now)s, 'applied',
                   (SELECT person_id FROM person WHERE key = %(approver)s), %(now)s, true,
                   (SELECT max(journal_id) FROM journal j WHERE j.subject = %(subject)s)
            FROM route r JOIN site t USING (site_id) WHERE t.key = %(site)s AND r.key = %(key)s
            """,
            [
                {
                    "old": Jsonb(kept_steps(old)),
                    "new": Jsonb(kept_steps(row.steps)),
                    "reason": reason,
                    "proposer": proposer,
                    "approver": approver,
                    "subject": row.subject,
                    "site": row.site,
                    "key": row.key,
                    "now": now,
                }
                for row, old in changes
            ],
        )
