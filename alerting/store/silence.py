"""Mandatory detectors from which nothing comes: their own staleness, or the gateway that carries them is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class SilentSensor:
    """A mandatory sensor that is silent now.

    Args:
        occurrence_id: of its own alarm or its gateway's.
        since: when that alarm was raised last.
    """

    company_id: int
    site_id: int
    zone_id: int | None
    sensor_id: int
    name: str
    name_zh: str
    occurrence_id: int | None
    since: datetime


def heard_mandatory(connection: Connection[Any]) -> dict[int, datetime]:
    """When each mandatory sensor in use was last heard from: its newest reading, where that is usable."""
    rows = connection.execute(
        """
        SELECT l.sensor_id, l.measured_at FROM v_latest l JOIN sensor s USING (sensor_id)
        WHERE s.mandatory AND s.retired_at IS NULL AND l.quality & 3 <> 2 AND l.value <> 'NaN'
        """
    ).fetchall()
    return dict(rows)


def silent_mandatory(connection: Connection[Any]) -> Sequence[SilentSensor]:
    """Every mandatory sensor in use with an active alarm of staleness, or whose gateway's alarm is active.

    Shelved or not: a shelf silences calls, not the hazard. A gateway that is lost mutes its sensors, so its alarm stands for
    theirs; where both are active the older one counts.
    """
    with connection.cursor(row_factory=class_row(SilentSensor)) as cursor:
        return cursor.execute(
            """
            WITH active AS (
                SELECT a.sensor_id, a.occurrence_id, d.detector, raised.at AS since
                FROM alarm a JOIN alarm_definition d USING (definition_id)
                JOIN LATERAL (
                    SELECT t.at FROM transition t
                    WHERE t.definition_id = a.definition_id AND t.sensor_id = a.sensor_id AND t.event = 'raise'
                    ORDER BY t.number DESC LIMIT 1
                ) raised ON true
                WHERE a.active AND d.retired_at IS NULL
            ), silent AS (
                SELECT sensor_id, occurrence_id, since FROM active WHERE detector = 'stale'
                UNION ALL
                SELECT s.sensor_id, active.occurrence_id, active.since
                FROM active
                JOIN sensor g ON g.sensor_id = active.sensor_id AND g.is_virtual AND g.key LIKE '\\_gateway.%'
                JOIN device carried ON carried.site_id = g.site_id AND carried.key = substr(g.key, length('_gateway.') + 1)
                JOIN sensor s ON s.device_id = carried.device_id
            )
            SELECT DISTINCT ON (s.sensor_id) s.company_id, s.site_id, s.zone_id, s.sensor_id, s.name, s.name_zh,
                   silent.occurrence_id, silent.since
            FROM silent JOIN sensor s USING (sensor_id)
            WHERE s.mandatory AND s.retired_at IS NULL
            ORDER BY s.sensor_id, silent.since
            """
        ).fetchall()
