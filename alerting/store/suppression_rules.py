"""Rules of suppression as the site file says them: read and written by who imports it, as owner."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from core.site_suppressions import SuppressionRow


def read_rules(connection: Connection[Any]) -> list[SuppressionRow]:
    """All rules, retired ones too."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """
            SELECT c.key AS company, t.key AS site, r.key, r.title, r.title_zh, p.key AS parent, r.longest_s / 3600 AS longest_h,
                   ARRAY(SELECT d.key FROM suppression_rule_alarm a JOIN alarm_definition d USING (definition_id)
                         WHERE a.rule_id = r.rule_id ORDER BY d.key COLLATE "C") AS alarms,
                   r.retired_at IS NOT NULL AS retired
            FROM suppression_rule r JOIN alarm_definition p ON p.definition_id = r.parent_id
            JOIN site t ON t.site_id = r.site_id JOIN company c ON c.company_id = r.company_id
            ORDER BY r.rule_id
            """
        ).fetchall()
    return [SuppressionRow(**{**row, "alarms": tuple(row["alarms"])}) for row in rows]


def write_rules(connection: Connection[Any], rows: Iterable[SuppressionRow], now: datetime) -> None:
    """Inserts or changes rules; whom they silence is replaced whole. A changed parent is asked anew."""
    rows = list(rows)
    told = [
        {**row.columns(), "alarms": list(row.alarms), "longest_s": row.longest_h * 3600, "now": now} for row in rows
    ]
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO suppression_rule AS r (company_id, site_id, key, title, title_zh, parent_id, longest_s, retired_at)
            SELECT s.company_id, s.site_id, %(key)s, %(title)s, %(title_zh)s, p.definition_id, %(longest_s)s,
                   CASE WHEN %(retired)s THEN %(now)s::timestamptz END
            FROM site s JOIN alarm_definition p ON p.site_id = s.site_id AND p.key = %(parent)s WHERE s.key = %(site)s
            ON CONFLICT (site_id, key) DO UPDATE SET title = excluded.title, title_zh = excluded.title_zh,
                active_since = CASE WHEN r.parent_id = excluded.parent_id AND NOT %(retired)s THEN r.active_since END,
                quiet_since = CASE WHEN r.parent_id = excluded.parent_id THEN
                    CASE WHEN %(retired)s AND r.active_since IS NOT NULL THEN %(now)s ELSE r.quiet_since END END,
                episode_since = CASE WHEN r.parent_id = excluded.parent_id THEN r.episode_since END,
                parent_id = excluded.parent_id, longest_s = excluded.longest_s,
                retired_at = CASE WHEN %(retired)s THEN coalesce(r.retired_at, %(now)s) END
            """,
            told,
        )
        cursor.executemany(
            """
            DELETE FROM suppression_rule_alarm a USING suppression_rule r JOIN site s USING (site_id)
            WHERE s.key = %(site)s AND r.key = %(key)s AND a.rule_id = r.rule_id
            """,
            told,
        )
        cursor.executemany(
            """
            INSERT INTO suppression_rule_alarm (rule_id, company_id, definition_id)
            SELECT r.rule_id, r.company_id, d.definition_id
            FROM suppression_rule r JOIN site s USING (site_id)
            JOIN alarm_definition d ON d.site_id = r.site_id AND d.key = ANY (%(alarms)s)
            WHERE s.key = %(site)s AND r.key = %(key)s
            """,
            told,
        )
