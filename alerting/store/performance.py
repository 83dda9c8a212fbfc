"""What the performance of a site's alarms is counted from: its limits, the transitions of a stretch of time, and who was told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from psycopg import Connection
from psycopg.rows import class_row

from alerting.performance import Steps

# What calls people of an alarm that was unacknowledged all along (`alerting.alarm.step`). An escalation calls nobody by itself: the
# higher limit's own call stands for both.
CALLS_ANEW: Final = ("realarm", "unsuppress", "unshelve", "shelf_expired", "return_to_service")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A limit of the site with the signal it is on, as it is now.

    Args:
        span: of the sensor's range, in its unit; None where it has none.
        way_back: from the setpoint to the end of that range which the value falls back to.
    """

    definition_id: int
    key: str
    priority: str
    detector: str
    direction: str
    setpoint: float
    deadband: float
    on_delay_s: float
    off_delay_s: float
    title: str
    title_zh: str
    sensor_name: str
    sensor_name_zh: str
    quantity: str
    unit: str
    span: float | None
    way_back: float | None
    retired: bool


def limits(connection: Connection[Any], site_id: int) -> list[Limit]:
    """All limits there are or were, in the order of their ids; states of the plant are none."""
    with connection.cursor(row_factory=class_row(Limit)) as cursor:
        return cursor.execute(
            """
            SELECT d.definition_id, d.key, d.priority, d.detector, d.direction, d.setpoint, d.deadband, d.on_delay_s, d.off_delay_s,
                   d.title, d.title_zh, s.name AS sensor_name, s.name_zh AS sensor_name_zh, s.quantity, s.unit,
                   s.range_high - s.range_low AS span,
                   CASE d.direction WHEN 'high' THEN d.setpoint - s.range_low ELSE s.range_high - d.setpoint END AS way_back,
                   d.retired_at IS NOT NULL AS retired
            FROM alarm_definition d JOIN sensor s ON s.sensor_id = d.sensor_id
            WHERE d.site_id = %s AND d.role = 'alarm' ORDER BY d.definition_id
            """,
            (site_id,),
        ).fetchall()


@dataclass(frozen=True, slots=True)
class Happened:
    """The transitions of a window, and whether any of it was made up by the demo's history."""

    steps: Steps
    simulated: bool


def steps(
    connection: Connection[Any],
    site_id: int,
    since: datetime,
    until: datetime,
    definition_ids: list[int],
    *,
    made_up: bool,
) -> Happened:
    """Those of every occurrence that reaches into the window, from its beginning on: whole columns, one row.

    Args:
        definition_ids: rising; an alarm's number is its place among them.
        made_up: those of the demo's history too.
    """
    row = connection.execute(
        """
        SELECT array_agg(t.definition_id ORDER BY t.definition_id, t.sensor_id, t.number),
               array_agg((extract(epoch FROM t.at) * 1000000)::bigint ORDER BY t.definition_id, t.sensor_id, t.number),
               array_agg(t.event = 'raise' ORDER BY t.definition_id, t.sensor_id, t.number),
               array_agg(t.event = 'clear' ORDER BY t.definition_id, t.sensor_id, t.number),
               array_agg(t.suppression = 'none' AND (t.event = 'realarm' OR (t.to_state = 'B' AND t.event <> 'escalate'
                         AND (t.from_state <> 'B' OR t.event = ANY(%(anew)s))))
                         ORDER BY t.definition_id, t.sensor_id, t.number),
               coalesce(bool_or(o.simulated), false)
        FROM occurrence o JOIN transition t ON t.occurrence_id = o.occurrence_id
        WHERE o.site_id = %(site)s AND o.began_at < %(until)s AND coalesce(o.resolved_at > %(since)s, true)
          AND NOT o.historic AND NOT o.exercise AND (%(made_up)s OR NOT o.simulated) AND t.at < %(until)s
        """,
        {"site": site_id, "since": since, "until": until, "made_up": made_up, "anew": list(CALLS_ANEW)},
    ).fetchone()
    assert row is not None
    ids, at, raised, cleared, announced, simulated = row if row[0] is not None else ([], [], [], [], [], False)
    return Happened(
        Steps(
            alarm=np.searchsorted(np.array(definition_ids, np.int64), np.array(ids, np.int64)).astype(np.int32),
            at=np.array(at, np.int64),
            raised=np.array(raised, np.bool_),
            cleared=np.array(cleared, np.bool_),
            announced=np.array(announced, np.bool_),
        ),
        simulated,
    )


