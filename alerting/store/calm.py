"""What goes together, in the books: how a site wants it, groups of messages, what is held and for what, causes that hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection

from alerting.calm import Calm, Due, Group, hazard_of
from alerting.incident import Sign
from core.model import Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A call for an alarm below life safety, as far as it decides with what it goes.

    Args:
        due: when it was due, or queued where that was later.
        group_id: of the group that it is told with already.
        speaks: it goes by itself for all that a storm holds (`alerting.store.storms.speak_up`).
    """

    notification_id: int
    attempt: int
    company_id: int
    site_id: int
    hazard: str
    person_id: int
    channel: str
    step: int
    audience: str
    due: Due
    held_by: str | None
    group_id: int | None
    speaks: bool
    calm: Calm


def place(connection: Connection[Any], notification_id: int, now: datetime) -> Placed | None:
    """Where a call claimed at `now` belongs; None of life safety, of an exercise, and of what is no call for an alarm.

    It is due by `now`, though the transaction that made it may have begun a moment later: before it was claimed, after the clock was read.
    """
    row = connection.execute(
        """
        SELECT n.attempt, n.company_id, d.site_id, d.detector, s.key, s.unit, s.quantity, s.zone_id, s.asset_id,
               EXISTS (SELECT FROM v_statistic_compound v WHERE v.sensor_id = s.sensor_id), n.person_id, n.channel, n.step,
               n.audience, least(greatest(n.due_at, n.created_at), %s), n.urgency, n.held_by, n.group_id,
               n.held_by IS NULL AND n.storm_id IS NOT NULL,
               c.window_s, c.grouped, c.storms, c.storm_begins, c.storm_ends, c.digest_every_s
        FROM notification n JOIN alarm_definition d USING (definition_id) JOIN sensor s ON s.sensor_id = n.sensor_id
        LEFT JOIN site_calm c ON c.site_id = d.site_id
        WHERE n.notification_id = %s AND n.subject = 'alarm' AND n.urgency BETWEEN 1 AND 3
        """,
        (now, notification_id),
    ).fetchone()
    if row is None:
        return None
    (
        attempt,
        company_id,
        site_id,
        detector,
        key,
        unit,
        quantity,
        zone_id,
        asset_id,
        of_statistics,
        person_id,
        channel,
        step,
        audience,
    ) = row[:14]
    at, urgency, held_by, group_id, speaks, *settings = row[14:]
    return Placed(
        notification_id=notification_id,
        attempt=attempt,
        company_id=company_id,
        site_id=site_id,
        hazard=hazard_of(detector, key, unit, quantity, zone_id, asset_id, of_statistics),
        person_id=person_id,
        channel=channel,
        step=step,
        audience=audience,
        due=Due(at, urgency, notification_id),
        held_by=held_by,
        group_id=group_id,
        speaks=speaks,
        calm=read_calm(*settings),
    )


def read_calm(
    window_s: float | None,
    grouped: Sequence[str] | None,
    storms: bool | None,
    begins: int | None,
    ends: int | None,
    digest_every_s: float | None,
) -> Calm:
    """How a site wants it; as Davy has it where it does not say."""
    if (
        window_s is None
        or grouped is None
        or storms is None
        or begins is None
        or ends is None
        or digest_every_s is None
    ):
        return Calm()
    return Calm(
        window=timedelta(seconds=window_s),
        grouped=frozenset(map(Priority, grouped)),
        storms=storms,
        storm_begins=begins,
        storm_ends=ends,
        digest_every=timedelta(seconds=digest_every_s),
    )


def take_turns(connection: Connection[Any], site_id: int) -> None:
    """Until the end of the transaction nobody else decides what of this site goes together."""
    connection.execute("SELECT pg_advisory_xact_lock(7251123, %s)", (site_id,))


