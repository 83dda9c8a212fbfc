"""Alerting's sign of life: it stands still when a sender or a duty does, though nothing waits and nothing has failed."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest

from alerting.message import Message
from alerting.pulse import LATE_TURN, Pulse
from core.db import Database
from davy.duties.rota import Duty, Failing, keep
from davy.servers.processes import wait_until
from tests.alerting.plant import NOW, Plant
from tests.alerting.test_outbox import Clock, Sink, dispatcher

SECOND = timedelta(seconds=1)


def test_the_slowest_counts() -> None:
    """One that hangs is not hidden by three that go on; one that has ended is not waited for."""
    clock = Clock()
    pulse = Pulse(clock)
    assert pulse.slowest() is None
    pulse.turn(0)
    clock.now = NOW + SECOND
    pulse.turn(1)
    assert pulse.slowest() == NOW
    pulse.turn(0)
    assert pulse.slowest() == NOW + SECOND
    pulse.ended(0)
    pulse.ended(1)
    assert pulse.slowest() is None


@pytest.mark.db
def test_a_sender_that_hangs_is_seen(timescale_plant: Plant) -> None:
    """A channel that does not keep its time-out: the others turn on, and yet the pulse stands where that one began."""
    plant, clock, stop, free = timescale_plant, Clock(), threading.Event(), threading.Event()
    began, others = threading.Event(), Sink()

    def hangs(message: Message) -> None:
        began.set()
        free.wait(30)

    with dispatcher(plant, clock, smtp=Sink(hangs), webhook=others) as subject:
        thread = threading.Thread(
            target=subject.run, args=(stop,), kwargs={"listen_url": plant.database.url("alerting")}
        )
        thread.start()
        try:
            plant.apply(plant.raised("heat"))
            assert began.wait(10)
            clock.now = NOW + LATE_TURN + SECOND
            plant.rows("UPDATE notification SET due_at = %s WHERE channel = 'webhook' RETURNING 1", NOW)
            assert wait_until(lambda: bool(others.sent), 10)  # the others go on, at the new time
            assert subject.turned_at() == NOW
            free.set()
            assert wait_until(lambda: subject.turned_at() == clock.now, 10)
        finally:
            free.set()
            stop.set()
            thread.join()
    assert subject.turned_at() is None


@pytest.mark.db
def test_a_duty_that_hangs_stops_the_beat(timescale_plant: Plant) -> None:
    """The beat is the last duty of the round: it comes after all others or not at all."""
    database_stop, free, hanging = threading.Event(), threading.Event(), threading.Event()
    beats: list[datetime] = []

    def hang(connection: object, now: datetime) -> None:
        if beats:
            hanging.set()
            free.wait(30)

    database = Database(timescale_plant.database.url("alerting"), application="alerting-test", size=1)
    database.open()
    round_of = [Duty("hangs", 0.0, hang), Duty("beat", 0.0, lambda connection, now: beats.append(now))]
    thread = threading.Thread(
        target=keep,
        args=(round_of, database, timescale_plant.database.service_token, Clock(), database_stop, Failing(prompt=True)),
    )
    thread.start()
    try:
        assert hanging.wait(20)
        assert len(beats) == 1
    finally:
        database_stop.set()
        free.set()
        thread.join()
        database.close()
