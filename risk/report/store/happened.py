"""What happened at a site up to an instant: alarms and their answers, silenced ones, findings, impairments."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from risk.overdue import changes_of_state, deadline_at, late_spans, phases
from risk.patience import put_in_hand
from risk.report.counting import AlarmRow, FindingRow
from risk.report.facts import ImpairmentFacts, SilencedFacts
from risk.store.calls import calls
from risk.store.histories import histories


def alarms(connection: Connection[Any], site_id: int, since: datetime, until: datetime) -> list[AlarmRow]:
    """The occurrences that began in the time; what happened to them after `until` is not told."""
    called = {call.occurrence_id: call for call in calls(connection, [site_id], since, until)}
    rows = connection.execute(
        """
        SELECT o.occurrence_id, d.priority, o.began_at,
               CASE WHEN o.resolved_at < %(until)s THEN coalesce(o.resolution, 'unknown') END, o.historic, o.simulated
        FROM v_occurrence o JOIN v_alarm_definition d USING (definition_id)
        WHERE o.site_id = %(site)s AND o.began_at >= %(since)s AND o.began_at < %(until)s
        ORDER BY o.began_at, o.occurrence_id
        """,
        {"site": site_id, "since": since, "until": until},
    ).fetchall()
    found = []
    for occurrence_id, priority, began_at, resolution, historic, simulated in rows:
        call = called.get(occurrence_id)
        at, answered = (call.called_at, call.answered_at) if call else (None, None)
        found.append(AlarmRow(priority, began_at, at, answered, resolution, historic, simulated))
    return found


def targets(connection: Connection[Any], site_id: int) -> dict[str, float]:
    """The shortest time to respond that a definition of each priority states."""
    found = connection.execute(
        "SELECT priority, min(respond_within_s) FROM v_alarm_definition WHERE site_id = %s AND retired_at IS NULL GROUP BY priority",
        (site_id,),
    )
    return {row[0]: row[1] for row in found}


def silenced(connection: Connection[Any], site_id: int, since: datetime, until: datetime) -> list[SilencedFacts]:
    """Hours in which alarms were kept from calling, from the chain of transitions."""
    with connection.cursor(row_factory=class_row(SilencedFacts)) as cursor:
        return cursor.execute(
            """
            WITH step AS (
                SELECT d.definition_id, t.sensor_id, d.priority, t.suppression, t.at, t.ended_at
                FROM v_alarm_definition d
                CROSS JOIN LATERAL (
                    SELECT sensor_id, suppression, at,
                           lead(at, 1, %(until)s::timestamptz) OVER (PARTITION BY sensor_id ORDER BY number) AS ended_at
                    FROM v_transition WHERE definition_id = d.definition_id AND at < %(until)s
                ) t
                WHERE d.site_id = %(site)s
            )
            SELECT suppression, priority, count(DISTINCT (definition_id, sensor_id)) AS alarms,
                   sum(extract(epoch FROM least(ended_at, %(until)s) - greatest(at, %(since)s)) / 3600)::float8 AS hours
            FROM step WHERE suppression <> 'none' AND ended_at > %(since)s AND ended_at > at
            GROUP BY suppression, priority
            ORDER BY suppression, array_position(ARRAY['life-safety', 'high', 'medium', 'low'], priority)
            """,
            {"site": site_id, "since": since, "until": until},
        ).fetchall()


def findings(connection: Connection[Any], site_id: int, until: datetime) -> list[FindingRow]:
    """Every finding reported by then, as it was then, with its changes of state."""
    rows = connection.execute(
        """
        SELECT f.finding_id, f.title, f.graded_by IS NULL, z.name, z.name_zh, f.reported_at, f.simulated
        FROM finding f LEFT JOIN zone z USING (zone_id)
        WHERE f.site_id = %(site)s AND f.reported_at < %(until)s ORDER BY f.finding_id
        """,
        {"site": site_id, "until": until},
    ).fetchall()
    told, found, waits = histories(connection, site_id, until), [], put_in_hand()
    for finding_id, title, suspected, zone, zone_zh, reported_at, simulated in rows:
        history = told[finding_id]
        past = [phase for phase in phases(history) if phase.since < until]
        found.append(
            FindingRow(
                finding_id=finding_id,
                title=title,
                grade=past[-1].grade,
                suspected=suspected,
                zone=zone,
                zone_zh=zone_zh,
                reported_at=reported_at,
                due_at=deadline_at(history, until, waits),
                simulated=simulated,
                late=tuple(late_spans(history, waits, until)),
                changes=changes_of_state(past),
            )
        )
    return found


def impairments(connection: Connection[Any], site_id: int, since: datetime, until: datetime) -> list[ImpairmentFacts]:
    """Those that lasted into the time, the longest first."""
    with connection.cursor(row_factory=class_row(ImpairmentFacts)) as cursor:
        return cursor.execute(
            """
            SELECT i.impairment_id, i.kind, i.what, z.name AS zone, z.name_zh AS zone_zh, i.began_at, i.expected_until,
                   CASE WHEN i.restored_at < %(until)s THEN i.restored_at END AS restored_at,
                   (extract(epoch FROM least(i.restored_at, %(until)s) - greatest(i.began_at, %(since)s)) / 3600)::float8 AS hours,
                   least(i.restored_at, %(until)s) > i.expected_until AS overran, i.simulated
            FROM impairment i LEFT JOIN zone z USING (zone_id)
            WHERE i.site_id = %(site)s AND i.began_at < %(until)s AND coalesce(i.restored_at > %(since)s, true)
            ORDER BY hours DESC, i.impairment_id
            """,
            {"site": site_id, "since": since, "until": until},
        ).fetchall()
