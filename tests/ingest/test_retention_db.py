"""Days of readings go in their time, on each kind of database; evidence, what is held and what is needed do not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from ingest.store.chunks import ApacheStorage, Done, LicensedStorage, Outcome, PlainStorage, storage_of
from ingest.store.forgetting import forget
from ingest.store.holds import holds, place, release
from ingest.store.rollups import roll_up
from ingest.storing import PATIENCE_S
from tests.database import TestDatabase
from tests.ingest.plant import Installed, install
from tests.ingest.test_store_db import Bench

pytestmark = pytest.mark.db

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
DAYS = 7  # of readings: today and six before
PER_DAY = 24  # readings of a sensor: one at the half of each hour


@cache
def now() -> datetime:
    """When the first of these tests ran: the database goes by its own clock, and midnight may come before that."""
    return datetime.now(UTC)


def midnight() -> datetime:
    """When today began."""
    return now().replace(hour=0, minute=0, second=0, microsecond=0)


def kept() -> datetime:
    """What is older than this is let go."""
    return now() - 3 * DAY


def oldest() -> datetime:
    """The first day with readings."""
    return midnight() - (DAYS - 1) * DAY


def at(day: int, hour: int) -> datetime:
    """The reading of an hour, so many days ago."""
    return midnight() - day * DAY + timedelta(hours=hour, minutes=30)


class Days:
    """A week of readings of two sensors, counted and checkpointed, and what may be done with them."""

    def __init__(self, database: TestDatabase) -> None:
        self.database = database
        self.plant: Installed = install(database, devices=2, sensors=2, virtual=False)
        self.sensors = [self.plant.sensor["d1/s1"], self.plant.sensor["d1/s2"]]
        with database.connect("owner") as owner:
            for batch, day in enumerate(reversed(range(DAYS)), 1):
                owner.execute("SELECT davy_reading_day(%s)", ((midnight() - day * DAY).date(),))
                self.store(owner, batch, [at(day, hour) for hour in range(PER_DAY)])
        self.count()
        self.checkpoint()

    def store(self, owner: Connection[Any], batch: int, stamps: list[datetime]) -> None:
        """As ingest does: readings with their batch, and the mark."""
        with owner.transaction(), owner.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO reading (sensor_id, measured_at, value, quality, batch_no) VALUES (%s, %s, %s, 0, %s)",
                [(sensor, stamp, float(stamp.hour), batch) for sensor in self.sensors for stamp in stamps],
            )
            owner.execute(
                "INSERT INTO ingest_mark (worker, epoch, batch_no) VALUES ('w', 1, %s)"
                " ON CONFLICT (worker) DO UPDATE SET batch_no = excluded.batch_no",
                (batch,),
            )

    def count(self) -> None:
        """Minutes and hours of everything, as the risk process fills them."""
        with self.alerting() as connection, connection.transaction():
            roll_up(connection)

    def checkpoint(self) -> None:
        """Ingest remembers everything up to its mark."""
        with self.database.connect("owner") as owner:
            owner.execute(
                "INSERT INTO checkpoint SELECT worker, batch_no, now(), 1, 1 FROM ingest_mark"
                " ON CONFLICT (worker) DO UPDATE SET batch_no = excluded.batch_no"
            )

    def alerting(self) -> Connection[Any]:
        """As the risk process."""
        return self.database.connect("alerting", self.database.service_token())

    def happened(self, since: datetime, until: datetime | None, *, resolved: bool = False, sensor: int = 0) -> int:
        """An occurrence with this evidence window."""
        with self.database.connect("owner") as owner:
            row = owner.execute(
                "INSERT INTO occurrence (company_id, site_id, definition_id, sensor_id, began_at, evidence_from, evidence_until, resolved_at)"
                " SELECT d.company_id, d.site_id, d.definition_id, %s, %s, %s, %s, %s FROM alarm_definition d ORDER BY 3 LIMIT 1"
                " RETURNING occurrence_id",
                (self.sensors[sensor], since, since, until, until if resolved else None),
            ).fetchone()
        assert row is not None
        return int(str(row[0]))

    def drop_oldest(self, connection: Connection[Any], older_than: datetime | None = None) -> Done:
        """Asks for the oldest day there is."""
        storage = storage_of(connection)
        chunk = next(c.chunk for c in storage.chunks(connection) if c.since is not None and c.filled)
        with connection.transaction():
            return storage.drop(connection, chunk, older_than or kept())

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows as the owner sees them."""
        with self.database.connect("owner") as owner:
            return owner.execute(query, values).fetchall()


