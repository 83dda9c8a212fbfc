"""The queue of what is to be sent, which is the proof of what was sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from alerting.ledger import AlarmKey, notification_key
from alerting.routing import INSTEAD, Call
from alerting.store.columns import columns, key_columns

GOES_OVER: Final = "; goes over "  # how an outcome says which channel took the message instead
TOLD_OVER: Final = "told over "  # before a channel: why the same message does not go over this one as well


@dataclass(frozen=True, slots=True)
class NewNotification:
    """A message to be sent, as it enters the queue; the order of fields is that of the statement.

    Args:
        key: the receiver's idempotency key.
        urgency: 0 life safety .. 3 low.
        roster_id, wish, step_due_at: see `alerting.routing.Call`.
    """

    key: str
    company_id: int
    occurrence_id: int
    definition_id: int
    sensor_id: int
    onset: datetime
    step: int
    rule: str
    audience: str
    person_id: int
    channel: str
    due_at: datetime
    urgency: int
    created_at: datetime
    roster_id: int | None = None
    wish: str | None = None
    step_due_at: datetime | None = None

    @classmethod
    def of(
        cls,
        call: Call,
        alarm: AlarmKey,
        *,
        company_id: int,
        occurrence_id: int,
        onset: datetime,
        urgency: int,
        now: datetime,
    ) -> NewNotification:
        """What a planned call is in the queue."""
        return cls(
            key=notification_key(alarm, onset, call.position, call.person_id, call.channel),
            company_id=company_id,
            occurrence_id=occurrence_id,
            definition_id=alarm.definition_id,
            sensor_id=alarm.sensor_id,
            onset=onset,
            step=call.position,
            rule=call.rule,
            audience=call.audience,
            person_id=call.person_id,
            channel=call.channel,
            due_at=call.at,
            urgency=urgency,
            created_at=now,
            roster_id=call.roster_id,
            wish=call.wish,
            step_due_at=call.step_due_at,
        )


def add(connection: Connection[Any], rows: Sequence[NewNotification]) -> int:
    """Queues messages; a key that is there already stays as it is. Gives how many were new."""
    cursor = connection.execute(
        """
        INSERT INTO notification (key, company_id, occurrence_id, definition_id, sensor_id, onset, step, rule, audience,
                                  person_id, channel, due_at, urgency, created_at, roster_id, wish, step_due_at)
        SELECT * FROM unnest(%s::text[], %s::int[], %s::bigint[], %s::int[], %s::int[], %s::timestamptz[], %s::int[], %s::text[],
                             %s::text[], %s::int[], %s::text[], %s::timestamptz[], %s::smallint[], %s::timestamptz[],
                             %s::int[], %s::text[], %s::timestamptz[])
        ON CONFLICT (key) DO NOTHING RETURNING true
        """,
        columns([tuple(getattr(row, name) for name in NewNotification.__slots__) for row in rows], 17),
    )
    return len(cursor.fetchall())


def cancel_waiting(connection: Connection[Any], rows: Sequence[tuple[AlarmKey, str]], now: datetime) -> None:
    """Cancels what still waits for some alarms, with the reason for each. What is being sent is left to who sends it."""
    connection.execute(
        """
        UPDATE notification n SET state = 'cancelled', finished_at = %s, outcome = c.reason
        FROM unnest(%s::int[], %s::int[], %s::text[]) AS c(definition_id, sensor_id, reason)
        WHERE n.definition_id = c.definition_id AND n.sensor_id = c.sensor_id AND n.state = 'waiting'
        """,
        (now, *key_columns([key for key, _ in rows]), [reason for _, reason in rows]),
    )


def mark_sent(
    connection: Connection[Any],
    notification_id: int,
    attempt: int,
    now: datetime,
    receipt: str,
    *,
    delivered: bool = False,
    sent_as: str | None = None,
) -> bool:
    """Keeps the receiver's receipt; False where the attempt is no longer ours.

    Args:
        delivered: the receiver itself has it.
        sent_as: the number under which a gateway will say what became of it.
    """
    return _one(
        connection.execute(
            """
            UPDATE notification SET state = 'sent', sent_at = %s, finished_at = %s, lease_until = NULL, outcome = %s,
                   delivered_at = CASE WHEN %s THEN %s::timestamptz END, sent_as = %s
            WHERE notification_id = %s AND attempt = %s AND state = 'claimed'
            """,
            (now, now, receipt, delivered, now, sent_as, notification_id, attempt),
        ).rowcount
    )


def mark_finished(
    connection: Connection[Any], notification_id: int, attempt: int, now: datetime, state: str, outcome: str
) -> bool:
    """Ends a message unsent ("failed" or "cancelled"), with the reason; False where the attempt is no longer ours."""
    return _one(
        connection.execute(
            """
            UPDATE notification SET state = %s, finished_at = %s, lease_until = NULL, outcome = %s
            WHERE notification_id = %s AND attempt = %s AND state = 'claimed'
            """,
            (state, now, outcome, notification_id, attempt),
        ).rowcount
    )


def mark_undelivered(connection: Connection[Any], notification_id: int, now: datetime, outcome: str) -> bool:
    """What was sent has not arrived after all; False where it has, or was not sent."""
    return _one(
        connection.execute(
            """
            UPDATE notification SET state = 'failed', finished_at = %s, outcome = %s
            WHERE notification_id = %s AND state = 'sent' AND delivered_at IS NULL
            """,
            (now, outcome, notification_id),
        ).rowcount
    )


def mark_delivered(connection: Connection[Any], notification_id: int, at: datetime) -> bool:
    """The person's own device has it; False where that is known, or it was not sent."""
    return _one(
        connection.execute(
            """
            UPDATE notification SET delivered_at = %s
            WHERE notification_id = %s AND state = 'sent' AND delivered_at IS NULL
            """,
            (at, notification_id),
        ).rowcount
    )


