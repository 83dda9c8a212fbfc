"""The wall on a running instance: both companies have alarms, and A finds and changes nothing of B, by page or by SQL."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, Final

import httpx
import psycopg
import pytest
from paho.mqtt.client import Client
from PIL import Image
from psycopg import Connection, sql
from psycopg.types.json import Jsonb

from api.app import create_app
from core.db import Database
from core.principal import Principal, sign
from davy.limit_words import limit_words
from davy.private.stack import Plan, Stack
from davy.private.up import PORTFOLIO
from davy.servers.processes import wait_until
from tests.api.test_tenancy import FIELDS, routes_of
from tests.e2e.instance import devices, private_stack, visitor

pytestmark = [pytest.mark.e2e, pytest.mark.db, pytest.mark.broker]

A, B = "huaihai-petro", "qinling-coal"
ALARM_WITHIN_S = 20.0
# What B's rows carry and A's do not: names in both languages, keys of sites, devices and sensors, people.
OF_B = (
    "qinling",
    "Qinling",
    "秦岭",
    "qm-gas-1",
    "ch4-return",
    "co-return",
    "airspeed",
    "回风巷",
    "赵强",
    "孙磊",
    "DEMO-AZX-2026-0002",
)
ABOVE_LIMITS: Final = (
    ("huaihai-tank-farm", "tf-gas-2", {"lel-pump-1": 55.0, "lel-pump-2": 12.0}),
    ("qinling-mine", "qm-gas-1", {"ch4-return": 3.1, "co-return": 90.0}),
)  # fmt: skip
SERVERS_OWN = {"pg_catalog", "information_schema"}
# Without row security because no row of them belongs to a company.
OF_NOBODY = {"public.schema_migration", "public.ingest_status", "public.v_ingest_beat", "public.process_status"}


@dataclass(frozen=True)
class Estate:
    """A running instance in which both companies have had an alarm.

    Args:
        alarmed: the definitions of those alarms, which no machine changes any more: nothing more is sent. What nobody sends
            becomes silence, and that is an alarm of its own, in its own time.
    """

    stack: Stack
    owner: Connection[Any]
    alarmed: list[int] = field(default_factory=list)

    def one(self, query: str, *values: Any) -> Any:
        """One value, seen as owner."""
        row = self.owner.execute(query.encode(), values).fetchone()
        return row[0] if row else None

    def company(self, key: str) -> int:
        """Its id."""
        return int(self.one("SELECT company_id FROM company WHERE key = %s", key))

    def ids(self, company: str) -> dict[str, list[int]]:
        """What stands in the place of a path's parameters."""
        number = self.company(company)
        return {
            name: [row[0] for row in self.owner.execute(query.encode(), (number,))]
            for name, query in {
                "occurrence_id": "SELECT occurrence_id FROM occurrence WHERE company_id = %s ORDER BY 1",
                "device_id": "SELECT device_id FROM device WHERE company_id = %s ORDER BY 1",
                "sensor_id": "SELECT sensor_id FROM sensor WHERE company_id = %s ORDER BY 1",
            }.items()
        }

    def rows(self, company: str) -> dict[str, Any]:
        """Everything of a company that anybody but ingest could change."""
        number = self.company(company)
        whole = sql.SQL("SELECT to_jsonb(t) FROM {} t WHERE company_id = %s ORDER BY to_jsonb(t)::text")
        alarmed = sql.SQL(
            "SELECT to_jsonb(t) FROM {} t WHERE company_id = %s AND definition_id = ANY(%s) ORDER BY to_jsonb(t)::text"
        )
        return {
            **{
                table: self.owner.execute(whole.format(sql.Identifier(table)), (number,)).fetchall()
                for table in ("occurrence_comment", "alarm_definition", "person", "journal")
            },
            **{
                table: self.owner.execute(alarmed.format(sql.Identifier(table)), (number, self.alarmed)).fetchall()
                for table in ("alarm", "occurrence", "transition")
            },
        }

    def token(self, kind: str) -> str | None:
        """A's officer's token as the web process would sign it, or one that is not worth anything."""
        person = self.one("SELECT person_id FROM person WHERE key = 'huaihai-officer'")
        principal = Principal(role="safety_officer", person_id=person, companies=[self.company(A)])
        everything = Principal(role="service", everything=True)
        now = datetime.now(UTC).timestamp()
        return {
            "of A": sign(principal, self.stack.principal_key, now + 600),
            "none": None,
            "empty": "",
            "forged": sign(everything, secrets.token_bytes(32), now + 600),
            "cut and glued": sign(everything, b"guess", now + 600).rpartition(".")[0]
            + "."
            + sign(principal, self.stack.principal_key, now + 600).rpartition(".")[2],
            "expired": sign(everything, self.stack.principal_key, now - 1),
        }[kind]

    @contextmanager
    def web(self, token: str | None) -> Iterator[Connection[Any]]:
        """Direct SQL as the web role."""
        with closing(psycopg.connect(self.stack.database_url("web"), autocommit=True)) as connection:
            if token is not None:
                connection.execute("SELECT set_config('davy.principal', %s, false)", (token,))
            yield connection

    @contextmanager
    def officer(self, company: str) -> Iterator[httpx.Client]:
        """The company's safety officer, logged in."""
        user = next(u for u in self.stack.users if u.company == company and u.role == "safety_officer")
        with visitor(self.stack.http_url, user.login, user.password) as client:
            yield client