@pytest.fixture
def week(database: TestDatabase) -> Days:
    """On each kind of database."""
    return Days(database)


@pytest.fixture
def timescale_week(timescale_database: TestDatabase) -> Days:
    """For what is about Davy, not about the kind."""
    return Days(timescale_database)


def test_each_kind_keeps_the_contract(week: Days) -> None:
    """Chunks with their day, size and state; what is young, unknown or cannot be compressed is refused by name; what is old goes,
    the oldest alone, and minutes and hours of it stay."""
    with week.alerting() as connection:
        storage = storage_of(connection)
        assert type(storage) is (PlainStorage if week.database.kind == "plain" else ApacheStorage)
        filled = [c for c in storage.chunks(connection) if c.filled and c.since is not None]
        assert [c.since for c in filled] == [oldest() + n * DAY for n in range(DAYS)]
        assert all(c.until == c.since + DAY and c.bytes > 0 and not c.compressed for c in filled if c.since)
        for chunk, older_than, outcome in (
            (filled[0].chunk, oldest(), Outcome.YOUNG),
            (filled[-3].chunk, now() + 900 * DAY, Outcome.YOUNG),  # the floor of two days, whatever is asked for
            ("reading_other", kept(), Outcome.UNKNOWN),
            ("occurrence", kept(), Outcome.UNKNOWN),
            ("x; DROP TABLE reading", kept(), Outcome.UNKNOWN),
        ):
            assert storage.drop(connection, chunk, older_than) == (outcome, 0)
        assert storage.compress(connection, filled[0].chunk, kept()) is Outcome.NO_LICENCE
        assert (
            LicensedStorage().compress(connection, filled[0].chunk, kept()) is Outcome.NO_LICENCE
        )  # the database itself
        assert week.drop_oldest(connection) == (Outcome.DROPPED, 0)
        assert storage.drop(connection, filled[0].chunk, kept()).outcome is Outcome.UNKNOWN
    assert week.rows("SELECT min(measured_at), count(*) FROM reading") == [
        (oldest() + DAY + 30 * MINUTE, 2 * PER_DAY * (DAYS - 1))
    ]
    for table in ("reading_minute", "reading_hour"):
        assert week.rows(f"SELECT sum(readings) FROM {table}") == [(2 * PER_DAY * DAYS,)]  # noqa: S608


def test_days_are_made_ahead(week: Days) -> None:
    """On plain PostgreSQL today and the next two, once; nobody else has to. TimescaleDB needs none."""
    with week.alerting() as connection:
        storage = storage_of(connection)
        plain = week.database.kind == "plain"
        assert storage.make_ahead(connection, now()) == (2 if plain else 0)
        assert storage.make_ahead(connection, now()) == 0
        ahead = [c for c in storage.chunks(connection) if c.since is not None and c.since > now()]
        assert len(ahead) == (2 if plain else 0)
        assert not any(c.filled for c in ahead)


def test_evidence_survives_the_drop_of_its_day(week: Days) -> None:
    """Exactly the readings in the window, read by the insurer through the same view; doing it again adds nothing."""
    day = DAYS - 1
    occurrence = week.happened(at(day, 5), at(day, 9), resolved=True)
    officer = week.database.person_token(week.plant.person, "underwriter", *_companies(week))
    seen = "SELECT measured_at, value, quality FROM v_evidence WHERE occurrence_id = %s ORDER BY 1"
    with week.database.connect("web", officer) as web, week.alerting() as connection:
        before = web.execute(seen, (occurrence,)).fetchall()
        assert [row[0] for row in before] == [at(day, hour) for hour in range(5, 10)]
        assert week.drop_oldest(connection) == (Outcome.DROPPED, 5)
        assert web.execute(seen, (occurrence,)).fetchall() == before
    assert week.rows("SELECT count(*) FROM evidence_reading") == [(5,)]


