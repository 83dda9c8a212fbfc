"""Taking a message out of the queue, with what is known at that moment of what it is about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row, dict_row

from alerting.backlog import backlog_from_json
from alerting.calm import DIGEST_EVERY
from alerting.delivery import Claimed, Envelope
from alerting.digest import from_json
from alerting.notice import (
    AssignmentNotice,
    BacklogNotice,
    DigestNotice,
    FindingNotice,
    ImpairmentNotice,
    StormNotice,
    UnreachableNotice,
    WeeklyNotice,
)
from alerting.routing import HISTORIC, INSTEAD
from alerting.store.approvals import approval
from alerting.store.notifications import GOES_OVER
from alerting.store.voice_claims import complaint, rating_request, told_back
from alerting.weekly import week_from_json
from core.occasion import APPROVALS, Subject

LONGEST_HELD: Final = timedelta(minutes=30)  # so late a message is no longer held back for a spool that does not empty
BEAT_LATELY: Final = timedelta(seconds=10)  # ingest says every 2 s how its spool stands


def claim(
    connection: Connection[Any],
    now: datetime,
    lease_until: datetime,
    *,
    but_not: Sequence[str] = (),
    held_up: timedelta = timedelta.max,
    settling: bool = False,
) -> Envelope | None:
    """Takes the most urgent message that is due and nobody's, ours until `lease_until`; None where there is none.

    Args:
        but_not: channels whose messages are left for later.
        held_up: what was due so long ago, and nobody has tried to send, is left while ingest has batches to apply that may end
            it: it says so, or has not said anything lately and `settling` holds. Not for ever, and never life safety.

    A row whose lease has run out was being sent by somebody who is gone; it is sent again, under the same key.
    """
    taken = connection.execute(
        """
        UPDATE notification SET state = 'claimed', attempt = attempt + 1, lease_until = %(lease_until)s
        WHERE notification_id = (
            SELECT notification_id FROM notification
            WHERE state IN ('waiting', 'claimed') AND due_at <= %(now)s AND (lease_until IS NULL OR lease_until <= %(now)s)
              AND channel <> ALL(%(but_not)s)
              AND NOT (subject = 'alarm' AND urgency > 0 AND attempt = 0 AND held_by IS NULL AND due_at < %(held_up)s AND due_at > %(waits)s AND (
                  EXISTS (SELECT FROM v_ingest_beat b WHERE b.beat_at > %(lately)s AND b.spooled > 0)
                  OR (%(settling)s AND EXISTS (SELECT FROM v_ingest_beat) AND NOT EXISTS (SELECT FROM v_ingest_beat b WHERE b.beat_at > %(lately)s))
              ))
            ORDER BY urgency, due_at, notification_id
            LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
        )
        RETURNING notification_id, subject
        """,
        {
            "now": now,
            "lease_until": lease_until,
            "but_not": list(but_not),
            "held_up": now - min(held_up, LONGEST_HELD),
            "waits": now - LONGEST_HELD,
            "lately": now - BEAT_LATELY,
            "settling": settling,
        },
    ).fetchone()
    if taken is None:
        return None
    notification_id, subject = taken
    return read(connection, notification_id, Subject(subject))


def read(connection: Connection[Any], notification_id: int, subject: Subject) -> Envelope | None:
    """A message as it stands, with what is known now of what it is about."""
    return _READERS[subject](connection, notification_id)


def one_at_a_time(connection: Connection[Any], person_id: int) -> None:
    """Until the end of the transaction nobody else takes a message for this person that is not of life safety, and all that was taken is seen."""
    connection.execute("SELECT pg_advisory_xact_lock(7251144, %s)", (person_id,))


def way_taken(connection: Connection[Any], notification_id: int, now: datetime) -> tuple[str, bool] | None:
    """The channel over which the same message has led to the person (True), or is being sent at this moment (False); None: over none."""
    return ways_taken(connection, [notification_id], now).get(notification_id)


def ways_taken(
    connection: Connection[Any], notification_ids: Sequence[int], now: datetime
) -> dict[int, tuple[str, bool]]:
    """Of some messages, those that have gone another way or are going it: (over which channel, whether it led to the person).

    Only where one of the two stands in for the other: what a route says over two channels goes over both.
    """
    rows = connection.execute(
        """
        SELECT DISTINCT ON (n.notification_id) n.notification_id, e.channel, e.state = 'sent' FROM notification n
        JOIN channel_address c ON c.person_id = n.person_id AND c.channel <> n.channel
        JOIN notification e ON e.key = regexp_replace(n.key, '-' || n.channel || '$', '') || '-' || c.channel
        WHERE n.notification_id = ANY(%(ids)s) AND (n.passed_on OR e.passed_on)
          AND (position(%(instead)s || e.channel IN n.rule) > 0 OR position(%(instead)s || n.channel IN e.rule) > 0)
          AND (e.state = 'sent' OR (e.state = 'claimed' AND e.lease_until > %(now)s))
        ORDER BY n.notification_id, e.state = 'sent' DESC, e.channel
        """,
        {"ids": list(notification_ids), "now": now, "instead": INSTEAD},
    ).fetchall()
    return {int(row[0]): (str(row[1]), bool(row[2])) for row in rows}


def count_beside(connection: Connection[Any], claimed: Envelope, now: datetime, *, since: datetime) -> int:
    """How many other messages are due for the same person by the same channel; life safety, exercises and storms' digests not counted.

    Args:
        since: what was due before and nobody has tried to send is left: see `claim`.
    """
    row = connection.execute(
        """
        SELECT count(*) FROM notification
        WHERE person_id = %s AND channel = %s AND urgency BETWEEN 1 AND 3 AND subject <> 'storm' AND state IN ('waiting', 'claimed') AND due_at <= %s
          AND (lease_until IS NULL OR lease_until <= %s) AND (attempt > 0 OR due_at >= %s OR subject <> 'alarm')
        """,
        (claimed.person_id, claimed.channel, now, now, since),
    ).fetchone()
    return int(row[0]) if row else 0


def claim_beside(
    connection: Connection[Any], claimed: Envelope, now: datetime, lease_until: datetime, *, since: datetime, most: int
) -> list[Envelope]:
    """Takes those as well, to be sent with it; the most urgent first."""
    taken = connection.execute(
        """
        UPDATE notification SET state = 'claimed', attempt = attempt + 1, lease_until = %s
        WHERE notification_id IN (
            SELECT notification_id FROM notification
            WHERE person_id = %s AND channel = %s AND urgency BETWEEN 1 AND 3 AND subject <> 'storm' AND state IN ('waiting', 'claimed') AND due_at <= %s
              AND (lease_until IS NULL OR lease_until <= %s) AND (attempt > 0 OR due_at >= %s OR subject <> 'alarm')
              AND NOT passed_on AND position(%s IN coalesce(outcome, '')) = 0 -- `way_taken` is asked of each of those by itself
            ORDER BY urgency, due_at, notification_id
            LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
        )
        RETURNING notification_id, subject, urgency, due_at
        """,
        (lease_until, claimed.person_id, claimed.channel, now, now, since, GOES_OVER, most),
    ).fetchall()
    ordered = sorted(taken, key=lambda row: (row[2], row[3], row[0]))
    found = (_READERS[Subject(subject)](connection, notification_id) for notification_id, subject, *_ in ordered)
    return [envelope for envelope in found if envelope is not None]


def read_call(connection: Connection[Any], notification_id: int) -> Claimed | None:
    """A call for an alarm with what is known of it at this moment, whoever has it."""
    # The plan looks up one row a table and takes ten times as long to make as to run: a session makes it once.
    connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    with connection.cursor(row_factory=class_row(Claimed)) as cursor:
        return cursor.execute(
            """
            SELECT n.notification_id, n.key, n.attempt, n.created_at, n.due_at, n.onset, n.step, n.audience, n.channel,
                   n.occurrence_id, n.person_id, p.active AS person_active, p.language, c.address, c.secret_ref, c.dead_why,
                   a.state::text AS state, a.suppression, o.resolved_at, o.began_at,
                   d.key AS definition_key, d.priority, d.detector, d.direction, coalesce(o.setpoint, d.setpoint) AS setpoint, d.title, d.title_zh,
                   d.consequence, d.consequence_zh, d.response, d.response_zh, d.respond_within_s,
                   co.name AS company, co.name_zh AS company_zh, si.name AS site, si.name_zh AS site_zh, si.time_zone,
                   z.name AS zone, z.name_zh AS zone_zh, s.name AS sensor, s.name_zh AS sensor_zh, s.unit, t.value,
                   t.at AS raised_at, coalesce(t.replayed, false) AS replayed, d.parameters ? 'periods' AS by_period,
                   coalesce(t.recorded_at - t.at <= %s, false) AND EXISTS (
                       SELECT FROM transition r
                       WHERE r.definition_id = n.definition_id AND r.sensor_id = n.sensor_id AND r.at = n.onset AND r.event = 'realarm'
                         AND r.from_state <> 'C'
                   ) AS untold,
                   EXISTS (
                       SELECT FROM transition r
                       WHERE r.definition_id = n.definition_id AND r.sensor_id = n.sensor_id AND r.at = n.onset AND r.event = 'realarm'
                         AND r.from_state = 'C'
                   ) AS again,
                   EXISTS (
                       SELECT FROM notification e
                       WHERE e.occurrence_id = n.occurrence_id AND e.onset = n.onset
                         AND (e.state = 'sent' OR (e.state = 'waiting' AND e.attempt > 0) OR (e.state = 'claimed' AND e.attempt > 1))
                   ) AS told,
                   EXISTS (
                       SELECT FROM suppression_order w JOIN suppression_scope p USING (order_id)
                       WHERE w.kind = 'drill' AND w.site_id = d.site_id AND w.begins_at <= n.onset AND w.ends_at > n.onset
                         AND (p.zone_id IS NULL OR p.zone_id = s.zone_id) AND (p.asset_id IS NULL OR p.asset_id = s.asset_id)
                         AND NOT EXISTS (SELECT FROM suppression_step e
                                         WHERE e.order_id = w.order_id AND e.step = 'ended' AND e.at <= n.onset)
                   ) AS drill, n.held_by,
                   (SELECT count(*)::int FROM (
                        SELECT v.effect_id FROM v_cause v WHERE v.cause_id = n.definition_id
                        UNION SELECT c.definition_id FROM suppression_rule r JOIN suppression_rule_alarm c USING (rule_id)
                        WHERE r.parent_id = n.definition_id AND r.retired_at IS NULL
                    ) x CROSS JOIN LATERAL (SELECT FROM alarm e WHERE e.definition_id = x.effect_id AND e.active LIMIT 1) e) AS effects,
                   CASE WHEN o.exercise THEN coalesce(x.kind, 'exercise') END AS exercise,
                   o.exercise AND coalesce(x.kind, 'exercise') <> 'delivery' AND EXISTS (
                       SELECT FROM alarm r JOIN alarm_definition l ON l.definition_id = r.definition_id AND l.role = 'alarm'
                       WHERE r.site_id = o.site_id AND r.state IN ('B', 'E') AND r.state <> 'A' AND r.suppression = 'none' AND r.onset >= n.onset
                         AND l.priority IN ('life-safety', 'high')
                   ) AS real_alarm,
                   CASE WHEN d.key = '_delivery.late' THEN (SELECT e.missing FROM exercise e WHERE e.site_id = d.site_id AND e.kind = 'delivery' ORDER BY e.asked_at DESC LIMIT 1) END AS missing,
                   p.role = 'safety_officer' AND p.company_id IS NOT DISTINCT FROM n.company_id AS answers
            FROM notification n
            JOIN person p USING (person_id)
            LEFT JOIN channel_address c ON c.person_id = n.person_id AND c.channel = n.channel
            JOIN alarm a ON a.definition_id = n.definition_id AND a.sensor_id = n.sensor_id
            JOIN occurrence o ON o.occurrence_id = n.occurrence_id
            LEFT JOIN exercise x ON o.exercise AND x.occurrence_id = o.occurrence_id
            -- An exercise is told in the words of the limit that it tries.
            JOIN alarm_definition d ON d.definition_id = coalesce(x.as_definition_id, n.definition_id)
            JOIN company co ON co.company_id = n.company_id
            JOIN site si ON si.site_id = d.site_id JOIN sensor s ON s.sensor_id = d.sensor_id
            LEFT JOIN zone z ON z.zone_id = s.zone_id
            LEFT JOIN LATERAL (
                SELECT value, at, recorded_at, replayed FROM transition t
                WHERE t.definition_id = n.definition_id AND t.sensor_id = n.sensor_id AND t.at <= n.onset AND t.event = 'raise'
                ORDER BY t.number DESC LIMIT 1
            ) t ON true
            WHERE n.notification_id = %s
            """,
            (HISTORIC, notification_id),
            prepare=True,
        ).fetchone()


def _finding(connection: Connection[Any], notification_id: int) -> FindingNotice | None:
    with connection.cursor(row_factory=class_row(FindingNotice)) as cursor:
        return cursor.execute(
            """
            SELECT n.notification_id, n.key, n.attempt, n.created_at, n.due_at, n.onset, n.step, n.audience, n.channel,
                   n.person_id, p.active AS person_active, p.language, c.address, c.secret_ref, c.dead_why,
                   n.event, f.finding_id, f.title, f.grade, f.graded, f.state, f.owner_id, f.due_at AS deadline,
                   f.company, f.company_zh, f.site, f.site_zh, f.time_zone, f.zone, f.zone_zh
            FROM notification n
            JOIN person p USING (person_id)
            LEFT JOIN channel_address c ON c.person_id = n.person_id AND c.channel = n.channel
            CROSS JOIN LATERAL (SELECT * FROM v_finding WHERE finding_id = n.finding_id LIMIT 1) f
            WHERE n.notification_id = %s
            """,
            (notification_id,),
        ).fetchone()


def _impairment(connection: Connection[Any], notification_id: int) -> ImpairmentNotice | None:
    with connection.cursor(row_factory=class_row(ImpairmentNotice)) as cursor:
        return cursor.execute(
            """
            SELECT n.notification_id, n.key, n.attempt, n.created_at, n.due_at, n.onset, n.step, n.audience, n.channel,
                   n.person_id, p.active AS person_active, p.language, c.address, c.secret_ref, c.dead_why,
                   n.event, i.impairment_id, i.kind, i.what, i.began_at, i.expected_until, i.restored_at,
                   i.company, i.company_zh, i.site, i.site_zh, i.time_zone, i.zone, i.zone_zh
            FROM notification n
            JOIN person p USING (person_id)
            LEFT JOIN channel_address c ON c.person_id = n.person_id AND c.channel = n.channel
            CROSS JOIN LATERAL (SELECT * FROM v_impairment WHERE impairment_id = n.impairment_id LIMIT 1) i
            WHERE n.notification_id = %s
            """,
            (notification_id,),
        ).fetchone()


def _assignment(connection: Connection[Any], notification_id: int) -> AssignmentNotice | None:
    with connection.cursor(row_factory=class_row(AssignmentNotice)) as cursor:
        return cursor.execute(
            """
            SELECT n.notification_id, n.key, n.attempt, n.created_at, n.due_at, n.onset, n.step, n.audience, n.channel,
                   n.person_id, p.active AS person_active, p.language, c.address, c.secret_ref, c.dead_why,
                   o.occurrence_id, d.title, d.title_zh, s.name AS sensor, s.name_zh AS sensor_zh, d.priority, o.began_at,
                   g.name AS by, o.assignee_id, o.resolved_at, co.name AS company, co.name_zh AS company_zh,
                   si.name AS site, si.name_zh AS site_zh, si.time_zone, z.name AS zone, z.name_zh AS zone_zh
            FROM notification n
            JOIN person p USING (person_id)
            LEFT JOIN channel_address c ON c.person_id = n.person_id AND c.channel = n.channel
            JOIN occurrence o ON o.occurrence_id = n.assigned_id
            JOIN alarm_definition d ON d.definition_id = o.definition_id
            JOIN sensor s ON s.sensor_id = o.sensor_id
            JOIN company co ON co.company_id = o.company_id JOIN site si ON si.site_id = o.site_id
            LEFT JOIN zone z ON z.zone_id = s.zone_id
            LEFT JOIN person g ON g.person_id = o.assigned_by
            WHERE n.notification_id = %s
            """,
            (notification_id,),
        ).fetchone()


def _digest(connection: Connection[Any], notification_id: int) -> DigestNotice | None:
    row = _numbers(connection, notification_id)
    return None if row is None else DigestNotice(**{**row, "tally": from_json(row["tally"])})


def _weekly(connection: Connection[Any], notification_id: int) -> WeeklyNotice | None:
    row = _numbers(connection, notification_id)
    return None if row is None else WeeklyNotice(week=week_from_json(row.pop("tally")), **row)


def _backlog(connection: Connection[Any], notification_id: int) -> BacklogNotice | None:
    row = _numbers(connection, notification_id)
    return None if row is None else BacklogNotice(backlog=backlog_from_json(row.pop("tally")), **row)


def _unreachable(connection: Connection[Any], notification_id: int) -> UnreachableNotice | None:
    row = _numbers(connection, notification_id)
    if row is None:
        return None
    tally = row.pop("tally")
    broken = tuple((channel, why) for channel, why in tally.pop("broken"))
    return UnreachableNotice(broken=broken, **tally, **row)


def _storm(connection: Connection[Any], notification_id: int) -> StormNotice | None:
    with connection.cursor(row_factory=class_row(StormNotice)) as cursor:
        return cursor.execute(
            """
            SELECT n.notification_id, n.key, n.attempt, n.created_at, n.due_at, n.onset, n.step, n.audience, n.channel,
                   n.person_id, p.active AS person_active, p.language, c.address, c.secret_ref, c.dead_why,
                   n.event, n.storm_id, t.began_at AS storm_began_at, t.ended_at AS storm_ended_at, t.alarms,
                   (SELECT count(DISTINCT (h.definition_id, h.sensor_id, h.onset))::int FROM notification h
                    WHERE h.storm_id = n.storm_id AND h.person_id = n.person_id AND h.subject = 'alarm' AND h.state = 'sent') AS told,
                   coalesce(m.digest_every_s, %s) AS every_s, si.key AS site_key, si.name AS site, si.name_zh AS site_zh, si.time_zone
            FROM notification n
            JOIN person p USING (person_id)
            LEFT JOIN channel_address c ON c.person_id = n.person_id AND c.channel = n.channel
            JOIN storm t ON t.storm_id = n.storm_id JOIN site si ON si.site_id = t.site_id
            LEFT JOIN site_calm m ON m.site_id = t.site_id
            WHERE n.notification_id = %s
            """,
            (DIGEST_EVERY.total_seconds(), notification_id),
        ).fetchone()


def _numbers(connection: Connection[Any], notification_id: int) -> dict[str, Any] | None:
    """A message that carries its numbers itself."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            SELECT n.notification_id, n.key, n.attempt, n.created_at, n.due_at, n.onset, n.step, n.audience, n.channel,
                   n.person_id, p.active AS person_active, p.language, c.address, c.secret_ref, c.dead_why, n.tally
            FROM notification n
            JOIN person p USING (person_id)
            LEFT JOIN channel_address c ON c.person_id = n.person_id AND c.channel = n.channel
            WHERE n.notification_id = %s
            """,
            (notification_id,),
        ).fetchone()


_READERS: Final[dict[Subject, Callable[[Connection[Any], int], Envelope | None]]] = {
    Subject.ALARM: read_call,
    Subject.FINDING: _finding,
    Subject.IMPAIRMENT: _impairment,
    Subject.OCCURRENCE: _assignment,
    Subject.DIGEST: _digest,
    Subject.WEEKLY: _weekly,
    Subject.BACKLOG: _backlog,
    Subject.UNREACHABLE: _unreachable,
    Subject.STORM: _storm,
    Subject.COMPLAINT: complaint,
    Subject.RATING_REQUEST: rating_request,
    Subject.TOLD_BACK: told_back,
    **dict.fromkeys(APPROVALS, approval),
}
