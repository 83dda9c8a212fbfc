"""A patient duty that fails fails alone, is seen, and is tried again; a prompt one ends its process."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from core.db import Database
from core.metrics import Metrics
from davy.duties.rota import Duty, Failing, keep
from tests.database import TestDatabase

pytestmark = pytest.mark.db
STATEMENT_S = 0.5  # what is not slow must be through by then, beside other tests too
NOW = datetime.fromisoformat("2026-03-01T08:00:00+00:00")


def test_one_that_fails_fails_alone(timescale_database: TestDatabase) -> None:
    """A statement over its time: the later duties go on, it is counted and named, rests for longer each time, and is forgotten when it goes well."""
    stop, metrics, tried, others = threading.Event(), Metrics(), list[datetime](), list[dict[str, str]]()
    failing = Failing(metrics.duties_failed)
    times = iter(range(100_000))

    def slow(connection: Connection[Any], now: datetime) -> None:
        tried.append(now)
        if len(tried) < 4:
            connection.execute("SELECT pg_sleep(5)")

    def other(connection: Connection[Any], now: datetime) -> None:
        others.append(failing.report())
        if len(tried) == 4:
            stop.set()

    database = Database(timescale_database.url("alerting"), application="test", size=1, statement_timeout_s=STATEMENT_S)
    database.open()
    try:
        keep(
            [Duty("slow", 1.0, slow), Duty("other", 1.0, other)],
            database, timescale_database.service_token, lambda: NOW + timedelta(seconds=5 * next(times)), stop, failing,
        )  # fmt: skip
    finally:
        database.close()
    pauses = [(b - a).total_seconds() for a, b in pairwise(tried)]
    assert pauses == sorted(pauses)
    assert pauses[0] >= 10
    assert pauses[-1] >= 40
    assert len(others) > 4
    assert "statement timeout" in others[0]["slow"]
    assert others[-1] == {}
    assert b'davy_risk_duties_failed_total{duty="slow"} 3.0' in metrics.exposition()


def test_a_prompt_one_ends_its_process(timescale_database: TestDatabase) -> None:
    """No beat comes any more, so the pages say that nobody is called."""
    database = Database(timescale_database.url("alerting"), application="test", size=1, statement_timeout_s=STATEMENT_S)
    database.open()
    try:
        with pytest.raises(psycopg.Error):
            keep(
                [Duty("slow", 1.0, lambda connection, now: connection.execute("SELECT pg_sleep(5)"))],
                database, timescale_database.service_token, lambda: NOW, threading.Event(),
            )  # fmt: skip
    finally:
        database.close()
