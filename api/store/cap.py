"""What others are told of alarms by CAP: the occurrences that hold or have just ended, and each change of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

MOST: Final = 200  # alarms in one feed, the newest first: more at once is a plant in trouble, and the page has them all
OVER: Final = timedelta(hours=24)  # so long a feed says that an alarm is over, for whoever looks seldom
_LOOKED_BACK: Final = timedelta(days=31)  # how long ago an alarm that has just ended may have begun


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One occurrence, as others are told of it: no measured value, no name.

    Args:
        exercise: it is an alarm made to try people and channels, and never the plant's.
        drill: a drill was announced at the place when it began.
        detector: what found it; of a limit on what a model says, `model`, and on what one foretells, `forecast`.
    """

    occurrence_id: int
    began_at: datetime
    exercise: bool
    simulated: bool
    replayed: bool
    drill: bool
    priority: str
    detector: str
    title: str
    title_zh: str
    consequence: str
    consequence_zh: str
    response: str
    response_zh: str
    zone: str | None
    zone_zh: str | None
    site_key: str
    site: str
    site_zh: str
    company_key: str
    company: str
    company_zh: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Step:
    """One change of an alarm: how it stood afterwards."""

    occurrence_id: int
    recorded_at: datetime
    state: str
    suppression: str


def current(connection: Connection[Any], company_id: int, site_id: int | None, now: datetime) -> list[Told]:
    """Of a company, or of one of its sites: what is not normal now, and what has become so within a day."""
    with connection.cursor(row_factory=class_row(Told)) as cursor:
        return cursor.execute(
            """
            WITH found AS (
                SELECT a.occurrence_id FROM alarm a WHERE a.company_id = %(company)s AND a.state <> 'A' AND a.occurrence_id IS NOT NULL
                UNION
                SELECT o.occurrence_id FROM occurrence o
                WHERE o.company_id = %(company)s AND o.began_at > %(back)s AND o.normal_at > %(over)s
            )
            SELECT o.occurrence_id, o.began_at, d.role = 'exercise' AS exercise, o.simulated, o.replayed,
                   EXISTS (
                       SELECT FROM suppression_order w JOIN suppression_scope p USING (order_id)
                       WHERE w.kind = 'drill' AND w.site_id = d.site_id AND w.begins_at <= o.began_at AND w.ends_at > o.began_at
                         AND (p.zone_id IS NULL OR p.zone_id = s.zone_id) AND (p.asset_id IS NULL OR p.asset_id = s.asset_id)
                         AND NOT EXISTS (SELECT FROM suppression_step e
                                         WHERE e.order_id = w.order_id AND e.step = 'ended' AND e.at <= o.began_at)
                   ) AS drill,
                   d.priority, CASE WHEN NOT coalesce(e.key LIKE '\\_model.%%', false) THEN d.detector WHEN s.key = '_ahead' THEN 'forecast' ELSE 'model' END
                       AS detector, d.title, d.title_zh, d.consequence, d.consequence_zh, d.response, d.response_zh,
                   z.name AS zone, z.name_zh AS zone_zh, si.key AS site_key, si.name AS site, si.name_zh AS site_zh, si.time_zone,
                   c.key AS company_key, c.name AS company, c.name_zh AS company_zh
            FROM found JOIN occurrence o USING (occurrence_id)
            JOIN alarm_definition d ON d.definition_id = o.definition_id
            JOIN sensor s ON s.sensor_id = o.sensor_id LEFT JOIN device e ON e.device_id = s.device_id
            JOIN site si ON si.site_id = o.site_id
            JOIN company c ON c.company_id = o.company_id
            LEFT JOIN zone z ON z.zone_id = s.zone_id
            WHERE %(site)s::int IS NULL OR o.site_id = %(site)s
            ORDER BY o.began_at DESC, o.occurrence_id DESC LIMIT %(most)s
            """,
            {"company": company_id, "site": site_id, "back": now - _LOOKED_BACK, "over": now - OVER, "most": MOST},
        ).fetchall()


def steps(connection: Connection[Any], occurrence_ids: Sequence[int]) -> dict[int, list[Step]]:
    """What happened to each, in the order in which it was written down."""
    with connection.cursor(row_factory=class_row(Step)) as cursor:
        rows = cursor.execute(
            """
            SELECT occurrence_id, recorded_at, to_state::text AS state, suppression FROM v_transition
            WHERE occurrence_id = ANY(%s) ORDER BY transition_id
            """,
            (list(occurrence_ids),),
        ).fetchall()
    found: dict[int, list[Step]] = {}
    for row in rows:
        found.setdefault(row.occurrence_id, []).append(row)
    return found
