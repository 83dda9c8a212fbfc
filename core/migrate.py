"""The schema: bootstrap as superuser once, then plain forward SQL as the owner.

Files are `migrations/NNNN_name.sql`, or a pair `NNNN_name.plain.sql` and `NNNN_name.timescaledb.sql` of which the one
that fits the database is run. Each runs in a transaction of its own and is never changed once released.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from importlib import resources
from typing import Any, LiteralString

import psycopg
from psycopg import Connection, sql

from core.db import connect
from core.errors import BadInput, BadSetting
from core.principal import pads

ROLES = ("davy_owner", "davy_ingest", "davy_alerting", "davy_web", "davy_grafana")
OLDEST_SERVER = 140000  # PostgreSQL 14: oldest release with security fixes when this was written


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema."""

    number: int
    name: str
    text: str

    @property
    def sha256(self) -> str:
        """What the database remembers of it."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def migrations(kind: str) -> list[Migration]:
    """All steps for a database kind ("plain" or "timescaledb"), in order."""
    found = []
    for file in resources.files("core.migrations").iterdir():
        stem, _, ending = file.name.partition(".")
        if ending in {"sql", f"{kind}.sql"}:
            number, _, name = stem.partition("_")
            found.append(Migration(int(number), name, file.read_text("utf-8")))
    return sorted(found, key=lambda m: m.number)


def bootstrap(superuser_url: str, database: str, passwords: Mapping[str, str]) -> None:
    """Makes the five roles and an empty database that `davy_owner` owns. Needs a superuser; safe to repeat.

    Args:
        passwords: role -> password, for each of `ROLES`.
    """
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        for role in ROLES:
            exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
            verb: LiteralString = "ALTER" if exists else "CREATE"
            connection.execute(
                sql.SQL(verb + " ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD {}").format(
                    sql.Identifier(role), sql.Literal(passwords[role])
                )
            )
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone():
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER davy_owner TEMPLATE template0 ENCODING 'UTF8'").format(
                    sql.Identifier(database)
                )
            )
            connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))
            connection.execute(
                sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
                    sql.Identifier(database), sql.SQL(", ").join(sql.Identifier(r) for r in ROLES)
                )
            )
    with psycopg.connect(superuser_url, dbname=database, autocommit=True) as connection:
        connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        connection.execute("GRANT USAGE, CREATE ON SCHEMA public TO davy_owner")
        if connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'").fetchone():
            connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")


def kind_of(connection: Connection[Any]) -> str:
    """ "timescaledb" where the extension is installed in this database, else "plain"."""
    row = connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'").fetchone()
    return "timescaledb" if row else "plain"


def migrate(owner_url: str, principal_key: bytes) -> list[str]:
    """Brings the schema up to this version and installs the principal key; safe to repeat and to run twice at once.

    Returns:
        Names of the steps that were run.
    Raises:
        BadSetting: the database belongs to a newer Davy, was changed by hand, or the server is too old.
        DatabaseAway: it does not answer.
    """
    with closing(connect(owner_url, application="migrate")) as connection:
        require_role(connection, "davy_owner")
        connection.execute("SELECT pg_advisory_lock(7251101)")  # one migration at a time
        if connection.info.server_version < OLDEST_SERVER:
            raise BadSetting(
                f"PostgreSQL {connection.info.server_version // 10000} is too old; Davy needs 14 or newer."
            )
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migration"
            " (number int PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        connection.execute("GRANT SELECT ON schema_migration TO davy_ingest, davy_alerting, davy_web, davy_grafana")
        done = list(_pending(connection))
        for step in done:
            with connection.transaction():
                connection.execute(step.text.encode())
                connection.execute(
                    "INSERT INTO schema_migration (number, name, sha256) VALUES (%s, %s, %s)",
                    (step.number, step.name, step.sha256),
                )
        inner, outer = pads(principal_key)
        with connection.transaction():
            connection.execute("DELETE FROM principal_key WHERE inner_pad <> %s", (inner,))
            connection.execute(
                "INSERT INTO principal_key (inner_pad, outer_pad) SELECT %s, %s WHERE NOT EXISTS (SELECT FROM principal_key)",
                (inner, outer),
            )
    return [f"{step.number:04d}_{step.name}" for step in done]


def _pending(connection: Connection[Any]) -> Iterator[Migration]:
    applied = dict(connection.execute("SELECT number, sha256 FROM schema_migration").fetchall())
    known = migrations(kind_of(connection))
    if newer := sorted(set(applied) - {m.number for m in known}):
        raise BadSetting(
            f"The database is at schema {newer[-1]}, this Davy knows up to {known[-1].number}: start the newer Davy, or restore a backup."
        )
    for step in known:
        if step.number not in applied:
            yield step
        elif applied[step.number] != step.sha256:
            raise BadSetting(
                f"Migration {step.number:04d}_{step.name} in the database differs from this Davy's: it was changed after release."
            )


def require_role(connection: Connection[Any], role: str) -> None:
    """Stops whoever was given another role's address: rights and row security hang on the role.

    Raises:
        BadSetting: one sentence with the setting's name.
    """
    if connection.info.user != role:
        setting = f"DAVY_DATABASE_URL_{role.removeprefix('davy_').upper()}"
        raise BadSetting(f"{setting} leads to the role {connection.info.user}; it must be the address of {role}.")


def require_current(connection: Connection[Any], role: str | None = None) -> None:
    """Stops a process whose database is not at this version.

    Args:
        role: whom it must be connected as.

    Raises:
        BadSetting: one sentence that says what to run or to set.
    """
    if role is not None:
        require_role(connection, role)
    present = connection.execute("SELECT to_regclass('schema_migration')").fetchone()
    if present is None or present[0] is None:
        raise BadInput("The database is empty: run `davy migrate` first.")
    newest = connection.execute("SELECT max(number) FROM schema_migration").fetchone()
    ours = migrations(kind_of(connection))[-1].number
    theirs = newest[0] if newest and newest[0] is not None else 0
    if theirs < ours:
        raise BadSetting(f"The database is at schema {theirs}, this Davy needs {ours}: run `davy migrate`.")
    if theirs > ours:
        raise BadSetting(f"The database is at schema {theirs}, this Davy knows up to {ours}: start the newer Davy.")
