"""The database answers, but not as it should: answers lost, read-only, no connection left, deadlock, a held row, a refused message.

One worker under one load for all of them, by way of a proxy; each fault ends before the next begins. Disk and fail-over:
test_database_moves.py. Killed, stopped, slow: test_outages.py, test_spool_outages.py.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from core.errors import BadSetting
from davy.servers import Broker, PostgresServer
from ingest.beginning import begin
from ingest.ownership import Ownership
from ingest.session import open_connection
from ingest.spool import Spool
from ingest.store.spool import Look, look
from ingest.urgent import Nobody
from tests.conftest import StartMosquitto
from tests.database import TestDatabase, clone, drop
from tests.ingest.load import Load, check_everything_arrived_once
from tests.ingest.plant import install, payload
from tests.ingest.proxy import Proxy, Trap
from tests.ingest.rig import PASSWORDS, Rig, wait_for

pytestmark = [pytest.mark.db, pytest.mark.broker]

PROMISED_S = 5.0  # from the reading to whoever calls people for life safety
POISON = -666.0  # below every limit: what is refused was judged all the same
SPOOLED = 5  # batches
STORED = "SELECT count(*) FROM v_audit_reading WHERE device IN ('d1', 'd2')"


@dataclass
class Scene:
    """A worker under load, its database behind a proxy.

    Args:
        admin: a superuser's session in the worker's database.
        refused: messages that were rejected on purpose so far.
    """

    rig: Rig
    load: Load
    proxy: Proxy
    admin: psycopg.Connection[Any]
    refused: int = 0

    @property
    def folder(self) -> Path:
        """The worker's own."""
        return self.rig.folder / "state"

    def log_lines(self, event: str, since: int = 0) -> list[dict[str, Any]]:
        """What the worker has said, from a place in its log on."""
        lines = self.rig.log.read_text()[since:].splitlines()
        found = [json.loads(line) for line in lines if f'"{event}"' in line]
        return [line for line in found if line["event"] == event]

    def said_until_now(self) -> int:
        """A place in its log."""
        return len(self.rig.log.read_text())

    def database(self, change: str) -> None:
        """ALTER DATABASE."""
        name = sql.Identifier(self.rig.database.name)
        self.admin.execute(sql.SQL("ALTER DATABASE {} " + change).format(name))

    def end_sessions(self) -> None:
        """As a restart of the server would: every session of Davy's roles is ended."""
        self.admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename = 'davy_ingest'"
        )

    def lock_is_held(self) -> bool:
        """Whether somebody has the worker's lock."""
        held = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND classid = 7251102 AND database ="
        own = " (SELECT oid FROM pg_database WHERE datname = current_database())"
        return self.admin.execute(held + own).fetchone() is not None

    def waits_for_a_lock(self) -> bool:
        """Whether a session of ingest waits for a row."""
        asked = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return self.admin.execute(asked + " AND application_name = 'davy-ingest'").fetchone() is not None

    def check(self) -> None:
        """While the load rests, all of it has arrived, once, and the spool is empty."""
        self.load.rest()
        try:
            check_everything_arrived_once(self.rig, self.load, refused=self.refused)
            wait_for(lambda: look(self.folder).batches == 0, "an empty spool")
        finally:
            self.load.go_on()


@pytest.fixture(scope="module")
def broker(mosquitto_of_module: StartMosquitto) -> Broker:
    """One broker; each worker has a session of its own name."""
    return mosquitto_of_module(PASSWORDS)


