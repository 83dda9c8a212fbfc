"""What dies is missed: on the page, by doctor, and by somebody outside who waits for our sign of life. One instance, whose database dies last."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from core.settings import Settings
from davy.doctor.doctor import examine
from davy.private.stack import Plan, Stack
from davy.servers.processes import wait_until
from tests.alerting.receivers import Request, webhook_receiver
from tests.e2e.instance import ROOT, private_stack, visitor

pytestmark = [pytest.mark.e2e, pytest.mark.alone, pytest.mark.timeout(300)]
DEMO = ROOT / "packs" / "demo" / "portfolio.yaml"
SEEN_WITHIN_S = 15.0
EVERY_S = 1.0
SILENT_WITHIN_S = (
    15.0 + 2 * EVERY_S
)  # ingest's late beat, and the look after it; alerting and database fall silent at once
BACK_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Watched:
    """An instance, and what somebody outside has received of it."""

    stack: Stack
    received: list[Request]

    def kill(self, what: str) -> None:
        """SIGKILL, as the kernel does it when memory is short."""
        if what == "database":
            os.kill(self.stack.postgres.pid, signal.SIGKILL)
        else:
            self.stack.parts[what].kill()

    def gives_signs(self) -> bool:
        """Three more have come, with everything started again that had died."""
        before = len(self.received)

        def came() -> bool:
            self.stack.keep_alive()
            return len(self.received) >= before + 3

        return wait_until(came, BACK_WITHIN_S)

    def is_silent(self) -> bool:
        """None comes for the time in which three are due."""
        before = len(self.received)
        return not wait_until(lambda: len(self.received) > before, 3 * EVERY_S)


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    """A whole instance that tells somebody outside each second that it lives."""
    with webhook_receiver() as (received, port):
        settings = {
            "DAVY_HEARTBEAT_URL": f"http://127.0.0.1:{port}/ping/secret",
            "DAVY_HEARTBEAT_EVERY_S": f"{EVERY_S:g}",
            "DAVY_WEBHOOK_ALLOW_PRIVATE": f"127.0.0.1:{port}",
        }
        with private_stack(Plan(site_file=DEMO, settings=settings)) as stack:
            yield Watched(stack, received)


def test_a_killed_alerting_is_said_within_fifteen_seconds(watched: Watched) -> None:
    """Nobody is called and nothing waits: the trouble line in both languages, and doctor's advice; it goes when alerting is back."""
    stack = watched.stack
    officer = next(user for user in stack.users if user.login == "huaihai-officer")
    with visitor(stack.http_url, officer.login, officer.password) as page:

        def says(text: str) -> bool:
            return text in page.get("/alarms").text

        assert wait_until(lambda: not says('class="trouble"'), 20)
        watched.kill("alerting")
        assert wait_until(lambda: says("没有任何人会被通知"), SEEN_WITHIN_S)
        page.get("/language", params={"to": "en"})
        settings = Settings.read(
            {"DAVY_DATABASE_URL_OWNER": stack.database_url("owner"), "DAVY_STATE_DIR": os.getcwd()}
        )
        assert wait_until(lambda: not life_of(settings)[0], SEEN_WITHIN_S)
        assert "davy process alerting" in str(life_of(settings)[1])
        stack.keep_alive()
        assert wait_until(lambda: not says('class="trouble"'), BACK_WITHIN_S)
        assert life_of(settings)[0]


def life_of(settings: Settings) -> tuple[bool, str | None]:
    """What doctor says of alerting."""
    check = next(check for check in examine(settings, "en", datetime.now(UTC)) if check.name == "alerting")
    return check.ok, check.advice


@pytest.mark.parametrize("what", ["ingest", "alerting", "database"])
def test_what_is_killed_is_missed_outside(watched: Watched, what: str) -> None:
    """The sign comes every second while all is well, and none comes any more once one of them is dead."""
    assert watched.gives_signs()
    assert watched.received[0].path == "/ping/secret"
    watched.kill(what)
    began = time.monotonic()
    assert wait_until(watched.is_silent, SILENT_WITHIN_S)
    assert time.monotonic() - began < SILENT_WITHIN_S + 3 * EVERY_S
