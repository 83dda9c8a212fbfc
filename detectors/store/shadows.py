"""What versions that are not in force say of the windows that come, beside the one that is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection

from detectors.store.models import Plan


class Shadowed(NamedTuple):
    """One number of one version.

    Args:
        until: end of its window.
        number: None: it could not judge it.
    """

    version: int
    kind: str
    until: datetime
    number: float | None


def shadowed_until(connection: Connection[Any], asset_id: int) -> datetime | None:
    """End of the last window that anything was kept of; None: nothing was."""
    row = connection.execute("SELECT max(until) FROM shadow_score WHERE asset_id = %s", (asset_id,)).fetchone()
    return None if row is None else row[0]


def keep_shadows(connection: Connection[Any], plan: Plan, scores: Sequence[Shadowed]) -> None:
    """Writes numbers down; what another process has written stays."""
    if not scores:
        return
    version, kind, until, number = (list(column) for column in zip(*scores, strict=True))
    connection.execute(
        """
        INSERT INTO shadow_score (asset_id, company_id, version, kind, until, number)
        SELECT %s, %s, u.* FROM unnest(%s::int[], %s::text[], %s::timestamptz[], %s::float8[]) AS u (version, kind, until, number)
        ON CONFLICT DO NOTHING
        """,
        (plan.asset_id, plan.company_id, version, kind, until, number),
    )


def judged_windows(connection: Connection[Any], asset_id: int, version: int) -> int:
    """How many windows each kind of this version has judged in shadow at least."""
    row = connection.execute(
        """
        SELECT min(judged) FROM (SELECT count(s.number)::int AS judged
            FROM detector_model f LEFT JOIN shadow_score s USING (asset_id, version, kind)
            WHERE f.asset_id = %s AND f.version = %s GROUP BY f.kind) k
        """,
        (asset_id, version),
    ).fetchone()
    return 0 if row is None or row[0] is None else int(row[0])


def load_shadows(
    connection: Connection[Any], asset_id: int, versions: Sequence[int], since: datetime, until: datetime
) -> list[Shadowed]:
    """What these versions have said of the windows that end after `since`, up to `until`, in order of time."""
    return [
        Shadowed(*row)
        for row in connection.execute(
            """
            SELECT version, kind, until, number FROM shadow_score
            WHERE asset_id = %s AND version = ANY (%s) AND until > %s AND until <= %s ORDER BY until
            """,
            (asset_id, list(versions), since, until),
        ).fetchall()
    ]


def forget_shadows(connection: Connection[Any], before: datetime, most: int = 50_000) -> int:
    """Deletes what is older, at most so many; gives how many."""
    return connection.execute(
        """
        DELETE FROM shadow_score WHERE (asset_id, version, kind, until) IN (
            SELECT asset_id, version, kind, until FROM shadow_score WHERE until < %s LIMIT %s)
        """,
        (before, most),
    ).rowcount
