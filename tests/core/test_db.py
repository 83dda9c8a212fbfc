"""Connections: what a process that hangs may not do to the others."""

from __future__ import annotations

from contextlib import ExitStack

import psycopg
import pytest
from psycopg import sql

from core.db import Database
from core.errors import DatabaseAway
from tests.database import TestDatabase

pytestmark = pytest.mark.db


def _hang(pool: Database, database: TestDatabase) -> None:
    """Takes a lock and does nothing until somebody else has got it."""
    with database.connect("owner") as other, pool.transaction(database.service_token()) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(1)")
        other.execute("SET lock_timeout = '10s'")
        other.execute("SELECT pg_advisory_lock(1)")
        connection.execute("SELECT 1")


def test_a_transaction_that_stands_idle_lets_go_of_its_locks(timescale_database: TestDatabase) -> None:
    """A web process that hangs between two statements holds no row for longer than a statement may run."""
    pool = Database(timescale_database.url("web"), application="hangs", size=1, statement_timeout_s=0.5)
    pool.open()
    try:
        with pytest.raises(DatabaseAway):
            _hang(pool, timescale_database)
    finally:
        pool.close()


def test_a_statement_that_takes_too_long_is_ended(timescale_database: TestDatabase) -> None:
    """So that nobody waits for it."""
    pool = Database(timescale_database.url("web"), application="slow", size=1, statement_timeout_s=0.2)
    pool.open()
    try:
        with pytest.raises(psycopg.errors.QueryCanceled), pool.transaction(None) as connection:
            connection.execute("SELECT pg_sleep(10)")
    finally:
        pool.close()


def test_a_session_that_was_born_read_only_is_let_go(timescale_database: TestDatabase) -> None:
    """Who wants to write hears that the database is away, reading goes on; once it can be written again, all sessions can."""
    name, write = sql.Identifier(timescale_database.name), "SELECT nextval('journal_journal_id_seq')"
    pool = Database(timescale_database.url("web"), application="reads", size=3)

    def shown() -> set[object]:
        with ExitStack() as several:
            held = [several.enter_context(pool.transaction(None)) for _ in range(3)]
            return {row[0] for one in held if (row := one.execute("SHOW transaction_read_only").fetchone())}

    with psycopg.connect(timescale_database.server.superuser_url(), autocommit=True) as admin:
        admin.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
        pool.open()
        try:
            assert shown() == {"on"}
            admin.execute(sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(name))
            with (
                pytest.raises(DatabaseAway, match=r"^The database is read-only: cannot execute nextval"),
                pool.transaction(None) as connection,
            ):
                connection.execute(write)
            assert shown() == {"off"}
            with pool.transaction(None) as connection:
                connection.execute(write)
        finally:
            pool.close()


def test_sessions_that_the_server_ended_are_not_given_out(timescale_database: TestDatabase) -> None:
    """A server that was started again costs nobody a page: what hung up is noticed without asking, and replaced."""
    pool = Database(timescale_database.url("web"), application="ended", size=2)
    pool.open()
    try:
        for _ in range(3):
            with ExitStack() as several:
                for one in [several.enter_context(pool.transaction(None)) for _ in range(2)]:
                    one.execute("SELECT 1")
            with psycopg.connect(timescale_database.server.superuser_url(), autocommit=True) as admin:
                admin.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'davy-ended' AND datname = %s",
                    (timescale_database.name,),
                )
    finally:
        pool.close()
