"""Occurrences that called somebody, and when somebody answered: the one statement behind every time to acknowledge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from core.response_time import TOO_LATE_TO_CALL, Answer


@dataclass(frozen=True, slots=True)
class Call:
    """One occurrence.

    Args:
        called_at: when it first stood unacknowledged and was not suppressed, learnt of in time to call somebody.
        answered_at: when somebody first acknowledged it after that; None: nobody had by the end.
    """

    occurrence_id: int
    company_id: int
    priority: str
    called_at: datetime
    answered_at: datetime | None
    simulated: bool


def calls(connection: Connection[Any], site_ids: Sequence[int], since: datetime, until: datetime) -> list[Call]:
    """Those that began at some sites from `since` on; what happened from `until` on is not looked at."""
    with connection.cursor(row_factory=class_row(Call)) as cursor:
        return cursor.execute(
            """
            SELECT o.occurrence_id, o.company_id, d.priority, c.at AS called_at, a.at AS answered_at, o.simulated
            FROM v_occurrence o JOIN v_alarm_definition d USING (definition_id)
            CROSS JOIN LATERAL (
                SELECT min(t.at) AS at FROM v_transition t
                WHERE t.occurrence_id = o.occurrence_id AND t.to_state = 'B' AND t.suppression = 'none' AND t.at < %(until)s
                  AND t.recorded_at - t.at <= %(news)s
            ) c
            CROSS JOIN LATERAL (
                SELECT min(t.at) AS at FROM v_transition t
                WHERE t.occurrence_id = o.occurrence_id AND t.event = 'acknowledge' AND t.at >= c.at AND t.at < %(until)s
            ) a
            WHERE o.site_id = ANY(%(sites)s) AND o.began_at >= %(since)s AND o.began_at < %(until)s AND c.at IS NOT NULL
            ORDER BY o.occurrence_id
            """,
            {"sites": list(site_ids), "since": since, "until": until, "news": TOO_LATE_TO_CALL},
        ).fetchall()


def answers(of: Iterable[Call], until: datetime) -> list[Answer]:
    """How long each waited; what nobody had acknowledged has waited until the end."""
    return [
        Answer(
            each.priority, ((each.answered_at or until) - each.called_at).total_seconds(), each.answered_at is not None
        )
        for each in of
    ]