@pytest.fixture(scope="module")
def scene(
    postgres_timescaledb: PostgresServer, broker: Broker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    """The worker of all these tests."""
    database, folder = clone(postgres_timescaledb), tmp_path_factory.mktemp("faults")
    install(database, devices=3)
    with (
        Proxy(postgres_timescaledb.host, postgres_timescaledb.port) as proxy,
        psycopg.connect(postgres_timescaledb.superuser_url(database.name), autocommit=True) as admin,
    ):
        rig = Rig(database, broker, folder, worker="faults")
        load = Load(rig)
        try:
            rig.start(conninfo=proxy.url(database.url("ingest")), told_file=str(folder / "told"))
            rig.wait_until_connected()
            load.start()
            wait_for(lambda: len(load.swings) > 2, "the first swings")
            yield Scene(rig, load, proxy, admin)
            assert rig.stop() == 0
        finally:
            load.finish()
            rig.close()
    drop(database)


def test_the_answer_to_a_commit_is_lost(scene: Scene) -> None:
    """COMMIT reaches the database and is done, the connection is cut before its answer: the fence says so, and nothing is stored twice.

    Cut before it reaches the database, it is simply done again.
    """
    before = scene.said_until_now()
    for answered, times in ((True, 5), (False, 2)):
        scene.proxy.set(Trap(b"COMMIT", every=3, times=times, answered=answered))
        wait_for(lambda times=times: scene.proxy.sprung == times, "the cuts", 30)  # type: ignore[misc]
    scene.check()
    assert scene.log_lines("batch_was_committed", before), "no commit of a batch was among them"


def test_the_database_becomes_read_only(scene: Scene) -> None:
    """Batches are spooled and acknowledged, whoever calls for life safety hears within 5 s, the error is said, and ingest goes on by itself.

    Its own sessions were born read-only: they must not stay so when the database is writable again.
    """
    before, told = scene.said_until_now(), (scene.rig.folder / "told").read_text()
    scene.database("SET default_transaction_read_only = on")
    try:
        scene.end_sessions()
        began = len(scene.load.swings)
        wait_for(lambda: len(scene.load.swings) > began, "a swing")
        wait_for(lambda: len((scene.rig.folder / "told").read_text()) > len(told), "who is told", PROMISED_S)
        wait_for(lambda: look(scene.folder).batches > SPOOLED, "batches in the spool")
        wait_for(lambda: scene.log_lines("newest_values_not_written", before) != [], "the flush's complaint")
    finally:
        scene.database("RESET default_transaction_read_only")
    scene.check()
    said = [line for line in scene.log_lines("batch_not_stored", before) if line["sqlstate"] == "25006"]
    assert 1 <= len(said) <= 2, "once, and once more where it lasts"
    assert "read-only" in said[0]["reason"]
    told_now = [line.split() for line in (scene.rig.folder / "told").read_text()[len(told) :].splitlines()]
    late = [(int(now_us) - int(at)) / 1e6 for _, _, at, now_us in told_now]
    assert max(late) < PROMISED_S
    assert len({tuple(line[:3]) for line in told_now}) == len(told_now)
    wrote = "SELECT max(received_at) > now() - interval '5 seconds' FROM latest"
    wait_for(lambda: scene.rig.one(wrote), "newest values")


def test_no_connection_is_left(scene: Scene) -> None:
    """Others have taken all connections, and ingest's are ended, its lock with them: it spools, says why, and takes all back."""
    before = scene.said_until_now()
    with scene.rig.database.connect("owner"):
        scene.database("CONNECTION LIMIT 1")
        try:
            scene.end_sessions()
            wait_for(lambda: look(scene.folder).batches > SPOOLED, "batches in the spool")
            assert not scene.lock_is_held()
        finally:
            scene.database("CONNECTION LIMIT -1")
    scene.check()
    assert "too many connections" in scene.log_lines("batch_not_stored", before)[-1]["reason"]
    wait_for(scene.lock_is_held, "the lock")
    assert scene.log_lines("worker_lock_taken_again", before)


@contextmanager
def person(scene: Scene) -> Iterator[psycopg.Connection[Any]]:
    """A person's session in the database, which in a deadlock has more patience than ingest."""
    url = scene.rig.database.server.superuser_url(scene.rig.database.name)
    with psycopg.connect(url, options="-c deadlock_timeout=60s") as connection:
        yield connection
        connection.rollback()


def lock_alarm(connection: psycopg.Connection[Any], key: str) -> None:
    """Holds an alarm's row until the transaction ends."""
    connection.execute(
        "SELECT FROM alarm a JOIN alarm_definition d USING (definition_id) WHERE d.key = %s FOR UPDATE OF a", (key,)
    )


def test_a_deadlock_and_a_row_held_for_long(scene: Scene) -> None:
    """The server aborts ingest's transaction for a deadlock, and then a person's session holds alarm rows: it spools, and tries again."""
    before = scene.said_until_now()

    def gave_up(sqlstate: str) -> bool:
        return sqlstate in {line["sqlstate"] for line in scene.log_lines("batch_not_stored", before)}

    for _ in range(10):
        with person(scene) as connection:
            lock_alarm(connection, "high-d2")
            wait_for(scene.waits_for_a_lock, "ingest at the second row", 10)
            lock_alarm(connection, "high-d1")  # the wrong order: ingest has it, and is the one that is aborted
            if gave_up("40P01"):
                wait_for(lambda: gave_up("55P03"), "the end of its patience with the row", 10)
                wait_for(lambda: look(scene.folder).batches > SPOOLED, "batches in the spool", 10)
                break
        # The two events came in two batches, and ingest had not the first row.
    assert gave_up("40P01")
    scene.check()


def test_a_refused_message_while_the_connection_breaks(scene: Scene) -> None:
    """The database is away, two messages it will refuse wait in the spool among others, and the search for them is cut off three times."""
    said = scene.said_until_now()
    with scene.rig.database.connect("owner") as owner:
        owner.execute("ALTER TABLE reading ADD CONSTRAINT no_666 CHECK (value <> -666)")
    scene.proxy.cut()
    now_us = time.time_ns() // 1000
    values = [POISON if seq in (3, 7) else float(seq) for seq in range(10)]
    bodies = [payload(seq, now_us + 1000 * seq, [{"s": "s1", "v": value}]) for seq, value in enumerate(values)]
    scene.rig.publish("davy/v1/north/d3/readings", bodies)
    wait_for(lambda: look(scene.folder).batches > SPOOLED, "batches in the spool")
    scene.proxy.set(Trap(b"SAVEPOINT", every=3, times=3))
    scene.proxy.mend()
    scene.refused = 2
    scene.check()
    assert scene.proxy.sprung == 3
    assert scene.log_lines("search_for_refused_message_interrupted", said)
    stored = "SELECT value FROM v_audit_reading WHERE device = 'd3' ORDER BY value"
    assert [value for (value,) in scene.rig.rows(stored)] == [0, 1, 2, 4, 5, 6, 8, 9]
    refused = scene.rig.rows("SELECT reason, sentence FROM rejected_message")
    assert [reason for reason, _ in refused] == ["refused_by_database"] * 2
    assert all("no_666" in sentence for _, sentence in refused)


def test_a_row_held_for_ever_does_not_keep_it_from_ending(scene: Scene) -> None:
    """What is beside the batches waits for nobody's row: asked to stop, ingest stops, with all that came stored. The last of the scene."""
    with person(scene) as connection:
        connection.execute("SELECT FROM ingest_status FOR UPDATE")
        connection.execute("SELECT FROM device_stream FOR UPDATE")
        wait_for(scene.waits_for_a_lock, "the flush at the row", 10)
        scene.load.finish()
        wait_for(lambda: scene.rig.one(STORED) == scene.load.readings, "the last readings")
        assert scene.rig.stop() == 0
    assert look(scene.folder).batches == 0


def test_a_second_ingest_while_the_first_has_lost_its_lock(
    postgres_timescaledb: PostgresServer, mosquitto: StartMosquitto, tmp_path: Path
) -> None:
    """The lock goes with the database's session, so another may have the worker: of the same folder never, of another one by the fence.

    The first, cut off, goes on judging into its spool; it ends with its first batch at the database, and what its spool holds
    then follows on nothing: it is kept aside, whole. No reading is stored twice, no alarm told twice, what is missing is a gap.
    """
    database, broker = clone(postgres_timescaledb), mosquitto(PASSWORDS)
    install(database, devices=2)
    first, second = (Rig(database, broker, tmp_path / name, worker="twice", speaker=name) for name in ("one", "two"))
    load = Load(first)
    with Proxy(postgres_timescaledb.host, postgres_timescaledb.port) as proxy:
        try:
            for rig in (first, second):
                rig.folder.mkdir()
            first.start(conninfo=proxy.url(database.url("ingest")))
            first.wait_until_connected()
            load.start()
            wait_for(lambda: first.one(STORED) > 100, "readings of both")
            proxy.cut()
            wait_for(lambda: look(first.folder / "state").batches > SPOOLED, "batches in the spool")
            same_folder = Ownership(database.url("ingest"), "twice", first.folder / "state")
            with pytest.raises(BadSetting, match="belongs to process"):
                same_folder.take()
            same_folder.release()
            load.rest()
            second.start()
            second.wait_until_connected()
            proxy.mend()
            assert first.process is not None
            assert first.process.wait(30) == 2
            assert "has another owner" in first.log.read_text()
            load.go_on()
            sent = load.sent
            wait_for(lambda: load.sent > sent + 60, "more load")
            load.finish()
            assert_one_owner(first, load)
            assert second.stop() == 0
            left = begin_again(database, "twice", first.folder / "state")
            assert (left.batches, len(left.set_aside)) == (0, 1)
        finally:
            load.finish()
            first.close()
            second.close()
    drop(database)


def begin_again(database: TestDatabase, worker: str, folder: Path) -> Look:
    """What the next process of a worker does first, and how its spool stands then."""
    spool = Spool(folder, 10**9, lambda: time.time_ns() // 1000)
    with open_connection(database.url("ingest")) as connection:
        begin(connection, database.service_token(), worker, 5_000_000, spool, Nobody(), lambda: time.time_ns() // 1000)
    spool.close()
    return look(folder)


def assert_one_owner(rig: Rig, load: Load) -> None:
    """What went on after the second had taken over is there; what the first took with it is a gap; nothing is twice."""
    last = "SELECT count(*) FROM device_stream WHERE seq = %(last)s"
    wait_for(lambda: rig.one(last, {"last": load.sent - 1}) == 2, "the last messages")
    missing = "SELECT coalesce(sum(last_seq - first_seq + 1), 0) FROM stream_gap WHERE closed_at IS NULL"
    wait_for(lambda: rig.one(STORED) == load.readings - 2 * rig.one(missing), "all but what is missing", 20)
    assert rig.one(missing) > 0
    twice = "SELECT definition_id, event, at FROM transition GROUP BY 1, 2, 3 HAVING count(*) > 1"
    assert rig.rows(twice) == []
    called = "SELECT d.key FROM notification JOIN alarm_definition d USING (definition_id) WHERE d.key LIKE 'high-%' ORDER BY 1"
    assert rig.rows(called) == [("high-d1",), ("high-d2",)]
