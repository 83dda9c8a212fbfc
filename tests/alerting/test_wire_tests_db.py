"""Delivery tests that begin on the wire, in a real database: whom what comes of them calls, and which leg did not come."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from alerting.exercises import MISSING
from alerting.store.wire_tests import make_test_device
from tests.alerting.plant import NOW, Plant
from tests.alerting.test_outbox import Clock, Sink, dispatcher, failing, rounds
from tests.alerting.wire import Wire

pytestmark = pytest.mark.db

SECOND = timedelta(seconds=1)
OVER = NOW + 61 * SECOND
OF_TESTS = "SELECT resolution, resolved_by, replayed FROM occurrence WHERE exercise ORDER BY occurrence_id"


@pytest.fixture
def wire(timescale_plant: Plant) -> Wire:
    """A site whose test has been asked for and published."""
    wire = Wire(timescale_plant.database, timescale_plant.people["underwriter"])
    wire.ask(NOW)
    wire.publish(NOW)
    return wire


def test_it_calls_the_operators_receiver_alone(timescale_plant: Plant, wire: Wire) -> None:
    """In the transaction of its alarm; what follows it is that test's, and ends it."""
    plant, occurrence = timescale_plant, wire.judge(NOW)
    assert plant.waiting() == [("underwriter", 0, "waiting")]
    assert plant.rows("SELECT occurrence_id FROM exercise") == [(occurrence,)]
    clock = Clock()
    clock.now = NOW + SECOND
    with dispatcher(plant, clock, smtp=Sink()) as subject:
        assert rounds(subject, clock.now) == ["sent"]
    wire.keep(NOW + 2 * SECOND)
    assert plant.rows("SELECT outcome, missing FROM exercise") == [("delivered", None)]
    assert plant.rows("SELECT state::text, active, occurrence_id FROM alarm") == [("A", False, None)]


def test_replayed_backlog_calls_nobody(timescale_plant: Plant, wire: Wire) -> None:
    """History that is played while a test waits is not the test's, whatever its stamp: closed within a look, and the test still comes."""
    plant = timescale_plant
    wire.judge(NOW, replayed=True)
    assert plant.waiting() == []
    assert plant.rows("SELECT occurrence_id, ended_at FROM exercise") == [(None, None)]
    assert wire.keep(NOW + SECOND) == 1
    assert plant.rows(OF_TESTS) == [("test_or_drill", None, True)]
    assert plant.rows("SELECT state::text, active, occurrence_id FROM alarm") == [("A", False, None)]
    occurrence = wire.judge(NOW, NOW + 2 * SECOND)
    assert plant.waiting() == [("underwriter", 0, "waiting")]
    assert plant.rows("SELECT occurrence_id FROM exercise") == [(occurrence,)]


def test_what_comes_after_its_test_calls_nobody(timescale_plant: Plant, wire: Wire) -> None:
    """A queue that was held up: the reading belongs to no test any more, and its alarm is closed. Nor is it tomorrow's."""
    plant = timescale_plant
    wire.keep(OVER)
    calls = plant.waiting()
    wire.judge(NOW, OVER + SECOND)
    assert plant.waiting() == calls
    assert wire.keep(OVER + 2 * SECOND) == 1
    assert plant.rows(OF_TESTS) == [("test_or_drill", None, False)]
    assert plant.rows("SELECT outcome, occurrence_id FROM exercise") == [("undelivered", None)]
    tomorrow = NOW + timedelta(days=1)
    wire.ask(tomorrow)
    wire.publish(tomorrow)
    wire.judge(NOW, tomorrow)
    assert plant.waiting() == calls
    assert wire.keep(tomorrow + SECOND) == 1
    assert plant.rows("SELECT count(*) FROM exercise WHERE occurrence_id IS NOT NULL") == [(0,)]


def test_an_alarm_that_stands_holds_no_test_back(timescale_plant: Plant) -> None:
    """Asked for, published, judged and delivered while somebody is waited for."""
    plant = timescale_plant
    plant.apply(plant.raised("gas"))
    wire = Wire(plant.database, plant.people["underwriter"])
    wire.ask(NOW)
    wire.publish(NOW)
    wire.judge(NOW)
    clock = Clock()
    clock.now = NOW + SECOND
    with dispatcher(plant, clock, smtp=Sink(), webhook=Sink()) as subject:
        rounds(subject, clock.now)
    wire.keep(NOW + 2 * SECOND)
    assert plant.rows("SELECT outcome, missing FROM exercise") == [("delivered", None)]


LINES = {
    "published": ("The broker did not take the test reading", "消息服务器未接收测试读数"),
    "stored": ("The test reading was not stored", "测试读数未被存储"),
    "alarm": ("The test reading is stored and raised no alarm", "测试读数已存储，但未产生报警"),
    "sent": ("The test alarm came and its message was not sent", "测试报警已产生，但消息未发出"),
    "receipt": ("The test message was sent and its receiver did not take it", "测试消息已发出，但接收方未收到"),
}


@pytest.mark.parametrize("leg", LINES)
def test_the_first_leg_that_did_not_come_is_told(timescale_plant: Plant, leg: str) -> None:
    """Kept with the test and with the alarm, and said in their language to the site's people, and to the operator whom no route names for it."""
    plant = timescale_plant
    plant.rows("UPDATE route SET priorities = priorities || '{medium}' WHERE key = 'urgent' RETURNING 1")
    wire = Wire(plant.database, plant.people["underwriter"])
    wire.ask(NOW)
    wire.publish(NOW, taken=leg != "published")
    if leg in ("alarm", "sent", "receipt"):
        wire.store(NOW)
    if leg in ("sent", "receipt"):
        wire.judge(NOW)
    clock = Clock()
    if leg == "receipt":
        clock.now = NOW + SECOND
        with dispatcher(plant, clock, smtp=failing(permanent=False, retry_after_s=600)) as subject:
            assert rounds(subject, clock.now) == ["retried"]
    wire.keep(OVER)
    assert plant.rows("SELECT outcome, missing FROM exercise") == [("undelivered", leg)]
    assert _reasons(plant) == [" / ".join(MISSING[leg])]
    clock.now, sink = OVER + SECOND, Sink()
    with dispatcher(plant, clock, smtp=sink) as subject:
        rounds(subject, clock.now)
    told = {message.subject[:1] == "【": message.text for message in sink.sent}
    english, chinese = LINES[leg]
    assert len(sink.sent) == 2
    assert chinese in told[True]
    assert english in told[False]


def test_looking_for_a_test_device_waits_for_nobody(timescale_plant: Plant, wire: Wire) -> None:
    """Every site is looked at several times a minute: an import that holds its row holds up neither the exercises nor their ends."""
    plant = timescale_plant
    with plant.database.connect("owner") as importing, importing.transaction():
        importing.execute("SELECT FROM site FOR UPDATE")
        with plant.as_service("alerting") as connection:
            connection.execute("SET LOCAL lock_timeout = '2s'")
            (site_id,) = plant.rows("SELECT min(site_id) FROM site")[0]
            assert not make_test_device(connection, site_id)


def _reasons(plant: Plant) -> list[Any]:
    found = (
        "SELECT t.reason FROM transition t JOIN alarm_definition d USING (definition_id) WHERE d.key = '_delivery.late'"
    )
    return [row[0] for row in plant.rows(found)]
