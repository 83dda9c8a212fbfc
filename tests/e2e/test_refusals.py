"""What stops Davy at its start: exit status 2 and a sentence on stderr that says what was wrong, never a traceback."""

from __future__ import annotations

import base64
import os
import re
import secrets
import socket
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from core.migrate import ROLES, bootstrap
from davy.migrating import migrate
from davy.servers import PostgresServer, ServerUnavailable, start_broker
from davy.servers.broker import Access, Broker
from tests.conftest import skip_without_server
from tests.e2e.instance import davy, environment, running
from tests.warm import Warm, warm

pytestmark = [pytest.mark.e2e, pytest.mark.db, pytest.mark.broker]

AT_ONCE_S = 30.0  # a few seconds on an idle machine; nothing waits for a time-out of a minute
NOBODY = "1"  # a port that nobody listens on
IMPORTED = (*(f"davy.processes.{name}" for name in ("ingest", "alerting", "api", "inbox")), "davy.site.importing")
MIGRATE = {"migrate": ("migrate",)}
PORTFOLIO = ("site", "import", "packs/demo/portfolio.yaml", "--set", "DEMO_WEBHOOK=http://inbox.invalid")
PROCESSES = {"ingest": ("process", "ingest"), "alerting": ("process", "alerting"), "api": ("process", "api")}
COMMANDS = {
    **PROCESSES,
    "site import": PORTFOLIO,
    "site export": ("site", "export"),
    "user add": ("user", "add", "--login", "somebody", "--person", "somebody"),
    "device credential": ("device", "credential", "tf-gas-1"),
}


@dataclass(frozen=True)
class Place:
    """A database and a broker of a test, the settings that lead to them, and a Davy that is quick to refuse."""

    warm: Warm
    server: PostgresServer
    broker: Broker
    key: bytes
    passwords: dict[str, str]
    folder: Path
    database: str

    def url(self, role: str, **instead: str) -> str:
        """The address of the database for a role; `port`, `password`, `database` may be others."""
        password = instead.get("password", self.passwords[f"davy_{role}"])
        port, database = instead.get("port", str(self.server.port)), instead.get("database", self.database)
        return f"postgresql://davy_{role}:{password}@{self.server.host}:{port}/{database}"

    def settings(self, **more: str) -> dict[str, str]:
        """All variables that any command needs."""
        return {
            "DAVY_PRINCIPAL_KEY": self.key.hex(),
            "DAVY_COOKIE_KEY": secrets.token_hex(32),
            "DAVY_STATE_DIR": str(self.folder),
            "DAVY_BROKER_PASSWORD_FILE": str(self.folder / "broker-passwords"),
            "DAVY_PUBLIC_URL": "http://davy.invalid",
            "DAVY_MQTT_HOST": self.broker.host,
            "DAVY_MQTT_PORT": str(self.broker.port),
            "DAVY_MQTT_USER": "ingest",
            "DAVY_MQTT_PASSWORD": "mqtt-secret",
            **{f"DAVY_DATABASE_URL_{role.upper()}": self.url(role) for role in ("owner", "ingest", "alerting", "web")},
            **more,
        }

    def owner(self, statement: str, *values: Any) -> None:
        """Runs a statement as owner."""
        with psycopg.connect(self.url("owner"), autocommit=True) as connection:
            connection.execute(statement.encode(), values)


