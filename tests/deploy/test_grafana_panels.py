"""What a Grafana sees: its role's scope is the wall, and every panel shows rows through it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from core.errors import BadInput
from davy.grafana.scope import allow, scope, told, withdraw
from tests.api.plant import Plant, plant
from tests.database import TestDatabase
from tests.deploy.boards import FILES, last_days, load, queries

pytestmark = pytest.mark.db
NOW = datetime.now(UTC)
READABLE = (  # every table and view that the role may read
    "company", "site", "zone", "asset", "device", "sensor", "latest", "v_reading", "device_stream", "stream_gap",
    "alarm_definition", "v_alarm", "v_occurrence", "v_transition", "v_finding", "v_finding_step", "impairment",
)  # fmt: skip


@pytest.fixture
def seeded(database: TestDatabase) -> Plant:
    """Two companies with readings and gaps; at each an alarm that was acknowledged and one that was not."""
    made = plant(database)
    for company in (made.a, made.b):
        made.happen(company, "lel-pump.lel-1", NOW - timedelta(hours=3))
        made.happen(company, "lel-pump.lel-2", NOW - timedelta(minutes=10))
        with made.owner() as owner:
            owner.execute(
                "INSERT INTO transition (company_id, definition_id, sensor_id, number, occurrence_id, at, recorded_at, event,"
                " from_state, to_state, suppression, person_id, previous, hash)"
                " SELECT company_id, definition_id, sensor_id, 2, occurrence_id, at + interval '4 minutes', now(), 'acknowledge',"
                " 'B', 'C', 'none', %s, hash, sha256(hash) FROM transition WHERE company_id = %s AND definition_id = %s",
                (company.people["officer"], company.company_id, company.definitions["lel-pump.lel-1"]),
            )
    return made


def let(database: TestDatabase, *companies: str, audience: str = "client", now: datetime = NOW, **more: Any) -> None:
    """`davy grafana allow` for 30 days."""
    owner = database.url("owner")
    allow(owner, companies, audience=audience, days=30, reason="test", actor="tester", now=now, **more)


def rows(database: TestDatabase, statement: str) -> list[tuple[object, ...]]:
    """What Grafana gets."""
    with database.connect("grafana") as connection:
        return connection.execute(statement.encode()).fetchall()


def variables_of(plant: Plant) -> dict[str, list[str]]:
    return {"site": ["tank-farm"], "sensor": [str(number) for number in plant.a.sensors.values()]}


def test_every_panel_shows_rows(seeded: Plant) -> None:
    """Each panel's SQL, written out as Grafana does for this kind of database, runs as the grafana role and finds something."""
    let(seeded.database, "huaihai-petro")
    sender = last_days(seeded.database.kind == "timescaledb", variables_of(seeded))
    empty, count = [], 0
    for query in queries():
        found = rows(seeded.database, sender.sent(query.text))
        count += 1
        if not found:
            empty.append(str(query))
        elif query.series:
            times = [row[0] for row in found]
            assert times == sorted(times), query  # type: ignore[type-var]  # Grafana asks for time series in order
    assert empty == []
    assert count > 25


def test_the_time_chosen_reaches_the_index(seeded: Plant) -> None:
    """The wall is a security barrier: were the time not pushed through it, a panel would read every reading there is."""
    let(seeded.database, "huaihai-petro")
    sender = last_days(seeded.database.kind == "timescaledb", variables_of(seeded))
    for query in queries():
        if "v_reading" in query.text:
            with seeded.database.connect("grafana") as connection:
                connection.execute("SET enable_seqscan = off")
                connection.execute("SET enable_bitmapscan = off")
                plan = connection.execute(("EXPLAIN " + sender.sent(query.text)).encode()).fetchall()
            assert any("Index Cond" in str(row[0]) and "measured_at >=" in str(row[0]) for row in plan), plan


def test_every_variable_offers_what_may_be_seen(seeded: Plant) -> None:
    """The choices are the company's sites and sensors, as text and value, and no other company's."""
    let(seeded.database, "huaihai-petro")
    sender = last_days(False, variables_of(seeded))
    for file in FILES:
        for variable in load(file)["templating"]["list"]:
            with seeded.database.connect("grafana") as connection:
                cursor = connection.execute(sender.sent(variable["query"]).encode())
                assert [column.name for column in cursor.description or ()] == ["__text", "__value"]
                offered = {str(row[1]) for row in cursor.fetchall()}
            assert offered == set(variables_of(seeded)[variable["name"]])