def resolutions(
    connection: Connection[Any], site_id: int, since: datetime, until: datetime, *, made_up: bool
) -> list[tuple[int, str, int]]:
    """(definition, what people said it was, how often) of the occurrences that began in the window and are resolved."""
    return connection.execute(
        """
        SELECT definition_id, coalesce(resolution, 'unknown'), count(*)::int FROM occurrence
        WHERE site_id = %(site)s AND began_at >= %(since)s AND began_at < %(until)s AND resolved_at < %(until)s AND NOT historic
          AND NOT exercise AND (%(made_up)s OR NOT simulated)
        GROUP BY 1, 2 ORDER BY 1, 2
        """,
        {"site": site_id, "since": since, "until": until, "made_up": made_up},
    ).fetchall()


@dataclass(frozen=True, slots=True)
class Told:
    """A message about an alarm that reached one of the client's people: one a person and onset, over whichever channel came first."""

    person_id: int
    occurrence_id: int
    onset: datetime
    sent_at: datetime


def told(connection: Connection[Any], site_id: int, since: datetime, until: datetime) -> list[Told]:
    """All that went out to the client's people in the window, in the order of time."""
    with connection.cursor(row_factory=class_row(Told)) as cursor:
        return cursor.execute(
            """
            SELECT n.person_id, n.occurrence_id, n.onset, min(n.sent_at) AS sent_at
            FROM occurrence o JOIN notification n ON n.occurrence_id = o.occurrence_id
            WHERE o.site_id = %(site)s AND o.began_at < %(until)s AND coalesce(o.resolved_at > %(before)s, true)
              AND NOT o.exercise AND n.audience = 'client' AND n.state = 'sent' AND n.sent_at >= %(since)s AND n.sent_at < %(until)s
            GROUP BY n.person_id, n.occurrence_id, n.onset ORDER BY 4, 1
            """,
            {"site": site_id, "since": since, "until": until, "before": since - timedelta(days=1)},
        ).fetchall()


@dataclass(frozen=True, slots=True)
class Position:
    """Who is called first for alarms of the site: a duty position.

    Args:
        priorities: for which.
    """

    person_id: int
    name: str
    role: str
    priorities: list[str]


def positions(connection: Connection[Any], site_id: int) -> list[Position]:
    """Those of the client's routes; empty for who may not see the client's people."""
    with connection.cursor(row_factory=class_row(Position)) as cursor:
        return cursor.execute(
            """
            SELECT p.person_id, p.name, p.role, array_agg(DISTINCT u.priority) AS priorities
            FROM route r JOIN v_route_person t USING (route_id) JOIN person p USING (person_id)
            CROSS JOIN LATERAL unnest(r.priorities) AS u(priority)
            WHERE r.site_id = %s AND r.audience = 'client' AND t.position = 0 AND p.active
            GROUP BY p.person_id, p.name, p.role ORDER BY p.name, p.person_id
            """,
            (site_id,),
        ).fetchall()


def nameless_suppressions(connection: Connection[Any], site_id: int, since: datetime, until: datetime) -> int:
    """Alarms that were put aside in the window with nobody's name, or on a shelf without an end."""
    row = connection.execute(
        """
        SELECT count(*)::int FROM alarm_definition d JOIN transition t ON t.definition_id = d.definition_id
        WHERE d.site_id = %(site)s AND t.at >= %(since)s AND t.at < %(until)s AND t.suppression <> 'none'
          AND ((t.event IN ('shelve', 'take_out_of_service') AND t.person_id IS NULL) OR (t.event = 'shelve' AND t.until IS NULL))
        """,
        {"site": site_id, "since": since, "until": until},
    ).fetchone()
    assert row is not None
    return int(row[0])