def waiting_beside(connection: Connection[Any], of: Placed, now: datetime) -> list[Due]:
    """What waits for the same person, of the same hazard, over the same channel and at the same step, and nobody has tried to send."""
    rows = connection.execute(
        """
        SELECT n.notification_id, greatest(n.due_at, n.created_at), n.urgency, d.detector, s.key, s.unit, s.quantity, s.zone_id, s.asset_id,
               EXISTS (SELECT FROM v_statistic_compound v WHERE v.sensor_id = s.sensor_id)
        FROM notification n JOIN alarm_definition d USING (definition_id) JOIN sensor s ON s.sensor_id = n.sensor_id
        WHERE n.person_id = %s AND n.channel = %s AND n.step = %s AND n.audience = %s AND d.site_id = %s AND n.subject = 'alarm'
          AND n.urgency BETWEEN 1 AND 3 AND n.state = 'waiting' AND n.attempt = 0 AND n.due_at <= %s
          AND (n.held_by = 'group' OR n.lease_until IS NULL OR n.lease_until <= %s)
          AND davy_cause(n.definition_id, n.person_id, n.urgency) IS NULL
        ORDER BY n.notification_id FOR NO KEY UPDATE OF n SKIP LOCKED
        """,
        (of.person_id, of.channel, of.step, of.audience, of.site_id, now, now),
    ).fetchall()
    return [
        Due(at, urgency, notification_id)
        for notification_id, at, urgency, *place in rows
        if of.calm.groups(urgency) and hazard_of(*place) == of.hazard
    ]


def newest_group(connection: Connection[Any], of: Placed) -> tuple[int, Group] | None:
    """The newest group that it could join."""
    row = connection.execute(
        """
        SELECT group_id, began_at, last_at, worst, messages FROM message_group
        WHERE person_id = %s AND channel = %s AND site_id = %s AND hazard = %s AND step = %s AND audience = %s
        ORDER BY group_id DESC LIMIT 1
        """,
        (of.person_id, of.channel, of.site_id, of.hazard, of.step, of.audience),
    ).fetchone()
    return None if row is None else (int(row[0]), Group(*row[1:]))


def begin_group(connection: Connection[Any], of: Placed, group: Group) -> int:
    """Writes down a new group; gives its number."""
    row = connection.execute(
        """
        INSERT INTO message_group (company_id, site_id, hazard, person_id, channel, step, audience, began_at, last_at, worst, messages)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING group_id
        """,
        (
            of.company_id, of.site_id, of.hazard, of.person_id, of.channel, of.step, of.audience,
            group.began_at, group.last_at, group.worst, group.messages,
        ),
    ).fetchone()  # fmt: skip
    assert row is not None
    return int(row[0])


def go_on(connection: Connection[Any], group_id: int, group: Group) -> None:
    """One more message of a group."""
    connection.execute(
        "UPDATE message_group SET last_at = %s, worst = %s, messages = %s WHERE group_id = %s",
        (group.last_at, group.worst, group.messages, group_id),
    )


def join_group(
    connection: Connection[Any], group_id: int, lead: int, others: Sequence[int], lease_until: datetime
) -> None:
    """The lead is of the group, and the others go with it: ours until then."""
    connection.execute("UPDATE notification SET group_id = %s WHERE notification_id = %s", (group_id, lead))
    if others:
        connection.execute(
            """
            UPDATE notification SET state = 'claimed', attempt = attempt + 1, lease_until = %s, group_id = %s, held_by = 'group'
            WHERE notification_id = ANY(%s) AND state = 'waiting'
            """,
            (lease_until, group_id, list(others)),
        )


def went_with(connection: Connection[Any], group_id: int, lead: int, now: datetime) -> list[int]:
    """What went with a message that is sent again, ours until the end of the transaction: whoever sent it has died, or it did not arrive."""
    rows = connection.execute(
        """
        SELECT notification_id FROM notification
        WHERE group_id = %s AND notification_id <> %s AND attempt > 0 AND (state = 'waiting' OR (state = 'claimed' AND lease_until <= %s))
        ORDER BY notification_id FOR NO KEY UPDATE SKIP LOCKED
        """,
        (group_id, lead, now),
    ).fetchall()
    return [int(row[0]) for row in rows]