@pytest.fixture(scope="module")
def estate() -> Iterator[Estate]:
    """Alarms of both companies, raised by readings that came over MQTT."""
    with (
        private_stack(Plan(site_file=PORTFOLIO)) as stack,
        closing(psycopg.connect(stack.database_url("owner"), autocommit=True)) as owner,
    ):
        made = Estate(stack, owner)
        with devices(stack) as client:
            publish(client, 1)
            both = "SELECT count(DISTINCT company_id) FROM occurrence"
            assert wait_until(lambda: made.one(both) == 2, ALARM_WITHIN_S)
            # A message of each that is rejected, so that there is evidence to leak.
            for site, device, _ in ABOVE_LIMITS:
                client.publish(f"davy/v1/{site}/{device}/readings", f"rubbish of {device}", qos=1)
            assert wait_until(lambda: made.one("SELECT count(*) FROM rejected_message") >= 2, ALARM_WITHIN_S)
            above = [sensor for _, _, values in ABOVE_LIMITS for sensor in values]
            found = owner.execute(
                "SELECT DISTINCT definition_id FROM occurrence JOIN sensor USING (sensor_id) WHERE sensor.key = ANY(%s)"
                " AND definition_id IN (SELECT definition_id FROM alarm_definition WHERE detector = 'limit')",
                (above,),
            )
            made.alarmed.extend(number for (number,) in found)
            yield made
        assert stack.error_lines() == []


def publish(client: Client, boot: int, above: Sequence[tuple[str, str, dict[str, float]]] = ABOVE_LIMITS) -> None:
    """A minute of readings above the limits, so that delays on them are over."""
    now = time.time_ns() // 1_000_000
    for site, device, values in above:
        for seq in range(12):
            at = now - 60_000 + seq * 5_000
            readings = [{"s": sensor, "t": at, "v": value} for sensor, value in values.items()]
            said = json.dumps({"boot": boot, "seq": seq, "sent_at": now, "readings": readings})
            client.publish(f"davy/v1/{site}/{device}/readings", said, qos=1)


def test_every_page_and_every_call_shows_a_nothing_of_b(estate: Estate) -> None:
    """All GET routes, with A's session, with ids of A and of B: no name of B; an id of B is as unknown as one that never was."""
    app = create_app(
        database=Database(estate.stack.database_url("web"), application="routes"),
        principal_key=b"k" * 32, cookie_key=b"c" * 32, clock=lambda: datetime.now(UTC), listen_url="",
        limits=limit_words,
    )  # fmt: skip
    paths = [path for method, path in routes_of(app) if method == "GET"]
    of_a, of_b = estate.ids(A), estate.ids(B)
    never = {name: [10**8] for name in of_b}
    with estate.officer(A) as client:
        documented = client.get("/api/v1/openapi.json").json()["paths"]
        assert {path for path, verbs in documented.items() if "get" in verbs} <= set(paths)
        own_found = 0
        for path in paths:
            if path in ("/events", "/demo/inbox", "/language"):
                continue  # a stream that tells ids of nobody (below); the demo's own mailbox; a redirect
            for asked in filled(path, of_a):
                answer = client.get(asked)
                own_found += answer.status_code == 200 and "淮海" in answer.text
                assert not names_of_b(answer), asked
            for asked, unknown in zip(filled(path, of_b), filled(path, never) * 100, strict=False):
                if "{" not in path:
                    continue
                answer = client.get(asked)
                assert answer.status_code in (403, 404), asked
                assert answer.status_code == client.get(unknown).status_code
                assert not names_of_b(answer, but=asked), asked
        assert own_found >= 4, "a wall that hides everything would pass this test too"


def filled(path: str, ids: dict[str, list[int]]) -> list[str]:
    """The path with each id of its parameter; itself where it has none."""
    for name, numbers in ids.items():
        if f"{{{name}}}" in path:
            return [path.replace(f"{{{name}}}", str(number)) for number in numbers]
    return [path]


