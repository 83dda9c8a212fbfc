"""One batch, one transaction, on each kind of database: fence, staging, conflicts, refusals, restart."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from alerting import actions
from alerting.ledger import AlarmKey
from core.db import transaction
from core.errors import BadSetting, Fenced, SteppedBack
from core.metrics import Metrics
from ingest.beginning import begin
from ingest.checkpoint import capture
from ingest.committer import Committer
from ingest.instant import instant
from ingest.ownership import Ownership
from ingest.pipeline import Pipeline, Work
from ingest.recounting import Recounting
from ingest.session import open_connection
from ingest.source import Lot, RawMessage, SourceReport
from ingest.spool import Spool
from ingest.store.batch import BatchWriter, Committed, Record
from ingest.store.memory import batches_after, passed_over, save_checkpoint, take_over
from ingest.store.spool import FILE
from ingest.storing import PATIENCE_S, Storing
from ingest.urgent import Nobody
from ingest.watch import Watch
from tests.database import TestDatabase
from tests.ingest.plant import Installed, install, message, payload
from tests.ingest.rig import wait_for

pytestmark = pytest.mark.db
SECOND = 1_000_000
BOTH_WAYS = pytest.mark.parametrize("bench", [PATIENCE_S, 0.0], ids=["at-once", "spooled"], indirect=True)


class Hand:
    """A source that gives what the test hands it: the network's edge."""

    def __init__(self) -> None:
        self.lots: list[list[RawMessage]] = []
        self.acked: list[Lot] = []

    def start(self) -> None:
        """Nothing to connect to."""

    def take(self, most: int, most_bytes: int, wait_s: float, gathered_s: float = 0.0) -> Lot:
        """The next lot."""
        return Lot(self.lots.pop(0) if self.lots else [])

    def wake(self) -> None:
        """It never waits."""

    def ack(self, lot: Lot) -> None:
        """Kept for the test to look at."""
        self.acked.append(lot)

    def report(self) -> SourceReport:
        """Connected for ever."""
        return SourceReport(connected=True)

    def stop(self) -> None:
        """Nothing to disconnect from."""


