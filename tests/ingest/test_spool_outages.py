"""The database away, slow, or back after a kill; the spool damaged or full: during a load, on real servers."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from davy.bench.store import end_throttle, throttle
from davy.servers import Broker, PostgresServer, start_postgres
from ingest.spooled import unpack_directory, unpack_record
from ingest.store import spool as file
from ingest.store.spool import look
from tests.conftest import StartMosquitto, memory
from tests.database import clone, drop
from tests.ingest.load import Load, check_everything_arrived_once
from tests.ingest.plant import install
from tests.ingest.rig import PASSWORDS, Rig, wait_for

pytestmark = [pytest.mark.db, pytest.mark.broker]

OUTAGE_S = 45.0
LONG_OUTAGE_S = 600.0
WINDOW = 4000  # messages that the broker delivers before it waits for acks
SENSORS = 50  # two devices, every 20 ms: 5,000 readings a second
SLOW = 1500.0  # readings a second that the slowed store takes
SWING_OF_TWO = 100  # messages of two devices in one swing


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    """A TimescaleDB of this module alone, because it is stopped; with fsync, because it is killed."""
    with start_postgres("timescaledb", fsync=True, memory=memory()) as server:
        yield server


@pytest.fixture(scope="module")
def broker(mosquitto_of_module: StartMosquitto) -> Broker:
    """One broker; each worker has a session of its own name."""
    return mosquitto_of_module(PASSWORDS)


@pytest.fixture
def rig(own_postgres: PostgresServer, broker: Broker, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A worker of the test's own name."""
    database = clone(own_postgres)
    install(database, devices=2, sensors=SENSORS)
    found = Rig(database, broker, tmp_path, worker=f"w{abs(hash(request.node.name)) % 10**6}")
    yield found
    found.close()
    drop(database)


def folder_of(rig: Rig) -> Path:
    """Where the worker's spool is."""
    return rig.folder / "state"


def spooled_messages(rig: Rig) -> int:
    """How many messages wait in the spool."""
    with closing(file.open_to_look(folder_of(rig) / file.FILE)) as connection:
        directories = {}
        count = 0
        for entry in list(file.entries(connection)):
            row = file.read_batch(connection, entry.batch_no)
            if row.directory_no not in directories:
                directories[row.directory_no] = unpack_directory(file.directory_content(connection, row.directory_no))
            count += len(unpack_record(entry.batch_no, row.payload, directories[row.directory_no]).lot)
    return count


def begin(rig: Rig, **told: object) -> Load:
    """A worker under load, with its first swings stored."""
    rig.start(**told)
    rig.wait_until_connected()
    load = Load(rig, SENSORS)
    load.start()
    wait_for(lambda: rig.one("SELECT count(*) FROM transition") > 2, "the first swings")
    return load


def check_outage(rig: Rig, server: PostgresServer, seconds: float, drain_s: float) -> None:
    """Nothing delivered is lost, acks go on, the order is kept, nobody is told twice."""
    load = begin(rig)
    server.stop()
    try:
        threading.Event().wait(seconds)
        # The broker would have stopped at its window had acks not gone on.
        assert spooled_messages(rig) > max(WINDOW, 0.9 * 2 * 50 * (seconds - 10))
    finally:
        server.restart()
    wait_for(lambda: look(folder_of(rig)).batches == 0, "the drained spool", drain_s)
    load.finish()
    check_everything_arrived_once(rig, load, drain_s)
    assert rig.one("SELECT max(batch_no) FROM ingest_batch") == rig.one("SELECT batch_no FROM ingest_mark")
    wait_for(lambda: rig.one("SELECT report #>> '{spool,batches}' FROM ingest_status") == "0", "the beat", 10)
    assert rig.stop() == 0
    assert look(folder_of(rig)).set_aside == []


def test_the_database_is_away_for_45_seconds(rig: Rig, own_postgres: PostgresServer) -> None:
    """At 5,000 readings a second: stored, judged and told exactly as if it had been there."""
    check_outage(rig, own_postgres, OUTAGE_S, 60.0)


@pytest.mark.soak
@pytest.mark.timeout(2400)
def test_the_database_is_away_for_ten_minutes(rig: Rig, own_postgres: PostgresServer) -> None:
    """The same for the longest outage that is promised."""
    check_outage(rig, own_postgres, LONG_OUTAGE_S, 900.0)


