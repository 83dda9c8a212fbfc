"""What the stories of a user's first day share: one private instance on real servers, people with browsers, devices."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import Browser, Page

from davy.servers.processes import wait_until
from tests.api.test_browser import PATIENCE_MS
from tests.e2e.instance import DAVY, ROOT, Running, environment, running

START_WITHIN_S = 120.0


@dataclass(frozen=True, slots=True)
class Instance:
    """`davy up --private` that runs, and what its one line told.

    Args:
        told: the keys of design section 13.
    """

    command: Running
    told: dict[str, Any]

    @property
    def url(self) -> str:
        """Where the pages are."""
        return str(self.told["http_url"])

    @property
    def settings(self) -> dict[str, str]:
        """What `davy site import`, `user add`, `device credential`, `detectors fit` and `second-opinion` need."""
        return {
            "DAVY_DATABASE_URL_OWNER": str(self.told["database_url_owner"]),
            "DAVY_DATABASE_URL_ALERTING": str(self.told["database_url_alerting"]),
            "DAVY_PRINCIPAL_KEY": str(self.told["principal_key"]),
            "DAVY_BROKER_PASSWORD_FILE": str(self.told["broker_password_file"]),
            "DAVY_BROKER_PID": str(self.told["pids"]["broker"]),
        }

    def davy(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs a command of the operator against this instance."""
        return subprocess.run(
            [*DAVY, *arguments], env=environment(self.settings), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )  # fmt: skip

    def said(self, *arguments: str) -> str:
        """What a command printed; it must have succeeded."""
        done = self.davy(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def login_of(self, role: str, company: str | None) -> tuple[str, str]:
        """Login and password of the first person with this role."""
        user = next(u for u in self.told["users"] if u["role"] == role and (company is None or u["company"] == company))
        return str(user["login"]), str(user["password"])

    def page(self, browser: Browser, login: str, password: str, size: dict[str, int], language: str) -> Page:
        """Somebody with a browser of their own, logged in through the form; it notes errors and foreign requests."""
        context = browser.new_context(viewport=size, base_url=self.url)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto(f"/language?to={language}&next=/login")
        page.fill("#login", login)
        page.fill("#password", password)
        page.click("button.main")
        page.wait_for_url(lambda url: not urlsplit(url).path.startswith("/login"))
        return page

    @contextmanager
    def device(self, user: str | None = None, password: str | None = None) -> Iterator[Device]:
        """A connection to the broker as a device, or as the simulator that may publish for all of them."""
        where = urlsplit(str(self.told["mqtt_url"]))
        client = Client(CallbackAPIVersion.VERSION2, client_id=user or "stories", protocol=MQTTv311)
        client.username_pw_set(user or str(self.told["mqtt_user"]), password or str(self.told["mqtt_password"]))
        client.connect(str(where.hostname), int(where.port or 1883))
        client.loop_start()
        assert wait_until(client.is_connected, 10.0), "the broker refused the device"
        try:
            yield Device(client)
        finally:
            client.disconnect()
            client.loop_stop()


class Device:
    """What a device does: messages of wire version 1, each acknowledged by the broker."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._boot = time.time_ns() & 0xFFFFFFFF
        self._seq = 0
        self._at_ms = 0

    def send(self, site: str, device: str, *readings: dict[str, Any]) -> None:
        """One message; returns when the broker has it. Two of one millisecond would be two values of one instant: a conflict."""
        self._seq += 1
        self._at_ms = max(self._at_ms + 1, time.time_ns() // 1_000_000)
        body = {"boot": self._boot, "seq": self._seq, "sent_at": self._at_ms, "readings": readings}
        sent = self._client.publish(f"davy/v1/{site}/{device}/readings", json.dumps(body), qos=1)
        sent.wait_for_publish(10.0)
        assert sent.is_published()


@contextmanager
def private_instance(folder: Path, *more: str) -> Iterator[Instance]:
    """`davy up --private --json`, from its line to its end by SIGTERM."""
    with running(folder, "up", "--private", "--json", *more) as command:
        assert wait_until(
            lambda: command.stdout.read_text("utf-8").endswith("\n") or command.process.poll() is not None,
            START_WITHIN_S,
        ), command.said()
        assert command.process.poll() is None, command.said()
        yield Instance(command, json.loads(command.stdout.read_text("utf-8")))
