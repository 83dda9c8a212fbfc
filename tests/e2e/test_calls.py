"""The database is killed, methane rises, and the mine's officer is told all the same: within 5 s, and once.

Then ingest is killed too: the next one goes on with spool and journal.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, LiteralString
from urllib.request import urlopen

import psycopg
import pytest

from davy.private.stack import Plan, Stack
from davy.servers.processes import wait_until
from tests.e2e.instance import ROOT, devices
from tests.e2e.stories import Device

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]
DEMO = ROOT / "packs" / "demo" / "portfolio.yaml"
OFFICER = "officer@qinling.invalid"
PROMISED_S = 5.0  # from the reading to the channel


def received(stack: Stack) -> list[dict[str, Any]]:
    """What mail server and webhook receiver of the instance have."""
    with urlopen(stack.inbox_url, timeout=5) as answer:
        listing: list[dict[str, Any]] = json.loads(answer.read())
    return listing


def test_life_safety_is_called_without_the_database_and_booked_with_it() -> None:
    """Mail and webhook say that acknowledging must wait; when the database is back they are in its books, and nobody hears again."""
    with Stack(Plan(site_file=Path(DEMO), parts=("inbox", "ingest", "alerting"), users=False)) as stack:
        stack.start()
        stack.wait_until_ready()
        snapshot = stack.folder / "ingest-0" / "snapshot"
        assert wait_until(snapshot.exists, 10)
        assert OFFICER.encode() not in snapshot.read_bytes()
        with devices(stack) as client:
            device = Device(client)
            device.send("qinling-mine", "qm-gas-1", {"s": "ch4-return", "v": 0.2}, {"s": "co-return", "v": 2})
            assert wait_until(lambda: stored(stack) == 2, 20)
            stack.postgres.kill()
            device.send("qinling-mine", "qm-gas-1", {"s": "ch4-return", "v": 1.6}, {"s": "co-return", "v": 2})
            assert wait_until(lambda: len(received(stack)) == 2, PROMISED_S), stack.parts["ingest"].last_words()
            assert {message["channel"] for message in received(stack)} == {"smtp", "webhook"}
            assert all("暂时无法在系统中确认" in message["body"] for message in received(stack))
            stack.parts["ingest"].kill()  # what it has sent stands in its journal, what it has judged in its spool
            stack.postgres.restart()

            def booked_by_the_next_ingest() -> bool:
                stack.keep_alive()
                return booked(stack) == 2

            assert wait_until(booked_by_the_next_ingest, 60)
            assert stored(stack) == 4
            device.send("qinling-mine", "qm-gas-1", {"s": "ch4-return", "v": 1.6}, {"s": "co-return", "v": 40})
            assert wait_until(lambda: to_the_officer(stack) == 4, 30), (
                "what is news after the outage comes the usual way"
            )
            assert set(Counter(message["key"] for message in received(stack)).values()) == {1}


def to_the_officer(stack: Stack) -> int:
    """Messages to the mine's officer: mails, and what the webhook got."""
    return sum(message["recipient"] == OFFICER or message["channel"] == "webhook" for message in received(stack))


def stored(stack: Stack) -> int:
    """Readings of the mine in the database; -1 while it does not answer."""
    return _count(stack, "SELECT count(*) FROM v_audit_reading WHERE device = 'qm-gas-1'")


def booked(stack: Stack) -> int:
    """Life-safety messages that the database has as sent; -1 while it does not answer."""
    return _count(stack, "SELECT count(*) FROM notification WHERE urgency = 0 AND state = 'sent'")


def _count(stack: Stack, query: LiteralString) -> int:
    try:
        with psycopg.connect(stack.database_url("owner"), connect_timeout=2) as connection:
            row = connection.execute(query).fetchone()
    except psycopg.OperationalError:
        return -1
    return int(row[0]) if row else -1
