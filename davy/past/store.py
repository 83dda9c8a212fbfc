"""What the demo's past needs of the database, as owner: the tables belong to others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from simulators.past import History

RAW_BATCH: Final = 0  # no batch of ingest has this number
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def has_raw_past(connection: Connection[Any]) -> bool:
    """Whether the two hours are there already."""
    found = connection.execute("SELECT EXISTS (SELECT FROM reading WHERE batch_no = %s)", (RAW_BATCH,)).fetchone()
    return bool(found and found[0])


def make_days(connection: Connection[Any], since: datetime, until: datetime) -> None:
    """Partitions for readings of these days, where the database wants them made."""
    day = since.date()
    while day <= until.date():
        connection.execute("SELECT davy_reading_day(%s)", (day,))
        day += timedelta(days=1)


def copy_past(connection: Connection[Any], past: History) -> int:
    """Loads readings of sensors that the site files know; gives how many."""
    known = {
        (site, device, key): number
        for site, device, key, number in connection.execute(
            """
            SELECT si.key, d.key, s.key, s.sensor_id FROM sensor s
            JOIN device d USING (device_id) JOIN site si ON si.site_id = s.site_id
            """
        )
    }
    loaded = 0
    with connection.cursor().copy("COPY reading (sensor_id, measured_at, value, quality, batch_no) FROM STDIN") as copy:
        for instrument, instants, values in past.by_instrument():
            sensor = known.get((instrument.site, instrument.device, instrument.key))
            if sensor is None:
                continue
            for at, value in zip(instants.tolist(), values.tolist(), strict=True):
                copy.write_row((sensor, _EPOCH + timedelta(microseconds=at), value, 0, RAW_BATCH))
            loaded += len(values)
    return loaded