def test_evidence_of_a_difference_is_of_both_sensors(week: Days) -> None:
    """What raised it was how far they were apart: one of the two proves nothing. Kept and seen alike, and while it is open for good."""
    day = DAYS - 1
    with week.database.connect("owner") as owner:
        owner.execute("UPDATE alarm_definition SET other_sensor_id = %s WHERE sensor_id = %s", week.sensors[::-1])
    occurrence = week.happened(at(day, 5), at(day, 9), resolved=True)
    officer = week.database.person_token(week.plant.person, "underwriter", *_companies(week))
    seen = "SELECT sensor_id, count(*) FROM v_evidence WHERE occurrence_id = %s GROUP BY 1 ORDER BY 1"
    both = [(sensor, 5) for sensor in week.sensors]
    with week.database.connect("web", officer) as web, week.alerting() as connection:
        assert web.execute(seen, (occurrence,)).fetchall() == both
        assert week.drop_oldest(connection) == (Outcome.DROPPED, 10)
        assert web.execute(seen, (occurrence,)).fetchall() == both
        with week.database.connect("owner") as owner:
            owner.execute("UPDATE occurrence SET resolved_at = NULL")
            owner.execute(
                "UPDATE evidence_reading SET measured_at = measured_at - interval '4 years'; "
                "UPDATE occurrence SET evidence_from = evidence_from - interval '4 years'"
            )
        assert connection.execute("SELECT davy_reading_forget('evidence', now(), 100)").fetchone() == (0,)


def test_a_window_that_still_grows_keeps_all_since_and_a_models_members_too(week: Days) -> None:
    """An open occurrence has no end; one of a model's score holds the readings of the sensors that the model judged."""
    _declare_model(week)
    week.happened(at(DAYS - 1, 20), None)
    with week.alerting() as connection:
        assert week.drop_oldest(connection) == (Outcome.DROPPED, 4 + 2)
        assert week.drop_oldest(connection) == (Outcome.DROPPED, PER_DAY)
    kept = "SELECT sensor_id, min(measured_at), count(*) FROM evidence_reading GROUP BY 1 ORDER BY 1"
    assert week.rows(kept) == [
        (week.sensors[0], at(DAYS - 1, 20), 4 + PER_DAY),
        (week.sensors[1], at(DAYS - 1, 3), 2),
    ]


def _declare_model(week: Days) -> None:
    """A model over the second sensor, whose score raised an alarm from three to five on the oldest day."""
    with week.database.connect("owner") as owner:
        made = """
        WITH here AS (SELECT company_id, site_id FROM site),
        zoned AS (INSERT INTO zone (company_id, site_id, key, name, name_zh) SELECT company_id, site_id, 'z', 'Z', 'Z' FROM here
                  RETURNING zone_id, company_id),
        machine AS (INSERT INTO asset (company_id, zone_id, key, kind, name, name_zh) SELECT company_id, zone_id, 'm', 'pump', 'M', 'M'
                    FROM zoned RETURNING asset_id, company_id),
        speaks AS (INSERT INTO device (company_id, site_id, key, kind) SELECT company_id, site_id, '_model.m', 'model' FROM here
                   RETURNING device_id),
        score AS (INSERT INTO sensor (company_id, site_id, device_id, key, name, name_zh, quantity, unit, is_virtual)
                  SELECT company_id, site_id, device_id, 'mewma', 'S', 'S', 'q', '1', true FROM here, speaks RETURNING sensor_id),
        declared AS (INSERT INTO asset_model (asset_id, company_id, key, window_s, priority, valid_from)
                     SELECT asset_id, company_id, 'm', 10, 'low', now() FROM machine RETURNING asset_id, company_id)
        SELECT asset_id, company_id, (SELECT sensor_id FROM score) FROM declared"""
        row = owner.execute(made).fetchone()
        assert row is not None
        owner.execute("INSERT INTO asset_model_member VALUES (%s, %s, 1, %s)", (row[0], row[1], week.sensors[1]))
        owner.execute(
            "INSERT INTO occurrence (company_id, site_id, definition_id, sensor_id, began_at, evidence_from, evidence_until)"
            " SELECT company_id, site_id, max(definition_id), %s, %s, %s, %s FROM alarm_definition GROUP BY 1, 2",
            (row[2], at(DAYS - 1, 3), at(DAYS - 1, 3), at(DAYS - 1, 4)),
        )


