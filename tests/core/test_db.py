"""Connections: what a process that hangs may not do to the others."""

from __future__ import annotations

import psycopg
import pytest

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