class Bench:
    """A pipeline over a real database, turned by hand."""

    def __init__(self, database: TestDatabase, folder: Path, patience_s: float) -> None:
        self.database = database
        self.patience_s = patience_s
        self.draining = True  # False: what is spooled stays there
        self.folder = folder
        self.began_us = self.now_us = time.time_ns() // 1000
        self.late_us = 0  # how long after it was judged a batch is written down
        self.used = 0.0  # share of the spool's room that is taken then
        self.source = Hand()
        self.metrics = Metrics()
        self.stop = threading.Event()
        self.pipeline = self._begin()

    def _begin(self) -> Pipeline:
        token, conninfo = self.database.service_token(), self.database.url("ingest")
        spool = Spool(self.folder, 10**9, lambda: self.now_us)
        with open_connection(conninfo) as connection:
            found = begin(connection, token, "w", 5 * SECOND, spool, Nobody(), lambda: self.now_us)
        self.mark = found.mark
        self.writer = BatchWriter(
            "w", self.mark.epoch, lambda _: None, clock=lambda: self.now_us + self.late_us, used=lambda: self.used
        )
        self.committer = Committer(conninfo, lambda: token, self.writer, self.stop, self.metrics.ingest)
        self.storing = Storing(
            self.committer, spool, self.metrics.ingest,
            stored_no=self.mark.batch_no, patience_s=self.patience_s, after=lambda _: None, wake=self.source.wake,
        )  # fmt: skip
        if self.draining:
            self.storing.start()
        watch = Watch(found.directory, watched_us=found.resumed.watched_us, known_session=False, most=1000)
        self.recounting = Recounting(conninfo, lambda: token, "w", self.metrics.ingest, self.source.wake)
        pipeline = Pipeline(
            self.source, found.organs, watch, self.storing, Nobody(), lambda: self.now_us, self.metrics.ingest,
            now_us=found.resumed.now_us, most_messages=1000, after=lambda _: None, recounting=self.recounting,
        )  # fmt: skip
        pipeline.differences = found.differences
        return pipeline

    def end(self) -> None:
        """What a process leaves when it goes."""
        self.recounting.close()
        self.storing.finish()
        self.committer.close()

    def restart(self) -> None:
        """As if the process had been killed: nothing survives but the database."""
        self.end()
        self.pipeline = self._begin()

    def say(self, *messages: RawMessage) -> Work:
        """Runs one batch of these messages."""
        self.now_us += SECOND
        self.source.lots.append(list(messages))
        ended = self.pipeline.run_once(0) + self.pipeline.end()
        assert len(ended) == 1
        while self.storing.waiting:
            self.storing.wait(0.01)
            self.storing.turn()
        return ended[0]

    def reading(
        self, seq: int, value: float, *, at_us: int | None = None, device: str = "d1", sensor: str = "s1"
    ) -> RawMessage:
        """A message with one reading, stamped now or at `at_us`, received now."""
        stamp = (self.now_us if at_us is None else at_us) // 1000
        body = payload(seq, self.now_us, [{"s": sensor, "v": value, "t": stamp}])
        return message(device, body, self.now_us, mid=seq + 1)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows as the owner sees them."""
        with self.database.connect("owner") as connection:
            return connection.execute(query).fetchall()


@pytest.fixture
def installed(database: TestDatabase) -> Installed:
    """The plant, without virtual sensors."""
    return install(database, virtual=False)


@pytest.fixture
def bench(
    database: TestDatabase, installed: Installed, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Bench]:
    """A pipeline to turn by hand; parametrized with 0, every batch goes by way of the spool."""
    found = Bench(database, tmp_path, getattr(request, "param", PATIENCE_S))
    yield found
    found.stop.set()
    found.end()


def test_a_batch_is_stored_judged_and_acked(bench: Bench, installed: Installed) -> None:
    """Readings, the alarm they raise, its notification and the batch's own row appear together; then the ack."""
    bench.say(
        bench.reading(0, 10.0), bench.reading(1, 60.0, at_us=bench.now_us + 1000), message("d1", b"{", bench.now_us)
    )
    assert [v for (v,) in bench.rows("SELECT value FROM v_audit_reading ORDER BY measured_at")] == [10.0, 60.0]
    assert bench.rows("SELECT definition_id, sensor_id, to_state, value FROM transition") == [
        (installed.definition["high-d1"], installed.sensor["d1/s1"], "B", 60.0)
    ]
    assert bench.rows("SELECT count(*) FROM notification") == [(1,)]
    assert bench.rows("SELECT reason, count FROM rejected_message") == [("not_json", 1)]
    assert bench.rows("SELECT batch_no, readings, judged IS NULL FROM ingest_batch") == [(1, 2, True)]
    assert bench.rows("SELECT batch_no FROM ingest_mark") == [(1,)]
    assert [len(lot) for lot in bench.source.acked] == [3]


def test_the_fence_lets_one_owner_pass(bench: Bench) -> None:
    """Whoever took the worker over fences its predecessor; a batch committed before is not committed again."""
    bench.say(bench.reading(0, 1.0))
    token = bench.database.service_token()
    with open_connection(bench.database.url("ingest")) as connection:
        take_over(connection, token, "w")
    with pytest.raises(Fenced, match="another owner"):
        bench.say(bench.reading(1, 2.0))
    assert bench.rows("SELECT value FROM reading") == [(1.0,)]


def test_a_commit_whose_answer_was_lost_is_not_repeated(bench: Bench) -> None:
    """The mark at our own batch says that the commit had happened: events and readings stand once."""
    kept: list[Record] = []
    commit = bench.writer.commit

    def answer_lost(connection: psycopg.Connection[Any], token: str, record: Record) -> Committed:
        committed = commit(connection, token, record)
        if not kept:
            kept.append(record)
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        return committed

    bench.writer.commit = answer_lost  # type: ignore[method-assign]
    work = bench.say(bench.reading(0, 60.0))
    assert work.committed is not None
    assert work.committed.already
    assert bench.rows("SELECT count(*) FROM transition") == [(1,)]


def test_repeats_cost_nothing(bench: Bench) -> None:
    """The same message again, in the same batch and a later one, adds nothing and is acked."""
    first = bench.reading(0, 1.0)
    bench.say(first, first)
    bench.say(first)
    assert bench.rows("SELECT count(*) FROM reading") == [(1,)]
    assert len(bench.source.acked) == 2
    assert bench.rows("SELECT count(*) FROM rejected_message") == [(0,)]


