"""Why it fired, as the risk process worked it out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection

from detectors.why.told import Firing, as_told


@dataclass(frozen=True, slots=True)
class KeptFiring:
    """What is known of why an occurrence began, and since when."""

    firing: Firing
    worked_at: datetime


def find_firing(connection: Connection[Any], occurrence_id: int) -> KeptFiring | None:
    """None where it is not worked out yet, or not for this principal to see."""
    row = connection.execute(
        "SELECT told, series, worked_at FROM v_firing WHERE occurrence_id = %s", (occurrence_id,)
    ).fetchone()
    return None if row is None else KeptFiring(as_told(row[0], row[1]), row[2])
