"""The database's disk is full; the database is another server from now on: real ones, a real small disk, a real standby.

What else it may do wrong: test_database_faults.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from davy.servers import Broker, PostgresServer, start_postgres
from davy.servers.processes import free_port, wait_until
from ingest.store.spool import look
from tests.conftest import StartMosquitto, memory
from tests.database import TestDatabase, clone
from tests.ingest.load import Load, check_everything_arrived_once
from tests.ingest.moved import give_small_disk, promote, set_to, standby_of
from tests.ingest.plant import install
from tests.ingest.rig import PASSWORDS, Rig, wait_for

pytestmark = [pytest.mark.db, pytest.mark.broker]


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    """A TimescaleDB of this module alone; without fsync, because no machine crashes here."""
    with start_postgres("timescaledb", fsync=False, memory=memory()) as server:
        yield server


@pytest.fixture(scope="module")
def broker(mosquitto_of_module: StartMosquitto) -> Broker:
    """One broker; each worker has a session of its own name."""
    return mosquitto_of_module(PASSWORDS)


def log_lines(rig: Rig, event: str) -> list[dict[str, Any]]:
    """What the worker has said."""
    found = [json.loads(line) for line in rig.log.read_text().splitlines() if f'"{event}"' in line]
    return [line for line in found if line["event"] == event]


def begin(database: TestDatabase, broker: Broker, folder: Path, worker: str, **told: object) -> tuple[Rig, Load]:
    """A worker under load, with its first swings stored."""
    rig = Rig(database, broker, folder, worker=worker)
    rig.start(**told)
    rig.wait_until_connected()
    load = Load(rig)
    load.start()
    wait_for(lambda: rig.one("SELECT count(*) FROM transition") > 2, "the first swings")
    return rig, load


def test_the_disk_is_full(own_postgres: PostgresServer, broker: Broker, tmp_path: Path) -> None:
    """Nothing is anybody's fault then: no message is rejected; batches are spooled, acknowledged, and stored when there is room."""
    database = clone(own_postgres)
    install(database, devices=2)
    server, place = give_small_disk(own_postgres)
    name, address = sql.Identifier(database.name), server.superuser_url()
    with psycopg.connect(address, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE TABLESPACE small LOCATION {}").format(sql.Literal(str(place))))
        # TimescaleDB's background worker may be in it, and a database that moves must have nobody in it.
        admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))

        def moved() -> bool:
            admin.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", (database.name,)
            )
            with suppress(psycopg.errors.ObjectInUse):  # TimescaleDB's launcher has sent another one
                admin.execute(sql.SQL("ALTER DATABASE {} SET TABLESPACE small").format(name))
                return True
            return False

        assert wait_until(moved, 60)
        admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
    rig, load = begin(replace(database, server=server), broker, tmp_path, "full")
    try:
        with psycopg.connect(server.superuser_url(database.name), autocommit=True) as admin:
            admin.execute("CREATE TABLE film AS SELECT repeat('x', 1900) AS frame FROM generate_series(1, 4)")
            for size in (20_000, 200, 4):  # 8 KB a row of four, down to the last page
                with suppress(psycopg.errors.DiskFull):
                    while True:
                        admin.execute("INSERT INTO film SELECT repeat('x', 1900) FROM generate_series(1, %s)", (size,))
            wait_for(lambda: look(rig.folder / "state").batches > 5, "batches in the spool", 30)
            admin.execute("DROP TABLE film")
        load.finish()
        check_everything_arrived_once(rig, load)
        said = [line for line in log_lines(rig, "batch_not_stored") if line["sqlstate"] == "53100"]
        assert "No space left on device" in said[0]["reason"]
        assert rig.stop() == 0
    finally:
        load.finish()
        rig.close()
        server.close()


def addresses(database: TestDatabase, *ports: int) -> str:
    """All hosts in one address: whichever is writable is the database."""
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    direct = f"@{database.server.host}:{database.server.port}/"
    return database.url("ingest").replace(direct, f"@{hosts}/") + "?target_session_attrs=read-write"