@BOTH_WAYS
def test_late_readings_are_stored_and_known_ones_fall_away(bench: Bench) -> None:
    """A late reading beyond the limit raises and clears once, where it is new; the same under another seq does not."""
    then = bench.now_us - 60 * SECOND
    bench.say(bench.reading(0, 1.0))
    bench.say(bench.reading(1, 99.0, at_us=then))
    events = "SELECT event, at FROM transition ORDER BY number"
    assert [event for event, _ in bench.rows(events)] == ["raise", "clear"]
    bench.say(bench.reading(2, 99.0, at_us=then))
    assert len(bench.rows(events)) == 2
    assert bench.rows("SELECT quality & 32 FROM reading ORDER BY measured_at") == [(32,), (0,)]
    assert bench.rows("SELECT count(*) FROM rejected_message") == [(0,)]


@BOTH_WAYS
def test_a_different_value_under_the_same_key_is_evidence(bench: Bench) -> None:
    """The stored value stays; the message is kept as conflicts_with_stored and says both values."""
    at = bench.now_us
    bench.say(bench.reading(0, 1.0, at_us=at))
    bench.say(bench.reading(1, 2.0, at_us=at), bench.reading(2, 1.0, at_us=at))
    assert bench.rows("SELECT value FROM reading") == [(1.0,)]
    ((reason, sentence),) = bench.rows("SELECT reason, sentence FROM rejected_message")
    assert reason == "conflicts_with_stored"
    assert "1.0" in sentence
    assert "2.0" in sentence


@BOTH_WAYS
def test_a_dangerous_value_that_contradicts_what_is_stored_is_told(bench: Bench) -> None:
    """For life safety as of now, with both values in the timeline, also where the limit has a delay; below it, it is evidence only."""
    then = bench.now_us - 60 * SECOND
    bench.say(bench.reading(0, 1.0, at_us=then), bench.reading(1, 1.5))
    bench.say(bench.reading(2, 99.0, at_us=then))
    events = "SELECT event, value, reason, at FROM transition ORDER BY number"
    assert bench.rows(events) == []
    assert bench.rows("SELECT count(*) FROM rejected_message") == [(1,)]
    with bench.database.connect("owner") as owner:
        owner.execute("UPDATE alarm_definition SET priority = 'life-safety', on_delay_s = 3, version = version + 1")
    bench.restart()
    bench.say(bench.reading(3, 2.0), bench.reading(4, 77.0, at_us=then))
    (raised, cleared) = bench.rows(events)
    assert [raised[:2], cleared[:2]] == [("raise", 77.0), ("clear", 77.0)]
    assert raised[2] == "sent 77 under an instant that is stored with 1 / 该时刻已存储 1，又报来 77"
    assert raised[3] > instant(then + 59 * SECOND), "as of when we learn of it"
    assert bench.rows("SELECT value FROM reading ORDER BY measured_at LIMIT 1") == [(1.0,)]
    assert bench.rows("SELECT state::text, active FROM alarm WHERE occurrence_id IS NOT NULL")[0][1] is False
    bench.say(bench.reading(4, 77.0, at_us=then))
    assert len(bench.rows(events)) == 2, "the same message again is a repeat"


def test_rows_the_marks_forgot_go_through_staging(bench: Bench) -> None:
    """Where COPY meets a key it did not expect, the whole batch goes through the staging insert; nothing is lost."""
    at = bench.now_us
    bench.say(bench.reading(0, 1.0, at_us=at))
    bench.pipeline.organs.sorter.marks.stored[:] = 0
    bench.say(bench.reading(1, 1.0, at_us=at), bench.reading(2, 3.0, at_us=at + 1000))
    assert bench.rows("SELECT value FROM reading ORDER BY measured_at") == [(1.0,), (3.0,)]


def test_a_database_that_lost_what_it_confirmed_is_no_other_owner(bench: Bench) -> None:
    """The mark behind ours, or none: the sentence says that the database stepped back; nothing more is stored, no checkpoint kept."""
    bench.say(bench.reading(0, 1.0))
    bench.say(bench.reading(1, 2.0))
    saved = capture(bench.storing.batch_no, bench.pipeline.now_us, 0, bench.pipeline.organs, {})
    with bench.database.connect("owner") as owner:
        owner.execute("UPDATE ingest_mark SET batch_no = 1")
    token = bench.database.service_token()
    with (
        open_connection(bench.database.url("ingest")) as connection,
        pytest.raises(SteppedBack, match="earlier state than the one that confirmed batch 2 of worker w in epoch 1"),
    ):
        save_checkpoint(connection, token, "w", bench.mark.epoch, saved, instant(bench.now_us))
    with pytest.raises(SteppedBack, match="the mark is at epoch 1, batch 1"):
        bench.say(bench.reading(2, 3.0))
    with bench.database.connect("owner") as owner:
        owner.execute("DELETE FROM ingest_mark")
    with open_connection(bench.database.url("ingest")) as connection:
        assert "there is no mark" in str(passed_over(connection, "w", 1, 2))
    assert bench.rows("SELECT count(*) FROM reading") == [(2,)]


