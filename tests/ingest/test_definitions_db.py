"""Definitions that ended while nobody judged: a worker that starts lets go of their alarms."""

from __future__ import annotations

import time

import pytest

from alerting.apply import apply_events
from alerting.store.alarms import active
from core.batch import Event
from core.db import transaction
from ingest.instant import instant
from ingest.judge import differences
from ingest.organs import Organs
from ingest.store.portfolio import load_portfolio
from tests.database import TestDatabase
from tests.ingest.plant import install

pytestmark = pytest.mark.db


def test_a_definition_retired_while_ingest_was_down_lets_go(database: TestDatabase) -> None:
    """The alarm of a retired limit or sensor does not stay active for ever."""
    installed = install(database, virtual=False)
    now_us = time.time_ns() // 1000
    token = database.service_token()
    with database.connect("ingest") as connection, transaction(connection, token):
        held = [
            Event(installed.definition[f"high-d{n}"], installed.sensor[f"d{n}/s1"], active=True, at=now_us, value=60.0)
            for n in (1, 2)
        ]
        apply_events(connection, held, now=instant(now_us), batch_no=1)
    with database.connect("owner") as owner:
        owner.execute("UPDATE alarm_definition SET retired_at = now() WHERE key = 'high-d1'")
        owner.execute("UPDATE sensor SET retired_at = now() WHERE sensor_id = %s", (installed.sensor["d2/s1"],))
    with database.connect("ingest") as connection:
        directory, definitions = load_portfolio(connection, token)
        judge = Organs.grow(directory, definitions, 5_000_000).judge
        with transaction(connection, token):
            found = differences(active(connection), judge.standing(), now_us)
            assert [(event.definition_id, event.active) for event in found] == [
                (event.definition_id, False) for event in held
            ]
            apply_events(connection, found, now=instant(now_us), batch_no=2)
            assert differences(active(connection), judge.standing(), now_us) == []
    with database.connect("owner") as owner:
        assert owner.execute("SELECT DISTINCT state::text, active FROM alarm").fetchall() == [("D", False)]
