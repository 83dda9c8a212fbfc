"""What people get: one call for each thing that died, and after an outage of the database one for what still holds."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from alerting.apply import apply_events
from alerting.ledger import AlarmKey
from alerting.store.alarms import lock
from core.batch import Event
from core.db import transaction
from ingest.instant import instant
from ingest.store.batch import OVERTAKEN_US, STAYS_BEHIND_US, BatchWriter, Committed, Record
from ingest.store.portfolio import load_portfolio
from ingest.storing import PATIENCE_S
from tests.database import TestDatabase
from tests.ingest.plant import Installed, install
from tests.ingest.rig import wait_for
from tests.ingest.scene import PERIOD_S, SENSORS, Scene
from tests.ingest.test_store_db import SECOND, Bench, bench, installed

__all__ = ["bench", "installed"]  # fixtures: a pipeline over a real database, turned by hand

pytestmark = pytest.mark.db


def test_one_call_for_each_thing_that_died_and_none_for_what_was_not_heard(database: TestDatabase) -> None:
    """A sensor, a gateway, the broker; then ingest is started anew, and everything comes back: nobody is called for that."""
    limits = [
        {
            "key": f"d{n}.{key}", "sensor": f"d{n}/{key}", "detector": "stale", "setpoint": 10.0,
            "parameters": json.dumps({"periods": 5, "period_s": PERIOD_S[key], "ceiling_s": 10800}),
        }
        for n in (1, 2, 3) for key in SENSORS
    ]  # fmt: skip
    install(database, sensors=3, limits=limits)
    with database.connect("owner") as owner:
        for key, period_s in PERIOD_S.items():
            owner.execute("UPDATE sensor SET period_s = %s WHERE key = %s", (period_s, key))
        owner.execute("UPDATE alarm_definition SET on_delay_s = 10 WHERE key LIKE '_gateway%%'")
    token = database.service_token()
    with database.connect("ingest") as connection:
        made = load_portfolio(connection, token)

        def store(events: list[Event], now_us: int) -> None:
            if events:
                with transaction(connection, token):
                    apply_events(connection, events, now=instant(now_us), batch_no=1)

        scene = Scene(
            made,
            hears=lambda second: not 420 <= second < 600,
            speaks=lambda name, second: (
                not (name == "d1/s1" and 100 <= second < 300)
                and not (name.startswith("d2/") and 200 <= second < 350)
                and not (420 <= second < 610)
            ),
            store=store,
        )
        scene.play(900, restarts=(700,))
    with database.connect("owner") as owner:
        called = owner.execute(
            "SELECT d.key, count(*)::int FROM notification n JOIN alarm_definition d USING (definition_id) GROUP BY d.key ORDER BY d.key"
        ).fetchall()
    assert called == [("_broker", 1), ("_gateway.d2", 1), ("d1.s1", 1)]
    assert scene.standing() == set()


def calls(bench: Bench) -> list[tuple[str, int]]:
    """Transitions of the alarm, and how many messages are queued."""
    (queued,) = bench.rows("SELECT count(*)::int FROM notification")[0]
    return [(event, queued) for (event,) in bench.rows("SELECT event FROM transition ORDER BY number")]


def test_what_began_in_an_outage_and_holds_is_told_by_the_first_batch_in_time(bench: Bench) -> None:
    """Batches out of the spool queue nothing; the first that is not late calls, as of now, also where a new process does it."""
    bench.late_us = OVERTAKEN_US + 1
    bench.say(bench.reading(1, 60.0))
    bench.say(bench.reading(2, 61.0))
    assert calls(bench) == [("raise", 0)]
    bench.late_us = 0
    bench.restart()
    bench.say(bench.reading(3, 62.0))
    assert calls(bench) == [("raise", 1), ("realarm", 1)]
    bench.say(bench.reading(4, 63.0))
    assert calls(bench) == [("raise", 1), ("realarm", 1)]
    ((onset, created, due),) = bench.rows("SELECT onset, created_at, due_at FROM notification")
    assert onset == created == due


def test_what_is_over_when_the_database_is_back_calls_nobody(bench: Bench) -> None:
    """Its end lay in the spool behind its beginning."""
    bench.late_us = OVERTAKEN_US + 1
    bench.say(bench.reading(1, 60.0))
    bench.say(bench.reading(2, 1.0))
    bench.late_us = 0
    bench.say(bench.reading(3, 1.0))
    assert calls(bench) == [("raise", 0), ("clear", 0)]


def test_a_short_outage_changes_nothing(bench: Bench) -> None:
    """As late as a database that starts again makes it: told as ever."""
    bench.late_us = OVERTAKEN_US
    bench.say(bench.reading(1, 60.0))
    assert calls(bench) == [("raise", 1)]


def test_a_database_that_stays_behind_keeps_nobody_waiting_for_long(bench: Bench) -> None:
    """Five minutes of nothing but late batches: what holds by what it knows is told as of now, and again after five more."""
    bench.late_us = OVERTAKEN_US + SECOND
    bench.say(bench.reading(1, 60.0))
    bench.now_us += STAYS_BEHIND_US - 2 * SECOND
    bench.say(bench.reading(2, 60.0))
    assert calls(bench) == [("raise", 0)]
    bench.say(bench.reading(3, 60.0))
    assert calls(bench) == [("raise", 1), ("realarm", 1)]
    ((onset, due),) = bench.rows("SELECT onset, due_at FROM notification")
    assert onset == due == instant(bench.now_us + bench.late_us), (
        "no message of the past, which the outbox would hold up"
    )
    bench.say(bench.reading(4, 1.0))
    with bench.database.connect("owner") as owner:  # somebody has answered
        owner.execute("UPDATE alarm SET state = 'A', onset = NULL")
    bench.say(bench.reading(5, 60.0))
    assert calls(bench)[-1] == ("raise", 1)
    bench.now_us += STAYS_BEHIND_US - 4 * SECOND
    bench.say(bench.reading(6, 60.0))
    assert calls(bench)[-1] == ("raise", 1)
    bench.say(bench.reading(7, 60.0))
    assert calls(bench)[-1] == ("realarm", 2)


def test_one_batch_in_time_ends_the_falling_behind(bench: Bench) -> None:
    """The five minutes are of late batches without a break."""
    bench.late_us = OVERTAKEN_US + SECOND
    bench.say(bench.reading(1, 1.0))
    bench.late_us = 0
    bench.say(bench.reading(2, 1.0))
    bench.now_us += STAYS_BEHIND_US
    bench.late_us = OVERTAKEN_US + SECOND
    bench.say(bench.reading(3, 60.0))
    assert calls(bench) == [("raise", 0)]


@pytest.mark.parametrize(("used", "told"), [(0.85, 1), (0.4, 0)], ids=["still", "drained"])
def test_the_spool_that_fills_up_is_told_of_while_it_does(
    database: TestDatabase, tmp_path: Path, used: float, told: int
) -> None:
    """Once the spool is empty that is over: so its alarm waits for no batch in time, if the room is taken even now."""
    installed = install(database)
    bench = Bench(database, tmp_path, PATIENCE_S)
    try:
        key = installed.definition["_spool"], installed.sensor["_davy/_spool"]
        bench.late_us = OVERTAKEN_US + SECOND
        bench.used = used
        bench.pipeline.differences = [Event(*key, active=True, at=bench.now_us, value=85.0)]
        bench.say(bench.reading(1, 60.0))
        assert bench.rows("SELECT definition_id, count(*)::int FROM notification GROUP BY 1") == [(key[0], 1)] * told
    finally:
        bench.end()


def test_all_steps_of_a_batch_lock_in_one_order(bench: Bench, installed: Installed) -> None:
    """Its events are of a later alarm than those it then tells of: while it waits for these it holds none of a duty's."""
    untold, later = (AlarmKey(installed.definition[f"high-{d}"], installed.sensor[f"{d}/s1"]) for d in ("d1", "d2"))
    bench.say(bench.reading(1, 60.0, device="d2"))
    bench.say(bench.reading(2, 1.0, device="d2"))
    bench.late_us = OVERTAKEN_US + SECOND
    bench.say(bench.reading(1, 60.0))
    bench.late_us = 0
    message = bench.reading(3, 61.0, device="d2")
    waiting = "SELECT count(*)::int FROM pg_locks WHERE NOT granted"
    with ThreadPoolExecutor(1) as pool:
        with bench.database.connect("alerting") as duty, transaction(duty, bench.database.service_token()):
            lock(duty, [untold])
            said = pool.submit(bench.say, message)
            wait_for(lambda: bench.rows(waiting)[0][0] > 0, "ingest waits", 10)
            duty.execute("SET LOCAL lock_timeout = '200ms'")
            assert set(lock(duty, [later])) == {later}
        said.result(20)
    assert bench.rows("SELECT count(*)::int FROM transition WHERE event = 'realarm'") == [(1,)]


def test_a_commit_whose_answer_was_lost_leaves_nobody_untold(bench: Bench) -> None:
    """The late batch is there though its try failed: the next batch in time looks for whom it did not call."""
    bench.say(bench.reading(1, 1.0))
    heard, tries = bench.writer.commit, [0]
    unheard = BatchWriter("w", bench.mark.epoch, lambda _: None, clock=lambda: bench.now_us + bench.late_us)

    def answer_lost(connection: psycopg.Connection[Any], token: str, record: Record) -> Committed:
        tries[0] += 1
        if tries[0] == 1:
            unheard.commit(connection, token, record)
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        return heard(connection, token, record)

    bench.writer.commit = answer_lost  # type: ignore[method-assign]
    bench.late_us = OVERTAKEN_US + SECOND
    bench.say(bench.reading(2, 60.0))
    assert calls(bench) == [("raise", 0)]
    bench.late_us = 0
    bench.say(bench.reading(3, 60.0))
    assert calls(bench) == [("raise", 1), ("realarm", 1)]