@BOTH_WAYS
def test_a_poisonous_message_is_found_and_rejected(bench: Bench) -> None:
    """The database refuses one value: that message is rejected with its words, the others of the batch are stored."""
    with bench.database.connect("owner") as owner:
        owner.execute("ALTER TABLE reading ADD CONSTRAINT no_666 CHECK (value <> 666)")
    messages = [bench.reading(i, 666.0 if i in (3, 7) else float(i), at_us=bench.now_us + 1000 * i) for i in range(10)]
    bench.say(*messages)
    assert [v for (v,) in bench.rows("SELECT value FROM reading ORDER BY 1")] == [0, 1, 2, 4, 5, 6, 8, 9]
    refused = bench.rows("SELECT reason, sentence FROM rejected_message")
    assert [reason for reason, _ in refused] == ["refused_by_database"] * 2
    assert "no_666" in refused[0][1]
    assert len(bench.source.acked) == 1


@pytest.mark.parametrize("state", ["53100", "53200", "25006", "57014", "40001", "42501"])
def test_what_is_no_messages_fault_is_waited_for(timescale_database: TestDatabase, tmp_path: Path, state: str) -> None:
    """A full disk, no memory, read-only, cancelled, not serializable, no right: tried until it works, and nobody is rejected for it."""
    install(timescale_database, virtual=False)
    with timescale_database.connect("owner") as owner:
        owner.execute("CREATE SEQUENCE tries")  # counts what is taken back too
        owner.execute(
            sql.SQL(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$"
                " BEGIN IF nextval('tries') <= 2 THEN RAISE EXCEPTION 'not now' USING ERRCODE = {}; END IF; RETURN NEW; END $$"
            ).format(sql.Literal(state))
        )
        owner.execute("CREATE TRIGGER refuse BEFORE INSERT ON reading FOR EACH ROW EXECUTE FUNCTION refuse()")
    bench = Bench(timescale_database, tmp_path, PATIENCE_S)
    try:
        bench.say(bench.reading(0, 60.0))
        assert bench.rows("SELECT value FROM reading") == [(60.0,)]
        assert bench.rows("SELECT count(*) FROM rejected_message") == [(0,)]
        assert bench.rows("SELECT count(*) FROM transition") == [(1,)]
    finally:
        bench.end()


def test_a_restart_without_checkpoint_judges_again_to_the_same_bits(bench: Bench) -> None:
    """Readings, sequences and what was judged without being stored: all of it comes back from the stored batches."""
    at = bench.now_us
    bench.say(bench.reading(0, 60.0, at_us=at), bench.reading(5, 10.0, at_us=at + 1000))
    bench.say(bench.reading(2, 99.0, at_us=at - 9 * SECOND), bench.reading(6, 70.0, at_us=at + 2000))
    bench.now_us += 60 * SECOND
    boot2 = payload(0, at + 2000, [{"s": "s1", "v": 5.0}], boot=2)
    # A clock a minute back: judged by receipt, and its key is taken by another value.
    bench.say(message("d1", boot2, bench.now_us))
    bench.pipeline.now_us += SECOND
    before = {name: column.tobytes() for name, column in bench.pipeline.organs.state().items()}
    bench.restart()
    after = {name: column.tobytes() for name, column in bench.pipeline.organs.state().items()}
    assert after == before
    assert bench.rows("SELECT count(*) FROM ingest_batch WHERE judged IS NOT NULL") == [(1,)]
    bench.say(bench.reading(6, 70.0, at_us=at + 2000))
    assert bench.rows("SELECT count(*) FROM reading") == [(4,)]


