"""What is known at that moment of a complaint, a question and a change that is told back, for the message that was claimed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from alerting.voice_notice import ComplaintNotice, RequestNotice, ToldBackNotice


def complaint(connection: Connection[Any], notification_id: int) -> ComplaintNotice | None:
    """A message about a complaint."""
    with connection.cursor(row_factory=class_row(ComplaintNotice)) as cursor:
        return cursor.execute(
            """
            SELECT n.notification_id, n.key, n.attempt, n.created_at, n.due_at, n.onset, n.step, n.audience, n.channel,
                   n.person_id, p.active AS person_active, p.language, c.address, c.secret_ref, c.dead_why,
                   n.event, v.complaint_id, v.title, v.state, v.owner_name AS owner, v.filed_at, v.answer_due_at, v.answered_at,
                   v.conclude_due_at, v.solved_at, v.company, v.company_zh, v.site, v.site_zh, v.time_zone,
                   NULL::text AS zone, NULL::text AS zone_zh
            FROM notification n
            JOIN person p USING (person_id)
            LEFT JOIN channel_address c ON c.person_id = n.person_id AND c.channel = n.channel
            CROSS JOIN LATERAL (SELECT * FROM v_complaint WHERE complaint_id = n.complaint_id LIMIT 1) v
            WHERE n.notification_id = %s
            """,
            (notification_id,),
        ).fetchone()


def rating_request(connection: Connection[Any], notification_id: int) -> RequestNotice | None:
    """A question how it was."""
    with connection.cursor(row_factory=class_row(RequestNotice)) as cursor:
        return cursor.execute(
            """
            SELECT n.notification_id, n.key, n.attempt, n.created_at, n.due_at, n.onset, n.step, n.audience, n.channel,
                   n.person_id, p.active AS person_active, p.language, c.address, c.secret_ref, c.dead_why,
                   v.request_id, CASE WHEN v.occurrence_id IS NOT NULL THEN 'occurrence' WHEN v.finding_id IS NOT NULL THEN 'finding'
                       WHEN v.impairment_id IS NOT NULL THEN 'impairment' ELSE 'service' END AS thing,
                   coalesce(v.occurrence_id, v.finding_id, v.impairment_id, v.service_id) AS number, v.title, v.title_zh, v.rated,
                   v.company, v.company_zh, v.site, v.site_zh, v.time_zone, NULL::text AS zone, NULL::text AS zone_zh
            FROM notification n
            JOIN person p USING (person_id)
            LEFT JOIN channel_address c ON c.person_id = n.person_id AND c.channel = n.channel
            CROSS JOIN LATERAL (SELECT * FROM v_rating_request WHERE request_id = n.request_id LIMIT 1) v
            WHERE n.notification_id = %s
            """,
            (notification_id,),
        ).fetchone()


def told_back(connection: Connection[Any], notification_id: int) -> ToldBackNotice | None:
    """A change because of somebody's word."""
    with connection.cursor(row_factory=class_row(ToldBackNotice)) as cursor:
        return cursor.execute(
            """
            SELECT n.notification_id, n.key, n.attempt, n.created_at, n.due_at, n.onset, n.step, n.audience, n.channel,
                   n.person_id, p.active AS person_active, p.language, c.address, c.secret_ref, c.dead_why,
                   v.told_back_id, v.change, v.title, v.title_zh, v.said_at, v.changed_at, v.complaint_id IS NOT NULL AS complained,
                   v.company, v.company_zh, v.site, v.site_zh, v.time_zone, NULL::text AS zone, NULL::text AS zone_zh
            FROM notification n
            JOIN person p USING (person_id)
            LEFT JOIN channel_address c ON c.person_id = n.person_id AND c.channel = n.channel
            CROSS JOIN LATERAL (SELECT * FROM v_told_back WHERE told_back_id = n.told_back_id LIMIT 1) v
            WHERE n.notification_id = %s
            """,
            (notification_id,),
        ).fetchone()


def sites_in_alarm(connection: Connection[Any], site_ids: Sequence[int]) -> set[int]:
    """Of some sites, those with an alarm that is active or waits for somebody, and is not put aside: nobody is asked anything there."""
    rows = connection.execute(
        """
        SELECT DISTINCT site_id FROM alarm
        WHERE site_id = ANY(%s) AND suppression = 'none' AND (active OR state <> 'A')
        """,
        (list(site_ids),),
    ).fetchall()
    return {int(row[0]) for row in rows}
