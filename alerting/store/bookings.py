"""Books what was sent without the queue, while the database was away: by key, so that nobody sends it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection

from alerting.store.columns import columns


@dataclass(frozen=True, slots=True, kw_only=True)
class SentCall:
    """A call for a life-safety alarm that reached its channel before its alarm reached the database; fields as in `notification`.

    Args:
        receipt: the receiver's, one line.
    """

    key: str
    company_id: int
    definition_id: int
    sensor_id: int
    onset: datetime
    step: int
    rule: str
    audience: str
    person_id: int
    channel: str
    due_at: datetime
    created_at: datetime
    sent_at: datetime
    receipt: str


def book_sent(connection: Connection[Any], sent: Sequence[SentCall]) -> int:
    """Marks as sent what was queued under these keys; in the transaction that queued it, nobody can claim it before.

    Returns:
        How many were marked. A key that is not there, or is finished, stays as it is.
    """
    cursor = connection.execute(
        """
        UPDATE notification n SET state = 'sent', attempt = greatest(n.attempt, 1), sent_at = s.sent_at, finished_at = s.sent_at,
               lease_until = NULL, outcome = s.receipt
        FROM unnest(%s::text[], %s::timestamptz[], %s::text[]) AS s(key, sent_at, receipt)
        WHERE n.key = s.key AND n.state IN ('waiting', 'claimed')
        """,
        columns([(call.key, call.sent_at, call.receipt) for call in sent], 3),
    )
    return cursor.rowcount


def book_beside(connection: Connection[Any], sent: Sequence[SentCall]) -> int:
    """Writes down calls that were made over another channel than the queue asks for, beside what it asks for; before `book_sent`.

    So nobody passes on to that channel again. What the queue does not wait to send, or has by this key, stays as it is.
    """
    cursor = connection.execute(
        """
        INSERT INTO notification (key, company_id, occurrence_id, definition_id, sensor_id, onset, step, rule, audience, person_id,
                                  channel, due_at, urgency, created_at, state, attempt, sent_at, finished_at, outcome)
        SELECT DISTINCT ON (s.key) s.key, n.company_id, n.occurrence_id, n.definition_id, n.sensor_id, n.onset, n.step, s.rule, n.audience,
               n.person_id, s.channel, n.due_at, 0, n.created_at, 'sent', 1, s.sent_at, s.sent_at, s.receipt
        FROM unnest(%s::text[], %s::int[], %s::int[], %s::timestamptz[], %s::int[], %s::int[], %s::text[], %s::text[], %s::timestamptz[],
                    %s::text[]) AS s(key, definition_id, sensor_id, onset, step, person_id, channel, rule, sent_at, receipt)
        JOIN notification n ON n.definition_id = s.definition_id AND n.sensor_id = s.sensor_id AND n.onset = s.onset AND n.step = s.step
            AND n.person_id = s.person_id AND n.urgency = 0 AND n.state IN ('waiting', 'claimed') AND n.channel <> s.channel
        ORDER BY s.key, n.notification_id
        ON CONFLICT (key) DO NOTHING
        """,
        columns(
            [
                (call.key, call.definition_id, call.sensor_id, call.onset, call.step, call.person_id, call.channel, call.rule,
                 call.sent_at, call.receipt)
                for call in sent
            ],
            10,
        ),
    )  # fmt: skip
    return cursor.rowcount


def hold(connection: Connection[Any], keys: Sequence[str], lease_until: datetime) -> int:
    """Takes what is being sent at this moment, as any sender takes what it sends: if we die of it, the lease runs out."""
    cursor = connection.execute(
        """
        UPDATE notification SET state = 'claimed', attempt = attempt + 1, lease_until = %s
        WHERE key = ANY(%s) AND state = 'waiting'
        """,
        (lease_until, list(keys)),
    )
    return cursor.rowcount


def in_the_books(connection: Connection[Any], keys: Sequence[str]) -> dict[str, bool]:
    """Those of the keys that are queued, with whether they are finished."""
    rows = connection.execute(
        "SELECT key, state NOT IN ('waiting', 'claimed') FROM notification WHERE key = ANY(%s)", (list(keys),)
    ).fetchall()
    return {key: bool(finished) for key, finished in rows}


def add_sent(connection: Connection[Any], sent: Sequence[SentCall]) -> int:
    """Writes down calls that were made though the books, when they came, did not ask for them: what went out is known.

    They hang on the alarm's newest occurrence. Where it has none, nothing is written.
    """
    cursor = connection.execute(
        """
        INSERT INTO notification (key, company_id, occurrence_id, definition_id, sensor_id, onset, step, rule, audience, person_id,
                                  channel, due_at, urgency, created_at, state, attempt, sent_at, finished_at, outcome)
        SELECT s.key, s.company_id, o.occurrence_id, s.definition_id, s.sensor_id, s.onset, s.step, s.rule, s.audience,
               s.person_id, s.channel, s.due_at, 0, s.created_at, 'sent', 1, s.sent_at, s.sent_at, s.receipt
        FROM unnest(%s::text[], %s::int[], %s::int[], %s::int[], %s::timestamptz[], %s::int[], %s::text[], %s::text[], %s::int[],
                    %s::text[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s::text[])
             AS s(key, company_id, definition_id, sensor_id, onset, step, rule, audience, person_id, channel, due_at, created_at,
                  sent_at, receipt)
        JOIN LATERAL (SELECT occurrence_id FROM occurrence o
                      WHERE o.definition_id = s.definition_id AND o.sensor_id = s.sensor_id AND NOT o.simulated
                      ORDER BY o.occurrence_id DESC LIMIT 1) o ON true
        ON CONFLICT (key) DO NOTHING
        """,
        columns([tuple(getattr(call, name) for name in SentCall.__slots__) for call in sent], 14),
    )
    return cursor.rowcount