def names_of_b(answer: httpx.Response, but: str = "") -> list[str]:
    """Names of B in what came back, headers included."""
    said = (str(answer.headers) + answer.text).replace(but, "")
    return [name for name in OF_B if name in said]


def test_no_action_reaches_b(estate: Estate) -> None:
    """Acknowledge, shelve, reset, resolve, comment, by form and by API, on B's occurrences: refused, and B's rows are as before."""
    before = estate.rows(B)
    with estate.officer(A) as client:
        token = client.get("/api/v1/me").json()["form_token"]
        documented = client.get("/api/v1/openapi.json").json()["paths"]
        calls = [path for path, verbs in documented.items() if "post" in verbs and "{occurrence_id}" in path]
        assert len(calls) >= 6
        forms = [path.removeprefix("/api/v1").replace("/comments", "/comment") for path in calls]
        for number in estate.ids(B)["occurrence_id"]:
            for path in calls:
                asked, header = path.replace("{occurrence_id}", str(number)), {"X-Form-Token": token}
                if path.endswith("/photos"):
                    said = client.post(asked, files=a_photo(), headers=header)
                else:
                    said = client.post(asked, json={**FIELDS, "minutes": 15, "assignee_id": 1}, headers=header)
                assert said.status_code in (403, 404), (path, said.text)
                assert not names_of_b(said)
            for path in forms:
                asked = path.replace("{occurrence_id}", str(number))
                typed = {**FIELDS, "form_token": token, "next": "/alarms", "assignee_id": "1"}
                said = client.post(asked, data=typed, files=a_photo() if path.endswith("/photos") else None)
                assert said.status_code in (403, 404), (path, said.text)
                assert not names_of_b(said)
    assert estate.rows(B) == before


def a_photo() -> dict[str, tuple[str, bytes, str]]:
    """A picture as a form sends it."""
    drawn = BytesIO()
    Image.new("RGB", (8, 8)).save(drawn, "JPEG")
    return {"photo": ("seen.jpg", drawn.getvalue(), "image/jpeg")}


def relations(estate: Estate, right: str) -> list[tuple[str, str]]:
    """(schema, name) of every table and view, chunks of hypertables too, on any column of which the web role has the right."""
    found = estate.owner.execute(
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname <> ALL (%s)"
        " AND has_schema_privilege('davy_web', n.oid, 'USAGE') AND (has_table_privilege('davy_web', c.oid, %s)"
        " OR (%s <> 'DELETE' AND has_any_column_privilege('davy_web', c.oid, nullif(%s, 'DELETE'))))"
        " ORDER BY 1, 2",
        (list(SERVERS_OWN), right, right, right),
    )
    return [(str(schema), str(name)) for schema, name in found]


@pytest.mark.parametrize("kind", ["of A", "none", "empty", "forged", "cut and glued", "expired"])
def test_direct_sql_reads_no_row_of_b(estate: Estate, kind: str) -> None:
    """Every table and view that the web role may read: no row of B; without a token that holds, no row of anybody."""
    readable = [r for r in relations(estate, "SELECT") if not r[0].startswith(("_timescaledb", "timescaledb"))]
    assert {("public", "alarm"), ("public", "v_reading"), ("public", "sensor")} <= set(readable)
    assert not [name for _, name in relations(estate, "SELECT") if re.fullmatch(r"_hyper_\d+_\d+_chunk", name)], (
        "a chunk has no row security of its own"
    )
    number, seen = estate.company(B), 0
    with estate.web(estate.token(kind)) as connection:
        for schema, name in readable:
            rows = rows_of(connection, schema, name)
            seen += len(rows)
            assert not [row for row in rows if row.get("company_id") == number], f"{schema}.{name}"
            said = json.dumps(rows, ensure_ascii=False)
            assert not [word for word in OF_B if word in said], f"{schema}.{name}"
            assert kind == "of A" or not rows or f"{schema}.{name}" in OF_NOBODY, f"{schema}.{name}"
    assert kind != "of A" or seen > 50, "a wall that hides everything would pass this test too"


def rows_of(connection: Connection[Any], schema: str, name: str) -> list[dict[str, Any]]:
    """All rows of a table or view, with the columns that may be read."""
    columns = connection.execute(
        "SELECT a.attname FROM pg_attribute a WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped"
        " AND has_column_privilege(a.attrelid, a.attnum, 'SELECT')",
        (f'"{schema}"."{name}"',),
    ).fetchall()
    query = sql.SQL("SELECT to_jsonb(x) FROM (SELECT {} FROM {}) x").format(
        sql.SQL(", ").join(sql.Identifier(column) for (column,) in columns), sql.Identifier(schema, name)
    )
    return [row for (row,) in connection.execute(query)]


