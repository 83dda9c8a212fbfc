"""What a site file says of alarms: limits, routes, addresses. Read and written by its import, as the owner."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row, kwargs_row
from psycopg.types.json import Jsonb

from core.model import Priority
from core.portfolio import AddressRow, DefinitionRow, RouteRow, Step


def read_addresses(connection: Connection[Any], *, for_change: bool = False) -> list[AddressRow]:
    """All addresses of all people, as they are kept.

    Args:
        for_change: nobody else changes one until the transaction ends.
    """
    if for_change:
        connection.execute("LOCK TABLE channel_address IN SHARE ROW EXCLUSIVE MODE")
    with connection.cursor(row_factory=kwargs_row(AddressRow)) as cursor:
        return cursor.execute(
            """
            SELECT c.key AS company, p.key AS person, a.channel, a.address, a.secret_ref
            FROM channel_address a JOIN person p USING (person_id) LEFT JOIN company c ON c.company_id = p.company_id
            ORDER BY p.person_id, a.channel
            """
        ).fetchall()


def read_dead(connection: Connection[Any]) -> set[tuple[str, str]]:
    """Addresses at which nothing arrives any more, as (key of the person, channel)."""
    rows = connection.execute(
        "SELECT p.key, a.channel FROM channel_address a JOIN person p USING (person_id) WHERE a.dead_at IS NOT NULL"
    ).fetchall()
    return {(str(person), str(channel)) for person, channel in rows}


def read_definitions(connection: Connection[Any]) -> list[DefinitionRow]:
    """All definitions, retired ones too."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """
            SELECT c.key AS company, t.key AS site, v.key AS device, s.key AS sensor, w.key || '/' || o.key AS other, d.key, d.detector, d.parameters,
                   d.direction, d.setpoint, d.deadband, d.on_delay_s, d.off_delay_s, d.votes, d.votes_of, d.priority, d.latch, d.realarm_after_s,
                   d.title, d.title_zh, d.consequence, d.consequence_zh, d.response, d.response_zh, d.respond_within_s,
                   d.standard, d.edition, d.clause, d.verified_by, d.verified_on, d.role, d.retired_at IS NOT NULL AS retired
            FROM alarm_definition d JOIN sensor s USING (sensor_id) JOIN device v USING (device_id)
            JOIN site t ON t.site_id = d.site_id JOIN company c ON c.company_id = d.company_id
            LEFT JOIN sensor o ON o.sensor_id = d.other_sensor_id LEFT JOIN device w ON w.device_id = o.device_id
            WHERE s.judged AND NOT starts_with(v.key, '_test.') -- the others Davy makes when they are first wanted
            ORDER BY d.definition_id
            """
        ).fetchall()
    return [DefinitionRow(**{**row, "priority": Priority(row["priority"])}) for row in rows]


def read_routes(connection: Connection[Any]) -> list[RouteRow]:
    """All routes with their steps."""
    with connection.cursor(row_factory=dict_row) as cursor:
        steps = cursor.execute(
            """
            SELECT s.route_id, s.position, s.after_s, coalesce(p.key, '') AS person, s.channel, coalesce(r.key, '') AS roster
            FROM route_step s LEFT JOIN person p USING (person_id) LEFT JOIN roster r ON r.roster_id = s.roster_id
            ORDER BY s.route_id, s.position, coalesce(p.key, '') COLLATE "C", coalesce(r.key, '') COLLATE "C", s.channel COLLATE "C"
            """
        ).fetchall()
        routes = cursor.execute(
            """
            SELECT r.route_id, c.key AS company, t.key AS site, r.key, r.audience, r.priorities, r.hears
            FROM route r JOIN site t USING (site_id) JOIN company c ON c.company_id = r.company_id
            ORDER BY r.route_id
            """
        ).fetchall()
    of: dict[int, list[Step]] = {}
    for step in steps:
        of.setdefault(step.pop("route_id"), []).append(Step(**step))
    found = []
    for route in routes:
        taken = tuple(of.get(route.pop("route_id"), ()))
        listed = {"priorities": tuple(route["priorities"]), "hears": tuple(route["hears"])}
        found.append(RouteRow(**{**route, **listed, "steps": taken}))
    return found


def write_addresses(connection: Connection[Any], rows: Iterable[AddressRow]) -> None:
    """Inserts or changes addresses; one that was dead lives again."""
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO channel_address (person_id, company_id, channel, address, secret_ref)
            SELECT person_id, company_id, %(channel)s, %(address)s, %(secret_ref)s FROM person WHERE key = %(person)s
            ON CONFLICT (person_id, channel) DO UPDATE SET address = excluded.address, secret_ref = excluded.secret_ref,
                dead_at = NULL, dead_why = NULL
            """,
            [row.columns() for row in rows],
        )


def keep_sealed(connection: Connection[Any], row: AddressRow, sealed: str) -> None:
    """Keeps the same address in another form; one that is dead stays dead."""
    connection.execute(
        """
        UPDATE channel_address a SET address = %s FROM person p
        WHERE p.key = %s AND a.person_id = p.person_id AND a.channel = %s
        """,
        (sealed, row.person, row.channel),
    )


def revive_address(connection: Connection[Any], person: str, channel: str) -> bool:
    """Lets the address of a person live again as it is; False where they have no dead one of that channel."""
    return (
        connection.execute(
            """
            UPDATE channel_address a SET dead_at = NULL, dead_why = NULL FROM person p
            WHERE p.key = %s AND a.person_id = p.person_id AND a.channel = %s AND a.dead_at IS NOT NULL
            """,
            (person, channel),
        ).rowcount
        == 1
    )


