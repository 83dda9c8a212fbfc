"""Where a judged batch goes: into the database, or, where that takes too long, into the spool and from there.

One thread stores, in order. The pipeline's thread hands a batch over, goes on judging the next one, and settles: it hears
that the batch is stored, or puts it into the spool. While the spool holds anything, every batch goes to its tail, so there is
one order. The fence says which batches the database has, so a batch may stand in both.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from core.errors import DavyError
from core.log import logger
from core.metrics import IngestMetrics
from ingest.committer import Committer, Interrupted
from ingest.rejection import Rejected
from ingest.spool import Spool, SpoolReport
from ingest.store.batch import Committed, Record
from ingest.store.spool import SpoolDamaged

SPOOLED, DRAINED = "spooled", "drained"
SPOOL_POINTS: Final = (SPOOLED, DRAINED)
# A batch that is not stored so long after it was handed over goes into the spool. An alarm for life safety has 5 s from its reading
# to its channel; a full batch takes the database half a second.
PATIENCE_S: Final = 2.0
TIDY_S: Final = 1.0
# While batches wait in the spool they are made larger: the database stores a few large ones sooner than many small ones.
GATHER_S: Final = 0.1
LOOK_S: Final = 0.005  # between looks whether there are enough
NO_ROOM_S: Final = 0.5  # between looks whether there is room again
LAST_DRAIN_S: Final = 1.0
FAREWELL_S: Final = 10.0  # for the batch in hand, at the end

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class _Given:
    """The batch that was handed over and is not settled.

    Args:
        rejected: what decoding rejected; storing may add to the record's own.
        at_once: the storing thread has it; else it goes to the spool's tail.
        until: when patience runs out, of the monotonic clock.
    """

    record: Record
    rejected: list[Rejected]
    at_once: bool
    until: float


class Storing:
    """Stores batches in order.

    Args:
        stored_no: the last batch the database has; what the spool holds follows on it.
        patience_s: how long a batch may take to be stored before it goes into the spool; 0: every batch goes there.
        after: told each of `SPOOL_POINTS` once it is passed.
        wake: called, by the storing thread, when the batch that was handed over is stored.
    """

    def __init__(
        self,
        committer: Committer,
        spool: Spool,
        metrics: IngestMetrics,
        *,
        stored_no: int,
        patience_s: float,
        after: Callable[[str], None],
        wake: Callable[[], None],
    ) -> None:
        self.batch_no = spool.tail_no or stored_no  # the last that was handed over
        self.stored_no = stored_no
        self._committer = committer
        self._spool = spool
        self._metrics = metrics
        self._patience_s = patience_s
        self._after = after
        self._wake = wake
        self._news = threading.Condition()
        self._given: _Given | None = None
        self._inbox: Record | None = None
        self._in_hand: Record | None = None
        self._committed = Committed()
        self._damage: str | None = None
        self._over = False
        self._failure: BaseException | None = None
        self._unstable = False
        self._next_tidy = 0.0
        self._thread = threading.Thread(target=self._run, name="storing", daemon=True)

    # --- the pipeline's side ---

    def start(self) -> None:
        """Begins to store, with what the spool holds."""
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Batches that the database has not yet."""
        return self.batch_no - self.stored_no

    @property
    def full(self) -> bool:
        """Whether nothing more can be taken: the spool is in use and has no room."""
        return self.waiting > 0 and self._spool.full

    @property
    def mendings(self) -> int:
        """Grows when the spool is mended: batches that were lost by it give their numbers to others."""
        return self._spool.mendings

    def report(self) -> SpoolReport:
        """How the spool stands."""
        return self._spool.report()

    @property
    def used(self) -> float:
        """Share of the spool's room that is taken, 0 to 1."""
        return self._spool.used

    def lost_some(self) -> bool:
        """Whether batches may have been lost since the last call: `alarm` must be brought in line."""
        lost, self._unstable = self._unstable, False
        return lost

    def hand_over(self, record: Record) -> None:
        """Takes a batch to be stored, in order; the one before it is settled.

        Raises:
            Fenced, SteppedBack: another owner has taken over; the database has lost batches that it had confirmed.
        """
        self.turn()
        at_once = self.waiting == 0 and self._patience_s > 0 and not self._spool.mending
        self._given = _Given(record, list(record.rejected), at_once, time.monotonic() + self._patience_s)
        if at_once:
            self._to_thread(record)

    @property
    def due(self) -> bool:
        """Whether `settle` has something to settle, and would not wait for the database."""
        given = self._given
        if given is None:
            return False
        return (
            not given.at_once
            or self._over
            or self.stored_no >= given.record.batch_no
            or time.monotonic() >= given.until
        )

    def settle(self) -> Committed | None:
        """Waits until the batch that was handed over is stored or lies in the spool.

        Returns:
            What the commit said; None: it lies in the spool.

        Raises:
            Fenced, SteppedBack: another owner has taken over; the database has lost batches that it had confirmed.
            Interrupted: the process is to end, the database is away and the spool has no room.
        """
        given, self._given = self._given, None
        assert given is not None
        if given.at_once and self._stored(given):
            return self._committed
        while not self._append(given):
            if given.at_once and self.stored_no >= given.record.batch_no:
                return self._committed
            if self._over:
                raise Interrupted
            if (
                not given.at_once and self.waiting == 0 and not self._spool.mending
            ):  # the spool has drained meanwhile, and still has no room
                given = replace(given, at_once=True)
                self._to_thread(given.record)
            self.wait(NO_ROOM_S)
            self.turn()
        self._after(SPOOLED)
        self._metrics.spooled.inc()
        return None

    def turn(self) -> None:
        """What is to be done between batches: tidying, mending, hearing of the other thread's end.

        Raises:
            Fenced, SteppedBack: another owner has taken over; the database has lost batches that it had confirmed.
        """
        with self._news:
            if self._failure is not None:
                raise self._failure
            if self._damage is not None:
                self._begin_mending(self._damage)
            if self._spool.mending:
                self._mend_on()
            emptied = self.waiting == 0 and self._spool.tail_no is not None
            stored_no = self.stored_no
        if emptied or time.monotonic() >= self._next_tidy:
            self._next_tidy = time.monotonic() + TIDY_S
            self._spool.forget_until(stored_no)

    def wait(self, wait_s: float) -> None:
        """Until something was stored, at most `wait_s`."""
        with self._news:
            self._news.wait(wait_s)

    def gather(self, enough: Callable[[], bool], wait_s: float) -> float:
        """Lets messages gather while the database is busy anyway: until it is not, there are enough, or time is over.

        A reading that is judged early would wait for the batch before it; one that comes later would have to wait for both.

        Returns:
            How long it took, in seconds.
        """
        began = time.monotonic()
        until = began + (GATHER_S if self.waiting > 1 else wait_s)
        with self._news:
            while self.waiting and not self.due and not enough() and (left_s := until - time.monotonic()) > 0:
                self._news.wait(min(left_s, LOOK_S))
        return time.monotonic() - began

    def finish(self) -> None:
        """Stores what little waits, so that the last checkpoint can be kept, and closes the file; more stays for the next start."""
        with self._news:
            self._news.wait_for(lambda: self.waiting == 0 or self._over, LAST_DRAIN_S)
            self._over = True
            self._news.notify_all()
        if self._thread.is_alive():
            self._thread.join(FAREWELL_S)
        if self._failure is None:
            self._spool.forget_until(self.stored_no)
        self._spool.close()

    def _to_thread(self, record: Record) -> None:
        with self._news:
            record.batch_no = self.batch_no = self.batch_no + 1
            self._inbox = record
            self._news.notify_all()

    def _stored(self, given: _Given) -> bool:
        """Whether it is stored before patience runs out.

        Raises:
            Fenced, SteppedBack: another owner has taken over; the database has lost batches that it had confirmed.
        """
        with self._news:
            number = given.record.batch_no
            left_s = max(0.0, given.until - time.monotonic())
            self._news.wait_for(lambda: self.stored_no >= number or self._over, left_s)
            if self._failure is not None:
                raise self._failure
            return self.stored_no >= number

    def _append(self, given: _Given) -> bool:
        """To the spool's tail; False where there is no room. What was handed to the storing thread is counted already."""
        record = given.record
        if not given.at_once:
            record.batch_no = self.batch_no + 1
        try:
            kept = self._spool.append(record, given.rejected)
        except SpoolDamaged as error:
            with self._news:
                self._begin_mending(str(error))
            return False  # once more, with the new file
        if kept:
            with self._news:
                self.batch_no = record.batch_no
                self._news.notify_all()
        return kept

    def _begin_mending(self, reason: str) -> None:
        """Called with the lock held: until it is over nothing is taken from the spool. Without room it is tried again."""
        begun = self._spool.begin_mending(self.stored_no, self._in_hand, reason)
        self._damage = None if begun else reason
        self._unstable = True

    def _mend_on(self) -> None:
        """A portion, with the lock held; at the end what was judged meanwhile has taken the numbers of what was lost."""
        try:
            lost = self._spool.mend_on()
        except SpoolDamaged as error:
            self._begin_mending(str(error))
            return
        if lost is not None:
            self.batch_no -= lost
            self._news.notify_all()

    # --- the storing thread ---

    def _run(self) -> None:
        try:
            while (record := self._next()) is not None:
                committed = self._committer.commit(record)
                if record is not self._inbox:
                    self._after(DRAINED)
                self._settle(record, committed)
        except Interrupted:
            log.warning("storing_interrupted", waiting=self.waiting)
        except DavyError as error:
            self._failure = error
        except BaseException as error:
            self._failure = error
            raise
        finally:
            with self._news:
                self._over = True
                self._news.notify_all()

    def _next(self) -> Record | None:
        """The batch after the last that was stored, from memory or from the spool; None: it is over."""
        while True:
            with self._news:
                self._news.wait_for(lambda: self._over or self._can_go_on())
                if self._over:
                    return None
                number, mendings = self.stored_no + 1, self._spool.mendings
                if self._inbox is not None:
                    self._in_hand = self._inbox
                    return self._inbox
            try:
                record = self._spool.read(number)
            except SpoolDamaged as error:
                with self._news:
                    if mendings == self._spool.mendings and number <= self.batch_no:
                        self._damage = str(error)
                continue
            with self._news:
                if mendings == self._spool.mendings:
                    self._in_hand = record
                    return record

    def _can_go_on(self) -> bool:
        return self.waiting > 0 and self._damage is None and not self._spool.mending

    def _settle(self, record: Record, committed: Committed) -> None:
        with self._news:
            awaited = record is self._inbox
            self._inbox = self._in_hand = None
            self._committed, self.stored_no = committed, record.batch_no
            self._news.notify_all()
        if awaited:
            self._wake()