def test_the_daily_tests_are_on_no_dashboard(seeded: Plant) -> None:
    """The device of a site's delivery test is no device of the plant: not counted, not among the streams, the newest values or the choices."""
    let(seeded.database, "huaihai-petro")
    sender = last_days(seeded.database.kind == "timescaledb", variables_of(seeded))
    choices = [each["query"] for file in FILES for each in load(file)["templating"]["list"]]
    asked = [
        sender.sent(text) for text in (*choices, *(each.text for each in queries() if "device_stream" in each.text))
    ]
    before = [rows(seeded.database, text) for text in asked]
    with seeded.owner() as owner:
        owner.execute("SELECT davy_test_device(%s)", (seeded.a.site_id,))
        owner.execute(
            "INSERT INTO device_stream (device_id, company_id, boot, seq, last_received_at)"
            " SELECT device_id, company_id, 7, 0, now() FROM device WHERE key = '_test.tank-farm'"
        )
        owner.execute(
            "INSERT INTO latest (sensor_id, company_id, measured_at, value, quality, received_at)"
            " SELECT sensor_id, company_id, now(), 0, 0, now() FROM sensor WHERE key = '_wire'"
        )
    assert [rows(seeded.database, text) for text in asked] == before
    newest = [rows(seeded.database, sender.sent(each.text)) for each in queries() if "FROM latest" in each.text]
    assert newest
    assert not [row for found in newest for row in found if "delivery test" in str(row) or "送达测试" in str(row)]


def test_nothing_is_seen_before_somebody_allows_it(seeded: Plant) -> None:
    """No scope, no rows: not of any table."""
    assert [table for table in READABLE if rows(seeded.database, f"TABLE {table}")] == []


def test_a_curious_editor_sees_no_other_company(seeded: Plant) -> None:
    """Whatever SQL is typed: all that can be read is of the company allowed, with any token set, and by any way around."""
    let(seeded.database, "huaihai-petro")
    company = seeded.a.company_id
    for token in ("", seeded.database.service_token(), seeded.database.person_token(1, "admin", seeded.b.company_id)):
        with seeded.database.connect("grafana", token) as connection:
            for table in READABLE:
                cursor = connection.execute(f"TABLE {table}".encode())
                column = [each.name for each in cursor.description or ()].index("company_id")
                assert {row[column] for row in cursor.fetchall()} <= {company}, table
            assert connection.execute("SELECT count(*) > 0 FROM v_reading").fetchone() == (True,)
            assert connection.execute("SELECT davy_everything()").fetchone() == (False,)


ATTEMPTS = (  # what one would try in a query editor
    "SELECT * FROM grafana_scope",
    "UPDATE grafana_scope SET expires_at = 'infinity'",
    "INSERT INTO grafana_scope SELECT 'davy_grafana', 1, 'client', 'infinity'",
    "SELECT * FROM reading",
    "SELECT * FROM v_audit_reading",
    "SELECT * FROM principal_key",
    "SELECT name FROM person",
    "SELECT first_value FROM occurrence",
    "SELECT value FROM transition",
    "SELECT suppression_reason FROM alarm",
    "SELECT measures FROM finding",
    "SELECT note FROM finding_event",
    "SELECT * FROM notification",
    "SELECT report FROM ingest_status",
    "SELECT * FROM web_session",
    "UPDATE alarm SET state = 'A'",
    "DELETE FROM transition",
    "SET ROLE davy_owner",
    "SET SESSION AUTHORIZATION davy_owner",
    "ALTER TABLE alarm NO FORCE ROW LEVEL SECURITY",
    "CREATE TABLE mine (x int)",
    "COPY company TO PROGRAM 'cat'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT davy_definitions_changed()",
)


def test_what_an_editor_may_not_do(database: TestDatabase) -> None:
    """The role reads what is listed in docs/tables.md; nothing else, and it writes nothing."""
    for attempt in ATTEMPTS:
        with database.connect("grafana") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(attempt.encode())


def test_an_insurers_grafana_sees_alarms_and_no_readings(seeded: Plant) -> None:
    """The insurer's people see no live values, in Grafana neither."""
    let(seeded.database, "huaihai-petro", "qinling-coal", audience="insurer")
    assert len(rows(seeded.database, "SELECT 1 FROM occurrence")) == 4
    assert rows(seeded.database, "TABLE v_reading") == []
    assert rows(seeded.database, "SELECT 1 FROM latest") == []


