"""How a site wants it calm, as the site file says it: read and written by who imports it, as owner."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from core.limit_rule import PRIORITIES
from core.model import Priority
from core.site_calm import CalmRow


def read_calm_rows(connection: Connection[Any]) -> list[CalmRow]:
    """What sites say; those that say nothing have no row."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """
            SELECT c.key AS company, s.key AS site, m.window_s, m.grouped, m.storms, m.storm_begins, m.storm_ends, m.digest_every_s,
                   ARRAY(SELECT ARRAY[d.key, e.key] FROM site_cause k JOIN alarm_definition d ON d.definition_id = k.cause_id
                         JOIN alarm_definition e ON e.definition_id = k.effect_id WHERE k.site_id = m.site_id
                         ORDER BY d.key COLLATE "C", e.key COLLATE "C") AS causes
            FROM site_calm m JOIN site s USING (site_id) JOIN company c ON c.company_id = m.company_id ORDER BY m.site_id
            """
        ).fetchall()
    return [
        CalmRow(
            **{name: row[name] for name in ("company", "site", "window_s", "storms", "storm_begins", "storm_ends", "digest_every_s")},
            one_by_one=tuple(
                each for each in PRIORITIES if each not in row["grouped"] and each != Priority.LIFE_SAFETY.value
            ),
            causes=tuple((cause, effect) for cause, effect in row["causes"]),
        )
        for row in rows
    ]  # fmt: skip


def write_calm_rows(connection: Connection[Any], rows: Iterable[CalmRow]) -> None:
    """Inserts or changes; causes are replaced whole."""
    told = [
        {
            **row.columns(),
            "grouped": row.grouped,
            "causes": [cause for cause, _ in row.causes],
            "effects": [effect for _, effect in row.causes],
        }
        for row in rows
    ]
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO site_calm (site_id, company_id, window_s, grouped, storms, storm_begins, storm_ends, digest_every_s)
            SELECT site_id, company_id, %(window_s)s, %(grouped)s, %(storms)s, %(storm_begins)s, %(storm_ends)s, %(digest_every_s)s
            FROM site WHERE key = %(site)s
            ON CONFLICT (site_id) DO UPDATE SET window_s = excluded.window_s, grouped = excluded.grouped, storms = excluded.storms,
                storm_begins = excluded.storm_begins, storm_ends = excluded.storm_ends, digest_every_s = excluded.digest_every_s
            """,
            told,
        )
        cursor.executemany(
            "DELETE FROM site_cause k USING site s WHERE s.key = %(site)s AND k.site_id = s.site_id", told
        )
        cursor.executemany(
            """
            INSERT INTO site_cause (site_id, company_id, cause_id, effect_id)
            SELECT s.site_id, s.company_id, d.definition_id, e.definition_id
            FROM site s CROSS JOIN unnest(%(causes)s::text[], %(effects)s::text[]) AS k(cause, effect)
            JOIN alarm_definition d ON d.site_id = s.site_id AND d.key = k.cause
            JOIN alarm_definition e ON e.site_id = s.site_id AND e.key = k.effect
            WHERE s.key = %(site)s
            """,
            told,
        )
