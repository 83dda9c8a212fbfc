"""The rows of the second opinion: a night is taken up, moved on, and ends with its windows or with a sentence. Written by the risk process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb


@dataclass(frozen=True, slots=True)
class Night:
    """A site's day that is being judged.

    Args:
        attempt: more than one after it was broken off.
    """

    night_id: int
    company_id: int
    site_id: int
    day: date
    state: str
    attempt: int
    subjects: int
    windows: int
    problem: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One window as it is kept."""

    kind: str
    sensor_id: int
    asset_id: int | None
    from_at: datetime
    until_at: datetime
    rank: float
    models: Sequence[str]
    facts: Sequence[dict[str, Any]]


def find(connection: Connection[Any], site_id: int, day: date) -> Night | None:
    """What there is of that day."""
    with connection.cursor(row_factory=class_row(Night)) as cursor:
        return cursor.execute(
            """
            SELECT night_id, company_id, site_id, day, state, attempt, subjects, windows, problem FROM second_opinion_night
            WHERE site_id = %s AND day = %s
            """,
            (site_id, day),
        ).fetchone()


def goes_on(connection: Connection[Any], site_id: int, day: date) -> tuple[int | None, int] | None:
    """With which signal that day's night begins, by its machine and itself, as the night before has left it; None: with the first."""
    row = connection.execute(
        "SELECT goes_on_asset, goes_on_sensor FROM second_opinion_night WHERE site_id = %s AND day < %s AND state = 'done' ORDER BY day DESC LIMIT 1",
        (site_id, day),
    ).fetchone()
    return None if row is None or row[1] is None else (row[0], row[1])


def take_up(
    connection: Connection[Any],
    site_id: int,
    company_id: int,
    day: date,
    now: datetime,
    lease: timedelta,
    *,
    again: bool,
) -> Night | None:
    """Begins a night, or begins it again where whoever had it is gone.

    Args:
        again: one that failed is begun again too.

    Returns:
        None where it is done, or somebody else has it.
    """
    with connection.cursor(row_factory=class_row(Night)) as cursor:
        return cursor.execute(
            """
            INSERT INTO second_opinion_night AS n (company_id, site_id, day, begun_at, lease_until)
            VALUES (%(company)s, %(site)s, %(day)s, %(now)s, %(until)s)
            ON CONFLICT (site_id, day) DO UPDATE SET state = 'begun', attempt = CASE n.state WHEN 'failed' THEN 1 ELSE n.attempt + 1 END, begun_at = excluded.begun_at,
                lease_until = excluded.lease_until, ended_at = NULL, problem = NULL
            WHERE n.state = 'begun' AND n.lease_until < %(now)s OR n.state = 'failed' AND %(again)s
            RETURNING night_id, company_id, site_id, day, state, attempt, subjects, windows, problem
            """,
            {"company": company_id, "site": site_id, "day": day, "now": now, "until": now + lease, "again": again},
        ).fetchone()


def hold(connection: Connection[Any], night: Night, until: datetime) -> bool:
    """Keeps the night a while longer; False where it is somebody else's by now."""
    done = connection.execute(
        "UPDATE second_opinion_night SET lease_until = %s WHERE night_id = %s AND attempt = %s AND state = 'begun'",
        (until, night.night_id, night.attempt),
    )
    return done.rowcount == 1


def finish(
    connection: Connection[Any],
    night: Night,
    rows: Sequence[Row],
    now: datetime,
    *,
    subjects: int,
    windows: int,
    left_out: Sequence[dict[str, Any]],
    signals: int = 0,
    not_looked_at: int = 0,
    goes_on: tuple[int | None, int] | None = None,
) -> bool:
    """Ends it with what was found; False where it is somebody else's by now, and then nothing is written.

    Args:
        signals: of the site; not_looked_at: of them; goes_on: with which the next night begins.
    """
    done = connection.execute(
        """
        UPDATE second_opinion_night SET state = 'done', lease_until = NULL, ended_at = %s, subjects = %s, windows = %s, left_out = %s,
            signals = %s, not_looked_at = %s, goes_on_asset = %s, goes_on_sensor = %s
        WHERE night_id = %s AND attempt = %s AND state = 'begun'
        """,
        (
            *(now, subjects, windows, Jsonb(list(left_out)), signals, not_looked_at),
            *(goes_on or (None, None)),
            *(night.night_id, night.attempt),
        ),
    )
    if done.rowcount != 1:
        return False
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO second_opinion (company_id, night_id, place, kind, sensor_id, asset_id, from_at, until_at, rank, models, facts)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [
                (
                    *(night.company_id, night.night_id, place, row.kind, row.sensor_id, row.asset_id, row.from_at),
                    *(row.until_at, row.rank, list(row.models), Jsonb(list(row.facts))),
                )
                for place, row in enumerate(rows, start=1)
            ],
        )
    return True


def fail(connection: Connection[Any], night: Night, now: datetime, problem: str) -> bool:
    """Ends it with why nothing came of it."""
    done = connection.execute(
        """
        UPDATE second_opinion_night SET state = 'failed', lease_until = NULL, ended_at = %s, problem = %s
        WHERE night_id = %s AND attempt = %s AND state = 'begun'
        """,
        (now, problem, night.night_id, night.attempt),
    )
    return done.rowcount == 1