def test_a_scope_ends_by_itself_and_at_once_when_withdrawn(seeded: Plant) -> None:
    """Expired is as if never given; withdrawing reaches connections that are open already."""
    database = seeded.database
    let(database, "huaihai-petro", now=NOW - timedelta(days=31))
    assert rows(database, "SELECT key FROM company") == []
    let(database, "huaihai-petro")
    with database.connect("grafana") as connection:
        assert connection.execute("SELECT key FROM company").fetchall() == [("huaihai-petro",)]
        withdraw(database.url("owner"), reason="over", actor="tester", now=NOW)
        assert connection.execute("SELECT key FROM company").fetchall() == []


def test_a_further_grafana_has_a_role_and_a_scope_of_its_own(seeded: Plant) -> None:
    """A role davy_grafana_... that is a member of davy_grafana sees what is allowed to it, and not what its elder sees."""
    database, url = seeded.database, seeded.database.server.superuser_url(seeded.database.name)
    let(database, "huaihai-petro")
    with pytest.raises(BadInput, match="CREATE ROLE davy_grafana_coal LOGIN"):
        let(database, "qinling-coal", role="davy_grafana_coal")
    with psycopg.connect(url, autocommit=True) as superuser:
        superuser.execute("CREATE ROLE davy_grafana_coal LOGIN PASSWORD 'coal-secret' IN ROLE davy_grafana")
        try:
            let(database, "qinling-coal", role="davy_grafana_coal")
            at = f"{database.server.host}:{database.server.port}/{database.name}"
            with psycopg.connect(f"postgresql://davy_grafana_coal:coal-secret@{at}") as coal:
                coal.execute("SET ROLE davy_grafana")  # it may, and it is of no use
                assert coal.execute("SELECT key FROM company").fetchall() == [("qinling-coal",)]
        finally:
            superuser.execute("DROP ROLE davy_grafana_coal")


def test_each_company_reads_in_its_journal_who_looks(seeded: Plant) -> None:
    """Allowing, narrowing and withdrawing are entries of the companies they concern, with the reason."""
    owner = seeded.database.url("owner")
    let(seeded.database, "huaihai-petro", "qinling-coal")
    let(seeded.database, "huaihai-petro")
    assert [told(row, NOW) for row in scope(owner)] == [
        f"davy_grafana sees huaihai-petro with readings, until {NOW + timedelta(days=30):%Y-%m-%d}."
    ]
    withdraw(owner, reason="contract ended", actor="tester", now=NOW)
    with seeded.owner() as connection:
        told_to = connection.execute(
            "SELECT c.key, j.action FROM journal j JOIN company c USING (company_id) WHERE j.subject = 'grafana davy_grafana'"
            " ORDER BY j.journal_id"
        ).fetchall()
    a, b = "huaihai-petro", "qinling-coal"
    assert told_to == [
        (a, "grafana_allowed"), (b, "grafana_allowed"), (a, "grafana_allowed"), (b, "grafana_withdrawn"), (a, "grafana_withdrawn"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("companies", "changed", "sentence"),
    [
        ((), {}, "Name at least one company"),
        (("nobody", "huaihai-petro"), {}, "There is no company nobody"),
        (("huaihai-petro",), {"days": 0}, "0 days are too many or too few; it must be from 1 to 400"),
        (("huaihai-petro",), {"days": 401}, "it must be from 1 to 400"),
        (("huaihai-petro",), {"reason": " "}, "Say why"),
        (("huaihai-petro",), {"role": "davy_web"}, "davy_web is no role of Grafana's"),
    ],
)
def test_a_wrong_scope_is_one_sentence(
    seeded: Plant, companies: tuple[str, ...], changed: dict[str, Any], sentence: str
) -> None:
    """Nothing is written, and what was allowed before stays."""
    let(seeded.database, "qinling-coal")
    given = {"audience": "client", "days": 30, "reason": "test", "actor": "tester", "now": NOW, **changed}
    with pytest.raises(BadInput, match=sentence):
        allow(seeded.database.url("owner"), companies, **given)
    assert [row.company for row in scope(seeded.database.url("owner"))] == ["qinling-coal"]