def _companies(week: Days) -> list[int]:
    return [int(row[0]) for row in week.rows("SELECT company_id FROM company")]


def test_a_crash_between_copying_and_dropping_loses_nothing(week: Days) -> None:
    """Copied and committed, then nothing; or both, then rolled back: the next try does the rest, each reading once."""
    week.happened(at(DAYS - 1, 5), at(DAYS - 1, 9))
    with week.database.connect("owner") as owner:
        copy = "SELECT davy_keep_evidence(%s, %s)"
        assert owner.execute(copy, (oldest(), oldest() + DAY)).fetchone() == (5,)
        assert owner.execute(copy, (oldest(), oldest() + DAY)).fetchone() == (0,)
    with week.alerting() as connection:
        with connection.transaction(force_rollback=True):
            assert week.drop_oldest(connection) == (Outcome.DROPPED, 0)
        assert week.rows("SELECT min(measured_at) FROM reading") == [(at(DAYS - 1, 0),)]
        assert week.drop_oldest(connection) == (Outcome.DROPPED, 0)
    assert week.rows("SELECT count(*) FROM evidence_reading") == [(5,)]


def test_who_reads_the_day_is_not_waited_for(week: Days) -> None:
    """A dump or a long query holds it: the answer comes within seconds, the evidence is copied, and ingest is not kept waiting."""
    week.happened(at(DAYS - 1, 5), at(DAYS - 1, 9))
    with week.database.connect("owner") as reader, week.alerting() as connection:
        connection.execute("SET statement_timeout = '10s'")
        with reader.transaction():
            reader.execute("SELECT count(*) FROM reading")
            assert week.drop_oldest(connection) == (Outcome.BUSY, 5)
            with week.database.connect("owner") as ingest:
                ingest.execute("SET statement_timeout = '1s'")
                week.store(ingest, DAYS + 1, [now() - MINUTE])
        week.count()
        assert week.drop_oldest(connection) == (Outcome.DROPPED, 0)


def test_what_is_not_counted_or_would_be_judged_again_stays(week: Days) -> None:
    """A late reading in an old day: it stays until it is in minutes and hours and ingest has its checkpoint behind it."""
    with week.database.connect("owner") as owner:
        week.store(owner, DAYS + 1, [at(DAYS - 1, 7) + MINUTE])
    with week.alerting() as connection:
        week.checkpoint()
        assert week.drop_oldest(connection).outcome is Outcome.NEEDED
        week.count()
        assert week.rows("SELECT readings FROM reading_hour WHERE hour = %s", at(DAYS - 1, 7) - 30 * MINUTE) == [
            (2,),
            (2,),
        ]
        with week.database.connect("owner") as owner:
            owner.execute("UPDATE checkpoint SET batch_no = %s", (DAYS,))
        assert week.drop_oldest(connection).outcome is Outcome.NEEDED
        week.checkpoint()
        assert week.drop_oldest(connection).outcome is Outcome.DROPPED


def test_the_two_newest_days_stay_whatever_the_clock_says(timescale_week: Days) -> None:
    """Nothing has come for days, or a clock runs years ahead: the last two days with readings are still there."""
    with timescale_week.database.connect("owner") as owner:
        owner.execute("DELETE FROM reading WHERE measured_at >= %s", (oldest() + 3 * DAY,))
        owner.execute("SELECT drop_chunks('reading', newer_than => %s)", (oldest() + 3 * DAY,))
    with timescale_week.alerting() as connection:
        assert timescale_week.drop_oldest(connection, now() + 365 * DAY).outcome is Outcome.DROPPED
        assert timescale_week.drop_oldest(connection, now() + 365 * DAY).outcome is Outcome.NEWEST


