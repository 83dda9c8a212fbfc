"""What acts need to know of the places and things they name."""

from __future__ import annotations

from typing import Any

from psycopg import Connection


def place_company(connection: Connection[Any], site_id: int, zone_id: int | None) -> int | None:
    """Whose site that is; None where the transaction may not see it, or the zone is not in it."""
    row = connection.execute(
        """
        SELECT s.company_id FROM site s
        WHERE s.site_id = %(site)s
          AND (%(zone)s::int IS NULL OR EXISTS (SELECT FROM zone z WHERE z.zone_id = %(zone)s AND z.site_id = s.site_id))
        """,
        {"site": site_id, "zone": zone_id},
    ).fetchone()
    return int(row[0]) if row else None


def detector_place(connection: Connection[Any], sensor_id: int) -> tuple[int, int | None] | None:
    """Site and zone of a detector in use that the transaction may see; nobody bypasses what is only worked out."""
    row = connection.execute(
        "SELECT site_id, zone_id FROM sensor WHERE sensor_id = %s AND retired_at IS NULL AND NOT is_virtual",
        (sensor_id,),
    ).fetchone()
    return (int(row[0]), row[1]) if row else None


def occurrence_company(connection: Connection[Any], occurrence_id: int) -> int | None:
    """Whose occurrence that is, where the transaction may see it."""
    row = connection.execute(
        "SELECT company_id FROM v_occurrence WHERE occurrence_id = %s", (occurrence_id,)
    ).fetchone()
    return int(row[0]) if row else None
