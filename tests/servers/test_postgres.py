"""Our PostgreSQL runner, on each kind of database."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from davy.servers import PostgresKind, PostgresServer, ServerUnavailable, start_postgres
from davy.servers.postgres import version_of
from davy.servers.processes import started_at, wait_until
from tests.conftest import skip_without_server

pytestmark = pytest.mark.db
KINDS: list[PostgresKind] = ["plain", "timescaledb"]


@pytest.fixture(scope="module", params=KINDS)
def own(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """A server that these tests may stop and kill."""
    try:
        server = start_postgres(request.param, fsync=False)
    except ServerUnavailable as error:
        skip_without_server(error)
        raise
    with server:
        yield server


def _value(server: PostgresServer, query: str) -> object:
    with psycopg.connect(server.superuser_url(), autocommit=True, connect_timeout=10) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def test_takes_the_settings_of_deploy(own: PostgresServer) -> None:
    """Bench, tests and the demo run with deploy/postgresql.conf."""
    assert _value(own, "SHOW shared_buffers") == "2GB"
    assert _value(own, "SHOW synchronous_commit") == "on"
    assert _value(own, "SHOW fsync") == "off"
    assert _value(own, "SHOW listen_addresses") == "127.0.0.1"


def test_text_is_unicode_whatever_the_host_has(own: PostgresServer) -> None:
    """Chinese names and letters with accents are kept and folded without a locale of the system."""
    assert _value(own, "SELECT lower('ÄÖ 储罐')") == "äö 储罐"


def test_timescaledb_is_there_where_it_should_be(own: PostgresServer) -> None:
    """The timescaledb kind has the extension preloaded, the plain kind has none."""
    found = _value(own, "SELECT count(*) FROM pg_available_extensions WHERE name = 'timescaledb'")
    assert found == (1 if own.kind == "timescaledb" else 0)
    if own.kind == "timescaledb":
        assert _value(own, "SHOW shared_preload_libraries") == "timescaledb"
        assert _value(own, "SHOW timescaledb.telemetry_level") == "off"


def test_nobody_connects_without_the_password(own: PostgresServer) -> None:
    """Loopback is no credential: scram, never trust."""
    for user in ("postgres:wrong", "postgres"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(f"postgresql://{user}@127.0.0.1:{own.port}/postgres", connect_timeout=10)
    assert _value(own, "SELECT count(*) FROM pg_hba_file_rules WHERE auth_method <> 'scram-sha-256'") == 0


def test_committed_rows_survive_stop_and_kill(own: PostgresServer) -> None:
    """The same port and the same data come back, after a stop and after a crash."""
    with psycopg.connect(own.superuser_url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (number int)")
    for number, end in enumerate((own.stop, own.kill, own.stop), start=1):
        with psycopg.connect(own.superuser_url(), autocommit=True) as connection:
            connection.execute("INSERT INTO kept VALUES (%s)", (number,))
        before = own.pid
        end()
        assert (own.running, own.pid, started_at(before)) == (False, 0, None)
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(own.superuser_url(), connect_timeout=10)
        own.restart()
        assert _value(own, "SELECT count(*) FROM kept") == number


def test_close_leaves_nothing_behind() -> None:
    """A closed server has no process and no folder."""
    server = start_postgres("plain", fsync=False)
    process, folder = server.pid, server.folder
    assert folder.exists()
    server.close()
    assert wait_until(lambda: started_at(process) is None, 5)
    assert not folder.exists()


def test_durable_unless_asked_otherwise() -> None:
    """Without a word about it a server syncs."""
    with start_postgres("plain") as server:
        assert _value(server, "SHOW fsync") == "on"
        assert _value(server, "SHOW full_page_writes") == "on"


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("kill -TERM $$", "signal 15 (Terminated) ended it."),
        ("exit 3", "it said nothing, and ended with status 3."),
        ("echo 'no such library' >&2; exit 1", "no such library"),
    ],
)
def test_a_program_that_gives_no_version_is_told_with_why(tmp_path: Path, does: str, said: str) -> None:
    """Never half a sentence: a signal to all of a terminal ends what has just been started without a word."""
    program = tmp_path / "postgres"
    program.write_text(f"#!/bin/sh\n{does}\n", "utf-8")
    program.chmod(0o755)
    with pytest.raises(ServerUnavailable) as raised:
        version_of(tmp_path)
    assert str(raised.value) == f"The PostgreSQL in {tmp_path} does not run on this system: {said}"
