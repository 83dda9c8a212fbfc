"""A fresh, migrated database for each test, cloned from a template made once per server and session."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

import psycopg
import pytest
from psycopg import sql

from core.migrate import ROLES, bootstrap
from core.principal import Principal, ServiceToken, sign
from davy.migrating import migrate
from davy.servers.postgres import PostgresServer

TEMPLATE = "davy_template"
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class TestDatabase:
    """One database of a test.

    Args:
        key: the principal key its policies verify with.
    """

    __test__ = False
    server: PostgresServer
    name: str
    key: bytes
    passwords: dict[str, str] = field(repr=False)

    @property
    def kind(self) -> str:
        """ "plain" or "timescaledb"."""
        return self.server.kind

    def url(self, role: str) -> str:
        """The address for owner, ingest, alerting, web or grafana."""
        return f"postgresql://davy_{role}:{self.passwords[f'davy_{role}']}@{self.server.host}:{self.server.port}/{self.name}"

    def connect(self, role: str, token: str | None = None) -> psycopg.Connection[tuple[object, ...]]:
        """An autocommit connection; with `token`, every transaction of it acts for that principal."""
        connection = psycopg.connect(self.url(role), autocommit=True)
        if token is not None:
            connection.execute("SELECT set_config('davy.principal', %s, false)", (token,))
        return connection

    def service_token(self) -> str:
        """The token of Davy's own processes."""
        return ServiceToken(self.key).at(datetime.now(UTC).timestamp())

    def person_token(self, person_id: int, role: str, *companies: int, lifetime_s: float = 600.0) -> str:
        """A person's token; a negative lifetime gives an expired one."""
        principal = Principal(role=role, person_id=person_id, companies=companies)
        return sign(principal, self.key, datetime.now(UTC).timestamp() + lifetime_s)


@cache
def _template(server: PostgresServer) -> tuple[bytes, dict[str, str]]:
    key = secrets.token_bytes(32)
    passwords = {role: secrets.token_urlsafe(12) for role in ROLES}
    bootstrap(server.superuser_url(), TEMPLATE, passwords)
    owner = f"postgresql://davy_owner:{passwords['davy_owner']}@{server.host}:{server.port}/{TEMPLATE}"
    migrate(owner, key)
    return key, passwords


def clone(server: PostgresServer) -> TestDatabase:
    """A new database with the current schema on `server`."""
    key, passwords = _template(server)
    name = f"test_{next(_numbers)}"
    with psycopg.connect(server.superuser_url(), autocommit=True) as connection:
        # TimescaleDB's background worker may still be in the template, and a template must have nobody in it.
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(TEMPLATE)))
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", (TEMPLATE,)
        )
        # Copying files is four times as quick as the default, which logs every page.
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy OWNER davy_owner").format(
                sql.Identifier(name), sql.Identifier(TEMPLATE)
            )
        )
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))
        connection.execute(
            sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
                sql.Identifier(name), sql.SQL(", ").join(map(sql.Identifier, ROLES))
            )
        )
    return TestDatabase(server, name, key, passwords)


def drop(database: TestDatabase) -> None:
    """Removes it, whoever is still connected."""
    statement = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database.name))
    with psycopg.connect(database.server.superuser_url(), autocommit=True) as connection:
        for left in range(5, -1, -1):
            try:
                connection.execute(statement)
                return
            except psycopg.errors.ObjectInUse:  # the server waits five seconds for a session that it has ended
                if not left:
                    raise


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[TestDatabase]:
    """A fresh database, on plain PostgreSQL and on TimescaleDB in turn."""
    made = clone(postgres)
    yield made
    drop(made)


@pytest.fixture
def timescale_database(postgres_timescaledb: PostgresServer) -> Iterator[TestDatabase]:
    """A fresh database on TimescaleDB: for what is about Davy, not about the kind of database."""
    made = clone(postgres_timescaledb)
    yield made
    drop(made)