def test_a_store_slower_than_what_arrives(rig: Rig) -> None:
    """Overload is the same path: judged at once, spooled and acked, stored when the database has caught up."""
    load = begin(rig)
    with rig.database.connect("owner") as owner:
        throttle(owner, SLOW)
        wait_for(lambda: look(folder_of(rig)).batches > 5, "batches in the spool", 30)
        seen = load.sent
        wait_for(lambda: load.sent > seen + SWING_OF_TWO, "more load", 30)
        judged = spooled_messages(rig)
        end_throttle(owner)
    assert judged > SWING_OF_TWO
    load.finish()
    check_everything_arrived_once(rig, load)
    assert rig.stop() == 0


def test_a_spool_without_room_leaves_the_rest_with_the_broker(rig: Rig, own_postgres: PostgresServer) -> None:
    """At the limit nothing more is taken; nothing is dropped; the alarm of the filling spool was judged before."""
    load = begin(rig, spool_bytes=1_500_000)
    own_postgres.stop()
    try:
        wait_for(lambda: look(folder_of(rig)).bytes > 0.95 * 1_500_000, "a full spool", 60)
        held = look(folder_of(rig)).batches
        seen = load.sent
        wait_for(lambda: load.sent > seen + 100, "more load", 30)
        assert look(folder_of(rig)).batches <= held + 1
    finally:
        own_postgres.restart()
    load.finish()
    check_everything_arrived_once(rig, load)
    raised = "SELECT value FROM transition JOIN alarm_definition d USING (definition_id) WHERE d.key = '_spool' AND event = 'raise'"
    assert [value >= 80 for (value,) in rig.rows(raised)] == [True]
    assert rig.stop() == 0


def test_a_damaged_spool_costs_what_cannot_be_read(rig: Rig, own_postgres: PostgresServer) -> None:
    """The file is set aside with a clear error; the rest is stored; alarms stand as the conditions do."""
    load = begin(rig)
    own_postgres.stop()
    try:
        wait_for(lambda: look(folder_of(rig)).batches > 50, "batches in the spool", 60)
        path = folder_of(rig) / file.FILE
        with closing(file.open_to_look(path)) as connection:
            spoilt = list(file.entries(connection))[30].batch_no
            row = file.read_batch(connection, spoilt)
            directory = unpack_directory(file.directory_content(connection, row.directory_no))
            lost = unpack_record(spoilt, row.payload, directory)
        with closing(sqlite3.connect(path, timeout=10)) as connection, connection:
            connection.execute("UPDATE batch SET payload = zeroblob(length(payload)) WHERE batch_no = ?", (spoilt,))
    finally:
        own_postgres.restart()
    wait_for(lambda: "spool_damaged" in rig.log.read_text(), "the error", 60)
    load.finish()
    wanted = load.readings - int((lost.sorted.origin >= 0).sum())
    real = "SELECT count(*) FROM v_audit_reading WHERE device IN ('d1', 'd2')"
    wait_for(lambda: rig.one(real) == wanted, f"the other {wanted} readings", 90)
    (aside,) = look(folder_of(rig)).set_aside
    with closing(file.open_to_look(folder_of(rig) / aside)) as connection:
        assert spoilt in [entry.batch_no for entry in file.entries(connection)]
    said = [line for line in rig.log.read_text().splitlines() if "spool_damaged" in line]
    assert len(said) == 1
    assert '"lost": 1' in said[0]
    assert (
        rig.rows("SELECT active FROM alarm JOIN alarm_definition d USING (definition_id) WHERE d.key LIKE 'high%'")
        == [((load.sent - 1) // 50 % 2 == 1,)] * 2
    )
    assert rig.stop() == 0


def test_killed_while_it_drains(rig: Rig, own_postgres: PostgresServer) -> None:
    """What was acked and lies in the spool is found again; nothing is stored twice, nothing is missing."""
    load = begin(rig, kill_at="drained", kill_count=8)
    own_postgres.stop()
    try:
        wait_for(lambda: look(folder_of(rig)).batches > 40, "batches in the spool", 60)
    finally:
        own_postgres.restart()
    rig.wait_until_killed()
    assert look(folder_of(rig)).batches > 20
    rig.start()
    rig.wait_until_connected()
    load.finish()
    check_everything_arrived_once(rig, load)
    assert '"spooled": 0' not in rig.log.read_text().splitlines()[-1]
    assert rig.stop() == 0