def say_more(connection: Connection[Any], notification_id: int, outcome: str) -> None:
    """Keeps what is known of its end by now."""
    connection.execute("UPDATE notification SET outcome = %s WHERE notification_id = %s", (outcome, notification_id))


def put_back(
    connection: Connection[Any], notification_id: int, attempt: int, not_before: datetime, outcome: str
) -> bool:
    """Lets a message wait for its next attempt; False where the attempt is no longer ours."""
    return _one(
        connection.execute(
            """
            UPDATE notification SET state = 'waiting', lease_until = %s, outcome = %s
            WHERE notification_id = %s AND attempt = %s AND state = 'claimed'
            """,
            (not_before, outcome, notification_id, attempt),
        ).rowcount
    )


def hold(connection: Connection[Any], notification_id: int, attempt: int, not_before: datetime, why: str) -> bool:
    """Lets a message wait that nobody has tried to send: the attempt did not happen. False where it is no longer ours."""
    return _one(
        connection.execute(
            """
            UPDATE notification SET state = 'waiting', attempt = attempt - 1, lease_until = %s, outcome = %s
            WHERE notification_id = %s AND attempt = %s AND state = 'claimed'
            """,
            (not_before, why, notification_id, attempt),
        ).rowcount
    )


def ways_beside(connection: Connection[Any], notification_id: int) -> dict[str, str | None]:
    """The person's other living channels, and what became of this message over each: a state, or None where it never went there."""
    rows = connection.execute(
        """
        SELECT c.channel, e.state FROM notification n
        JOIN channel_address c ON c.person_id = n.person_id AND c.channel <> n.channel AND c.dead_at IS NULL
        LEFT JOIN notification e ON e.key = regexp_replace(n.key, '-' || n.channel || '$', '') || '-' || c.channel
        WHERE n.notification_id = %s
        """,
        (notification_id,),
    ).fetchall()
    return {row[0]: row[1] for row in rows}


def own_order(connection: Connection[Any], notification_id: int) -> list[str]:
    """The person's channels in their own order, where the step leaves the choice to them; else none."""
    row = connection.execute(
        """
        SELECT CASE WHEN n.urgency = 0 OR d.priority = 'life-safety' THEN f.urgent ELSE f.other END
        FROM notification n JOIN person_preference f USING (person_id) LEFT JOIN alarm_definition d USING (definition_id)
        WHERE n.notification_id = %s AND n.wish LIKE 'preferred%%'
        """,
        (notification_id,),
    ).fetchone()
    return list(row[0]) if row else []


def pass_on(connection: Connection[Any], notification_id: int, channel: str, now: datetime) -> bool:
    """Queues the same message for the same person over another channel, under a key of its own; False where it is there already.

    Its rule says in whose place it goes and not why: more people read a rule than an outcome. It stays a call to the duty position:
    whoever takes over gets it in its step's own way.
    """
    return _one(
        connection.execute(
            """
            INSERT INTO notification (key, company_id, occurrence_id, definition_id, sensor_id, onset, step, rule, audience, person_id,
                                      channel, due_at, urgency, created_at, subject, event, finding_id, impairment_id, assigned_id,
                                      complaint_id, request_id, told_back_id, approval_id, tally, roster_id, wish, step_due_at, passed_on, storm_id)
            SELECT regexp_replace(key, '-' || channel || '$', '') || '-' || %(channel)s, company_id, occurrence_id, definition_id, sensor_id,
                   onset, step, rule || %(instead)s || channel, audience, person_id, %(channel)s, due_at, urgency,
                   %(now)s, subject, event, finding_id, impairment_id, assigned_id, complaint_id, request_id, told_back_id, approval_id, tally,
                   roster_id, CASE WHEN roster_id IS NULL THEN wish ELSE coalesce(wish, channel) END, step_due_at, true,
                   CASE WHEN subject = 'storm' THEN storm_id END
            FROM notification WHERE notification_id = %(id)s
            ON CONFLICT (key) DO NOTHING
            """,
            {"id": notification_id, "channel": channel, "now": now, "instead": INSTEAD},
        ).rowcount
    )


