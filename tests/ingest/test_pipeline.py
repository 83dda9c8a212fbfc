"""The path of a batch, turned by hand, with the database and the broker left out."""

from __future__ import annotations

import threading

from core.metrics import Metrics
from ingest.committer import Committer
from ingest.directory import DeviceRow, Directory
from ingest.organs import Organs
from ingest.pipeline import Pipeline
from ingest.source import Lot, RawMessage, SourceReport
from ingest.store.batch import BatchWriter, Committed, Record
from ingest.watch import Watch
from tests.ingest.plant import START_US, definition, definition_set, device_row, message, payload, sensor

SECOND = 1_000_000
GATEWAY = 1  # slot
SILENT_S = 28.0


class Hand:
    """A source that gives what the test hands it: the network's edge."""

    def __init__(self) -> None:
        self.lots: list[list[RawMessage]] = []
        self.acked: list[Lot] = []
        self.known = SourceReport(connected=True)

    def start(self) -> None:
        """Nothing to connect to."""

    def take(self, most: int, most_bytes: int, wait_s: float) -> Lot:
        """The next lot."""
        return Lot(self.lots.pop(0) if self.lots else [])

    def ack(self, lot: Lot) -> None:
        """Kept for the test to look at."""
        self.acked.append(lot)

    def report(self) -> SourceReport:
        """As the test has it."""
        return self.known

    def stop(self) -> None:
        """Nothing to disconnect from."""


class Kept(Committer):
    """Records as they would have been committed: the database's edge."""

    def __init__(self) -> None:
        metrics = Metrics().ingest
        super().__init__("", str, BatchWriter("w", 1, lambda _: None), threading.Event(), metrics)
        self.records: list[Record] = []

    def commit(self, record: Record) -> Committed:
        """Kept."""
        self.records.append(record)
        return Committed()


class Turned:
    """A pipeline over one device d1 with a sensor s1 and a gateway, silent after 30 s."""

    def __init__(self, now_us: int = START_US) -> None:
        row = device_row(1)
        own = DeviceRow(device_id=9, company_id=1, site_id=1, site_key="north", key="_davy.north")
        directory = Directory(1, [row, own], [sensor(1, row, "s1"), sensor(2, own, "_gateway.d1", is_virtual=True)])
        definitions = definition_set(directory, [definition(1, 1, detector="stale", setpoint=SILENT_S)])
        self.now_us = now_us
        self.source = Hand()
        self.kept = Kept()
        watch = Watch(directory, watched_us=0, known_session=False, most=100)
        self.pipeline = Pipeline(
            self.source, Organs.grow(directory, definitions, 5 * SECOND), watch, self.kept, lambda: self.now_us,
            Metrics().ingest, batch_no=0, now_us=0, most_messages=100, after=lambda _: None,
        )  # fmt: skip

    def turn(self, *seqs: int, after_s: float = 1.0) -> None:
        """One turn; d1 has sent these messages."""
        self.now_us += int(after_s * SECOND)
        if seqs:
            bodies = [payload(seq, self.now_us, [{"s": "s1", "v": 1.0}]) for seq in seqs]
            self.source.lots.append([message("d1", body, self.now_us) for body in bodies])
        self.pipeline.run_once(0)

    def said(self) -> list[float]:
        """Numbers of the gateway, in order."""
        batches = [record.sorted.batch for record in self.kept.records]
        return [
            v for b in batches for slot, v in zip(b.sensor.tolist(), b.value.tolist(), strict=True) if slot == GATEWAY
        ]


def test_what_was_taken_is_judged_whatever_our_clock_says() -> None:
    """A machine that starts in 1970 holds no message back: what is not acknowledged would not come again."""
    turned = Turned(now_us=0)
    turned.turn()
    assert turned.kept.records == []
    turned.turn(0)
    assert [len(record.lot) for record in turned.kept.records] == [1]
    assert [len(lot) for lot in turned.source.acked] == [1]


def test_nobody_whose_message_is_in_hand_is_silent() -> None:
    """After a turn that took long, what came meanwhile is heard before anybody is called silent."""
    turned = Turned()
    turned.turn(0)
    turned.turn(1, after_s=40.0)
    turned.turn(2)
    assert set(turned.said()) == {0.0}


def test_unwatched_time_is_left_out_where_it_lay() -> None:
    """A reading of a backlog counts as made when watching began again: the time before it is nobody's silence."""
    turned = Turned()
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
