"""The path of a batch, turned by hand, with the database and the broker left out."""

from __future__ import annotations

from ingest.source import SourceReport
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
    for _ in range(30):
        turned.turn()
    events = [event for record in turned.kept.records for event in record.judgement.events]
    assert [(e.active, (e.at - back_us) / SECOND) for e in events] == [(True, SILENT_S)]