def end_held(connection: Connection[Any], notification_id: int, now: datetime) -> None:
    """Ends the same message over the channels that this one stood in for, where nobody has tried them: the person has it. Never life safety."""
    connection.execute(
        """
        UPDATE notification held SET state = 'failed', finished_at = %(now)s, lease_until = NULL FROM notification n
        WHERE n.notification_id = %(id)s AND n.state = 'sent' AND position(%(instead)s IN n.rule) > 0
          AND held.key = ANY (SELECT regexp_replace(n.key, '-' || n.channel || '$', '') || '-' || c.channel
                              FROM channel_address c WHERE c.person_id = n.person_id AND c.channel <> n.channel)
          AND held.state = 'waiting' AND held.urgency > 0 AND right(held.outcome, length(n.channel) + length(%(over)s)) = %(over)s || n.channel
        """,
        {"id": notification_id, "now": now, "over": GOES_OVER, "instead": INSTEAD},
    )


def end_told(connection: Connection[Any], over: Mapping[int, str], now: datetime) -> None:
    """Ends messages that wait and that the person has over another channel.

    Args:
        over: that channel, by message.
    """
    connection.execute(
        """
        UPDATE notification n SET state = 'cancelled', finished_at = %s, lease_until = NULL, outcome = %s || t.channel
        FROM unnest(%s::bigint[], %s::text[]) AS t(notification_id, channel)
        WHERE n.notification_id = t.notification_id AND n.state IN ('waiting', 'claimed')
        """,
        (now, TOLD_OVER, list(over), list(over.values())),
    )


def tell_in(connection: Connection[Any], notification_ids: Sequence[int], key: str) -> None:
    """Writes down in which message it was told, where that was another's; life safety always has its own."""
    connection.execute(
        "UPDATE notification SET told_in = %s WHERE notification_id = ANY(%s) AND state = 'sent' AND urgency > 0",
        (key, list(notification_ids)),
    )


def move_on(connection: Connection[Any], notification_id: int, by: timedelta) -> None:
    """Moves the later steps of a call that was held up on by `by`, once: with the first message of its step to go out."""
    connection.execute(
        """
        UPDATE notification later SET due_at = later.due_at + %(by)s, step_due_at = later.step_due_at + %(by)s
        FROM notification n
        WHERE n.notification_id = %(id)s AND later.definition_id = n.definition_id AND later.sensor_id = n.sensor_id
          AND later.onset = n.onset AND later.step > n.step AND later.state = 'waiting' AND later.attempt = 0
          AND NOT EXISTS (SELECT FROM notification beside
                          WHERE beside.definition_id = n.definition_id AND beside.sensor_id = n.sensor_id AND beside.onset = n.onset
                            AND beside.step = n.step AND beside.notification_id <> n.notification_id AND beside.attempt > 0)
        """,
        {"id": notification_id, "by": by},
    )


def call_off(connection: Connection[Any], notification_id: int, now: datetime, reason: str) -> bool:
    """Ends the call of which this message is the first word: nobody is being called, and what begins again is news.

    The alarm is locked and looked at again: False where it waits for a person in earnest by now. Then the call is wanted after all.
    """
    row = connection.execute(
        """
        SELECT a.state::text FROM alarm a
        JOIN notification n ON n.definition_id = a.definition_id AND n.sensor_id = a.sensor_id
        WHERE n.notification_id = %s FOR NO KEY UPDATE OF a
        """,
        (notification_id,),
    ).fetchone()
    if row is None or row[0] in ("B", "E"):
        return False
    connection.execute(
        """
        UPDATE alarm a SET onset = NULL FROM notification n
        WHERE n.notification_id = %s AND a.definition_id = n.definition_id AND a.sensor_id = n.sensor_id AND a.onset = n.onset
        """,
        (notification_id,),
    )
    connection.execute(
        """
        UPDATE notification later SET state = 'cancelled', finished_at = %(now)s, outcome = %(reason)s FROM notification n
        WHERE n.notification_id = %(id)s AND later.occurrence_id = n.occurrence_id AND later.onset = n.onset
          AND later.state = 'waiting' AND later.attempt = 0
        """,
        {"id": notification_id, "now": now, "reason": reason},
    )
    return True


def outlook(connection: Connection[Any], now: datetime, *, but_not: Sequence[str] = ()) -> tuple[datetime | None, int]:
    """When the next message may be claimed (None where none waits), and how many are due by now and not sent.

    Args:
        but_not: channels whose messages cannot be claimed now; they count as due all the same.
    """
    row = connection.execute(
        """
        SELECT min(greatest(due_at, lease_until)) FILTER (WHERE channel <> ALL(%s)),
               count(*) FILTER (WHERE due_at <= %s AND (held_by IS NULL OR state = 'claimed'))
        FROM notification WHERE state IN ('waiting', 'claimed')
        """,
        (list(but_not), now),
    ).fetchone()
    return (row[0], row[1]) if row else (None, 0)


def listen(connection: Connection[Any]) -> None:
    """This connection hears when something was queued."""
    connection.execute("LISTEN davy_outbox")


def _one(count: int) -> bool:
    return count == 1
