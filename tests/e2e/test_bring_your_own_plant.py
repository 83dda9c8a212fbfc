"""The how-to "bring your own plant", run as it stands: its SQL, its files, its commands."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from davy.servers import Access, PostgresServer, ServerUnavailable, start_postgres
from davy.servers.mosquitto import access_list
from davy.servers.processes import free_port, wait_until
from tests.conftest import StartMosquitto, memory, skip_without_server

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "how-to" / "bring-your-own-plant.md"
BLOCK = re.compile(r"(?P<before>[^\n]*(?:\n[^\n]+)*)\n\n```(?P<language>\w+)\n(?P<text>.*?)```", re.DOTALL)
ALARM_WITHIN_S = 30.0  # from the first reading, processes having started
START_WITHIN_S = 60.0


@dataclass(frozen=True)
class Block:
    """One block of the page, and the file that the sentence before says to save it as."""

    language: str
    text: str
    file: str | None


def blocks() -> list[Block]:
    """The page's blocks in order."""
    found = []
    for match in BLOCK.finditer(PAGE.read_text("utf-8")):
        file = re.search(r"[Ss]ave as `([\w.]+)`", match["before"])
        found.append(Block(match["language"], match["text"], file[1] if file else None))
    return found


class Mailbox:
    """A mail server on loopback that keeps what comes."""

    def __init__(self) -> None:
        self.mails: list[Envelope] = []
        self.came = threading.Event()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Takes a mail."""
        self.mails.append(envelope)
        self.came.set()
        return "250 kept"


@dataclass
class Reader:
    """Somebody who follows the page in a folder of their own.

    Args:
        instead: what stands on the page -> what this machine has instead.
    """

    folder: Path
    instead: dict[str, str]

    def put(self, text: str) -> str:
        """The page's text with this machine's addresses."""
        for told, here in self.instead.items():
            text = text.replace(told, here)
        return text

    def shell(self, script: str, **extra: str) -> str:
        """Runs a block in a terminal where davy.env has been read, and gives what it printed."""
        done = subprocess.run(
            ["bash", "-euc", self._prepared(script)],
            cwd=self.folder, env=self._environment(extra), capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @contextmanager
    def terminal(self, command: str, log: Path, ends_within_s: float = 20) -> Iterator[subprocess.Popen[bytes]]:
        """A process that runs until the end of the test; it must end by SIGTERM."""
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["bash", "-euc", self._prepared(f"exec {command}")],
                cwd=self.folder, env=self._environment({}), stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(ends_within_s)
            except subprocess.TimeoutExpired:
                process.kill()
                raise

    def _prepared(self, script: str) -> str:
        return f". ./davy.env\n{script}" if (self.folder / "davy.env").exists() else script

    def _environment(self, extra: dict[str, str]) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "USER") if name in os.environ}
        return {**kept, **extra, "PATH": path}


@pytest.fixture
def empty_postgres() -> Iterator[PostgresServer]:
    """A server on which Davy has never been."""
    try:
        server = start_postgres("timescaledb", fsync=False, memory=memory())
    except ServerUnavailable as error:
        skip_without_server(error)
        raise
    with server:
        yield server


@pytest.mark.e2e
def test_the_page_leads_from_an_empty_database_to_the_first_alarm(
    empty_postgres: PostgresServer, mosquitto: StartMosquitto, tmp_path: Path
) -> None:
    """Each command of the page works, in its order, and at its end the alarm of one's own sensor is there and was mailed."""
    access = Access({"ingest": "mqtt-secret"}, publishers=frozenset())
    broker, mailbox = mosquitto(access), Mailbox()
    mail = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    http = free_port()
    reader = Reader(
        tmp_path,
        {
            "127.0.0.1:5432": f"127.0.0.1:{empty_postgres.port}",
            "MQTT_PORT=1883": f"MQTT_PORT={broker.port}",
            '"127.0.0.1", 1883': f'"127.0.0.1", {broker.port}',
            "/etc/mosquitto/davy-passwords": str(broker.folder / "passwords"),
            "$(pidof mosquitto)": str(broker.pid),
            "HTTP_PORT=8080": f"HTTP_PORT={http}",
            "SMTP_PORT=25": f"SMTP_PORT={mail.port}",
        },
    )
    databases, terminals, shown = iter(("postgres", "davy")), 0, ""
    mail.start()
    with ExitStack() as opened:
        opened.callback(mail.stop)
        for block in blocks():
            text = reader.put(block.text)
            if block.file is not None:
                (tmp_path / block.file).write_text(text, "utf-8")
            elif block.language == "sql":
                run_sql(empty_postgres, next(databases), text)
            elif block.language == "acl":
                assert text == access_list(access)
            elif text.startswith("davy process"):
                terminals += 1
                opened.enter_context(reader.terminal(text.strip(), tmp_path / f"terminal-{terminals}.log"))
            elif "send.py" in text:
                wait_until_judging(empty_postgres, tmp_path)
                reader.shell(text, DEVICE_PASSWORD=password_in(shown))
            elif block.language == "sh":
                printed = reader.shell(text)
                shown = printed if "device credential" in text else shown
                if "site import" in text:
                    assert "Dry run: nothing was written" in printed
                    assert printed.rstrip().endswith("Nothing to change: the database already says what the file says.")
        assert terminals == 3
        assert mailbox.came.wait(ALARM_WITHIN_S), logs(tmp_path)
        assert mailbox.mails[0].rcpt_tos == ["chen@lantian.example"]
        with psycopg.connect(empty_postgres.superuser_url(), dbname="davy") as connection:
            raised = connection.execute(
                "SELECT d.key, s.key, o.first_value, d.title FROM occurrence o JOIN alarm_definition d USING (definition_id)"
                " JOIN sensor s ON s.sensor_id = o.sensor_id ORDER BY o.occurrence_id LIMIT 1"
            ).fetchone()
        assert raised == ("gas-1.lel-1", "gas-1", 27.0, "Combustible gas, first stage")


def run_sql(server: PostgresServer, database: str, text: str) -> None:
    """As psql does: one statement after the other, each for itself."""
    with psycopg.connect(server.superuser_url(), dbname=database, autocommit=True) as connection:
        for statement in text.split(";\n"):
            if statement.strip():
                connection.execute(statement.encode())


def wait_until_judging(server: PostgresServer, folder: Path) -> None:
    """Until ingest says that it judges: the page's reader looks at the terminal."""
    judging = b"SELECT 1 FROM ingest_status WHERE state = 'judging'"
    with psycopg.connect(server.superuser_url(), dbname="davy", autocommit=True) as connection:
        found = wait_until(lambda: connection.execute(judging).fetchone() is not None, START_WITHIN_S)
    assert found, logs(folder)


def password_in(shown: str) -> str:
    """The password that `davy device credential` printed."""
    found = re.search(r"^password (\S+)$", shown, re.MULTILINE)
    assert found is not None, shown
    return found[1]


def logs(folder: Path) -> str:
    """What the terminals say."""
    return "\n".join(f"{log.name}:\n{log.read_text('utf-8')[-3000:]}" for log in sorted(folder.glob("terminal-*.log")))
