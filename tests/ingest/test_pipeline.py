"""The path of a batch, turned by hand, with the database and the broker left out."""

from __future__ import annotations

import threading

import pytest

from core.metrics import Metrics
from ingest.flushing import Flushing
from ingest.pipeline import Work
from ingest.scribe import Scribe
from ingest.source import SourceReport
from ingest.watch import Watch
from tests.ingest.plant import message, payload
from tests.ingest.turned import SECOND, SILENT_S, Turn, turned_by

__all__ = ["turned_by"]


def test_what_was_taken_is_judged_whatever_our_clock_says(turned_by: Turn) -> None:
    """A machine that starts in 1970 holds no message back: what is not acknowledged would not come again."""
    turned = turned_by(now_us=0)
    turned.turn()
    assert turned.kept.records == []
    turned.turn(0)
    assert [len(record.lot) for record in turned.kept.records] == [1]
    assert [len(lot) for lot in turned.source.acked] == [1]


def test_the_next_batch_is_judged_while_one_is_stored(turned_by: Turn) -> None:
    """Storing takes as long as judging the next batch; acks come in order, each once its own batch is stored."""
    turned = turned_by()
    turned.second_judged = turned.kept.open.set
    turned.kept.open.clear()
    assert turned.begin(0) == []
    assert turned.source.acked == []
    first = turned.begin(1)
    assert [work.lot for work in first] == turned.source.acked
    second = turned.pipeline.end()
    assert [work.lot for work in first + second] == turned.source.acked
    assert [row["seq"] for work in first + second for row in work.sorted.messages] == [0, 1]  # type: ignore[union-attr]
    assert turned.passed.index("ack") > len(turned.passed) - turned.passed[::-1].index("judge") - 1


@pytest.mark.parametrize(("waiting", "stored_then"), [(0, 1), (25, 0)], ids=["few", "enough"])
def test_few_messages_gather_while_one_batch_is_stored(turned_by: Turn, waiting: int, stored_then: int) -> None:
    """Judged early, few readings would only wait; enough of them, a quarter of a batch, are judged at once."""
    turned = turned_by()
    turned.second_judged = turned.kept.open.set
    turned.kept.open.clear()
    turned.begin(0)
    turned.source.known = SourceReport(connected=True, waiting=waiting)
    opening = threading.Timer(0.2, turned.kept.open.set)
    opening.start()
    turned.source.lots.append([message("d1", payload(1, turned.now_us, [{"s": "s1", "v": 1.0}]), turned.now_us)])
    seen: list[int] = []
    turned.source.asked = lambda: seen.append(len(turned.kept.records))
    turned.pipeline.run_once(60.0)
    opening.cancel()
    assert seen == [stored_then]


def test_a_batch_that_is_not_stored_in_time_is_spooled_though_nothing_comes(turned_by: Turn) -> None:
    """Patience runs out without a next message; whoever calls people for life safety hears of it then."""
    turned = turned_by(patience_s=0.05)
    turned.kept.open.clear()
    turned.begin(0, value=99.0)
    ended: list[Work] = []
    while not ended:
        turned.storing.wait(0.01)
        ended = turned.begin(after_s=0.01)
    assert ended[0].committed is None
    assert [event.active for event in turned.told.batches[0]] == [True]
    assert [len(lot) for lot in turned.source.acked] == [1]


def test_nobody_whose_message_is_in_hand_is_silent(turned_by: Turn) -> None:
    """After a turn that took long, what came meanwhile is heard before anybody is called silent."""
    turned = turned_by()
    turned.turn(0)
    turned.turn(1, after_s=40.0)
    turned.turn(2)
    assert set(turned.said()) == {0.0}


def test_unwatched_time_is_left_out_where_it_lay(turned_by: Turn) -> None:
    """A reading of a backlog counts as made when watching began again: the time before it is nobody's silence."""
    turned = turned_by()
    turned.turn(0)
    for _ in range(20):
        turned.turn()
    turned.source.known = SourceReport(connected=False, since_us=turned.now_us)
    for _ in range(5):
        turned.turn()
    turned.source.known = SourceReport(connected=True, since_us=turned.now_us)
    back_us = turned.now_us
    turned.turn()
    turned.source.lots.append(
        [message("d1", payload(1, back_us - 3 * SECOND, [{"s": "s1", "v": 1.0}]), back_us + SECOND)]
    )
    for seq in range(2, 32):
        turned.turn(seq, key="s2")  # its gateway is there: the silence is the sensor's own
    events = [event for record in turned.kept.records for event in record.judgement.events]
    assert [(e.active, (e.at - back_us) / SECOND) for e in events] == [(True, SILENT_S)]


def test_queue_and_lag_are_of_what_waits_for_a_batch(turned_by: Turn) -> None:
    """Asked at any moment, also while a batch has no room; what was taken and is being stored counts in `batch_seconds` alone."""
    turned, metrics = turned_by(), Metrics()
    scribe = Scribe("", str, "w")
    watch = Watch(turned.directory, watched_us=0, known_session=False, most=100)
    Flushing(scribe, turned.source, turned.storing, watch, lambda: turned.now_us, metrics.ingest)
    turned.source.known = SourceReport(
        connected=True, waiting=3, waiting_bytes=90, oldest_us=turned.now_us - 5 * SECOND // 2
    )
    names = ("davy_ingest_queue_messages", "davy_ingest_queue_bytes", "davy_ingest_lag_seconds")
    assert [metrics.registry.get_sample_value(name) for name in names] == [3, 90, 2.5]
    turned.now_us += SECOND
    assert metrics.registry.get_sample_value(names[2]) == 3.5
    turned.source.known = SourceReport(connected=True)
    turned.kept.open.clear()
    turned.begin(0)
    assert [metrics.registry.get_sample_value(name) for name in names] == [0, 0, 0]
    turned.kept.open.set()
    turned.pipeline.end()
    scribe.close()