def test_a_hold_stops_what_it_covers_until_it_is_released(week: Days) -> None:
    """Raw readings, minutes and what is copied as evidence; other days go as usual."""
    with week.database.connect("owner") as owner, week.alerting() as connection:
        span = (oldest() + DAY, oldest() + DAY + MINUTE)
        number = place(
            owner, site="north", occurrence_id=None, since=span[0], until=span[1], by="x", reason="claim 12", now=now()
        )
        assert [(h.hold_id, h.site, h.since, h.until) for h in holds(connection)] == [(number, "north", *span)]
        assert week.drop_oldest(connection).outcome is Outcome.DROPPED
        assert week.drop_oldest(connection).outcome is Outcome.HELD
        assert release(owner, number, by="y", now=now())
        assert not release(owner, number, by="y", now=now())
        assert holds(connection) == []
        assert week.drop_oldest(connection).outcome is Outcome.DROPPED


def test_a_reading_too_late_for_a_day_of_its_own_is_stored_counted_and_goes(
    database: TestDatabase, tmp_path: Path
) -> None:
    """Ten days late, beside one of now, in one batch through ingest: nothing is poisoned, nothing rejected; its hour is counted,
    what of it is evidence is kept, and raw it goes when nobody needs it."""
    installed = install(database, devices=2, sensors=2, virtual=False)
    bench = Bench(database, tmp_path, PATIENCE_S)
    try:
        late_us = int((midnight() - 10 * DAY + timedelta(hours=7)).timestamp()) * 1_000_000
        bench.say(bench.reading(1, 20.0))
        bench.say(
            bench.reading(2, 21.0, at_us=late_us),
            bench.reading(3, 22.0, at_us=late_us + 1_000_000),
            bench.reading(4, 23.0),
        )
    finally:
        bench.end()
    assert bench.rows(
        "SELECT count(*) FROM reading WHERE sensor_id IN (SELECT sensor_id FROM sensor WHERE NOT is_virtual)"
    ) == [(4,)]
    assert bench.rows("SELECT count(*) FROM rejected_message") == [(0,)]
    assert installed.sensor
    bound = now() - 7 * DAY
    with database.connect("alerting", database.service_token()) as connection, database.connect("owner") as owner:
        with connection.transaction():
            roll_up(connection)
        owner.execute(
            "INSERT INTO occurrence (company_id, site_id, definition_id, sensor_id, began_at, evidence_from, evidence_until)"
            " SELECT company_id, site_id, definition_id, sensor_id, %(at)s, %(at)s, %(at)s FROM alarm_definition LIMIT 1",
            {"at": midnight() - 10 * DAY + timedelta(hours=7)},
        )
        assert _let_go(connection, bound) == 0  # a restart of ingest would judge it again
        owner.execute("INSERT INTO checkpoint SELECT worker, batch_no, now(), 1, 1 FROM ingest_mark")
        owner.execute("DELETE FROM ingest_batch")
        if database.kind == "timescaledb":  # there its day must not be one of the two newest
            owner.execute(
                "INSERT INTO reading (sensor_id, measured_at, value, quality, batch_no)"
                " SELECT sensor_id, now() - interval '1 day', 1, 0, 0 FROM sensor ORDER BY 1 LIMIT 1"
            )
        assert _let_go(connection, bound) > 0
    assert bench.rows("SELECT count(*) FROM reading WHERE measured_at < now() - interval '8 days'") == [(0,)]
    assert bench.rows("SELECT value FROM evidence_reading") == [(21.0,)]
    assert bench.rows("SELECT readings, maximum FROM reading_hour ORDER BY hour LIMIT 1") == [(2, 22.0)]


def _let_go(connection: Connection[Any], bound: datetime) -> int:
    """What has no day, and the oldest chunk: how much of it went."""
    storage = storage_of(connection)
    gone = forget(connection, "other", bound)
    for chunk in storage.chunks(connection):
        if chunk.until is not None and chunk.until < bound:
            gone += storage.drop(connection, chunk.chunk, bound).outcome is Outcome.DROPPED
    return gone


