"""What a bench asks the database, as owner: its portfolio in, counts and instants out. The tables belong to others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import class_row

from davy.bench.portfolio import DEADBAND, PER_DEVICE, SETPOINT, SITES_PER_COMPANY, Portfolio


def write_portfolio(connection: Connection[Any], portfolio: Portfolio, webhook: str | None) -> None:
    """The sensors of a bench, made by the database itself: COPY is refused where a table forces row security.

    Args:
        webhook: where the one recipient of each site is told; None: nobody is told.
    """
    with connection.transaction():
        _write_sites(connection, portfolio)
        _write_sensors(connection, portfolio)
        life_safety = portfolio.definitions == "life-safety"
        _write_definitions(connection, "limit", SETPOINT, DEADBAND, "life-safety" if life_safety else "high")
        if not life_safety:
            # Judged like any other; the values never move that fast, nor do they stand still.
            _write_definitions(connection, "rate", 1e9, 0.0, "low")
            _write_definitions(connection, "stuck", 1e9, 0.0, "low")
        if webhook is not None:
            _write_routes(connection, webhook)
        connection.execute("SELECT davy_definitions_changed()")
    connection.execute("ANALYZE sensor")
    connection.execute("ANALYZE alarm_definition")


def _write_sites(connection: Connection[Any], portfolio: Portfolio) -> None:
    connection.execute(
        """INSERT INTO company (key, name, name_zh)
           SELECT 'company-' || n, 'Bench ' || n, '测试 ' || n FROM generate_series(0, %s - 1) n""",
        (portfolio.companies,),
    )
    connection.execute(
        """INSERT INTO site (company_id, key, name, name_zh, time_zone)
           SELECT c.company_id, 'site-' || lpad(n::text, 3, '0'), 'Site ' || n, '厂区 ' || n, 'Asia/Shanghai'
           FROM generate_series(0, %s - 1) n JOIN company c ON c.key = 'company-' || (n / %s)""",
        (portfolio.sites, SITES_PER_COMPANY),
    )


def _write_sensors(connection: Connection[Any], portfolio: Portfolio) -> None:
    connection.execute(
        """INSERT INTO device (company_id, site_id, key, kind)
           SELECT s.company_id, s.site_id, 'device-' || lpad(n::text, 5, '0'), 'gateway'
           FROM generate_series(0, %s - 1) n JOIN site s ON s.key = 'site-' || lpad((n %% %s)::text, 3, '0')
           ORDER BY n""",
        (portfolio.devices, portfolio.sites),
    )
    connection.execute(
        """INSERT INTO sensor (company_id, site_id, device_id, key, name, name_zh, quantity, unit, range_low, range_high)
           SELECT d.company_id, d.site_id, d.device_id, 's' || lpad(n::text, 2, '0'), 'Sensor ' || n, '传感器 ' || n,
                  'concentration', '%%', 0, 100
           FROM device d CROSS JOIN generate_series(0, %s - 1) n
           ORDER BY d.device_id, n""",
        (PER_DEVICE,),
    )


def _write_definitions(
    connection: Connection[Any], detector: str, setpoint: float, deadband: float, priority: str
) -> None:
    connection.execute(
        """INSERT INTO alarm_definition
               (company_id, site_id, sensor_id, key, detector, direction, setpoint, deadband, priority, title, title_zh,
                consequence, consequence_zh, response, response_zh, respond_within_s)
           SELECT s.company_id, s.site_id, s.sensor_id, d.key || '-' || s.key || '-' || %(detector)s, %(detector)s, 'high',
                  %(setpoint)s, %(deadband)s, %(priority)s, 'Bench', '测试', 'None', '无', 'None', '无', 600
           FROM sensor s JOIN device d USING (device_id)
           ORDER BY s.sensor_id""",
        {"detector": detector, "setpoint": setpoint, "deadband": deadband, "priority": priority},
    )


def _write_routes(connection: Connection[Any], webhook: str) -> None:
    connection.execute(
        """INSERT INTO person (company_id, key, name, role)
           SELECT company_id, 'officer-' || key, 'Officer ' || key, 'safety_officer' FROM site"""
    )
    connection.execute(
        """INSERT INTO channel_address (person_id, company_id, channel, address, secret_ref)
           SELECT person_id, company_id, 'webhook', %s || key, 'demo' FROM person""",
        (webhook,),
    )
    # A message an alarm is what is measured, however many come.
    connection.execute(
        """INSERT INTO site_calm (site_id, company_id, window_s, grouped, storms, storm_begins, storm_ends, digest_every_s)
           SELECT site_id, company_id, 0, '{}', false, 10, 5, 600 FROM site"""
    )
    connection.execute(
        """INSERT INTO route (company_id, site_id, key, audience, priorities)
           SELECT company_id, site_id, 'at-once', 'client', '{life-safety,high}' FROM site"""
    )
    connection.execute(
        """INSERT INTO route_step (route_id, company_id, position, after_s, person_id, channel)
           SELECT r.route_id, r.company_id, 0, 0, p.person_id, 'webhook'
           FROM route r JOIN site s USING (site_id) JOIN person p ON p.key = 'officer-' || s.key"""
    )


def let_calls_go_on(connection: Connection[Any], after_s: float) -> None:
    """A second step on each route: so a call that nobody answers stays in the queue, as it does at a plant."""
    connection.execute(
        """INSERT INTO route_step (route_id, company_id, position, after_s, person_id, channel)
           SELECT route_id, company_id, 1, %s, person_id, channel FROM route_step WHERE position = 0""",
        (after_s,),
    )


def open_occurrences(connection: Connection[Any]) -> int:
    """How many wait for somebody: nobody has acknowledged and resolved them."""
    row = connection.execute("SELECT count(*) FROM occurrence WHERE resolved_at IS NULL").fetchone()
    assert row is not None
    return int(row[0])


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What a database says of itself to the role that stores readings."""

    version: str
    timescaledb_version: str | None
    fsync: bool
    synchronous_commit: bool