@pytest.mark.parametrize("then", ["spoilt", "left as it was"])
def test_an_alarm_of_a_limit_that_is_set_aside_stands_on_without_a_checkpoint(bench: Bench, then: str) -> None:
    """An upgrade that leaves checkpoints aside, or a kill, and a limit that no detector takes from then on: nothing says that it is over."""
    active = "SELECT a.active FROM alarm a JOIN alarm_definition d USING (definition_id) WHERE d.key = 'high-d1'"
    bench.say(bench.reading(0, 60.0))
    assert bench.rows(active) == [(True,)]
    if then == "spoilt":
        with bench.database.connect("owner") as owner:
            owner.execute("ALTER TABLE alarm_definition DISABLE TRIGGER taken_by_its_detector")
            owner.execute(
                "UPDATE alarm_definition SET parameters = '{\"nothing\": 1}', version = 2 WHERE key = 'high-d1'"
            )
    for _ in range(2):
        bench.restart()
        bench.say(bench.reading(0, 60.0, device="d2"))
        assert bench.rows(active) == [(True,)]
    bench.say(bench.reading(1, 1.0))
    assert bench.rows(active) == [(then == "spoilt",)]


def test_gaps_are_seen_and_closed(bench: Bench) -> None:
    """A hole in (boot, seq) is a row with the instants around it; it closes when the device sends again."""
    bench.say(bench.reading(0, 1.0), bench.reading(4, 1.0, at_us=bench.now_us + 1000))
    assert bench.rows("SELECT first_seq, last_seq, closed_at FROM stream_gap") == [(1, 3, None)]
    bench.say(*(bench.reading(seq, 1.0, at_us=bench.now_us - 5000 * seq) for seq in (1, 2, 3)))
    assert bench.rows("SELECT count(*) FROM stream_gap WHERE closed_at IS NULL") == [(0,)]