@pytest.fixture(scope="module")
def empty(postgres_plain: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A database in which there is nothing."""
    passwords = {role: secrets.token_urlsafe(9) for role in ROLES}
    bootstrap(postgres_plain.superuser_url(), "refusals_empty", passwords)
    try:
        broker = start_broker("auto", Access({"ingest": "mqtt-secret", "stranger": "another-secret"}))
    except ServerUnavailable as error:
        skip_without_server(error)
        raise
    folder = tmp_path_factory.mktemp("state")
    with broker, warm(*IMPORTED) as quick:
        yield Place(quick, postgres_plain, broker, secrets.token_bytes(32), passwords, folder, "refusals_empty")


@pytest.fixture(scope="module")
def place(empty: Place) -> Place:
    """A database of this version."""
    bootstrap(empty.server.superuser_url(), "refusals", empty.passwords)
    made = replace(empty, database="refusals")
    migrate(made.url("owner"), made.key)
    return made


def sentence_of(done: subprocess.CompletedProcess[str]) -> str:
    """What a command says that cannot run."""
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    *earlier, sentence = done.stderr.splitlines()
    assert all(line.startswith("{") for line in earlier), "only log lines may stand before the sentence"
    return sentence


def refusal(*arguments: str, settings: dict[str, str]) -> str:
    """What a command says, started as a person starts it."""
    return sentence_of(davy(*arguments, timeout_s=AT_ONCE_S, **settings))


def refusals(place: Place, commands: Mapping[str, tuple[str, ...]], settings: dict[str, str]) -> dict[str, str]:
    """What each of these commands says, from a Davy that need not import anything for it first."""
    return {
        name: sentence_of(
            place.warm.run("davy.cli:main", *arguments, timeout_s=AT_ONCE_S, environ=environment(settings))
        )
        for name, arguments in commands.items()
    }


def test_a_setting_that_is_wrong_unknown_or_missing(place: Place) -> None:
    """A bad value, a misspelt variable, a missing one, a secret's file that cannot be read: the variable's name and what it must be."""
    settings = place.settings()
    bad = 'DAVY_MQTT_PORT is "abc"; it must be a whole number from 1 to 65535.'
    said = refusals(place, COMMANDS, {**settings, "DAVY_MQTT_PORT": "abc"})
    assert said == dict.fromkeys(COMMANDS, bad)
    assert refusal("process", "ingest", settings={**settings, "DAVY_MQTT_PROT": "1883"}) == (
        "DAVY_MQTT_PROT is not a setting of Davy; did you mean DAVY_MQTT_PORT?"
    )
    without = {name: text for name, text in settings.items() if name != "DAVY_PRINCIPAL_KEY"}
    for sentence in refusals(place, PROCESSES, without).values():
        assert sentence.startswith("DAVY_PRINCIPAL_KEY (or DAVY_PRINCIPAL_KEY_FILE) is not set; this process needs it")
    unreadable = {**without, "DAVY_PRINCIPAL_KEY_FILE": "/no/such/file"}
    assert "which cannot be read" in refusal("process", "ingest", settings=unreadable)


def test_a_database_that_does_not_answer(place: Place) -> None:
    """Nobody listens at its address: every command says so at once, and shows no password."""
    settings = place.settings()
    for role in ("owner", "ingest", "alerting", "web"):
        settings[f"DAVY_DATABASE_URL_{role.upper()}"] = place.url(role, port=NOBODY)
    for said in refusals(place, {**COMMANDS, **MIGRATE}, settings).values():
        assert said.startswith("The database does not answer: ")
        assert "Connection refused" in said
        assert place.passwords["davy_owner"] not in said


@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"database": "nowhere"}], ids=["password", "name"])
def test_a_database_that_does_not_let_us_in(place: Place, wrong: dict[str, str]) -> None:
    """A wrong password or database: the server's own words."""
    settings = place.settings(DAVY_DATABASE_URL_OWNER=place.url("owner", **wrong))
    said = refusal("migrate", settings=settings)
    assert said.startswith(("The database does not answer: ", "The database refused the log-in: "))
    assert "password authentication failed" in said or '"nowhere" does not exist' in said


def test_an_address_of_another_role(place: Place) -> None:
    """Rights and row security hang on the role: the setting and the role it must lead to are named."""
    settings = place.settings()
    for role in ("owner", "ingest", "alerting", "web"):
        other = "web" if role != "web" else "ingest"
        settings[f"DAVY_DATABASE_URL_{role.upper()}"] = place.url(other)
    for said in refusals(place, {**COMMANDS, **MIGRATE}, settings).values():
        assert re.fullmatch(
            r"DAVY_DATABASE_URL_\w+ leads to the role davy_\w+; it must be the address of davy_\w+\.", said
        ), said


def test_a_principal_key_that_is_not_the_database_s(place: Place) -> None:
    """Under it nobody would see a row, and ingest would reject every message as unknown: no process starts."""
    for said in refusals(place, PROCESSES, place.settings(DAVY_PRINCIPAL_KEY=secrets.token_hex(32))).values():
        assert said.startswith("DAVY_PRINCIPAL_KEY is not the key that this database was migrated with")


def test_an_empty_database(empty: Place) -> None:
    """What to run first is said, by each command as a person starts it."""
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        said = pool.map(lambda arguments: refusal(*arguments, settings=empty.settings()), COMMANDS.values())
        assert set(said) == {"The database is empty: run `davy migrate` first."}


def test_a_database_of_a_newer_davy(place: Place) -> None:
    """It is left alone; the newer Davy must be started."""
    place.owner("INSERT INTO schema_migration (number, name, sha256) VALUES (9999, 'later', '')")
    try:
        found = refusals(place, {**COMMANDS, **MIGRATE}, place.settings())
    finally:
        place.owner("DELETE FROM schema_migration WHERE number = 9999")
    for said in found.values():
        assert said.startswith("The database is at schema 9999, this Davy knows up to ")
        assert "start the newer Davy" in said


def test_a_database_of_an_older_davy(place: Place) -> None:
    """`davy migrate` is named."""
    with psycopg.connect(place.url("owner"), autocommit=True) as connection:
        taken = connection.execute(
            "DELETE FROM schema_migration WHERE number = (SELECT max(number) FROM schema_migration)"
            " RETURNING number, name, sha256"
        ).fetchone()
    assert taken is not None
    try:
        found = refusals(place, PROCESSES, place.settings())
    finally:
        place.owner("INSERT INTO schema_migration (number, name, sha256) VALUES (%s, %s, %s)", *taken)
    for said in found.values():
        assert said.startswith(f"The database is at schema {taken[0] - 1}, this Davy needs {taken[0]}: ")
        assert "`davy migrate`" in said


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"DAVY_MQTT_PORT": NOBODY}, "Connection refused"),
        ({"DAVY_MQTT_PASSWORD": "wrong-secret"}, "it refuses us"),
    ],
    ids=["away", "password"],
)
def test_a_broker_that_is_away_or_refuses_us(place: Place, wrong: dict[str, str], words: str) -> None:
    """Where it should be, and what it said."""
    said = refusal("process", "ingest", settings=place.settings(**wrong))
    port = wrong.get("DAVY_MQTT_PORT", place.broker.port)
    assert said.startswith(f"No session with the broker at {place.broker.host}:{port}: ")
    assert words in said


