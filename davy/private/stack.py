"""A whole private Davy: its own database and broker, the demo portfolio, every process; gone when this is gone.

Used by `davy up --private`, `davy demo`, `davy simulate`, the benches and the end-to-end tests. Start order: servers,
schema, portfolio, processes, log-ins; all that can be got ready meanwhile is. Stop order is the reverse, so that what is
acknowledged is stored first.
"""

from __future__ import annotations

import base64
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Self
from urllib.request import urlopen

import psycopg
import structlog
from argon2 import PasswordHasher
from psycopg import Connection

from core.db import connect, first_line
from core.errors import DatabaseAway, DavyError, Unavailable
from core.migrate import ROLES, bootstrap
from davy.private.part import Part
from davy.servers import (
    Access,
    Broker,
    BrokerKind,
    PostgresKind,
    PostgresServer,
    run_folder,
    start_broker,
    start_postgres,
)
from davy.servers.broker import TESTER
from davy.servers.errors import EndedWhileStarting
from davy.servers.processes import free_port, need_port
from davy.site.users import UserAdded, add_user, people
from davy.store import has_beaten, ingest_connected

log = structlog.stdlib.get_logger(__name__)

DATABASE = "davy"
STOP_ORDER = (("past", "plant"), ("api", "risk", "detectors"), ("alerting", "ingest"), ("inbox",))
IMPORTER = "davy.site.importing"  # with all detectors behind it: read while the servers start
PROCESSES = ("api", "ingest", "alerting", "risk", "detectors")
# Random passwords of 120 bits, gone with the instance: there is nothing to make dear for who guesses.
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
READY_TIMEOUT_S = 60.0
HISTORY_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a private instance consists of.

    Args:
        database: "timescaledb", or "plain" for a laptop.
        broker: "mosquitto", or "auto" for a laptop.
        site_file: what is imported; None: nothing.
        prepare: called when the schema stands and before any part but the inbox runs: a bench writes its own portfolio.
        parts: which of ingest, detectors, alerting, api, risk, inbox to start.
        users: whether people of the site file get log-ins.
        history: whether sixty simulated days lie behind it before `wait_until_ready` returns; `start_past` writes them beside
            the running plants.
        memory: a folder on a file system in memory for the database, for what lives as long as a test.
        stream_clock: ingest's clock follows the data: only for what is played faster than life.
        settings: DAVY_ variables over the instance's own.
    """

    database: PostgresKind = "timescaledb"
    broker: BrokerKind = "mosquitto"
    fsync: bool = True
    site_file: Path | None = None
    prepare: Callable[[Stack], None] | None = None
    parts: Sequence[str] = ("inbox", "ingest", "detectors", "alerting", "api", "risk")
    users: bool = True
    history: bool = False
    memory: Path | None = None
    stream_clock: bool = False
    http_port: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)


class Stack:
    """A running private instance; see `Plan`.

    Args:
        asked_to_end: set, it ends at the next step of its start, quietly; None: nobody can ask.
    """

    def __init__(self, plan: Plan, asked_to_end: threading.Event | None = None) -> None:
        if plan.http_port:
            need_port(plan.http_port)
        self.plan = plan
        self._asked_to_end = asked_to_end or threading.Event()
        self.folder = run_folder.claim("davy")
        self.parts: dict[str, Part] = {}
        self.users: list[UserAdded] = []
        self.principal_key = secrets.token_bytes(32)
        self._snapshot_key, self._seal_key = secrets.token_bytes(32), secrets.token_bytes(32)
        self._link_keys = f"k1={secrets.token_hex(32)}"
        self._webhook_secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        self._passwords = {role: secrets.token_urlsafe(18) for role in ROLES}
        self.mqtt_passwords = {name: secrets.token_urlsafe(18) for name in ("ingest", "simulator", "detectors", TESTER)}
        self._ports = {"http": plan.http_port or free_port(), "smtp": free_port(), "inbox": free_port()}
        self._opened = ExitStack()
        self.postgres: PostgresServer
        self.broker: Broker

    @property
    def http_url(self) -> str:
        """Where the pages are."""
        return f"http://127.0.0.1:{self._ports['http']}"

    @property
    def inbox_url(self) -> str:
        """Where what the demo's own receivers got is read, as JSON."""
        return f"http://127.0.0.1:{self._ports['inbox']}/"

    def database_url(self, role: str) -> str:
        """The address for owner, ingest, alerting, web or grafana."""
        return f"postgresql://davy_{role}:{self._passwords[f'davy_{role}']}@{self.postgres.host}:{self.postgres.port}/{DATABASE}"

    def start(self) -> Self:
        """Everything runs and answers when this returns. Call it from the thread that then keeps it alive.

        Raises:
            EndedWhileStarting: somebody asked for the end meanwhile; a signal to all of a terminal ends what was just being started, too.
        """
        self._look()
        try:
            with ThreadPoolExecutor(2, "servers") as pool:
                postgres, broker = pool.submit(self._start_postgres), pool.submit(self._start_broker)
                for name in ("inbox", *PROCESSES):
                    self._stand_by(name)
                import_module(IMPORTER)
                self.postgres, self.broker = postgres.result(), broker.result()
            self._look()
            self._start_part("inbox")
            self._prepare_database()
            self._look()
            for name in PROCESSES:
                self._start_part(name)
            self._add_users()
        except BaseException as error:
            self.stop()
            if isinstance(error, (DavyError, psycopg.OperationalError)):
                self._look()
            raise
        return self

    def _look(self) -> None:
        """Goes on unless somebody has asked for the end."""
        if self._asked_to_end.is_set():
            raise EndedWhileStarting

    def wait_until_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Until the pages answer, ingest judges and the others have given a sign of life.

        Raises:
            Unavailable: with the last words of the part that is not ready, or with those of the database.
            EndedWhileStarting: somebody asked for the end meanwhile.
        """
        try:
            self._wait_for_all(timeout_s)
        except psycopg.OperationalError as error:
            self._look()
            raise DatabaseAway(f"The database went away while Davy started: {first_line(error)}") from error
        if self.plan.history:
            self._wait_for_past(self.start_past(), time.monotonic() + HISTORY_TIMEOUT_S)

    def _wait_for_all(self, timeout_s: float) -> None:
        deadline, waiting = time.monotonic() + timeout_s, threading.Event()
        with closing(connect(self.database_url("owner"), application="stack")) as connection:
            while (missing := self._waits_for(connection)) is not None:
                self._look()
                self.keep_alive()
                if time.monotonic() > deadline:
                    said = self.parts[missing].last_words()
                    raise Unavailable(f"Davy did not start within {timeout_s:.0f} s: {said}")
                waiting.wait(0.05)

    def _wait_for_past(self, past: Part, deadline: float) -> None:
        waiting = threading.Event()
        while not past.done:
            self._look()
            self.keep_alive()
            if past.given_up or time.monotonic() > deadline:
                raise Unavailable(f"The simulated history could not be written in time: {past.last_words()}")
            waiting.wait(0.1)

    def keep_alive(self) -> None:
        """Starts again what has died; from the thread that started the parts, as they die with it."""
        for part in list(self.parts.values()):
            part.keep_alive(time.monotonic())

    def pids(self) -> dict[str, int | None]:
        """Process ids by what they are."""
        ours = {name: part.pid for name, part in self.parts.items()}
        return {
            "broker": self.broker.pid,
            "database": self.postgres.pid,
            "ingest": ours.get("ingest"),
            "detectors": ours.get("detectors"),
            "alerting": ours.get("alerting"),
            "api": ours.get("api"),
            "risk": ours.get("risk"),
        }

    def operator_settings(self) -> dict[str, str]:
        """What the commands of an operator need here: `site import`, `device credential`, `doctor`, `detectors fit`, `replay`."""
        users = {"DAVY_MQTT_USER": "simulator", "DAVY_MQTT_PASSWORD": self.mqtt_passwords["simulator"]}
        urls = {f"DAVY_DATABASE_URL_{role.upper()}": self.database_url(role) for role in ("owner", "ingest", "web")}
        broker = {
            "DAVY_BROKER_PASSWORD_FILE": str(self.broker.folder / "passwords"),
            "DAVY_BROKER_PID": str(self.broker.pid),
        }
        own = {"DAVY_STATE_DIR": str(self.folder), "DAVY_HTTP_PORT": str(self._ports["http"])}
        return {**self._settings("ingest"), **self._settings("alerting"), **users, **urls, **broker, **own}

    def error_lines(self) -> list[str]:
        """Log lines at error or above, of all processes of ours."""
        return [line for part in self.parts.values() for line in part.error_lines()]

    def add_part(self, name: str, arguments: Sequence[str], environ: Mapping[str, str], *, once: bool = False) -> Part:
        """A further process that lives and dies with the instance; `once`: it ends by itself when its work is done."""
        part = self.parts[name] = Part(name, arguments, self.folder, once=once)
        part.start({"DAVY_STATE_DIR": str(self.folder), **environ})
        return part

    def start_past(self, seed: int = 1, live_at: datetime | None = None) -> Part:
        """Begins to write what lies behind the demo, in a process of its own; see `davy.processes.past`."""
        urls = {f"DAVY_DATABASE_URL_{role.upper()}": self.database_url(role) for role in ("owner", "alerting")}
        options = ["--seed", str(seed)]
        if live_at is not None:
            options += ["--live-at", live_at.strftime("%Y-%m-%dT%H:%M:%S%z")]
        environ = {"DAVY_PRINCIPAL_KEY": self.principal_key.hex(), **urls}
        return self.add_part("past", ["past", *options], environ, once=True)

    def stop_processes(self) -> None:
        """Davy's own processes end in order; the servers stay, so that what they hold can be read."""
        for together in STOP_ORDER:
            stopping = [self.parts[name] for name in together if name in self.parts]
            for part in stopping:
                part.ask_to_stop()
            for part in stopping:
                part.wait()

    def stop(self) -> None:
        """Everything is gone when this returns; repeating it does nothing."""
        self.stop_processes()
        self._opened.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start_postgres(self) -> PostgresServer:
        server = start_postgres(self.plan.database, fsync=self.plan.fsync, memory=self.plan.memory)
        return self._opened.enter_context(server)

    def _start_broker(self) -> Broker:
        return self._opened.enter_context(start_broker(self.plan.broker, Access(self.mqtt_passwords)))

    def _prepare_database(self) -> None:
        from davy.migrating import migrate
        from davy.site.importing import import_site

        bootstrap(self.postgres.superuser_url(), DATABASE, self._passwords)
        owner = self.database_url("owner")
        migrate(owner, self.principal_key)
        if self.plan.site_file is not None:
            import_site(
                owner,
                self.plan.site_file,
                actor="davy",
                reason="private instance",
                variables={"DEMO_WEBHOOK": f"http://127.0.0.1:{self._ports['inbox']}"},
            )
        if self.plan.prepare is not None:
            self.plan.prepare(self)
        self.tell_broker_of_models()

    def tell_broker_of_models(self) -> None:
        """Lets the detectors process, and nobody else, publish for the models there are; again after a further import."""
        from davy.models.access import model_topics

        with closing(connect(self.database_url("owner"), application="stack")) as connection:
            models = model_topics(connection)
        if models:
            self.broker.set_models(models)

    def _add_users(self) -> None:
        if self.plan.users:
            owner = self.database_url("owner")
            self.users = [
                add_user(owner, login=person.key, person_key=person.key, hasher=QUICK) for person in people(owner)
            ]

    def _stand_by(self, name: str) -> None:
        if name in self.plan.parts:
            options = ["--stream-clock"] if name == "ingest" and self.plan.stream_clock else []
            self.parts[name] = Part(name, ["process", name, *options], self.folder)
            self.parts[name].stand_by()

    def _start_part(self, name: str) -> None:
        if name in self.plan.parts:
            own = {"DAVY_STATE_DIR": str(self.folder), **self._settings(name), **self.plan.settings}
            self.parts[name].start(own)

    def _settings(self, name: str) -> dict[str, str]:
        key = {"DAVY_PRINCIPAL_KEY": self.principal_key.hex()}
        smtp = {
            "DAVY_SMTP_HOST": "127.0.0.1",
            "DAVY_SMTP_PORT": str(self._ports["smtp"]),
            "DAVY_SMTP_SENDER": "davy@example.invalid",
        }
        mqtt = {
            "DAVY_MQTT_HOST": self.broker.host,
            "DAVY_MQTT_PORT": str(self.broker.port),
            "DAVY_MQTT_USER": "ingest",
            "DAVY_MQTT_PASSWORD": self.mqtt_passwords["ingest"],
        }
        webhook = {"DAVY_WEBHOOK_SECRETS": f"demo={self._webhook_secret}"}
        channels = {
            **smtp,
            **webhook,
            "DAVY_WEBHOOK_ALLOW_PRIVATE": f"127.0.0.1:{self._ports['inbox']}",
            "DAVY_PUBLIC_URL": self.http_url,
        }
        match name:
            case "inbox":
                return {
                    **webhook,
                    "DAVY_SMTP_PORT": str(self._ports["smtp"]),
                    "DAVY_HTTP_PORT": str(self._ports["inbox"]),
                }
            case "ingest":
                snapshot = {"DAVY_SNAPSHOT_KEY": self._snapshot_key.hex(), **channels}
                calls = snapshot if "alerting" in self.plan.parts else {}
                own = {"DAVY_DATABASE_URL_INGEST": self.database_url("ingest"), "DAVY_SPOOL_WATCHES_DISK": "false"}
                return {**key, **mqtt, **calls, **own}
            case "alerting":
                own = {"DAVY_LINK_KEYS": self._link_keys, "DAVY_DATABASE_URL_ALERTING": self.database_url("alerting")}
                return {**key, **channels, **own}
            case "detectors":
                own = {
                    "DAVY_MQTT_USER": "detectors",
                    "DAVY_MQTT_PASSWORD": self.mqtt_passwords["detectors"],
                    "DAVY_MQTT_TEST_PASSWORD": self.mqtt_passwords[TESTER],
                }
                return {**key, **mqtt, **own, "DAVY_DATABASE_URL_ALERTING": self.database_url("alerting")}
            case "risk":
                own = {"DAVY_DATABASE_URL_ALERTING": self.database_url("alerting")}
                return {**key, **own, "DAVY_SEAL_KEY": self._seal_key.hex()}
            case _:
                return {
                    **key,
                    "DAVY_COOKIE_KEY": secrets.token_hex(32),
                    "DAVY_LINK_KEYS": self._link_keys,
                    "DAVY_HTTP_PORT": str(self._ports["http"]),
                    "DAVY_PUBLIC_URL": self.http_url,
                    "DAVY_DATABASE_URL_WEB": self.database_url("web"),
                    **({"DAVY_DEMO_INBOX": self.inbox_url} if "inbox" in self.plan.parts else {}),
                }

    def _waits_for(self, connection: Connection[Any]) -> str | None:
        """The part that is not ready yet; None when all are."""
        if "api" in self.plan.parts and not _page_answers(f"{self.http_url}/healthz"):
            return "api"
        if "ingest" in self.plan.parts:
            if not ingest_connected(connection):
                return "ingest"
            # Else the first page would say, rightly, that nobody is being called yet.
            return next(
                (n for n in ("alerting", "risk") if n in self.plan.parts and not has_beaten(connection, n)), None
            )
        return None


def _page_answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
