"""A limit changed on its page judges the next reading: over real servers, from the form to the batch that was judged by it."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import psycopg
import pytest
from paho.mqtt.client import Client

from davy.private.stack import Plan, Stack
from davy.servers.processes import wait_until
from tests.e2e.instance import ROOT, devices, private_stack, visitor

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

SITE, DEVICE, SENSOR = "huaihai-tank-farm", "tf-gas-1", "lel-yard-1"
APPLIED_WITHIN_S = 2.0  # design section 5: from a batch boundary within 2 s
LEVEL = 15.0  # %LEL: below the first stage of the demo (20), above what the test makes of it


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """The demo's sites without their plants, ingest and pages only."""
    portfolio = ROOT / "packs" / "demo" / "portfolio.yaml"
    with private_stack(Plan(site_file=portfolio, parts=("ingest", "api"))) as running:
        yield running


def limit_of(connection: psycopg.Connection[Any], key: str) -> int:
    """The id of a limit of the demo."""
    row = connection.execute("SELECT definition_id FROM alarm_definition WHERE key = %s", (key,)).fetchone()
    assert row is not None
    return int(row[0])


def send(client: Client, value: float, seq: int) -> None:
    """One reading, as the device would send it now."""
    said = {"boot": 77, "seq": seq, "sent_at": time.time_ns() // 1_000_000, "readings": [{"s": SENSOR, "v": value}]}
    client.publish(f"davy/v1/{SITE}/{DEVICE}/readings", json.dumps(said), qos=1).wait_for_publish(10)


def post(page: httpx.Client, path: str, **fields: str) -> None:
    """A form of the page, as a browser sends it."""
    token = page.get("/api/v1/me").json()["form_token"]
    answer = page.post(path, data={"form_token": token, **fields})
    assert answer.status_code == 303, answer.text


def test_a_limit_of_life_safety_changed_by_two_people_judges_the_next_reading(stack: Stack) -> None:
    """Nothing before the second person; then an alarm within two seconds, and the batch says by which definitions it was judged."""
    logins = {user.login: user.password for user in stack.users}
    with (
        closing(psycopg.connect(stack.database_url("owner"), autocommit=True)) as owner,
        devices(stack) as client,
        visitor(stack.http_url, "huaihai-integrator", logins["huaihai-integrator"]) as integrator,
        visitor(stack.http_url, "huaihai-officer", logins["huaihai-officer"]) as officer,
    ):
        limit = limit_of(owner, f"{SENSOR}.lel-2")
        numbers = itertools.count(1)

        def raised() -> tuple[Any, ...] | None:
            """The transition, after another reading."""
            send(client, LEVEL, next(numbers))
            return owner.execute(
                "SELECT t.at, t.value, t.batch_no, o.setpoint, o.definition_version FROM transition t JOIN occurrence o USING (occurrence_id)"
                " WHERE t.definition_id = %s AND t.event = 'raise'",
                (limit,),
            ).fetchone()

        post(
            integrator,
            f"/limits/{limit}/changes",
            base_version="1",
            reason="vented tank beside it",
            **{"f.setpoint": "12"},
        )
        assert not wait_until(lambda: raised() is not None, 1.0), "a proposal alone judges nothing"
        change = re.search(rf"/limits/{limit}/changes/(\d+)/approve", officer.get(f"/limits/{limit}").text)
        assert change is not None
        post(officer, f"/limits/{limit}/changes/{change[1]}/approve", words="agreed")
        assert wait_until(lambda: raised() is not None, APPLIED_WITHIN_S), stack.parts["ingest"].last_words()
        found = raised()
        assert found is not None
        at, value, batch_no, setpoint, version = found
        assert (value, setpoint, version) == (LEVEL, 12.0, 2)
        row = owner.execute(
            "SELECT c.settled_at, c.definitions_version, b.definitions_version, j.old, j.new FROM limit_change c JOIN journal j USING (journal_id),"
            " ingest_batch b WHERE b.batch_no = %s AND c.definition_id = %s",
            (batch_no, limit),
        ).fetchone()
        assert row is not None
        applied_at, announced, judged_by, old, new = row
        assert judged_by >= announced
        assert (old, new) == ({"setpoint": 40}, {"setpoint": 12})
        assert 0 <= (at - applied_at).total_seconds() <= APPLIED_WITHIN_S
        assert stack.parts["ingest"].error_lines() == stack.parts["api"].error_lines() == []
