"""The path of a reading, design section 4: the story of one batch, told by six steps.

    receive  take what the broker delivered
    decode   bytes to columns; what cannot be taken is rejected with a reason
    sort     drop repeats, find the instants, mark what is late
    judge    detectors and conditions, once
    store    one transaction, of another thread: fence, readings, events last; where the database is away or slow, the spool
    ack      acknowledged means judged, and stored or in the spool

While one batch is stored, the next is received and judged. One function walks the steps and calls `after(step)`; fault tests
enumerate them, so a new step cannot escape them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from core.batch import Event
from core.metrics import IngestMetrics
from ingest.clock import OLDEST_US
from ingest.decode import Decoded
from ingest.judge import Judgement
from ingest.organs import Organs
from ingest.recounting import Recounting
from ingest.rejection import RejectionLimit
from ingest.sorting import Sorted
from ingest.source import Clock, Lot, Source, SourceReport
from ingest.store.batch import STORE_POINTS, Committed, Record
from ingest.storing import SPOOL_POINTS, Storing
from ingest.urgent import Urgent
from ingest.watch import Watch

FAULT_POINTS: Final = ("receive", "decode", "sort", "judge", *STORE_POINTS, *SPOOL_POINTS, "store", "ack")
# A batch: about 70,000 readings of a message with 50, half a second of the database.
MOST_BYTES: Final = 4 * 1024 * 1024
# Part of a batch: so many messages are judged at once, fewer gather until the batch before them is stored.
ENOUGH: Final = 4


@dataclass(slots=True)
class Work:
    """A batch on its way; each step adds what it found.

    Args:
        committed: what the commit said; None: it lies in the spool.
    """

    now_us: int
    wait_s: float
    lot: Lot = field(default_factory=Lot)
    virtual: list[tuple[int, float]] = field(default_factory=list)
    decoded: Decoded | None = None
    sorted: Sorted | None = None
    judgement: Judgement | None = None
    committed: Committed | None = None


Step = tuple[str, Callable[[Work], bool]]


class Pipeline:
    """Runs batches, in order.

    Args:
        organs: decoder, sorter and judge of the definitions in force; replaced between batches.
        urgent: told of the events of each batch that lies in the spool.
        recounting: counts late readings into averages; None: they stay out of them.
        most_messages: messages in a batch.
        after: told each point of `FAULT_POINTS` once it is passed.
    """

    def __init__(
        self,
        source: Source,
        organs: Organs,
        watch: Watch,
        storing: Storing,
        urgent: Urgent,
        clock: Clock,
        metrics: IngestMetrics,
        *,
        now_us: int,
        most_messages: int,
        after: Callable[[str], None],
        recounting: Recounting | None = None,
    ) -> None:
        self.organs = organs
        self._recounting = recounting
        self.differences: list[Event] = []  # bring `alarm` in line with the conditions; the next batch carries them
        self.now_us = now_us
        self._source = source
        self._watch = watch
        self._storing = storing
        self._urgent = urgent
        self._clock = clock
        self._metrics = metrics
        self._most = most_messages
        self._enough = max(1, most_messages // ENOUGH)
        self._after = after
        self._limit = RejectionLimit()
        self._being_stored: Work | None = None
        self._judging: tuple[Step, ...] = (
            ("receive", self._receive),
            ("decode", self._decode),
            ("sort", self._sort),
            ("judge", self._judge),
        )
        self._ending: tuple[Step, ...] = (("store", self._store), ("ack", self._ack))

    def run_once(self, wait_s: float) -> list[Work]:
        """Judges one batch, if there is anything to do within `wait_s`, while the one before it is stored.

        Returns:
            Batches that came to their end: acknowledged.
        """
        self._storing.turn()
        if self._recounting is not None:
            self._recounting.turn(self.organs, self._storing, self.now_us, self._clock)
        work = Work(0, wait_s)
        judged = self._walk(work, self._judging)
        ended = self.end() if judged or self._storing.due else []
        if judged:
            self._hand_over(work)
            if self._storing.due:  # it goes into the spool
                ended += self.end()
        return ended

    def end(self) -> list[Work]:
        """Waits for the batch that is being stored, if there is one, and acknowledges it."""
        work, self._being_stored = self._being_stored, None
        if work is None:
            return []
        self._walk(work, self._ending)
        return [work]

    def _walk(self, work: Work, steps: tuple[Step, ...]) -> bool:
        for name, step in steps:
            if not step(work):
                return False
            self._after(name)
        return True

    def _receive(self, work: Work) -> bool:
        """False where nothing came, no virtual sensor has news, and time alone shows nothing.

        What was taken is never let go: it would not come again on this connection. So nothing is taken that cannot be kept:
        the broker's window is the back-pressure.
        """
        if self._storing.full:
            self._storing.wait(work.wait_s)
            return False
        gathered_s = self._storing.gather(lambda: self._source.report().waiting >= self._enough, work.wait_s)
        work.lot = self._source.take(self._most, MOST_BYTES, max(0.0, work.wait_s - gathered_s), gathered_s)
        # `now` rises from batch to batch, so that readings of virtual sensors have keys of their own.
        work.now_us = max(self._clock(), self.now_us + 1)
        if work.now_us < OLDEST_US and not work.lot.messages:
            return False  # a clock that follows the data has not begun
        report = self._source.report()
        self._watch.tick(report, work.lot, work.now_us)
        if not work.lot.messages:
            work.virtual = self._news(report, work.now_us)
            due_us = self.organs.judge.due_us()
            time_shows = self._watch.turned or (due_us is not None and due_us <= work.now_us)
            time_shows = time_shows or (self._recounting is not None and self._recounting.ready)
            if not (work.virtual or time_shows or self.differences):
                return False
        if work.lot.again is None:
            self._metrics.received.inc(len(work.lot))
            self._metrics.received_bytes.inc(sum(len(m.payload) for m in work.lot.messages))
        return True

    def _news(self, report: SourceReport, now_us: int) -> list[tuple[int, float]]:
        judge = self.organs.judge
        together = judge.compounds.numbers()
        return self._watch.news(self.organs.sorter, report, now_us, self._storing.used, together, judge.set_aside)

    def _decode(self, work: Work) -> bool:
        work.decoded = self.organs.decoder.decode(work.lot.messages)
        work.decoded.rejected = self._limit.admit(work.decoded.rejected)
        self._watch.heard(work.decoded)
        if work.lot.messages:
            # Only now: nobody whose message is in hand is silent.
            work.virtual = self._news(self._source.report(), work.now_us)
        self._metrics.decoded.inc(len(work.decoded.sensor))
        return True

    def _sort(self, work: Work) -> bool:
        assert work.decoded is not None
        work.sorted = self.organs.sorter.sort(work.decoded, work.now_us, work.virtual)
        self._metrics.late.inc(int(work.sorted.late.sum()))
        self._metrics.repeated.inc(len(work.sorted.repeated))
        return True

    def _judge(self, work: Work) -> bool:
        assert work.sorted is not None
        recount = None if self._recounting is None else self.organs.judge.counted(self._recounting.take)
        with self._metrics.judge_seconds.time():
            work.judgement = self.organs.judge.judge(
                work.sorted.batch, work.sorted.late, work.now_us, self._watch.watched_us, recount
            )
        work.judgement.events[:0] = self.differences
        self.differences = []
        self.now_us = work.now_us
        return True

    def _hand_over(self, work: Work) -> None:
        assert work.decoded is not None
        assert work.sorted is not None
        assert work.judgement is not None
        record = Record(
            received_us=work.lot.messages[0].received_us if work.lot.messages else work.now_us,
            lot=work.lot,
            sorted=work.sorted,
            judgement=work.judgement,
            directory=self.organs.sorter.directory,
            rejected=work.decoded.rejected,
            standing=self.organs.judge.standing() if self._storing.lost_some() else None,
        )
        self._storing.hand_over(record)
        self._being_stored = work

    def _store(self, work: Work) -> bool:
        assert work.judgement is not None
        work.committed = self._storing.settle()
        if work.committed is None:
            self._urgent.spooled(work.judgement.events, work.now_us)
        return True

    def _ack(self, work: Work) -> bool:
        if work.lot.messages:
            self._source.ack(work.lot)
            self._metrics.acks.inc(0 if work.lot.again else len(work.lot))
            waited_us = self._clock() - work.lot.messages[0].received_us
            self._metrics.batch_seconds.observe(max(0, waited_us) / 1_000_000)
        return True