def test_old_rows_go_and_the_floors_hold(timescale_week: Days) -> None:
    """Minutes, hours and evidence, `most` at a time; whatever is asked for, none younger than its floor; none that is held, and no
    evidence of what nobody has resolved."""
    sensor, other = timescale_week.sensors
    with timescale_week.database.connect("owner") as owner, timescale_week.alerting() as connection:
        old = {"minute": now() - 40 * DAY, "hour": now() - 500 * DAY, "evidence": now() - 1200 * DAY}
        for what, column in (("minute", "minute"), ("hour", "hour")):
            owner.execute(
                f"INSERT INTO reading_{what} (sensor_id, {column}, company_id, readings, good)"  # noqa: S608
                " SELECT sensor_id, %s + n * interval '1 hour', company_id, 1, 1 FROM sensor, generate_series(0, 4) n"
                " WHERE sensor_id = ANY (%s)",
                (old[what], [sensor, other]),
            )
        owner.execute(
            "INSERT INTO evidence_reading (sensor_id, measured_at, company_id, value, quality, batch_no)"
            " SELECT sensor_id, %s + n * interval '1 hour', company_id, 1, 0, 1 FROM sensor, generate_series(0, 4) n"
            " WHERE sensor_id = ANY (%s)",
            (old["evidence"], [sensor, other]),
        )
        timescale_week.happened(old["evidence"] + timedelta(hours=2), None)  # of the first sensor: its last three stay
        assert forget(connection, "minute", now(), most=3) == 3
        assert forget(connection, "minute", now()) == 7
        assert forget(connection, "evidence", now()) == 7
        number = place(
            owner, site="north", occurrence_id=None, since=old["hour"] - DAY, until=None, by="x", reason="x", now=now()
        )
        assert forget(connection, "hour", now()) == 0
        release(owner, number, by="x", now=now())
        assert forget(connection, "hour", now()) == 10
        assert forget(connection, "hour", now()) == 0
    assert timescale_week.rows("SELECT count(*) FROM reading_hour") == [(2 * PER_DAY * DAYS,)]


@pytest.fixture
def stays(week: Days) -> Days:
    """With evidence beside."""
    week.happened(at(DAYS - 1, 5), at(DAYS - 1, 9), resolved=True)
    with week.alerting() as connection:
        assert week.drop_oldest(connection).outcome is Outcome.DROPPED
    return week


def test_the_wall_stands_round_what_is_kept(stays: Days) -> None:
    """The client's own people read it; the insurer's, and another company's, do not; and nobody but the owner's functions writes
    it, deletes it, or drops a day."""
    company = _companies(stays)[0]
    count = "SELECT count(*) FROM evidence_reading"
    for role, companies, seen in (
        ("safety_officer", [company], 5),
        ("underwriter", [company], 0),
        ("risk_engineer", [company], 0),
        ("safety_officer", [company + 1], 0),
    ):
        with stays.database.connect("web", stays.database.person_token(1, role, *companies)) as web:
            assert web.execute(count).fetchone() == (seen,)
    refused = {
        "web": ["DELETE FROM evidence_reading", "INSERT INTO legal_hold DEFAULT VALUES", "SELECT davy_reading_forget('evidence', now(), 1)"],
        "alerting": [
            "DELETE FROM evidence_reading", "DELETE FROM reading_minute", "UPDATE legal_hold SET released_at = now()",
            "SELECT davy_keep_evidence(now(), now())", "SELECT davy_reading_remove('x', now(), now())", "SELECT davy_reading_lock('x')",
            "SELECT davy_reading_prune(now(), 1)", "DROP TABLE reading",
        ],
        "ingest": ["SELECT davy_reading_drop('x', now())", "DELETE FROM reading", "SELECT * FROM evidence_reading"],
    }  # fmt: skip
    for role, statements in refused.items():
        with stays.database.connect(role, stays.database.service_token()) as connection:
            for statement in statements:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement)
