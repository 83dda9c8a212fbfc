"""A backlog that comes behind live readings, through pipeline and database: the average counts it, and a restart remembers."""

from __future__ import annotations

import threading
import time

import pytest

from detectors.window import GRAIN_US
from ingest.instant import instant
from ingest.packed_columns import pack
from ingest.recounting import Recounting
from ingest.session import open_connection
from ingest.store.late import readings_between
from ingest.storing import PATIENCE_S
from tests.database import TestDatabase
from tests.ingest.plant import Installed, install, message, payload
from tests.ingest.rig import wait_for
from tests.ingest.test_store_db import SECOND, Bench, bench

__all__ = ["bench"]  # the fixture of the other tests

pytestmark = pytest.mark.db
DAY_US = 86_400 * SECOND

STEL = {
    "sensor": "d1/s2", "key": "stel", "detector": "exposure", "setpoint": 30.0,
    "parameters": '{"window_s": 900, "hold_s": 10, "known_share": 0.5}',
}  # fmt: skip


@pytest.fixture
def installed(database: TestDatabase) -> Installed:
    """The plant with a 15-minute average of 30 on d1/s2."""
    return install(database, virtual=False, limits=[STEL, {**STEL, "sensor": "d1/s1", "key": "stel-1"}])


def say(bench: Bench, seq: int, begin_s: int, end_s: int, value: float, sensor: str = "s2") -> None:
    """One message of d1 with a reading each five seconds, in seconds before the first of all."""
    stamps = range(bench.began_us + begin_s * SECOND, bench.began_us + end_s * SECOND, 5 * SECOND)
    body = payload(seq, bench.now_us, [{"s": sensor, "v": value, "t": stamp // 1000} for stamp in stamps])
    bench.say(message("d1", body, bench.now_us, mid=seq + 1))


def count(bench: Bench) -> None:
    """Until the backlog is counted: it is quiet for three seconds, what is stored is read, and a batch brings the answer."""
    bench.now_us += 3 * SECOND
    assert bench.pipeline.run_once(0) == []
    wait_for(lambda: bench.recounting.ready, "what late readings add")
    bench.pipeline.run_once(0)
    bench.pipeline.end()
    wait_for(lambda: not bench.storing.waiting, "the batch that brings it")
    bench.storing.turn()
    assert not bench.pipeline.organs.judge.averages.late


@pytest.mark.parametrize("bench", [PATIENCE_S, 0.0], indirect=True)
def test_a_backlog_behind_live_readings_raises_what_it_says(bench: Bench, installed: Installed) -> None:
    """Ten minutes came behind the newest: once they are stored the average is beyond its limit now. Killed then, the same bits."""
    say(bench, 0, -960, -660, 0.0)
    say(bench, 1, -60, 0, 0.0)
    say(bench, 2, -660, -60, 60.0)
    definition = installed.definition["stel"]
    assert bench.rows("SELECT definition_id, to_state FROM transition") == []
    count(bench)
    assert bench.rows("SELECT definition_id, to_state FROM transition") == [(definition, "B")]
    before = {name: column.copy() for name, column in bench.pipeline.organs.judge.state().items()}
    assert 900 * SECOND < before["exposure/known"].sum() * GRAIN_US <= 960 * SECOND
    bench.restart()
    assert bench.pipeline.differences == []
    assert pack(bench.pipeline.organs.judge.state()) == pack(before)


def test_what_is_over_is_an_occurrence_of_the_past(bench: Bench, installed: Installed) -> None:
    """An exceedance of an hour ago that nobody knew of: recorded from when to when it was, as learnt of late; no alarm stands."""
    say(bench, 0, -3600, -2700, 0.0)
    say(bench, 1, -2100, 0, 0.0)
    say(bench, 2, -2700, -2100, 60.0)
    count(bench)
    definition = installed.definition["stel"]
    assert bench.rows("SELECT definition_id, historic FROM occurrence") == [(definition, True)]
    spell = bench.rows("SELECT event, at FROM transition ORDER BY at")
    assert [event for event, _ in spell] == ["raise", "clear"]
    began_s, ended_s = ((at.timestamp() * SECOND - bench.began_us) / SECOND for _, at in spell)
    assert -2400 < began_s < -2100
    assert -1700 < ended_s < -1500
    assert bench.rows("SELECT active FROM alarm") == [(False,)]


def test_a_question_outlives_a_kill(bench: Bench, installed: Installed) -> None:
    """Killed after the backlog was stored and before it was counted: it is counted after the restart."""
    say(bench, 0, -960, -660, 0.0)
    say(bench, 1, -60, 0, 0.0)
    say(bench, 2, -660, -60, 60.0)
    bench.restart()
    count(bench)
    definition = installed.definition["stel"]
    assert bench.rows("SELECT definition_id, to_state FROM transition") == [(definition, "B")]


def test_readings_of_other_hours_stay_in_the_database(bench: Bench, installed: Installed) -> None:
    """A clock that is years off makes the stretch of stamps that is looked through years long: what was judged at other times is not read."""
    sensor_id = installed.sensor["d1/s2"]
    for hour in range(10):
        stamp, judged = (instant(bench.began_us - (hour + years) * 3600 * SECOND) for years in (9000, 0))
        with bench.database.connect("owner") as connection:
            connection.execute(
                "INSERT INTO reading (sensor_id, measured_at, value, quality, batch_no, judged_at) VALUES (%s, %s, 1, 0, 0, %s)",
                (sensor_id, stamp, judged),
            )
    since_us, until_us = bench.began_us - 2 * 3600 * SECOND, bench.began_us
    token = bench.database.service_token()
    with open_connection(bench.database.url("ingest")) as connection:
        near = readings_between(connection, token, sensor_id, since_us, until_us, 0)
        found = readings_between(connection, token, sensor_id, since_us, until_us, 9000 * 3600 * SECOND)
    assert len(near) == 0
    assert sorted(found["judged_at"].tolist()) == [bench.began_us - hour * 3600 * SECOND for hour in (2, 1, 0)]


def backlog(bench: Bench, first: int = 0) -> None:
    """Ten minutes that came late, stored and not counted; it has been quiet for long enough."""
    say(bench, first, -960, -660, 0.0)
    say(bench, first + 1, -60, 0, 0.0)
    say(bench, first + 2, -660, -60, 60.0)
    bench.now_us += 3 * SECOND


def test_a_table_that_somebody_holds_keeps_no_process_from_ending(bench: Bench) -> None:
    """A repair may hold the table for hours: who ends waits for a few seconds, and the backlog is counted after the next start."""
    backlog(bench)
    with bench.database.connect("owner") as holder, holder.transaction():
        holder.execute("LOCK TABLE reading")
        assert bench.pipeline.run_once(0) == []
        assert not bench.recounting.ready
        closing = threading.Thread(target=bench.recounting.close)
        closing.start()
        closing.join(8.0)
        assert not closing.is_alive()
    bench.restart()
    assert bench.pipeline.organs.judge.averages.late
    count(bench)


def test_counting_that_cannot_be_done_ends_no_process(bench: Bench) -> None:
    """Whatever breaks beside the batches: limits go on, what is off is said with the beat, and it is not tried at each turn."""

    def no_token() -> str:
        raise RuntimeError("the key of the tokens is gone")

    backlog(bench)
    broken = Recounting(bench.database.url("ingest"), no_token, "w", bench.metrics.ingest, bench.source.wake)
    bench.pipeline._recounting = broken
    assert bench.pipeline.run_once(0) == []
    wait_for(lambda: broken.ready, "the answer")
    bench.say(bench.reading(3, 60.0))
    assert bench.pipeline.organs.judge.switched_off == {"recount": "RuntimeError: the key of the tokens is gone"}
    assert bench.rows("SELECT count(*) FROM transition") == [(1,)]
    bench.now_us += 3 * SECOND
    assert bench.pipeline.run_once(0) == []
    assert broken._answer is None
    broken.close()


def test_a_sensor_that_cannot_be_read_keeps_no_other_from_being_counted(bench: Bench, installed: Installed) -> None:
    """Somebody repairs the day before, which one sensor's late readings reach into, and which came first: the other is counted all the same,
    the beat names the one, and it is counted once it can be read."""
    bench.began_us = bench.now_us = bench.began_us // DAY_US * DAY_US + DAY_US // 2
    say(bench, 0, -960, 0, 0.0, "s1")
    say(bench, 1, -86_000, -85_000, 0.0, "s1")
    sensor_id = installed.sensor["d1/s1"]
    ((yesterday,),) = bench.rows(
        "SELECT tableoid::regclass::text FROM reading GROUP BY 1 ORDER BY min(measured_at) LIMIT 1"
    )
    with bench.database.connect("owner") as holder, holder.transaction():
        holder.execute(f"LOCK TABLE {yesterday} IN ACCESS EXCLUSIVE MODE")
        backlog(bench, first=2)
        until = time.monotonic() + 30.0
        while not bench.rows(f"SELECT FROM transition WHERE definition_id = {installed.definition['stel']}"):
            assert time.monotonic() < until, "the other sensor is not counted"
            turn(bench)
        late = bench.pipeline.organs.judge.averages.late
        assert [each.sensor_id for each in late.failing()] == [sensor_id]
        counted = bench.metrics.registry.get_sample_value
        assert (counted("davy_ingest_recounts_total", {"outcome": "failed"}) or 0.0) >= 1.0
    until = time.monotonic() + 30.0
    while late:
        assert time.monotonic() < until, "the one is not counted"
        bench.now_us += 20 * SECOND
        turn(bench)
    assert late.failing() == []


def turn(bench: Bench) -> None:
    """A second later: whatever is to be done between batches is done, and what is judged is stored."""
    bench.now_us += SECOND
    bench.pipeline.run_once(0)
    bench.pipeline.end()
    bench.storing.turn()
    bench.storing.wait(0.05)
