"""Duty positions as the site file says them: read and written by who imports it, as owner."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from core.site_rosters import RosterLayer, RosterRow


def read_rosters(connection: Connection[Any]) -> list[RosterRow]:
    """All duty positions, retired ones too."""
    with connection.cursor(row_factory=dict_row) as cursor:
        layers = cursor.execute(
            """
            SELECT l.roster_id, l.key, l.begins_on, l.hand_over, l.turn_days, l.hours_from, l.hours_until, l.on_holidays,
                   ARRAY(SELECT p.key FROM roster_member m JOIN person p USING (person_id)
                         WHERE m.roster_id = l.roster_id AND m.layer = l.layer ORDER BY m.position) AS people
            FROM roster_layer l ORDER BY l.roster_id, l.layer
            """
        ).fetchall()
        rosters = cursor.execute(
            """
            SELECT r.roster_id, c.key AS company, t.key AS site, r.key, r.name, r.name_zh, r.audience, r.time_zone, r.holidays,
                   r.may_be_empty, r.roll_calls, r.roll_calls_from, r.roll_calls_until, r.retired_at IS NOT NULL AS retired
            FROM roster r JOIN site t USING (site_id) JOIN company c ON c.company_id = r.company_id ORDER BY r.roster_id
            """
        ).fetchall()
    of: dict[int, list[RosterLayer]] = {}
    for row in layers:
        hours = _hours(row.pop("hours_from"), row.pop("hours_until"))
        layers_of = of.setdefault(row.pop("roster_id"), [])
        layers_of.append(RosterLayer(**{**row, "people": tuple(row["people"]), "hours": hours}))
    return [
        RosterRow(
            **{
                **{
                    name: value
                    for name, value in row.items()
                    if name not in ("roster_id", "roll_calls_from", "roll_calls_until")
                },
                "holidays": tuple(row["holidays"]),
                "roll_call_hours": _hours(row["roll_calls_from"], row["roll_calls_until"]),
                "layers": tuple(of.get(row["roster_id"], ())),
            }
        )
        for row in rosters
    ]


def _hours(begins: time | None, ends: time | None) -> tuple[time, time] | None:
    return None if begins is None or ends is None else (begins, ends)


def _told(row: RosterRow, now: datetime) -> dict[str, Any]:
    begins, ends = row.roll_call_hours or (None, None)
    return {
        **row.columns(),
        "holidays": list(row.holidays),
        "layers": None,
        "roll_call_hours": None,
        "roll_calls_from": begins,
        "roll_calls_until": ends,
        "now": now,
        "retired": row.retired,
    }


def write_rosters(connection: Connection[Any], rows: Iterable[RosterRow], now: datetime) -> None:
    """Inserts or changes duty positions; their layers are replaced whole, overrides and notes stay."""
    rows = list(rows)
    told = [_told(row, now) for row in rows]
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO roster AS r (company_id, site_id, key, name, name_zh, audience, time_zone, holidays, may_be_empty,
                                     roll_calls, roll_calls_from, roll_calls_until, retired_at)
            SELECT company_id, site_id, %(key)s, %(name)s, %(name_zh)s, %(audience)s, %(time_zone)s, %(holidays)s, %(may_be_empty)s,
                   %(roll_calls)s, %(roll_calls_from)s::time, %(roll_calls_until)s::time, CASE WHEN %(retired)s THEN %(now)s::timestamptz END
            FROM site WHERE key = %(site)s
            ON CONFLICT (site_id, key) DO UPDATE SET name = excluded.name, name_zh = excluded.name_zh, audience = excluded.audience,
                time_zone = excluded.time_zone, holidays = excluded.holidays, may_be_empty = excluded.may_be_empty,
                roll_calls = excluded.roll_calls, roll_calls_from = excluded.roll_calls_from, roll_calls_until = excluded.roll_calls_until,
                retired_at = CASE WHEN %(retired)s THEN coalesce(r.retired_at, %(now)s) END
            """,
            told,
        )
    write_layers(connection, rows)


def write_layers(connection: Connection[Any], rows: Iterable[RosterRow]) -> None:
    """Replaces the layers of duty positions that are there."""
    rows = list(rows)
    layers = [
        {
            "site": row.site,
            "roster": row.key,
            "layer": number,
            "key": layer.key,
            "begins_on": layer.begins_on,
            "hand_over": layer.hand_over,
            "turn_days": layer.turn_days,
            "hours_from": None if layer.hours is None else layer.hours[0],
            "hours_until": None if layer.hours is None else layer.hours[1],
            "on_holidays": layer.on_holidays,
            "people": list(layer.people),
        }
        for row in rows
        for number, layer in enumerate(row.layers)
    ]
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            DELETE FROM roster_layer l USING roster r JOIN site s USING (site_id)
            WHERE s.key = %(site)s AND r.key = %(key)s AND l.roster_id = r.roster_id
            """,
            [{"site": row.site, "key": row.key} for row in rows],
        )
        cursor.executemany(
            """
            INSERT INTO roster_layer (roster_id, company_id, layer, key, begins_on, hand_over, turn_days, hours_from, hours_until, on_holidays)
            SELECT r.roster_id, r.company_id, %(layer)s, %(key)s, %(begins_on)s, %(hand_over)s, %(turn_days)s, %(hours_from)s,
                   %(hours_until)s, %(on_holidays)s
            FROM roster r JOIN site s USING (site_id) WHERE s.key = %(site)s AND r.key = %(roster)s
            """,
            layers,
        )
        cursor.executemany(
            """
            INSERT INTO roster_member (roster_id, company_id, layer, position, person_id)
            SELECT r.roster_id, r.company_id, %(layer)s, n.position, p.person_id
            FROM roster r JOIN site s USING (site_id) CROSS JOIN unnest(%(people)s::text[]) WITH ORDINALITY AS n(key, position)
            JOIN person p ON p.key = n.key
            WHERE s.key = %(site)s AND r.key = %(roster)s
            """,
            layers,
        )


def change_head(connection: Connection[Any], row: RosterRow) -> bool:
    """The clock, the holidays and whether it may be empty, of a duty position that is there; whether it could be changed."""
    done = connection.execute(
        """
        UPDATE roster SET time_zone = %(time_zone)s, holidays = %(holidays)s, may_be_empty = %(may_be_empty)s
        WHERE key = %(key)s AND retired_at IS NULL AND site_id = (SELECT site_id FROM site WHERE key = %(site)s)
        """,
        {
            "time_zone": row.time_zone,
            "holidays": list(row.holidays),
            "may_be_empty": row.may_be_empty,
            "key": row.key,
            "site": row.site,
        },
    )
    return done.rowcount > 0
