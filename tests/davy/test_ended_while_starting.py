"""Whoever is asked to end while it starts ends, quietly where it was to run until then."""

from __future__ import annotations

import threading

import pytest

from davy.private.demo import demo
from davy.private.stack import Plan, Stack
from davy.private.up import up
from davy.servers.errors import EndedWhileStarting, ServerUnavailable

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


def test_what_breaks_because_of_it_is_not_told_as_a_fault() -> None:
    """The same signal ends a program that was just being started: that is the end, and no fault of the program's."""
    stop = threading.Event()

    def breaks(_: Stack) -> None:
        stop.set()
        raise ServerUnavailable("The PostgreSQL in there does not run on this system: signal 15 (Terminated) ended it.")

    plan = Plan(database="plain", broker="auto", fsync=False, parts=(), users=False, prepare=breaks)
    with pytest.raises(EndedWhileStarting), Stack(plan, stop) as stack:
        stack.start()