def remove_addresses(connection: Connection[Any], rows: Iterable[AddressRow]) -> None:
    """Removes addresses their person no longer has."""
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            DELETE FROM channel_address a USING person p
            WHERE p.key = %(person)s AND a.person_id = p.person_id AND a.channel = %(channel)s
            """,
            [row.columns() for row in rows],
        )


def write_definitions(connection: Connection[Any], rows: Iterable[tuple[DefinitionRow, bool]], now: datetime) -> None:
    """Inserts or changes definitions.

    Args:
        rows: with whether the number is judged differently from now on: then the version rises by one.
    """
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO alarm_definition AS d (
                company_id, site_id, sensor_id, other_sensor_id, key, detector, parameters, direction, setpoint, deadband, on_delay_s,
                off_delay_s, votes, votes_of, priority, latch, realarm_after_s, title, title_zh, consequence, consequence_zh, response,
                response_zh, respond_within_s, standard, edition, clause, verified_by, verified_on, role, valid_from, retired_at)
            SELECT s.company_id, s.site_id, s.sensor_id,
                (SELECT o.sensor_id FROM sensor o JOIN device w USING (device_id) WHERE o.site_id = s.site_id
                    AND w.key = split_part(%(other)s, '/', 1) AND o.key = split_part(%(other)s, '/', 2)),
                %(key)s, %(detector)s, %(parameters)s, %(direction)s,
                %(setpoint)s, %(deadband)s, %(on_delay_s)s, %(off_delay_s)s, %(votes)s, %(votes_of)s, %(priority)s, %(latch)s,
                %(realarm_after_s)s, %(title)s,
                %(title_zh)s, %(consequence)s, %(consequence_zh)s, %(response)s, %(response_zh)s, %(respond_within_s)s,
                %(standard)s, %(edition)s, %(clause)s, %(verified_by)s, %(verified_on)s, %(role)s, %(now)s,
                CASE WHEN %(retired)s THEN %(now)s::timestamptz END
            FROM sensor s JOIN device v USING (device_id) WHERE v.key = %(device)s AND s.key = %(sensor)s
            ON CONFLICT (site_id, key) DO UPDATE SET
                other_sensor_id = excluded.other_sensor_id, detector = excluded.detector, parameters = excluded.parameters, direction = excluded.direction,
                setpoint = excluded.setpoint, deadband = excluded.deadband, on_delay_s = excluded.on_delay_s,
                off_delay_s = excluded.off_delay_s, votes = excluded.votes, votes_of = excluded.votes_of,
                priority = excluded.priority, latch = excluded.latch, realarm_after_s = excluded.realarm_after_s,
                title = excluded.title, title_zh = excluded.title_zh,
                consequence = excluded.consequence, consequence_zh = excluded.consequence_zh,
                response = excluded.response, response_zh = excluded.response_zh,
                respond_within_s = excluded.respond_within_s, standard = excluded.standard, edition = excluded.edition,
                clause = excluded.clause, verified_by = excluded.verified_by, verified_on = excluded.verified_on,
                version = d.version + %(risen)s,
                valid_from = CASE WHEN %(risen)s > 0 THEN excluded.valid_from ELSE d.valid_from END,
                retired_at = CASE WHEN %(retired)s THEN coalesce(d.retired_at, %(now)s) END
            """,
            [
                {
                    **row.columns(),
                    "parameters": Jsonb(dict(row.parameters)),
                    "priority": row.priority.value,
                    "risen": int(new_version),
                    "now": now,
                }
                for row, new_version in rows
            ],
        )


def write_routes(connection: Connection[Any], rows: Iterable[RouteRow]) -> None:
    """Inserts or changes routes; their steps are replaced whole."""
    rows = list(rows)
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO route (company_id, site_id, key, audience, priorities, hears)
            SELECT company_id, site_id, %(key)s, %(audience)s, %(priorities)s, %(hears)s FROM site WHERE key = %(site)s
            ON CONFLICT (site_id, key) DO UPDATE SET audience = excluded.audience, priorities = excluded.priorities,
                hears = excluded.hears
            """,
            [
                {**row.columns(), "priorities": list(row.priorities), "hears": list(row.hears), "steps": None}
                for row in rows
            ],
        )
        cursor.executemany(
            """
            DELETE FROM route_step t USING route r JOIN site s USING (site_id)
            WHERE s.key = %(site)s AND r.key = %(key)s AND t.route_id = r.route_id
            """,
            [{"site": row.site, "key": row.key} for row in rows],
        )
        cursor.executemany(
            """
            INSERT INTO route_step (route_id, company_id, position, after_s, person_id, roster_id, channel)
            SELECT r.route_id, r.company_id, %(position)s, %(after_s)s, p.person_id, d.roster_id, %(channel)s
            FROM route r JOIN site s USING (site_id) LEFT JOIN person p ON p.key = %(person)s
            LEFT JOIN roster d ON d.site_id = r.site_id AND d.key = %(roster)s
            WHERE s.key = %(site)s AND r.key = %(key)s
            """,
            [
                {
                    "site": row.site,
                    "key": row.key,
                    "position": step.position,
                    "after_s": step.after_s,
                    "person": step.person,
                    "roster": step.roster,
                    "channel": step.channel,
                }
                for row in rows
                for step in row.steps
            ],
        )
