"""What is known of messages once they are sent: by their readers, and by the gateways that took them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from alerting.ledger import AlarmKey
from alerting.receipts import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """A message about an alarm, as the person sees it to whom it went."""

    notification_id: int
    key: str
    company_id: int
    person_id: int
    occurrence_id: int
    definition_id: int
    sensor_id: int
    onset: datetime
    channel: str
    audience: str
    answered_at: datetime | None

    @property
    def alarm(self) -> AlarmKey:
        """What it is about."""
        return AlarmKey(self.definition_id, self.sensor_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What a gateway says of a message; `notification_id` None: there is none by that number, or not yet."""

    sent_as: str
    arrived: bool
    said: str
    at: datetime
    notification_id: int | None
    subject: str | None


def find_message(connection: Connection[Any], notification_id: int, person_id: int) -> SentMessage | None:
    """A message about an alarm to that person, where the transaction may see it."""
    with connection.cursor(row_factory=class_row(SentMessage)) as cursor:
        return cursor.execute(
            """
            SELECT n.notification_id, n.key, n.company_id, n.person_id, n.occurrence_id, n.definition_id, n.sensor_id, n.onset, n.channel,
                   n.audience, r.at AS answered_at
            FROM notification n LEFT JOIN message_receipt r ON r.notification_id = n.notification_id AND r.stage = 'answered'
            WHERE n.notification_id = %s AND n.person_id = %s AND n.subject = 'alarm'
            """,
            (notification_id, person_id),
        ).fetchone()


def note(connection: Connection[Any], message: SentMessage, stage: Stage, now: datetime) -> bool:
    """Keeps that its reader has seen or answered it; False where that is kept already."""
    return (
        connection.execute(
            """
            INSERT INTO message_receipt (notification_id, stage, company_id, person_id, at) VALUES (%s, %s, %s, %s, %s)
            ON CONFLICT (notification_id, stage) DO NOTHING
            """,
            (message.notification_id, stage.value, message.company_id, message.person_id, now),
        ).rowcount
        == 1
    )


def note_seen(connection: Connection[Any], occurrence_id: int, person_id: int, now: datetime) -> int:
    """All that was sent to that person about an occurrence is seen; gives how many were new."""
    return connection.execute(
        """
        INSERT INTO message_receipt (notification_id, stage, company_id, person_id, at)
        SELECT n.notification_id, 'seen', n.company_id, n.person_id, %(now)s FROM notification n
        WHERE n.occurrence_id = %(occurrence)s AND n.person_id = %(person)s AND n.state = 'sent'
          AND NOT EXISTS (SELECT FROM message_receipt r WHERE r.notification_id = n.notification_id AND r.stage = 'seen')
        ON CONFLICT (notification_id, stage) DO NOTHING
        """,
        {"now": now, "occurrence": occurrence_id, "person": person_id},
    ).rowcount


def keep_report(connection: Connection[Any], sent_as: str, said: str, now: datetime, *, arrived: bool) -> None:
    """What a gateway has called back, for alerting to take; the same again changes nothing."""
    connection.execute(
        "INSERT INTO gateway_receipt (sent_as, arrived, said, at) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (sent_as, arrived, said, now),
    )


def take(connection: Connection[Any], before: datetime) -> list[Reported]:
    """Takes the reports whose messages are in the books, and those that came before an instant: each row once, whoever asks.

    In the order in which they came, what arrived first.
    """
    with connection.cursor(row_factory=class_row(Reported)) as cursor:
        return cursor.execute(
            """
            WITH taken AS (
                DELETE FROM gateway_receipt g
                WHERE g.at < %s OR EXISTS (SELECT FROM notification n WHERE n.sent_as = g.sent_as)
                RETURNING sent_as, arrived, said, at
            )
            SELECT t.sent_as, t.arrived, t.said, t.at, n.notification_id, n.subject
            FROM taken t LEFT JOIN notification n ON n.sent_as = t.sent_as
            ORDER BY t.at, t.sent_as, t.arrived DESC, n.urgency, n.notification_id
            """,
            (before,),
        ).fetchall()
