"""The rows of `backtest`: asked for, taken up, moved on, done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from davy.backtest.case import Question
from davy.backtest.store import Site


@dataclass(frozen=True, slots=True)
class Job:
    """One back-test as the database has it."""

    backtest_id: int
    site_id: int
    definition_key: str
    proposed: dict[str, Any]
    from_at: datetime
    to_at: datetime
    asked_at: datetime
    state: str
    progress: float
    attempt: int
    result: dict[str, Any] | None
    problem: str | None


def ask(connection: Connection[Any], site: Site, question: Question, now: datetime) -> int:
    """Asks for a back-test in the operator's name; one that is asked for already is the same one."""
    values = (
        site.company_id,
        site.site_id,
        question.wanted,
        Jsonb(dict(question.proposed)),
        question.since,
        question.until,
        now,
    )
    row = connection.execute(
        """
        INSERT INTO backtest (company_id, site_id, definition_key, proposed, from_at, to_at, asked_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING backtest_id
        """,
        values,
    ).fetchone()
    if row is None:
        row = connection.execute(
            """
            SELECT backtest_id FROM backtest WHERE site_id = %s AND definition_key = %s AND proposed = %s AND from_at = %s AND to_at = %s
            ORDER BY backtest_id DESC LIMIT 1
            """,
            values[1:6],
        ).fetchone()
    assert row is not None
    return int(row[0])


def look(connection: Connection[Any], backtest_id: int) -> Job | None:
    """One back-test."""
    with connection.cursor(row_factory=class_row(Job)) as cursor:
        return cursor.execute(
            """
            SELECT backtest_id, site_id, definition_key, proposed, from_at, to_at, asked_at, state, progress, attempt, result, problem
            FROM backtest WHERE backtest_id = %s
            """,
            (backtest_id,),
        ).fetchone()


def take_up(connection: Connection[Any], now: datetime, lease: timedelta) -> Job | None:
    """The oldest that waits, or whose worker is gone; nobody else takes it meanwhile."""
    with connection.cursor(row_factory=class_row(Job)) as cursor:
        return cursor.execute(
            """
            UPDATE backtest SET state = 'running', attempt = attempt + 1, lease_until = %(until)s, progress = 0
            WHERE backtest_id = (
                SELECT backtest_id FROM backtest
                WHERE state = 'waiting' OR (state = 'running' AND lease_until < %(now)s)
                ORDER BY asked_at, backtest_id LIMIT 1 FOR UPDATE SKIP LOCKED)
            RETURNING backtest_id, site_id, definition_key, proposed, from_at, to_at, asked_at, state, progress, attempt, result, problem
            """,
            {"now": now, "until": now + lease},
        ).fetchone()


def is_ours(connection: Connection[Any], job: Job) -> bool:
    """False where it was called off, or another worker has it; locks nothing."""
    row = connection.execute(
        "SELECT FROM backtest WHERE backtest_id = %s AND attempt = %s AND state = 'running'",
        (job.backtest_id, job.attempt),
    ).fetchone()
    return row is not None


def move_on(connection: Connection[Any], job: Job, progress: float, until: datetime) -> bool:
    """Keeps how far it is; False where it was called off, or another worker has it."""
    return (
        connection.execute(
            "UPDATE backtest SET progress = %s, lease_until = %s WHERE backtest_id = %s AND attempt = %s AND state = 'running'",
            (progress, until, job.backtest_id, job.attempt),
        ).rowcount
        == 1
    )


def finish(
    connection: Connection[Any],
    job: Job,
    now: datetime,
    *,
    result: Mapping[str, Any] | None = None,
    problem: str | None = None,
) -> bool:
    """Keeps what came of it; False where nobody waits for it any more."""
    version = None if result is None else result["definition_version"]
    return (
        connection.execute(
            """
            UPDATE backtest SET state = %s, progress = %s, result = %s, problem = %s, definition_version = %s, finished_at = %s, lease_until = NULL
            WHERE backtest_id = %s AND attempt = %s AND state = 'running'
            """,
            (
                "failed" if result is None else "done",
                job.progress if result is None else 1.0,
                None if result is None else Jsonb(dict(result)),
                problem,
                version,
                now,
                job.backtest_id,
                job.attempt,
            ),
        ).rowcount
        == 1
    )