def test_fail_over_to_a_standby(broker: Broker, tmp_path: Path) -> None:
    """With synchronous replication nothing that was acknowledged is lost, and nothing doubles.

    With an asynchronous one the database may step back behind what it had confirmed. Then ingest says so and ends; started
    again, it goes on from there, what waited in its spool with it, and what the database has lost shows as gaps.
    """
    with start_postgres("timescaledb", fsync=False, memory=memory()) as first:
        database = clone(first)
        install(database, devices=2)
        second_port, third_port = free_port(), free_port()
        told: dict[str, object] = {"conninfo": addresses(database, first.port, second_port, third_port)}
        rig, load = begin(database, broker, tmp_path, "moves", **told)
        try:
            with standby_of(first, second_port) as second:
                in_step(first)
                first.kill()
                promote(second)
                rig.database = replace(database, server=second)
                load.rest()
                check_everything_arrived_once(rig, load)
                with standby_of(second, third_port) as third:
                    load.go_on()
                    left_behind(rig, third)
                    second.kill()
                    wait_for(lambda: look(rig.folder / "state").batches > 5, "batches in the spool", 30)
                    promote(third)
                    rig.database = replace(database, server=third)
                    goes_on_after_a_step_back(rig, load, told)
        finally:
            load.finish()
            rig.close()


def in_step(primary: PostgresServer) -> None:
    """Its standby is synchronous from now on."""
    set_to(primary, "synchronous_standby_names = '*'")
    with psycopg.connect(primary.superuser_url(), autocommit=True) as admin:
        asked = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
        wait_for(lambda: admin.execute(asked).fetchone() is not None, "the standby in step")


def left_behind(rig: Rig, standby: PostgresServer) -> None:
    """The standby hears nothing any more, and the primary confirms batches that it will never have."""
    set_to(standby, "primary_conninfo = ''")
    with psycopg.connect(standby.superuser_url(), autocommit=True) as admin:
        wait_for(lambda: admin.execute("SELECT 1 FROM pg_stat_wal_receiver").fetchone() is None, "silence")
    mark = rig.one("SELECT batch_no FROM ingest_mark")
    wait_for(lambda: rig.one("SELECT batch_no FROM ingest_mark") > mark + 20, "batches that will be lost")


def goes_on_after_a_step_back(rig: Rig, load: Load, told: dict[str, object]) -> None:
    """See the test."""
    assert rig.process is not None
    assert rig.process.wait(60) == 2
    assert "The database is in an earlier state than the one that confirmed batch" in rig.log.read_text()
    assert look(rig.folder / "state").batches > 5
    rig.start(**told)
    rig.wait_until_connected()
    load.finish()
    last = "SELECT count(*) FROM device_stream WHERE seq = %(last)s"
    wait_for(lambda: rig.one(last, {"last": load.sent - 1}) == 2, "the last messages")
    wait_for(lambda: look(rig.folder / "state").batches == 0, "an empty spool")
    missing = "SELECT coalesce(sum(last_seq - first_seq + 1), 0) FROM stream_gap WHERE closed_at IS NULL"
    stored = "SELECT count(*) FROM v_audit_reading WHERE device IN ('d1', 'd2')"
    wait_for(lambda: rig.one(stored) == load.readings - 2 * rig.one(missing), "all but what is missing", 20)
    assert rig.one(missing) > 0
    assert rig.rows("SELECT reason, sentence FROM rejected_message") == []
    assert log_lines(rig, "database_stepped_back")
    assert look(rig.folder / "state").set_aside == []
    high = (load.sent - 1) // 50 % 2 == 1
    stands = "SELECT active FROM alarm JOIN alarm_definition d USING (definition_id) WHERE d.key LIKE 'high%'"
    wait_for(lambda: rig.rows(stands) == [(high,)] * 2, "alarms as the conditions are")
    assert rig.stop() == 0
