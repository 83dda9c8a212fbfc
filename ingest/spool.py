"""Judged batches on the local disk, in order, until the database has them. Bounded, and nothing in it is thrown away.

One thread appends, forgets and mends; another reads, but not while it is mended. What cannot be read any more is set aside under a
name with the instant (ingest/aside.py), and a new file goes on with what is whole (ingest/mending.py).
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from core.errors import BadSetting
from core.log import logger
from ingest.aside import MOVED, discard_next, end_exchange, exchange, free_name, is_alone, next_file, set_aside
from ingest.mending import PORTION_BATCHES, Mending
from ingest.rejection import Rejected
from ingest.source import Clock
from ingest.spool_fit import strange
from ingest.spool_tail import Tail
from ingest.spooled import pack_directory, pack_record
from ingest.store import spool as file
from ingest.store.batch import Record
from ingest.store.spool import ASIDE, GLANCE_S, Row, SpoolDamaged, Unfinished

FULL: Final = (
    0.95  # of its limit, or of the disk: what is left lets a batch end and the database on the same disk shut down
)
AGAIN_S: Final = 0.5  # between two tries at a start; else the next turn is the next try
WRITTEN, EXCHANGED, CARRIED, ENDED = "mend_written", "mend_exchanged", "mend_carried", "mend_ended"
MENDING_POINTS: Final = (WRITTEN, MOVED, EXCHANGED, CARRIED, ENDED)

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class SpoolReport:
    """How the spool stands.

    Args:
        used: share of its room that is taken, 0 to 1.
        set_aside: names of damaged files, oldest first.
    """

    batches: int
    bytes: int
    oldest_s: float | None
    used: float
    set_aside: Sequence[str]


class Spool(Tail):
    """The spool of one worker.

    Args:
        folder: the worker's own.
        limit_bytes: most it may hold, give or take a batch.
        clock: names what is set aside.
        watches_disk: the disk's room counts too, whoever fills it.
        portion: most batches that are carried over at once.
        after: told each of `MENDING_POINTS` once it is passed.
    """

    def __init__(
        self,
        folder: Path,
        limit_bytes: int,
        clock: Clock,
        *,
        watches_disk: bool = True,
        portion: int = PORTION_BATCHES,
        after: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__(folder, clock)
        self.mendings = 0  # how often numbers may have changed hands
        self._limit = limit_bytes
        self._watches_disk = watches_disk
        self._portion = portion
        self._said = False
        self._after = after
        try:
            end_exchange(folder)
            self._writer = self._opened()
            self._mend_whole()  # what a process that is gone had begun
        except (sqlite3.Error, OSError) as error:
            raise BadSetting(f"The spool {self._path} cannot be opened ({error}).") from error

    # --- how it stands ---

    @property
    def used(self) -> float:
        """Share of the room that is taken, 0 to 1: of the limit or of the disk, whichever is more."""
        own = (self._bytes + self._left_bytes()) / self._limit
        if not self._watches_disk:
            return own
        disk = shutil.disk_usage(self._folder)
        return max(own, disk.used / max(1, disk.used + disk.free))

    @property
    def full(self) -> bool:
        """Whether it takes nothing more."""
        return self.used >= FULL

    def report(self) -> SpoolReport:
        """For doctor, pages and metrics."""
        waiting = self._entries or self._behind
        oldest_s = max(0, self._clock() - waiting[0].judged_now) / 1_000_000 if waiting else None
        aside = sorted(found.name for found in self._folder.glob(ASIDE))
        batches = len(self._entries) + len(self._behind) + (self._mending.left if self._mending else 0)
        return SpoolReport(batches, self._bytes + self._left_bytes(), oldest_s, self.used, aside)

    # --- in and out ---

    def append(self, record: Record, rejected: Sequence[Rejected]) -> bool:
        """Puts a batch at the tail, on the disk when this returns; False where there is no room.

        Raises:
            SpoolDamaged: the file cannot be written any more.
        """
        return not self.full and self._put(record, rejected)

    # --- what follows on the database ---

    def newest_until(self, mark_no: int) -> int | None:
        """The newest of its batches that a database whose mark is at `mark_no` should have."""
        return next((entry.batch_no for entry in reversed(self._entries) if entry.batch_no <= mark_no), None)

    def fit(self, mark_no: int, judged_now: int | None, lineage: str) -> int:
        """Drops what the database has; what does not follow on its mark is set aside.

        Where the same database has stepped back behind batches that it had confirmed, what waits here follows on what it has.

        Args:
            judged_now: `now` of the batch `newest_until(mark_no)`, as the database has it; None: it has none.
            lineage: of the database.

        Returns:
            The number of the last batch: the mark's where nothing is left.
        """
        ours = file.lineage_of(self._writer) if self._writer is not None else None
        reason = strange(self._entries, ours, mark_no=mark_no, judged_now=judged_now, lineage=lineage)
        if self._entries and reason is not None:
            first, last = self._entries[0].batch_no, self._entries[-1].batch_no
            self._begin_anew(
                f"batches {first} to {last} do not follow on the database's, which ends with {mark_no}: {reason}"
            )
        self._lineage = lineage
        try:
            if self._writer is not None and file.lineage_of(self._writer) != lineage:
                file.keep_lineage(self._writer, lineage)
            self.forget_until(mark_no)
            if self._entries and self._entries[0].batch_no > mark_no + 1:
                self._close_up(mark_no)
        except sqlite3.Error as error:
            raise BadSetting(f"The spool {self._path} cannot be written ({error}).") from error
        return self.tail_no or mark_no

    def _close_up(self, mark_no: int) -> None:
        """Batches up to the first one here were lost by the database: what is left takes their numbers."""
        assert self._writer is not None
        first, last = self._entries[0].batch_no, self._entries[-1].batch_no
        lower_by = first - mark_no - 1
        file.renumber(self._writer, lower_by)
        self._entries = deque(replace(entry, batch_no=entry.batch_no - lower_by) for entry in self._entries)
        log.error("database_stepped_back", mark=mark_no, lost=f"{mark_no + 1} to {first - 1}", waiting=last - first + 1)

    def _begin_anew(self, reason: str) -> None:
        """A new file in place of this one, which is set aside whole."""
        with self._reading:
            self._let_go()
            set_aside(self._folder, self._clock(), reason)
            self._go_on()

    def _go_on(self) -> None:
        """With the file that is in its place now; where that cannot be opened yet, it is tried again when it is wanted."""
        try:
            self._writer = self._opened()
        except sqlite3.Error as error:
            log.error("spool_not_made", reason=str(error))

    # --- mending ---

    def begin_mending(self, stored_no: int, in_hand: Record | None, reason: str) -> bool:
        """Sets the file aside; a new one goes on, into which `mend_on` carries what is whole. False where there is no room for it.

        Where this file was being carried into already, what had not come yet is carried from where it lies.

        Args:
            stored_no: the last batch the database has.
            in_hand: the batch after it, where it is being stored at this moment: it keeps its number.
        """
        tail_no = max(self.tail_no or 0, stored_no)
        kept = in_hand if in_hand is not None and stored_no < in_hand.batch_no <= tail_no else None
        given_no = stored_no if kept is None else kept.batch_no
        name = free_name(self._folder, self._clock())
        plan = Unfinished(name, reason, stored_no, tail_no, given_no, given_no)
        older = [] if self._mending is None else [*self._mending.older, self._mending.known]
        left_bytes = sum(entry.size for entry in (*self._entries, *self._behind) if entry.batch_no > given_no)
        left_bytes += self._left_bytes()
        try:
            self._write_next([*older, plan], kept)
        except sqlite3.Error as error:
            self._say_once(error)
            discard_next(self._folder, name)
            return False
        self._after(WRITTEN)
        with self._reading:
            self._let_go()
            exchange(self._folder, name, self._after)
            self._mending = Mending(self._folder, plan, left_bytes, older)
            self._go_on()
        self.mendings += 1
        log.error("spool_set_aside", file=str(self._folder / name), reason=reason)
        self._after(EXCHANGED)
        return True

    def _write_next(self, plans: Sequence[Unfinished], kept: Record | None) -> None:
        name = plans[-1].file
        with closing(file.open_file(next_file(self._folder, name), GLANCE_S)) as connection:
            if self._lineage is not None:
                file.keep_lineage(connection, self._lineage)
            with file.writing(connection):
                for plan in plans:
                    file.keep_unfinished(connection, plan)
                if kept is not None:
                    number = file.add_directory(connection, pack_directory(kept.directory))
                    payload = pack_record(kept, kept.rejected)
                    file.add_batch(connection, Row(kept.batch_no, kept.judgement.now_us, number, payload))
            file.settle(connection)
        if not is_alone(self._folder, name):
            raise sqlite3.OperationalError("the new file has a log beside it: somebody else has it open")

    def mend_on(self) -> int | None:
        """Carries over another portion; once all is: how many batches were lost. None: there is more.

        Raises:
            SpoolDamaged: the new file cannot be written any more.
        """
        try:
            return self._mend_on()
        except sqlite3.Error as error:
            if not file.passing(error) and self._writer is not None:
                raise SpoolDamaged(str(error)) from error
            self._say_once(error)
            return None

    def _say_once(self, error: sqlite3.Error) -> None:
        """Once: it is tried again at each turn."""
        if not self._said:
            log.error("spool_has_no_room" if file.no_room(error) else "spool_mending_waits", reason=str(error))
        self._said = True

    def _mend_on(self) -> int | None:
        self._writer = self._writer or self._opened()
        mending = self._mending
        assert mending is not None
        carried = mending.carry(self._writer, self._portion, self._clock())
        self._said = False
        for entry in carried:
            self._entries.append(entry)
            self._bytes += entry.size
        self._after(CARRIED)
        if mending.left:
            return None
        lost = mending.end(self._writer)
        mending.close()
        self._mending = None
        self._entries.extend(replace(entry, batch_no=entry.batch_no - lost) for entry in self._behind)
        self._behind.clear()
        self.mendings += 1
        self._after(ENDED)
        return lost

    def _mend_whole(self) -> None:
        while self._mending is not None:
            try:
                self._mend_on()
            except sqlite3.OperationalError:
                if self._mending.unread_since is None:
                    raise
                time.sleep(AGAIN_S)  # the disk fails to read: until it does, or is taken at its word

    def mend(self, stored_no: int, reason: str) -> None:
        """Mends it at once, before anything is judged.

        Raises:
            BadSetting: there is no room for it.
        """
        try:
            if self.begin_mending(stored_no, None, reason):
                self._mend_whole()
                return
        except sqlite3.Error as error:
            log.error("spool_not_carried_over", reason=str(error))
        raise BadSetting(f"The spool {self._path} is damaged ({reason}), and there is no room to mend it.")
