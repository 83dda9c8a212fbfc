"""All that happened to an occurrence, in one order: its alarm, who was to be told and was, who answered, what people wrote and did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineRow:
    """One thing that happened to an occurrence.

    Args:
        kind: transition, notification, duty (somebody took over a duty position that it calls, or gave it back; the detail is their
            name), comment, look (the insurer looked at the evidence), assigned (the detail is to whom) or insurer (somebody at the
            insurer has acknowledged it; the detail is their name).
        what: the event; the channel; `taken_over` or `given_back`; `nobody` where it is given to nobody any more, or nobody is on duty.
        detail: the state after it; of a notification `planned`, `delivered`, `seen` or `answered` (by its own link), else what has become
            of it; a name.
        text: what somebody wrote; of a notification that was planned by which rule, else the receipt or why it did not go out.
        until: when a shelf ends; when a notification is due; until when somebody takes over.
        audience: whose people a notification goes to, or whose duty position it is: client or insurer.
        number: of its kind, in the order in which things were written down.
    """

    at: datetime
    kind: str
    what: str
    detail: str
    who: str | None
    person_id: int | None
    text: str | None
    value: float | None
    until: datetime | None
    audience: str | None
    number: int


def timeline(connection: Connection[Any], occurrence_id: int, *, most: int = 1000) -> list[TimelineRow]:
    """All that happened to it, the newest first; of what was written down at one instant what follows from the other is above it.

    A message is there when it was planned, when it came to its end, when its receiver had it, and when its reader saw and answered it
    (`alerting.receipts`); while it waits, at the instant for which it does.
    """
    with connection.cursor(row_factory=class_row(TimelineRow)) as cursor:
        return cursor.execute(
            """
            WITH told AS (
                SELECT v.*, n.created_at, n.delivered_at, n.lease_until, n.roster_id
                FROM v_notification v JOIN notification n USING (notification_id)
                WHERE v.occurrence_id = %(id)s OR v.assigned_id = %(id)s
            ), lived AS (
                SELECT o.company_id, o.began_at, coalesce(o.resolved_at, 'infinity') AS resolved_at FROM v_occurrence o WHERE o.occurrence_id = %(id)s
            )
            SELECT e.at, e.kind, e.what, e.detail, p.name AS who, e.person_id, e.text, e.value, e.until, e.audience, e.number FROM (
                SELECT t.at, 'transition' AS kind, t.event AS what, t.to_state::text AS detail, t.person_id,
                       t.reason AS text, t.value, t.until, NULL AS audience, t.transition_id AS number, 0 AS after
                FROM v_transition t WHERE t.occurrence_id = %(id)s
                UNION ALL
                SELECT n.created_at, 'notification', n.channel, 'planned', n.person_id, n.rule, NULL, n.due_at, n.audience, n.notification_id, 3
                FROM told n
                UNION ALL
                SELECT CASE WHEN n.state IN ('waiting', 'claimed') THEN greatest(n.due_at, CASE n.state WHEN 'waiting' THEN n.lease_until END)
                            ELSE coalesce(n.sent_at, n.finished_at, n.due_at) END,
                       'notification', n.channel, n.state, n.person_id, n.outcome, NULL, n.due_at, n.audience, n.notification_id,
                       CASE n.state WHEN 'cancelled' THEN 2 ELSE 4 END
                FROM told n
                UNION ALL
                SELECT n.delivered_at, 'notification', n.channel, 'delivered', n.person_id, n.outcome, NULL, n.due_at, n.audience, n.notification_id, 5
                FROM told n WHERE n.delivered_at IS NOT NULL
                UNION ALL
                SELECT q.at, 'notification', n.channel, q.stage, n.person_id, NULL, NULL, n.due_at, n.audience, n.notification_id,
                       CASE q.stage WHEN 'answered' THEN 1 ELSE 6 END
                FROM told n JOIN message_receipt q USING (notification_id)
                UNION ALL
                SELECT CASE d.event WHEN 'given_back' THEN r.withdrawn_at ELSE r.made_at END, 'duty',
                       CASE WHEN d.event = 'taken_over' AND r.person_id IS NULL THEN 'nobody' ELSE d.event END,
                       coalesce((SELECT n.name FROM person n WHERE n.person_id = r.person_id), ''),
                       CASE d.event WHEN 'given_back' THEN r.withdrawn_by ELSE r.made_by END,
                       CASE WHEN f.audience = 'client' AND d.event = 'taken_over' THEN nullif(r.reason, '') END, NULL, r.ends_at, f.audience, r.override_id, 1
                FROM roster_override r JOIN roster f USING (roster_id) CROSS JOIN (VALUES ('taken_over'), ('given_back')) d(event), lived
                WHERE r.company_id = lived.company_id AND r.roster_id IN (SELECT n.roster_id FROM told n)
                  AND CASE d.event WHEN 'given_back' THEN r.withdrawn_at ELSE r.made_at END BETWEEN lived.began_at AND lived.resolved_at
                UNION ALL
                SELECT k.at, 'comment', '', '', k.person_id, k.body, NULL, NULL, NULL, k.comment_id, 6
                FROM occurrence_comment k WHERE k.occurrence_id = %(id)s
                UNION ALL
                SELECT j.at, 'look', '', '', j.person_id, NULL, NULL, NULL, NULL, j.journal_id, 6
                FROM journal j WHERE j.action = 'evidence_read' AND j.subject = %(subject)s
                UNION ALL
                SELECT j.at, 'assigned', CASE WHEN j.new ->> 'assignee_id' IS NULL THEN 'nobody' ELSE '' END,
                       coalesce((SELECT n.name FROM person n WHERE n.person_id = (j.new ->> 'assignee_id')::int), ''),
                       j.person_id, NULL, NULL, NULL, NULL, j.journal_id, 2
                FROM journal j WHERE j.action = 'occurrence_assigned' AND j.subject = %(subject)s
                UNION ALL
                SELECT i.at, 'insurer', '', i.name, i.person_id, i.words, NULL, NULL, NULL, i.person_id, 6
                FROM insurer_acknowledgement i WHERE i.occurrence_id = %(id)s
            ) e LEFT JOIN person p ON p.person_id = e.person_id
            ORDER BY e.at DESC, e.after DESC, e.kind, e.number DESC LIMIT %(most)s
            """,
            {"id": occurrence_id, "subject": f"occurrence/{occurrence_id}", "most": most},
        ).fetchall()
