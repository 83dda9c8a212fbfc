"""What the demo's past needs of the database, as owner: the tables belong to others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row

from alerting.ledger import AlarmKey
from davy.past.hours import Hour
from davy.past.told import OFFICER
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


def sensors(connection: Connection[Any]) -> dict[tuple[str, str, str], tuple[int, int]]:
    """(site, device, sensor) -> its id and its company's."""
    rows = connection.execute(
        """
        SELECT si.key, d.key, s.key, s.sensor_id, s.company_id FROM sensor s
        JOIN device d USING (device_id) JOIN site si ON si.site_id = s.site_id
        """
    )
    return {(site, device, key): (sensor, company) for site, device, key, sensor, company in rows}


def copy_past(connection: Connection[Any], past: History) -> int:
    """Loads readings of sensors that the site files know; gives how many."""
    known = sensors(connection)
    loaded = 0
    with connection.cursor().copy("COPY reading (sensor_id, measured_at, value, quality, batch_no) FROM STDIN") as copy:
        for instrument, instants, values in past.by_instrument():
            found = known.get((instrument.site, instrument.device, instrument.key))
            if found is None:
                continue
            for at, value in zip(instants.tolist(), values.tolist(), strict=True):
                copy.write_row((found[0], _EPOCH + timedelta(microseconds=at), value, 0, RAW_BATCH))
            loaded += len(values)
    return loaded


@dataclass(frozen=True, slots=True)
class Site:
    """A site whose past is written, with those who act there."""

    key: str
    site_id: int
    officer: int
    integrator: int

    def person(self, who: str) -> int:
        """Officer or integrator."""
        return self.officer if who == OFFICER else self.integrator


def sites(connection: Connection[Any]) -> dict[str, Site]:
    """The sites there are that have both, by key."""
    with connection.cursor(row_factory=class_row(Site)) as cursor:
        found = cursor.execute(
            """
            SELECT s.key, s.site_id, min(p.person_id) FILTER (WHERE p.role = 'safety_officer') AS officer,
                   min(p.person_id) FILTER (WHERE p.role = 'integrator') AS integrator
            FROM site s JOIN person p USING (company_id) GROUP BY s.site_id
            HAVING count(DISTINCT p.role) FILTER (WHERE p.role IN ('safety_officer', 'integrator')) = 2
            """
        ).fetchall()
    return {site.key: site for site in found}


class Place(NamedTuple):
    """Where a finding or an impairment is."""

    site_id: int
    zone_id: int | None


def place(connection: Connection[Any], site: Site, zone: str | None) -> Place:
    """The site, and the zone of that key."""
    row = connection.execute(
        "SELECT zone_id FROM zone WHERE site_id = %s AND key = %s", (site.site_id, zone)
    ).fetchone()
    return Place(site.site_id, int(row[0]) if row else None)


def alarm_of(connection: Connection[Any], site: Site, sensor: str, definition: str) -> AlarmKey | None:
    """The alarm of that name; None where the portfolio has it not."""
    row = connection.execute(
        "SELECT definition_id, sensor_id FROM alarm_definition WHERE site_id = %s AND key = %s",
        (site.site_id, f"{sensor}.{definition}"),
    ).fetchone()
    return AlarmKey(*row) if row else None


def has_happened(connection: Connection[Any], key: AlarmKey) -> bool:
    """Whether anything ever has, to this alarm."""
    row = connection.execute(
        "SELECT 1 FROM alarm WHERE definition_id = %s AND sensor_id = %s AND transitions > 0", key
    ).fetchone()
    return row is not None


def has_stories(connection: Connection[Any]) -> bool:
    """Whether findings of the past are there already."""
    return connection.execute("SELECT 1 FROM finding WHERE simulated LIMIT 1").fetchone() is not None


def mark_finding(connection: Connection[Any], finding_id: int) -> None:
    """It was made up: it is shown so, and nobody is told of it."""
    connection.execute("UPDATE finding SET simulated = true WHERE finding_id = %s", (finding_id,))


def mark_impairment(connection: Connection[Any], impairment_id: int) -> None:
    """It was made up: it is shown so, and nobody is told of it."""
    connection.execute("UPDATE impairment SET simulated = true WHERE impairment_id = %s", (impairment_id,))


def hours_of_raw_past(connection: Connection[Any], until: datetime) -> int:
    """Whole hours before `until` of the raw past, counted once from its readings; gives how many."""
    return connection.execute(
        """
        INSERT INTO reading_hour (sensor_id, hour, company_id, readings, good, minimum, maximum, mean, simulated)
        SELECT r.sensor_id, date_trunc('hour', r.measured_at, 'UTC') AS hour, s.company_id, count(*), count(*), min(r.value),
               max(r.value), avg(r.value), true
        FROM reading r JOIN sensor s USING (sensor_id)
        WHERE r.batch_no = %(batch)s AND r.measured_at < %(until)s
          AND r.measured_at >= (SELECT date_trunc('hour', min(measured_at), 'UTC') + interval '1 hour' FROM reading
                                WHERE batch_no = %(batch)s)
        GROUP BY 1, 2, 3
        ON CONFLICT DO NOTHING
        """,
        {"batch": RAW_BATCH, "until": until},
    ).rowcount


def copy_hours(connection: Connection[Any], hours: Iterable[Hour]) -> int:
    """Adds hours that are not there; gives how many. Real ones that come later replace them."""
    known = sensors(connection)
    connection.execute("CREATE TEMP TABLE made_hour (LIKE reading_hour) ON COMMIT DROP")
    with connection.cursor().copy("COPY made_hour FROM STDIN") as copy:
        for hour in hours:
            found = known.get((hour.instrument.site, hour.instrument.device, hour.instrument.key))
            if found is not None:
                extremes = float(hour.minimum), float(hour.maximum), float(hour.mean)
                copy.write_row((found[0], hour.hour, found[1], hour.readings, hour.good, *extremes, True))
    return connection.execute("INSERT INTO reading_hour SELECT * FROM made_hour ON CONFLICT DO NOTHING").rowcount