def server_settings(connection: Connection[Any]) -> ServerSettings:
    """Version and durability."""
    with connection.cursor(row_factory=class_row(ServerSettings)) as cursor:
        row = cursor.execute(
            """SELECT current_setting('server_version') AS version,
                      (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') AS timescaledb_version,
                      current_setting('fsync') = 'on' AS fsync,
                      current_setting('synchronous_commit') = 'on' AS synchronous_commit"""
        ).fetchone()
    assert row is not None
    return row


def note_commit_timestamps(superuser: Connection[Any]) -> None:
    """The server notes when each transaction commits, from its next start on."""
    superuser.execute("ALTER SYSTEM SET track_commit_timestamp = on")


@dataclass(frozen=True, slots=True)
class Progress:
    """Batches committed after a certain one."""

    readings: int
    batches: int
    last_batch: int


def progress_since(connection: Connection[Any], worker: str, batch_no: int) -> Progress:
    """What a worker has committed after `batch_no`, seen from outside."""
    with connection.cursor(row_factory=class_row(Progress)) as cursor:
        row = cursor.execute(
            """SELECT coalesce(sum(readings), 0)::bigint AS readings, count(*) FILTER (WHERE readings > 0) AS batches,
                      coalesce(max(batch_no), %(last)s) AS last_batch
               FROM ingest_batch WHERE worker = %(worker)s AND batch_no > %(last)s""",
            {"worker": worker, "last": batch_no},
        ).fetchone()
    assert row is not None
    return row


def ingest_judges(connection: Connection[Any]) -> bool:
    """Whether a worker says that it is judging."""
    return connection.execute("SELECT 1 FROM ingest_status WHERE state = 'judging'").fetchone() is not None


def forget_status(connection: Connection[Any]) -> None:
    """Removes what a stopped worker said last, so that the next word is the next worker's."""
    connection.execute("DELETE FROM ingest_status")


