"""What a compound was made of when it was raised, as ingest froze it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from core.batch import PartTold


@dataclass(frozen=True, slots=True, kw_only=True)
class PartEvidence(PartTold):
    """One part of a compound, as it was called and stood then.

    Args:
        counts: it was one of those that made the compound whole.
        began_at, ended_at: ISO 8601; None: never, or not since.
        value: the number that decided it last; None: there was none.
    """

    counts: bool
    began_at: datetime | None
    ended_at: datetime | None
    value: float | None

    # What the sentences about a condition ask for.
    @property
    def sensor_key(self) -> str:
        """The sensor's key."""
        return self.sensor.rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompoundEvidence:
    """The parts at one instant at which the alarm was raised, in the order they are written."""

    at: datetime
    parts: list[PartEvidence]


def find_compound_evidence(connection: Connection[Any], occurrence_id: int) -> list[CompoundEvidence]:
    """Each time it was raised, the first first; empty where it is no compound, or not for this principal to see."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            "SELECT at, parts FROM compound_evidence WHERE occurrence_id = %s ORDER BY at", (occurrence_id,)
        ).fetchall()
    return [CompoundEvidence(at=row["at"], parts=[_part(part) for part in row["parts"]]) for row in rows]


def _part(part: dict[str, Any]) -> PartEvidence:
    instants = {name: datetime.fromisoformat(part[name]) if part[name] else None for name in ("began_at", "ended_at")}
    return PartEvidence(**{**part, **instants})
