"""What the pages say of Davy itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection, Cursor
from psycopg.rows import TupleRow


@dataclass(frozen=True, slots=True)
class IngestBeat:
    """The newest sign of life of one ingest worker."""

    worker: str
    beat_at: datetime
    state: str


def answers(connection: Connection[Any]) -> bool:
    """Whether the database answers."""
    return connection.execute("SELECT true").fetchone() is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What every page says around its subject.

    Args:
        sensors: how many there are.
        recent: how many of them were heard within three of their periods, or a minute where that is longer.
        time_zone: of the first site the principal sees; None where there is none.
        aside: alarms that call nobody at this moment.
        unsent: when the oldest call for an alarm of the principal's companies was due that is due and still waits.
        workers: the newest sign of life of each ingest worker, the one that has been silent longest first.
    """

    sensors: int
    recent: int
    time_zone: str | None
    aside: int
    unsent: datetime | None
    workers: list[IngestBeat]


def ask_standing(connection: Connection[Any], now: datetime) -> Cursor[TupleRow]:
    """All of it in one statement, still to be fetched (`standing`). Unknown is not safe: an empty alarm list means something only
    while sensors are heard."""
    return connection.execute(
        """
        SELECT heard.sensors, heard.recent, (SELECT time_zone FROM site ORDER BY site_id LIMIT 1),
               (SELECT count(*) FROM alarm WHERE suppression <> 'none'),
               (SELECT min(wanted_at) FROM v_notification WHERE state IN ('waiting', 'claimed') AND wanted_at <= %(now)s AND subject = 'alarm'),
               worker.names, worker.beats, worker.states
        FROM (
            SELECT count(*)::int AS sensors,
                   -- Most have a period of less than twenty seconds: an interval is made for the others alone, it costs more than the row.
                   count(*) FILTER (WHERE l.received_at > CASE WHEN s.period_s <= 20 THEN %(now)s::timestamptz - interval '60 seconds'
                       ELSE %(now)s::timestamptz - make_interval(secs => 3 * s.period_s) END)::int AS recent
            -- Whose they are is said once more, so that an index finds them: the walls alone are looked at row by row.
            FROM sensor s LEFT JOIN v_latest l ON l.sensor_id = s.sensor_id AND l.company_id = ANY (ARRAY(SELECT company_id FROM company))
            WHERE s.retired_at IS NULL AND NOT s.is_virtual AND s.company_id = ANY (ARRAY(SELECT company_id FROM company))
        ) heard
        CROSS JOIN (SELECT array_agg(worker ORDER BY beat_at) AS names, array_agg(beat_at ORDER BY beat_at) AS beats,
                           array_agg(state ORDER BY beat_at) AS states FROM v_ingest_beat) worker
        """,
        {"now": now},
    )


def standing(asked: Cursor[TupleRow]) -> Standing:
    """What was asked for by `ask_standing`."""
    found = asked.fetchone()
    assert found is not None
    sensors, recent, time_zone, aside, unsent, *arrays = found
    workers, beats, states = (array or [] for array in arrays)
    return Standing(
        sensors=sensors,
        recent=recent,
        time_zone=time_zone,
        aside=aside,
        unsent=unsent,
        workers=[IngestBeat(*each) for each in zip(workers, beats, states, strict=True)],
    )
