"""What a telephone call was about, as it stands now."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import Connection

from alerting.ledger import AlarmKey


def lock_onset(connection: Connection[Any], key: AlarmKey) -> datetime | None:
    """When people began to be called for what stands now; the alarm is ours until the transaction ends."""
    row = connection.execute(
        "SELECT onset FROM alarm WHERE definition_id = %s AND sensor_id = %s FOR NO KEY UPDATE",
        (key.definition_id, key.sensor_id),
    ).fetchone()
    return row[0] if row is not None else None
