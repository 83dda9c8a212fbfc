"""Why a model fired, as the detectors process froze it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberEvidence:
    """One signal beside what the others led the model to expect.

    Args:
        sensor: `device/sensor`.
        share: of the oddness, 0 to 1.
    """

    sensor: str
    name: str
    name_zh: str
    unit: str
    observed: float
    expected: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEvidence:
    """What was worked out when an occurrence of a model began.

    Args:
        version: of the model; None where none of that time was there, and so are its dates.
        members: the oddest first; empty where the readings to work it out from were not there.
    """

    version: int | None
    trained_from: datetime | None
    trained_until: datetime | None
    window_end: datetime
    number: float | None
    members: list[MemberEvidence]


def find_model_evidence(connection: Connection[Any], occurrence_id: int) -> ModelEvidence | None:
    """None where it is not worked out yet, or not for this principal to see."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            """
            SELECT version, trained_from, trained_until, window_end, number, members FROM model_evidence
            WHERE occurrence_id = %s
            """,
            (occurrence_id,),
        ).fetchone()
    if row is None:
        return None
    return ModelEvidence(**{**row, "members": [MemberEvidence(**member) for member in row["members"]]})
