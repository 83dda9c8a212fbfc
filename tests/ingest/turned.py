"""A pipeline turned by hand: a source that gives what the test says, and a database that takes what the test lets through."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from core.batch import Event
from core.metrics import Metrics
from ingest.checkpoint import replay_spooled
from ingest.committer import Committer, Interrupted
from ingest.directory import DeviceRow, Directory
from ingest.organs import Organs
from ingest.pipeline import Pipeline, Work
from ingest.source import Lot, RawMessage, SourceReport
from ingest.spool import Spool
from ingest.store.batch import BatchWriter, Committed, Record
from ingest.storing import Storing
from ingest.urgent import Nobody
from ingest.watch import Watch
from tests.ingest.plant import START_US, definition, definition_set, device_row, message, payload, sensor

SECOND = 1_000_000
SILENT_S = 28.0
GATEWAY = 1  # slot
LIMIT = 50.0
LONG_S = 60.0  # patience of tests that are not about it


class Hand:
    """A source that gives what the test hands it: the network's edge."""

    def __init__(self) -> None:
        self.lots: list[list[RawMessage]] = []
        self.acked: list[Lot] = []
        self.known = SourceReport(connected=True)
        self.asked: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Nothing to connect to."""

    def take(self, most: int, most_bytes: int, wait_s: float, gathered_s: float = 0.0) -> Lot:
        """The next lot."""
        self.asked()
        return Lot(self.lots.pop(0) if self.lots else [])

    def wake(self) -> None:
        """It never waits."""

    def ack(self, lot: Lot) -> None:
        """Kept for the test to look at."""
        self.acked.append(lot)

    def report(self) -> SourceReport:
        """As the test has it."""
        return self.known

    def stop(self) -> None:
        """Nothing to disconnect from."""


class Kept(Committer):
    """Records as they would have been committed: the database's edge.

    While `open` is not set it takes nothing, as a database that is away.
    """

    def __init__(self) -> None:
        self.ending = threading.Event()
        super().__init__("", str, BatchWriter("w", 1, lambda _: None), self.ending, Metrics().ingest)
        self.records: list[Record] = []
        self.open = threading.Event()
        self.open.set()

    def commit(self, record: Record) -> Committed:
        """Kept, once it is open."""
        while not self.open.wait(0.01):
            if self.ending.is_set():
                raise Interrupted
        self.records.append(record)
        return Committed()


class Told(Nobody):
    """Hears of spooled events."""

    def __init__(self) -> None:
        self.batches: list[list[Event]] = []

    def spooled(self, events: Sequence[Event], now_us: int) -> None:
        """Kept."""
        self.batches.append(list(events))

    def applied(self, connection: object, events: Sequence[Event], now_us: int) -> None:
        """The database is not there."""


class Turned:
    """A pipeline over one device d1 with a sensor s1, limited to 50, silent after 30 s, and another, its gateway and the spool's sensor."""

    def __init__(
        self,
        folder: Path,
        now_us: int = START_US,
        patience_s: float = LONG_S,
        limit_bytes: int = 10**9,
        portion: int = 1000,
    ) -> None:
        row = device_row(1)
        own = DeviceRow(device_id=9, company_id=1, site_id=1, site_key="north", key="_davy.north")
        sensors = [
            sensor(1, row, "s1"),
            *(sensor(n, own, key, is_virtual=True) for n, key in ((2, "_gateway.d1"), (3, "_spool"))),
            sensor(4, row, "s2"),
        ]
        self.directory = Directory(1, [row, own], sensors)
        stale = definition(1, 1, detector="stale", setpoint=SILENT_S)
        self.definitions = definition_set(self.directory, [stale, definition(2, 1, setpoint=LIMIT)])
        self.now_us = now_us
        self.passed: list[str] = []
        self.second_judged: Callable[[], None] = lambda: None  # called when the second batch is judged
        self.source = Hand()
        self.kept = Kept()
        self.told = Told()
        metrics = Metrics().ingest
        self.spool = Spool(folder, limit_bytes, lambda: self.now_us, watches_disk=False, portion=portion)
        self.storing = Storing(
            self.kept,
            self.spool,
            metrics,
            stored_no=0,
            patience_s=patience_s,
            after=lambda _: None,
            wake=self.source.wake,
        )
        self.storing.start()
        watch = Watch(self.directory, watched_us=0, known_session=False, most=100)
        self.organs = self.fresh()
        self.pipeline = Pipeline(
            self.source, self.organs, watch, self.storing, self.told, lambda: self.now_us, metrics,
            now_us=0, most_messages=100, after=self._passed,
        )  # fmt: skip

    def _passed(self, point: str) -> None:
        self.passed.append(point)
        if point == "judge" and self.passed.count(point) == 2:
            self.second_judged()

    def fresh(self) -> Organs:
        """Organs without a past."""
        return Organs.grow(self.directory, self.definitions, 5 * SECOND)

    def turn(self, *seqs: int, after_s: float = 1.0, value: float = 1.0, key: str = "s1") -> Work | None:
        """One turn, until what it judged is stored or spooled; d1 has sent these messages."""
        ended = [*self.begin(*seqs, after_s=after_s, value=value, key=key), *self.pipeline.end()]
        return ended[-1] if ended else None

    def begin(self, *seqs: int, after_s: float = 1.0, value: float = 1.0, key: str = "s1") -> list[Work]:
        """One turn, as far as it goes without waiting; what came to its end meanwhile."""
        self.now_us += int(after_s * SECOND)
        if seqs:
            bodies = [payload(seq, self.now_us, [{"s": key, "v": value}]) for seq in seqs]
            self.source.lots.append([message("d1", body, self.now_us) for body in bodies])
        return self.pipeline.run_once(0)

    def said(self) -> list[float]:
        """Numbers of the gateway, in order."""
        batches = [record.sorted.batch for record in self.kept.records]
        return [
            v for b in batches for slot, v in zip(b.sensor.tolist(), b.value.tolist(), strict=True) if slot == GATEWAY
        ]

    def drained(self) -> None:
        """Until everything that was judged is stored."""
        while self.storing.waiting:
            self.storing.wait(0.01)
            self.storing.turn()

    def end(self) -> None:
        """What a process does when it goes."""
        self.kept.ending.set()
        self.storing.finish()


def replayed(spool: Spool, organs: Organs, numbers: Sequence[int]) -> Organs:
    """Organs that judged these batches of a spool again."""
    for number in numbers:
        replay_spooled(spool.read(number), organs)
    return organs


Turn = Callable[..., Turned]


@pytest.fixture
def turned_by(tmp_path: Path) -> Iterator[Turn]:
    """Makes pipelines that are ended with the test; arguments as `Turned` has them."""
    made: list[Turned] = []

    def make(**more: object) -> Turned:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Turned(folder, **more))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for turned in made:
        turned.end()