def take_again(connection: Connection[Any], numbers: Sequence[int], lease_until: datetime) -> None:
    """They go with it once more: ours until then."""
    connection.execute(
        """
        UPDATE notification SET state = 'claimed', attempt = attempt + 1, lease_until = %s WHERE notification_id = ANY(%s)
        """,
        (lease_until, list(numbers)),
    )


def told_of_group(connection: Connection[Any], group_id: int, most: int) -> tuple[list[int], int]:
    """What a group has told of or tells now, the most urgent first, and how many there are."""
    rows = connection.execute(
        """
        SELECT notification_id, count(*) OVER () FROM notification
        WHERE group_id = %s AND state IN ('claimed', 'sent') ORDER BY urgency, due_at, notification_id LIMIT %s
        """,
        (group_id, most),
    ).fetchall()
    return [int(row[0]) for row in rows], int(rows[0][1]) if rows else 0


def let_go(connection: Connection[Any], notification_id: int, attempt: int) -> None:
    """A claimed message that another is sent before: the attempt did not happen, and what held it holds it no more."""
    connection.execute(
        """
        UPDATE notification SET state = 'waiting', attempt = attempt - 1, lease_until = NULL, held_by = NULL, storm_id = NULL
        WHERE notification_id = %s AND attempt = %s AND state = 'claimed'
        """,
        (notification_id, attempt),
    )


def hold(
    connection: Connection[Any], lead: Placed, others: Sequence[int], until: datetime, held_by: str, why: str
) -> None:
    """Lets a claimed message, and others that wait, go on waiting: the attempt did not happen."""
    connection.execute(
        """
        UPDATE notification SET state = 'waiting', attempt = attempt - 1, lease_until = %s, held_by = %s, outcome = %s
        WHERE notification_id = %s AND attempt = %s AND state = 'claimed'
        """,
        (until, held_by, why, lead.notification_id, lead.attempt),
    )
    if others:
        connection.execute(
            """
            UPDATE notification SET lease_until = %s, held_by = %s, outcome = %s
            WHERE notification_id = ANY(%s) AND state = 'waiting'
            """,
            (until, held_by, why, list(others)),
        )


def cause_of(connection: Connection[Any], notification_id: int) -> int | None:
    """The occurrence that is the known cause of what a call is about; None: there is none that holds and that this person is told of."""
    row = connection.execute(
        "SELECT davy_cause(definition_id, person_id, urgency) FROM notification WHERE notification_id = %s",
        (notification_id,),
    ).fetchone()
    return None if row is None or row[0] is None else int(row[0])


def signs_of_group(connection: Connection[Any], group_id: int) -> tuple[str, str, list[Sign]]:
    """The asset that a group of an incident is of, as (name, name_zh), and its alarms, the earliest first."""
    rows = connection.execute(
        """
        SELECT a.name, a.name_zh, v.key || '/' || s.key, s.name, s.name_zh, n.onset, NOT s.is_virtual, r.sensor, r.name, r.name_zh, r.share
        FROM notification n JOIN sensor s ON s.sensor_id = n.sensor_id JOIN device v ON v.device_id = s.device_id
        JOIN asset a ON a.asset_id = s.asset_id LEFT JOIN v_model_root r ON r.occurrence_id = n.occurrence_id
        WHERE n.group_id = %s AND n.state IN ('claimed', 'sent') ORDER BY n.onset, n.notification_id
        """,
        (group_id,),
    ).fetchall()
    signs = [
        Sign(
            sensor=sensor, name=name, name_zh=name_zh, began_at=at, of_plant=of_plant,
            top=None if top[0] is None else (top[0], top[1], top[2], top[3]),
        )
        for _, _, sensor, name, name_zh, at, of_plant, *top in rows
    ]  # fmt: skip
    return (rows[0][0], rows[0][1], signs) if rows else ("", "", [])