@pytest.mark.parametrize("kind", ["of A", "none", "forged", "expired"])
def test_direct_sql_writes_no_row_of_b(estate: Estate, kind: str) -> None:
    """Every table that the web role may write: updating and deleting meet no row of B, inserting one of B is refused."""
    before, number = estate.rows(B), estate.company(B)
    rights = ("INSERT", "UPDATE", "DELETE")
    writable = sorted({name for right in rights for schema, name in relations(estate, right) if schema == "public"})
    assert {"alarm", "occurrence", "transition", "notification", "occurrence_comment"} <= set(writable)
    with estate.web(estate.token(kind)) as connection:
        for name in writable:
            for column in updatable(estate, name):
                assert updated(connection, name, column, number) == 0, (name, column)
            delete = sql.SQL("DELETE FROM {} WHERE company_id = %s").format(sql.Identifier(name))
            assert touched(connection, delete, number) == 0, name
            assert inserted(estate, connection, name, number) == 0, name
        with connection.transaction(force_rollback=True):
            own = updated(connection, "occurrence", "shared", estate.company(A))
            assert (own > 0) is (kind == "of A"), "a wall that stops everything would pass this test too"
    assert estate.rows(B) == before


def updated(connection: Connection[Any], table: str, column: str, company: int) -> int:
    """How many rows of a company an update of one column changes."""
    update = sql.SQL("UPDATE {} SET {} = DEFAULT WHERE company_id = %s")
    return touched(connection, update.format(sql.Identifier(table), sql.Identifier(column)), company)


def inserted(estate: Estate, connection: Connection[Any], table: str, company: int) -> int:
    """How many copies of a company's row can be inserted; keys that are there already are looked at after the wall."""
    columns = all_columns(estate, table)
    if "company_id" not in columns:
        return 0
    query = sql.SQL("SELECT to_jsonb(t) FROM {} t WHERE company_id = %s LIMIT 1").format(sql.Identifier(table))
    row = estate.owner.execute(query, (company,)).fetchone()
    insert = sql.SQL(
        "INSERT INTO {0} ({1}) OVERRIDING SYSTEM VALUE SELECT {1} FROM jsonb_populate_record(NULL::{0}, %s)"
    ).format(sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns)))
    return touched(connection, insert, Jsonb(row[0])) if row else 0


def all_columns(estate: Estate, table: str) -> list[str]:
    """The columns of a table."""
    return [row[0] for row in estate.owner.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s", (table,)
    )]  # fmt: skip


def updatable(estate: Estate, table: str) -> list[str]:
    """Those that the web role may update, of a table that belongs to companies."""
    columns = all_columns(estate, table)
    if "company_id" not in columns:
        return []
    return [c for c in columns if estate.one("SELECT has_column_privilege('davy_web', %s, %s, 'UPDATE')", table, c)]


def touched(connection: Connection[Any], statement: sql.Composed, value: Any) -> int:
    """How many rows a statement changed; 0 where the database refuses it."""
    try:
        return connection.execute(statement, (value,)).rowcount
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedColumn):
        return 0


def test_what_is_notified_is_numbers_only(estate: Estate) -> None:
    """Whoever may connect may listen: an alarm, an acknowledgement and a changed limit say ids and nothing else."""
    channels = ("davy_scope", "davy_outbox", "davy_definitions")
    heard: list[psycopg.Notify] = []
    with estate.web(None) as listener:
        for channel in channels:
            listener.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        with devices(estate.stack) as client, estate.officer(A) as officer:
            publish(client, 1, [("huaihai-tank-farm", "tf-tank-1", {"level-t1": 95.0})])
            token = officer.get("/api/v1/me").json()["form_token"]
            number = estate.ids(A)["occurrence_id"][0]
            asked = f"/api/v1/occurrences/{number}/acknowledge"
            assert officer.post(asked, headers={"X-Form-Token": token}, json={}).status_code < 300
        change_a_limit(estate)
        until = time.monotonic() + ALARM_WITHIN_S
        while {n.channel for n in heard} != set(channels) and time.monotonic() < until:
            heard += listener.notifies(timeout=0.5, stop_after=1)
    assert {n.channel for n in heard} == set(channels)
    assert [n.payload for n in heard if n.payload and not n.payload.isdecimal()] == []


def change_a_limit(estate: Estate) -> None:
    """As an import of a changed site file does."""
    from davy.site.importing import import_site

    text = PORTFOLIO.read_text("utf-8").replace("setpoint: 1500", "setpoint: 1490")
    changed = estate.stack.folder / "changed.yaml"
    changed.write_text(text, "utf-8")
    import_site(
        estate.stack.database_url("owner"), changed, actor="test", reason="tighter",
        variables={"DEMO_WEBHOOK": estate.stack.inbox_url.rstrip("/")},  # another address would take two people
    )  # fmt: skip
