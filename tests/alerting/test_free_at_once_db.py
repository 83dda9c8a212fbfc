"""Calls of priority high that become free in the same second, and several dispatchers that look at that second: one message, whoever is first."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta

import pytest

from core.batch import Event
from tests.alerting.plant import NOW, Plant
from tests.alerting.test_calm_db import more
from tests.alerting.test_outbox import Clock, Sink, dispatcher

pytestmark = pytest.mark.db

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
MORNING = NOW + 8 * HOUR


def held_until_morning(plant: Plant, events: list[Event]) -> None:
    """The site says nothing of calm; the calls wait for the end of quiet hours, and nobody looked before."""
    plant.rows("DELETE FROM site_calm RETURNING 1")
    plant.rows("DELETE FROM route_step WHERE position = 1 RETURNING 1")
    plant.apply(*events)
    plant.rows("UPDATE notification SET due_at = %s RETURNING 1", MORNING)


def test_two_dispatchers_at_the_end_of_quiet_hours(plant: Plant) -> None:
    """Two calls of one hazard and one person: a row each in hand, they take turns, so at most one message goes and the other joins or waits."""
    held_until_morning(plant, more(plant, "heat", 2))
    clock, sinks, begin = Clock(), [Sink(), Sink()], threading.Barrier(2)
    clock.now = MORNING
    with ExitStack() as stack:
        both = [stack.enter_context(dispatcher(plant, clock, smtp=sink)) for sink in sinks]

        def work(number: int) -> None:
            begin.wait(timeout=30)
            while both[number].run_once(MORNING) is not None:
                pass

        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(work, number) for number in range(2)]:
                done.result(timeout=60)
    assert sum(len(sink.sent) for sink in sinks) == 1
    states = plant.rows("SELECT state, held_by FROM notification ORDER BY state, notification_id")
    assert states in (
        [("sent", None), ("sent", "group")],
        [("sent", None), ("waiting", "group")],
        [("sent", "group"), ("sent", None)],
    )