def rows_between(connection: Connection[Any], after: int, until: int) -> int:
    """Rows in `reading` of batches after one and up to another."""
    row = connection.execute(
        "SELECT count(*) FROM reading WHERE batch_no > %s AND batch_no <= %s", (after, until)
    ).fetchone()
    assert row is not None
    return int(row[0])


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is in the database at the end.

    Args:
        stored: rows of `v_audit_reading`.
        rejected_messages: not counting those whose value differed from one stored under the same key.
        conflicting: readings of that kind.
        late: stored readings that ingest called late.
        raised: distinct alarms that began.
        repeated: transitions that say the same as another one, and notifications beyond one for each alarm that began.
    """

    stored: int
    rejected_messages: int
    conflicting: int
    late: int
    raised: int
    repeated: int


def outcome(connection: Connection[Any], late_mark: int) -> Outcome:
    """Counts for the whole database; it holds one bench only."""
    with connection.cursor(row_factory=class_row(Outcome)) as cursor:
        row = cursor.execute(
            """WITH said AS (
                   SELECT count(*) AS n, count(DISTINCT (definition_id, sensor_id, at, event)) AS different,
                          count(DISTINCT (definition_id, sensor_id, at)) FILTER (WHERE event = 'raise') AS raised
                   FROM transition),
               told AS (
                   SELECT count(*) AS n, count(DISTINCT (definition_id, sensor_id, onset, step, person_id, channel)) AS different
                   FROM notification)
               SELECT (SELECT count(*) FROM v_audit_reading) AS stored,
                      (SELECT coalesce(sum(count), 0)::bigint FROM rejected_message WHERE reason <> 'conflicts_with_stored')
                          AS rejected_messages,
                      (SELECT coalesce(sum(count), 0)::bigint FROM rejected_message WHERE reason = 'conflicts_with_stored')
                          AS conflicting,
                      (SELECT count(*) FROM reading WHERE quality & %s <> 0) AS late,
                      said.raised, said.n - said.different + told.n - told.different AS repeated
               FROM said, told""",
            (late_mark,),
        ).fetchone()
    assert row is not None
    return row


@dataclass(frozen=True, slots=True)
class Reached:
    """How far one alarming reading came; instants in microseconds UTC, None where it did not.

    Args:
        number: of the reading in the list asked for.
        notification_key: under which the receiver knows it.
    """

    number: int
    reading_committed_us: int | None
    alarm_committed_us: int | None
    notification_key: str | None


def reached(
    connection: Connection[Any], devices: Sequence[str], sensors: Sequence[str], stamps_ms: Sequence[int]
) -> list[Reached]:
    """When the readings, and the alarms they raised, were committed: the server's own commit timestamps."""
    with connection.cursor(row_factory=class_row(Reached)) as cursor:
        return cursor.execute(
            """SELECT (a.number - 1)::int AS number,
                      (extract(epoch FROM pg_xact_commit_timestamp(r.xmin)) * 1000000)::bigint AS reading_committed_us,
                      (extract(epoch FROM pg_xact_commit_timestamp(t.xmin)) * 1000000)::bigint AS alarm_committed_us,
                      n.key AS notification_key
               FROM unnest(%s::text[], %s::text[], %s::bigint[]) WITH ORDINALITY AS a (device, sensor, stamp_ms, number)
               JOIN device d ON d.key = a.device
               JOIN sensor s ON s.device_id = d.device_id AND s.key = a.sensor
               LEFT JOIN reading r ON r.sensor_id = s.sensor_id
                   AND r.measured_at = 'epoch'::timestamptz + a.stamp_ms * interval '1 millisecond'
               LEFT JOIN transition t ON t.sensor_id = s.sensor_id AND t.event = 'raise' AND t.at = r.measured_at
               LEFT JOIN notification n ON n.sensor_id = s.sensor_id AND n.definition_id = t.definition_id AND n.onset = t.at
                   AND n.step = 0
               ORDER BY a.number""",
            (list(devices), list(sensors), list(stamps_ms)),
        ).fetchall()


def notifications_unfinished(connection: Connection[Any]) -> int:
    """How many are due and not delivered yet."""
    row = connection.execute(
        "SELECT count(*) FROM notification WHERE state IN ('waiting', 'claimed') AND due_at <= now()"
    ).fetchone()
    assert row is not None
    return int(row[0])


def checkpoint_saved_at(connection: Connection[Any]) -> datetime | None:
    """When ingest last wrote its state."""
    row = connection.execute("SELECT max(saved_at) FROM checkpoint").fetchone()
    return row[0] if row else None


def throttle(connection: Connection[Any], readings_per_s: float) -> None:
    """From now on a batch's transaction takes as long as a store would that takes so many readings a second."""
    connection.execute(
        """CREATE FUNCTION bench_throttle() RETURNS trigger LANGUAGE plpgsql AS $$
           BEGIN
               PERFORM pg_sleep(NEW.readings / TG_ARGV[0]::double precision);
               RETURN NEW;
           END
           $$"""
    )
    connection.execute(
        sql.SQL(
            "CREATE TRIGGER bench_throttle BEFORE INSERT ON ingest_batch FOR EACH ROW EXECUTE FUNCTION bench_throttle({})"
        ).format(sql.Literal(str(readings_per_s)))
    )


def end_throttle(connection: Connection[Any]) -> None:
    """The store is as fast as it is again."""
    connection.execute("DROP FUNCTION bench_throttle CASCADE")


def first_received_after(connection: Connection[Any], worker: str, batch_no: int) -> datetime | None:
    """When ingest took the first batch with readings after `batch_no`."""
    row = connection.execute(
        "SELECT min(received_at) FROM ingest_batch WHERE worker = %s AND batch_no > %s AND readings > 0",
        (worker, batch_no),
    ).fetchone()
    return row[0] if row else None
