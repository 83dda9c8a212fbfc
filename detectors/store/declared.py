"""What a site file says of models. Read and written by its import, as the owner."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from core.model import Priority
from core.model_setup import ModelSetup
from core.portfolio import ModelRow


def read_models(connection: Connection[Any]) -> list[ModelRow]:
    """All declared models, retired ones too."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """
            SELECT c.key AS company, s.key AS site, z.key AS zone, a.key AS asset, m.key, m.window_s, m.priority, m.setup,
                   ARRAY(SELECT d.key || '/' || n.key
                         FROM asset_model_member k JOIN sensor n USING (sensor_id) JOIN device d USING (device_id)
                         WHERE k.asset_id = m.asset_id AND k.position > 0 ORDER BY k.position) AS members,
                   m.retired_at IS NOT NULL AS retired
            FROM asset_model m JOIN asset a USING (asset_id) JOIN zone z USING (zone_id) JOIN site s USING (site_id)
            JOIN company c ON c.company_id = m.company_id
            ORDER BY m.asset_id
            """
        ).fetchall()
    return [ModelRow(**row | _typed(row)) for row in rows]


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    setup = ModelSetup.restored(row["setup"])
    return {"members": tuple(row["members"]), "priority": Priority(row["priority"]), "setup": setup}


def write_models(connection: Connection[Any], rows: Iterable[ModelRow], now: datetime) -> None:
    """Inserts or changes declared models; their members are replaced whole."""
    written = [
        {
            **row.columns(),
            "members": list(row.members),
            "beside": list(row.setup.beside),
            "priority": row.priority.value,
            "setup": Jsonb(row.setup.told()),
            "now": now,
        }
        for row in rows
    ]
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO asset_model AS m (asset_id, company_id, key, window_s, priority, setup, valid_from, retired_at)
            SELECT a.asset_id, a.company_id, %(key)s, %(window_s)s, %(priority)s, %(setup)s, %(now)s,
                   CASE WHEN %(retired)s THEN %(now)s::timestamptz END
            FROM asset a JOIN zone z USING (zone_id) JOIN site s USING (site_id)
            WHERE s.key = %(site)s AND z.key = %(zone)s AND a.key = %(asset)s
            ON CONFLICT (asset_id) DO UPDATE SET key = excluded.key, window_s = excluded.window_s,
                priority = excluded.priority, setup = excluded.setup, valid_from = excluded.valid_from,
                retired_at = CASE WHEN %(retired)s THEN coalesce(m.retired_at, %(now)s) END
            """,
            written,
        )
        cursor.executemany(
            "DELETE FROM asset_model_member k USING asset_model m WHERE m.key = %(key)s AND k.asset_id = m.asset_id",
            written,
        )
        cursor.executemany(
            """
            INSERT INTO asset_model_member (asset_id, company_id, position, sensor_id)
            SELECT m.asset_id, m.company_id, given.position, n.sensor_id
            FROM asset_model m, (
                SELECT name, position FROM unnest(%(members)s::text[]) WITH ORDINALITY AS member (name, position)
                UNION ALL SELECT name, 0 FROM unnest(%(beside)s::text[]) AS other (name)) AS given
            JOIN device d ON d.key = split_part(given.name, '/', 1)
            JOIN sensor n ON n.device_id = d.device_id AND n.key = split_part(given.name, '/', 2)
            WHERE m.key = %(key)s
            """,
            written,
        )
