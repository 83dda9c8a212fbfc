"""Somebody outside waits for our sign of life: SIGKILL of ingest, of alerting and of the database each end it within the declared time."""

from __future__ import annotations

import os
import signal
import time

import pytest

from davy.private.stack import Plan, Stack
from davy.servers.processes import wait_until
from tests.alerting.receivers import webhook_receiver
from tests.e2e.instance import ROOT, private_stack

pytestmark = [pytest.mark.e2e, pytest.mark.alone, pytest.mark.timeout(300)]
DEMO = ROOT / "packs" / "demo" / "portfolio.yaml"
EVERY_S = 1.0
SILENT_WITHIN_S = (
    15.0 + 2 * EVERY_S
)  # ingest's late beat, and the look after it; alerting and database fall silent at once


def kill(stack: Stack, what: str) -> None:
    """SIGKILL, as the kernel does it when memory is short."""
    if what == "database":
        os.kill(stack.postgres.pid, signal.SIGKILL)
    else:
        stack.parts[what].kill()


@pytest.mark.parametrize("what", ["ingest", "alerting", "database"])
def test_what_is_killed_is_missed_outside(what: str) -> None:
    """The sign comes every second while all is well, and none comes any more once one of them is dead."""
    with webhook_receiver() as (received, port):
        settings = {
            "DAVY_HEARTBEAT_URL": f"http://127.0.0.1:{port}/ping/secret",
            "DAVY_HEARTBEAT_EVERY_S": f"{EVERY_S:g}",
            "DAVY_WEBHOOK_ALLOW_PRIVATE": f"127.0.0.1:{port}",
        }
        with private_stack(Plan(site_file=DEMO, settings=settings)) as stack:
            assert wait_until(lambda: len(received) >= 3, 30)
            assert received[0].path == "/ping/secret"
            kill(stack, what)
            began = time.monotonic()

            def silent() -> bool:
                before = len(received)
                return not wait_until(lambda: len(received) > before, 3 * EVERY_S)

            assert wait_until(silent, SILENT_WITHIN_S)
            assert time.monotonic() - began < SILENT_WITHIN_S + 3 * EVERY_S
