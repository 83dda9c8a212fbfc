"""A duty that fails fails alone, is seen, and is tried again; a prompt one only for what passes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count, pairwise
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
RAISES = "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{}'; END $$"


@contextmanager
def opened(on: TestDatabase) -> Iterator[Database]:
    database = Database(on.url("alerting"), application="test", size=1, statement_timeout_s=STATEMENT_S)
    database.open()
    try:
        yield database
    finally:
        database.close()


def ticking(seconds: int) -> Callable[[], datetime]:
    """A clock that goes on by so much whenever it is asked."""
    times = count()
    return lambda: NOW + timedelta(seconds=seconds * next(times))


def test_one_that_fails_fails_alone(timescale_database: TestDatabase) -> None:
    """A statement over its time: the later duties go on, it is counted and named, rests for longer each time, and is forgotten when it goes well."""
    stop, metrics, tried, others = threading.Event(), Metrics(), list[datetime](), list[dict[str, str]]()
    failing = Failing(metrics.duties_failed)

    def slow(connection: Connection[Any], now: datetime) -> None:
        tried.append(now)
        if len(tried) < 4:
            connection.execute("SELECT pg_sleep(5)")

    def other(connection: Connection[Any], now: datetime) -> None:
        others.append(failing.report())
        if len(tried) == 4:
            stop.set()

    with opened(timescale_database) as database:
        keep(
            [Duty("slow", 1.0, slow), Duty("other", 1.0, other)],
            database, timescale_database.service_token, ticking(5), stop, failing,
        )  # fmt: skip
    pauses = [(b - a).total_seconds() for a, b in pairwise(tried)]
    assert pauses == sorted(pauses)
    assert pauses[0] >= 10
    assert pauses[-1] >= 40
    assert len(others) > 4
    assert "statement timeout" in others[0]["slow"]
    assert others[-1] == {}
    assert b'davy_risk_duties_failed_total{duty="slow"} 3.0' in metrics.exposition()


def test_any_failure_of_a_patient_one_fails_alone(timescale_database: TestDatabase) -> None:
    """Also what nobody thought of: it is counted, named, and the others go on."""
    stop, metrics, tried = threading.Event(), Metrics(), list[datetime]()
    failing = Failing(metrics.duties_failed)

    def wrong(connection: Connection[Any], now: datetime) -> None:
        raise KeyError("nobody thought of this")

    def other(connection: Connection[Any], now: datetime) -> None:
        tried.append(now)
        if len(tried) == 2:
            stop.set()

    with opened(timescale_database) as database:
        keep(
            [Duty("wrong", 1.0, wrong), Duty("other", 1.0, other)],
            database, timescale_database.service_token, ticking(2), stop, failing,
        )  # fmt: skip
    assert "nobody thought of this" in failing.report()["wrong"]
    assert b'davy_risk_duties_failed_total{duty="wrong"} 1.0' in metrics.exposition()


def test_a_prompt_one_is_tried_again_at_the_next_look(timescale_database: TestDatabase) -> None:
    """A deadlock, a lock, a statement over its time: the process goes on, and after a minute of it the sign of life says so."""
    stop, metrics, undone = threading.Event(), Metrics(), list[datetime | None]()
    failing = Failing(metrics.duties_failed, prompt=True)
    states = iter(["40P01", "40001", "55P03"])

    def hindered(connection: Connection[Any], now: datetime) -> None:
        if len(undone) < 3:
            connection.execute(RAISES.format(next(states)).encode())
        if len(undone) == 3:
            connection.execute("SELECT pg_sleep(5)")

    def beat(connection: Connection[Any], now: datetime) -> None:
        undone.append(failing.undone_since(now))
        if len(undone) == 5:
            stop.set()

    with opened(timescale_database) as database:
        keep(
            [Duty("hindered", 1.0, hindered), Duty("beat", 1.0, beat)],
            database, timescale_database.service_token, ticking(15), stop, failing,
        )  # fmt: skip
    assert undone == [None, None, NOW, NOW, None]
    assert failing.report() == {}
    assert b'davy_risk_duties_failed_total{duty="hindered"} 4.0' in metrics.exposition()


def test_a_prompt_one_that_is_wrong_ends_its_process(timescale_database: TestDatabase) -> None:
    """No beat comes any more, so the pages say that nobody is called."""
    with opened(timescale_database) as database, pytest.raises(psycopg.errors.UndefinedTable):
        keep(
            [Duty("wrong", 1.0, lambda connection, now: connection.execute("SELECT FROM no_such_table"))],
            database, timescale_database.service_token, lambda: NOW, threading.Event(), Failing(prompt=True),
        )  # fmt: skip
