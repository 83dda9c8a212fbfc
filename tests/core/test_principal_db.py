"""The wall: a token that PostgreSQL itself verifies."""

from __future__ import annotations

import psycopg
import pytest

from core.errors import BadInput, BadSetting
from core.migrate import migrate, migrations, require_current
from core.principal import Principal, pads, sign
from tests.database import TestDatabase

pytestmark = pytest.mark.db

A, B = 1, 2


@pytest.fixture
def two_companies(database: TestDatabase) -> TestDatabase:
    with database.connect("owner") as connection:
        connection.execute("INSERT INTO company (key, name, name_zh) VALUES ('a', 'A', '甲'), ('b', 'B', '乙')")
    return database


def companies_seen(database: TestDatabase, token: str) -> list[str]:
    with database.connect("web", token) as connection:
        return [str(key) for (key,) in connection.execute("SELECT key FROM company ORDER BY key")]


def test_a_token_shows_its_companies_and_no_other(two_companies: TestDatabase) -> None:
    """Row security is the wall: the token of company A shows company A."""
    assert companies_seen(two_companies, two_companies.person_token(1, "safety_officer", A)) == ["a"]
    assert companies_seen(two_companies, two_companies.service_token()) == ["a", "b"]


@pytest.mark.parametrize("token", ["", "garbage", "davy1.x.y", "davy1..", "davy1.e30=.00", "a.b.c.d"])
def test_no_token_no_rows(two_companies: TestDatabase, token: str) -> None:
    """No token, no rows; nonsense is no token and no error either."""
    assert companies_seen(two_companies, token) == []


def test_forged_and_expired_tokens_show_nothing(two_companies: TestDatabase) -> None:
    """SQL injection cannot become another client: it lacks the key."""
    forged = sign(Principal(role="service", everything=True), b"x" * 32, 4e9)
    expired = two_companies.person_token(1, "safety_officer", A, lifetime_s=-1)
    own = two_companies.person_token(1, "safety_officer", A)
    altered = own.replace(own.split(".")[1], two_companies.service_token().split(".")[1])
    for token in (forged, expired, altered):
        assert companies_seen(two_companies, token) == []


def test_the_key_is_readable_by_nobody_but_its_owner(two_companies: TestDatabase) -> None:
    """The roles that carry tokens cannot read what signs them."""
    for role in ("web", "ingest", "alerting", "grafana"):
        with two_companies.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM principal_key")


def test_every_table_with_a_company_is_walled(database: TestDatabase) -> None:
    """A new table with a company_id cannot be forgotten: row security is on and forced, even for the owner."""
    with database.connect("owner") as connection:
        open_tables = connection.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
            " WHERE c.relkind = 'r' AND a.attname = 'company_id' AND c.relnamespace = 'public'::regnamespace"
            " AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
        ).fetchall()
        superusers = connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'davy%' AND (rolsuper OR rolbypassrls OR rolcreaterole)"
        ).fetchall()
    assert open_tables == []
    assert superusers == []


def test_raw_readings_are_never_granted_to_the_web(database: TestDatabase) -> None:
    """A grant on the hypertable would reach its chunks without any policy (TimescaleDB issue 7830)."""
    with database.connect("web", database.service_token()) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM reading")
        assert connection.execute("SELECT count(*) FROM v_reading").fetchone() == (0,)


def test_migrating_twice_changes_nothing(database: TestDatabase) -> None:
    """Migrations are idempotent."""
    assert migrate(database.url("owner"), database.key) == []


def test_a_database_of_another_version_is_one_sentence(database: TestDatabase) -> None:
    """A newer, an altered and an empty database each stop the start with a sentence that says what to do."""
    newest = migrations(database.kind)[-1].number
    with database.connect("owner") as connection:
        connection.execute("INSERT INTO schema_migration (number, name, sha256) VALUES (9999, 'later', '')")
        with pytest.raises(BadSetting, match=f"schema 9999, this Davy knows up to {newest}"):
            require_current(connection)
        with pytest.raises(BadSetting, match="newer Davy"):
            migrate(database.url("owner"), database.key)
        connection.execute("DELETE FROM schema_migration WHERE number >= %s", (newest,))
        with pytest.raises(BadSetting, match="run `davy migrate`"):
            require_current(connection)
        connection.execute("UPDATE schema_migration SET sha256 = 'x' WHERE number = 1")
        with pytest.raises(BadSetting, match=r"0001_principal .* changed after release"):
            migrate(database.url("owner"), database.key)
        connection.execute("DROP TABLE schema_migration")
        with pytest.raises(BadInput, match="empty"):
            require_current(connection)


def test_a_table_of_ones_own_does_not_stand_in_for_the_key(two_companies: TestDatabase) -> None:
    """Temporary tables are found first unless the path says otherwise; a database not made by us may allow them."""
    own_key = b"k" * 32
    inner, outer = pads(own_key)
    with psycopg.connect(two_companies.url("owner"), autocommit=True) as owner:
        owner.execute(f"GRANT TEMPORARY ON DATABASE {two_companies.name} TO davy_web")
    token = sign(Principal(role="service", everything=True), own_key, 4e9)
    with two_companies.connect("web", token) as connection:
        connection.execute("CREATE TEMP TABLE principal_key (key_id int, inner_pad bytea, outer_pad bytea)")
        connection.execute("INSERT INTO pg_temp.principal_key VALUES (1, %s, %s)", (inner, outer))
        connection.execute("GRANT SELECT ON pg_temp.principal_key TO davy_owner")
        assert connection.execute("SELECT key FROM company").fetchall() == []