def test_an_authority_for_the_broker_that_cannot_be_read(place: Place, tmp_path: Path) -> None:
    """No such file, or one that holds no certificate."""
    empty = tmp_path / "empty.pem"
    empty.touch()
    for file in (tmp_path / "none.pem", empty):
        said = refusal("process", "ingest", settings=place.settings(DAVY_MQTT_TLS_CA=str(file)))
        assert said.startswith(f"The broker's authority {file} cannot be used: ")


def test_a_port_in_use(place: Place) -> None:
    """The port, and the variable that names another."""
    pairs = [
        ("api", "DAVY_HTTP_PORT"),
        ("inbox", "DAVY_HTTP_PORT"),
        ("inbox", "DAVY_SMTP_PORT"),
        ("ingest", "DAVY_METRICS_PORT"),
        ("alerting", "DAVY_METRICS_PORT"),
    ]
    secret = base64.b64encode(secrets.token_bytes(32)).decode()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        settings = place.settings(
            DAVY_WEBHOOK_SECRETS=f"demo=whsec_{secret}", DAVY_SMTP_HOST="127.0.0.1", DAVY_SMTP_SENDER="davy@davy.invalid"
        )  # fmt: skip
        for name, setting in pairs:
            (said,) = refusals(place, {name: ("process", name)}, {**settings, setting: port}).values()
            assert port in said
            assert "cannot be used" in said
            assert setting in said


def test_a_second_ingest_on_the_same_worker(place: Place, tmp_path: Path) -> None:
    """The loser of the lock says who holds it: by the folder on one machine, by the database on two."""
    with running(tmp_path, "process", "ingest", settings=place.settings()) as first:
        first.wait_for("broker_connected", 60.0)
        same_folder = refusal("process", "ingest", settings=place.settings())
        assert f"process {first.process.pid}" in same_folder
        other_folder = refusal("process", "ingest", settings=place.settings(DAVY_STATE_DIR=str(tmp_path / "other")))
        assert other_folder.startswith("The worker ")
        assert "belongs to another process" in other_folder
        assert first.process.poll() is None


def test_a_site_file_with_mistakes(place: Place, tmp_path: Path) -> None:
    """Every mistake with its line, and nothing is written; a file that is not there or no YAML gets its sentence too."""
    file = tmp_path / "plant.yaml"
    file.write_text("davy: site/1\ncompanies:\n  - key: two words\n    nmae: x\n    sites: []\n", "utf-8")
    done = davy("site", "import", str(file), timeout_s=AT_ONCE_S, **place.settings())
    assert (done.returncode, done.stdout) == (2, "")
    assert {line.partition(":")[0] for line in done.stderr.splitlines()} == {"line 3", "line 4"}, done.stderr
    file.write_text("davy: site/1\n\tcompanies: []\n", "utf-8")
    assert refusal("site", "import", str(file), settings=place.settings()).startswith("line 2: ")
    assert "no-such.yaml" in refusal("site", "import", str(tmp_path / "no-such.yaml"), settings=place.settings())
    away = tmp_path / "no-such-folder" / "plant.yaml"
    assert refusal("site", "export", str(away), settings=place.settings()).startswith(f"{away} cannot be written")
    with psycopg.connect(place.url("owner")) as connection:
        assert connection.execute("SELECT count(*) FROM company").fetchone() == (0,)
