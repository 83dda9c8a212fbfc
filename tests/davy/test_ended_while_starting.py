"""Whoever is asked to end while it starts ends, quietly where it was to run until then."""

from __future__ import annotations

import threading
from dataclasses import replace

import psycopg
import pytest

from core.errors import DatabaseAway
from davy.private.demo import demo
from davy.private.stack import Plan, Stack
from davy.private.up import up
from davy.servers.errors import EndedWhileStarting, ServerUnavailable
from davy.servers.processes import wait_until

pytestmark = [pytest.mark.db, pytest.mark.broker]

SENTENCE = "Davy was asked to end while it started. Everything is stopped and removed."


@pytest.fixture
def asked() -> threading.Event:
    """The end that has been asked for."""
    found = threading.Event()
    found.set()
    return found


def test_a_demo_ends_with_0_and_a_measured_one_does_not(
    asked: threading.Event, capsys: pytest.CaptureFixture[str]
) -> None:
    """Until Ctrl-C is how long it runs; with `--for` nothing was measured, which is no success."""
    assert demo(asked, seconds=None, as_json=False) == 0
    assert SENTENCE in capsys.readouterr().err
    with pytest.raises(EndedWhileStarting, match="asked to end while it started"):
        demo(asked, seconds=60, as_json=True)
    up(asked, as_json=True)
    told = capsys.readouterr()
    assert told.out == ""
    assert SENTENCE in told.err


ENDED = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'davy-stack'"


def test_a_database_that_goes_away_meanwhile_is_told_in_a_sentence() -> None:
    """And not as a traceback of the driver."""
    plan = Plan(database="plain", broker="auto", fsync=False, parts=(), users=False)
    with Stack(plan) as stack:
        stack.start()
        stack.plan = replace(plan, parts=("ingest",))  # which nobody has started: it is waited for

        def went() -> bool:
            with psycopg.connect(stack.postgres.superuser_url(), autocommit=True) as connection:
                return connection.execute(ENDED).fetchone() != (0,)

        going = threading.Thread(target=wait_until, args=(went, 30.0))
        going.start()
        with pytest.raises(DatabaseAway, match="The database went away while Davy started: "):
            stack.wait_until_ready()
        going.join()


def test_what_breaks_because_of_it_is_not_told_as_a_fault() -> None:
    """The same signal ends a program that was just being started: that is the end, and no fault of the program's."""
    stop = threading.Event()

    def breaks(_: Stack) -> None:
        stop.set()
        raise ServerUnavailable("The PostgreSQL in there does not run on this system: signal 15 (Terminated) ended it.")

    plan = Plan(database="plain", broker="auto", fsync=False, parts=(), users=False, prepare=breaks)
    with pytest.raises(EndedWhileStarting), Stack(plan, stop) as stack:
        stack.start()