def test_a_gap_shrinks_as_its_messages_come(bench: Bench) -> None:
    """One row from the first sight to the last message: how many are missing still, and between which instants."""
    at = bench.now_us
    bench.say(bench.reading(0, 1.0))
    bench.say(bench.reading(5, 1.0, at_us=at + 5000))
    bench.say(bench.reading(1, 1.0, at_us=at + SECOND // 4))
    left = "SELECT first_seq, last_seq, missing, left_until - left_from < missing_until - missing_from, closed_at IS NULL FROM stream_gap"
    assert bench.rows(left) == [(1, 4, 3, True, True)]
    bench.restart()
    bench.say(*(bench.reading(seq, 1.0, at_us=bench.now_us + seq * SECOND) for seq in (2, 3, 4)))
    assert bench.rows(left) == [(1, 4, 0, True, False)]


def test_a_hole_that_a_loss_made_wider_is_one_row(bench: Bench) -> None:
    """A batch of a damaged spool is lost: the start finds the hole wider than the batch after it had judged. It stands once, and closes."""
    bench.say(bench.reading(0, 1.0))
    bench.stop.set()
    bench.end()
    bench.stop.clear()
    bench.patience_s, bench.draining = 0.0, False
    bench.pipeline = bench._begin()
    for seqs in ((1, 2), (5,)):
        bench.now_us += SECOND
        bench.source.lots.append([bench.reading(seq, 1.0, at_us=bench.now_us + seq * 1000) for seq in seqs])
        bench.pipeline.run_once(0)
        bench.pipeline.end()
    bench.storing._spool.close()
    with sqlite3.connect(bench.folder / FILE) as spool:
        spool.execute("UPDATE batch SET payload = zeroblob(9) WHERE batch_no = 2")
    bench.committer.close()
    bench.draining = True
    bench.pipeline = bench._begin()
    seen = "SELECT first_seq, last_seq, missing, closed_at IS NULL FROM stream_gap"
    bench.say(bench.reading(6, 1.0))
    assert bench.rows(seen) == [(1, 4, 4, True)]
    bench.say(*(bench.reading(seq, 1.0, at_us=bench.now_us + seq * SECOND) for seq in (1, 2, 3, 4)))
    assert bench.rows(seen) == [(1, 4, 0, False)]


@BOTH_WAYS
def test_a_forgotten_boot_counter_is_stored_once_through_a_kill(bench: Bench) -> None:
    """The device counts from 0 again under its boot; killed in between and all of both runs delivered again, each reading is there once."""
    at = bench.now_us
    old = [bench.reading(seq, float(seq), at_us=at + seq * SECOND) for seq in range(5)]
    new = [bench.reading(seq, 10.0 + seq, at_us=at + (10 + seq) * SECOND) for seq in range(7)]
    bench.say(*old)
    bench.say(*new[:3])
    bench.restart()
    before = bench.pipeline.organs.sorter.sequences.state()
    bench.say(*old, *new)
    bench.say(*old, *new)
    assert bench.rows(
        "SELECT count(*), count(DISTINCT value) FROM reading r JOIN sensor s USING (sensor_id) WHERE NOT is_virtual"
    ) == [(12, 12)]
    assert bench.rows("SELECT count(*) FROM stream_gap") == [(0,)]
    assert bench.rows("SELECT count(*) FROM rejected_message") == [(0,)]
    assert before["restart"][:, 1].tolist() == [1]


def test_a_flood_from_one_device_is_counted(bench: Bench) -> None:
    """Above 100 wrong messages a minute one row counts the rest, over several batches."""
    bench.now_us = bench.now_us // (60 * SECOND) * 60 * SECOND
    for _ in range(3):
        bench.say(*(message("d1", b"x", bench.now_us) for _ in range(80)))
    assert bench.rows("SELECT count(*), sum(count), max(count) FROM rejected_message") == [(101, 240, 140)]


def test_floods_from_unknown_devices_are_counted_each_in_its_own_row(bench: Bench) -> None:
    """Neither another device's nor another company's are counted under a company that sees the row."""
    bench.now_us = bench.now_us // (60 * SECOND) * 60 * SECOND
    for _ in range(3):
        loud = [message("loud", b"x", bench.now_us)] * 80
        nobody = [one._replace(topic="davy/v1/nowhere/loud/readings") for one in loud]
        bench.say(*loud, *nobody[:60], message("quiet", b"x", bench.now_us))
    assert bench.rows(
        """SELECT split_part(topic, '/', 3), split_part(topic, '/', 4), company_id IS NULL, count(*), sum(count), max(count)
           FROM rejected_message GROUP BY 1, 2, 3 ORDER BY 1, 2"""
    ) == [
        ("north", "loud", False, 101, 240, 140),
        ("north", "quiet", False, 3, 3, 1),
        ("nowhere", "loud", True, 101, 180, 80),
    ]


@BOTH_WAYS
def test_a_wrong_message_delivered_again_stands_once(bench: Bench) -> None:
    """After a crash the broker delivers again what was rejected and not acked: the row is there already."""
    bench.say(message("d1", b"{", bench.now_us))
    bench.say(message("d1", b"{", bench.now_us, repeated=True))
    assert bench.rows("SELECT count(*) FROM rejected_message") == [(1,)]


def test_clocks_far_off_are_stored_and_judged(bench: Bench) -> None:
    """27 hours off in either direction, 1970 and 2099: stored, judged by our receipt, and no device is shut out."""
    day = 27 * 3600 * SECOND
    stamps = {"d1": bench.now_us - day, "d2": bench.now_us + day}
    for device, sent_us in stamps.items():
        body = payload(0, sent_us, [{"s": "s1", "v": 60.0}])
        bench.say(message(device, body, bench.now_us))
    for seq, sent_us in enumerate((0, 4_070_908_800 * SECOND)):
        bench.say(message("d3", payload(seq, sent_us, [{"s": "s1", "v": 60.0 + seq}]), bench.now_us))
    assert bench.rows("SELECT count(*) FROM reading") == [(4,)]
    assert bench.rows("SELECT count(*) FROM transition WHERE event = 'raise'") == [(3,)]
    assert bench.rows("SELECT count(*) FROM reading WHERE measured_at BETWEEN now() - interval '2 days' AND now() + interval '2 days'") == [(4,)]  # fmt: skip


def test_two_workers_of_one_name_cannot_be(database: TestDatabase, installed: Installed, tmp_path: Path) -> None:
    """The loser of the lock says who holds it; so does the loser of the folder."""
    first = Ownership(database.url("ingest"), "w", tmp_path / "a")
    first.take()
    second = Ownership(database.url("ingest"), "w", tmp_path / "b")
    with pytest.raises(BadSetting, match=r"belongs to another process .davy-ingest from"):
        second.take()
    second.release()
    third = Ownership(database.url("ingest"), "w", tmp_path / "a")
    with pytest.raises(BadSetting, match=r"belongs to process [0-9]+"):
        third.take()
    third.release()
    first.release()


def test_ingest_may_not_do_more_than_it_must(database: TestDatabase, installed: Installed) -> None:
    """The role ingest cannot change a stored reading or drop evidence."""
    with database.connect("ingest", database.service_token()) as connection:
        for statement in ("UPDATE reading SET value = 0", "DELETE FROM reading", "DELETE FROM rejected_message"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_old_batches_go_when_a_checkpoint_covers_them(bench: Bench) -> None:
    """`ingest_batch` keeps what a restart needs, and an hour more."""
    bench.say(bench.reading(0, 1.0))
    bench.now_us += 2 * 3600 * SECOND
    bench.say(bench.reading(1, 1.0))
    token = bench.database.service_token()
    saved = capture(bench.storing.batch_no, bench.pipeline.now_us, 0, bench.pipeline.organs, {})
    with open_connection(bench.database.url("ingest")) as connection:
        assert save_checkpoint(connection, token, "w", bench.mark.epoch, saved, instant(bench.now_us))
        assert [row.batch_no for row in batches_after(connection, token, "w", 0)] == [2]
        assert not save_checkpoint(connection, token, "w", bench.mark.epoch - 1, saved, instant(bench.now_us))


def test_a_restart_says_again_what_a_flush_may_have_missed(bench: Bench) -> None:
    """Newest values are written beside the batches: those of batches after the checkpoint are written once more."""
    bench.say(bench.reading(0, 1.0), bench.reading(0, 2.0, device="d2"))
    bench.say(bench.reading(1, 3.0))
    bench.restart()
    marks = bench.pipeline.organs.sorter.marks
    slots = marks.take_changed(slice(None))
    assert sorted(marks.value[slots].tolist()) == [2.0, 3.0]
    assert (marks.received[slots] > 0).all()


def test_a_day_that_cannot_have_its_partition_stops_nothing(database: TestDatabase) -> None:
    """Rows of the day stand elsewhere already, or a long query or a dump holds the table: readings go to `reading_other`."""
    with database.connect("owner") as owner, database.connect("ingest") as ingest:
        owner.execute(
            "INSERT INTO reading (sensor_id, measured_at, value, quality, batch_no) VALUES (1, now() + interval '2 days', 1, 0, 1)"
        )
        ask = "SELECT davy_reading_day((now() AT TIME ZONE 'UTC')::date + %s)"
        assert ingest.execute(ask, (2,)).fetchone() == (False,)
        ingest.execute("SET statement_timeout = '10s'")
        with owner.transaction():
            owner.execute("SELECT count(*) FROM reading")
            assert ingest.execute(ask, (3,)).fetchone() == (False,)


def test_a_day_that_two_make_at_once_is_there_for_both(database: TestDatabase) -> None:
    """Ingest and the process that makes days ahead meet at a start: whoever waited finds it made, and fails nothing."""
    ask = "SELECT davy_reading_day((now() AT TIME ZONE 'UTC')::date + 1)"
    asleep = "SELECT count(*) > 0 FROM pg_locks WHERE pid = %s AND NOT granted"
    with (
        database.connect("owner") as owner,
        database.connect("ingest") as first,
        database.connect("alerting") as second,
        ThreadPoolExecutor(1) as waiting,
    ):
        pid = second.info.backend_pid
        with first.transaction():
            made = first.execute(ask).fetchone()
            late = waiting.submit(lambda: second.execute(ask).fetchone())
            wait_for(
                lambda: late.done() or owner.execute(asleep, (pid,)).fetchone() == (True,), "the second, waiting", 5
            )
        assert late.result(10) == made


def test_a_restart_calls_nobody_for_what_is_shelved(bench: Bench, installed: Installed) -> None:
    """Silence is kept with the alarm: an active alarm that was shelved says nothing when ingest starts again, with or without news."""
    bench.say(bench.reading(0, 60.0))
    told = bench.rows("SELECT key, state FROM notification")
    alarm = AlarmKey(installed.definition["high-d1"], installed.sensor["d1/s1"])
    company = bench.rows("SELECT company_id FROM company")[0][0]
    person = bench.database.person_token(installed.person, "safety_officer", company)
    now = datetime.now(UTC)
    with bench.database.connect("web") as web, transaction(web, person):
        actions.shelve(web, alarm, person_id=installed.person, now=now, reason="Test", until=now + timedelta(hours=1))
    bench.restart()
    bench.say(bench.reading(1, 61.0))
    bench.say(bench.reading(2, 40.0), bench.reading(3, 60.0, at_us=bench.now_us + 1000))
    assert bench.rows("SELECT active, suppression FROM alarm") == [(True, "shelved")]
    assert [key for key, _ in bench.rows("SELECT key, state FROM notification")] == [key for key, _ in told]
