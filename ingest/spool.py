"""Judged batches on the local disk, in order, until the database has them. Bounded, and nothing in it is thrown away.

One thread appends, forgets and mends; another reads. What cannot be read any more is set aside under a name with the
instant, and a new file goes on.
"""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec

from core.errors import BadSetting
from core.log import logger
from ingest.directory import Directory
from ingest.instant import instant
from ingest.rejection import Rejected
from ingest.source import Clock
from ingest.spooled import pack_directory, pack_record, unpack_directory, unpack_record
from ingest.store import spool as file
from ingest.store.batch import Record
from ingest.store.spool import ASIDE, FILE, Entry, Row, SpoolDamaged

FULL: Final = (
    0.95  # of its limit, or of the disk: what is left lets a batch end and the database on the same disk shut down
)
SHRINK_BYTES: Final = 64 * 1024 * 1024  # a larger file gives its room back once it is empty
_COMPANIONS: Final = ("", "-wal", "-shm")

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


class Spool:
    """The spool of one worker.

    Args:
        folder: the worker's own.
        limit_bytes: most it may hold, give or take a batch.
        clock: names what is set aside.
        watches_disk: the disk's room counts too, whoever fills it.
    """

    def __init__(self, folder: Path, limit_bytes: int, clock: Clock, *, watches_disk: bool = True) -> None:
        self.mendings = 0
        self._folder = folder
        self._path = folder / FILE
        self._limit = limit_bytes
        self._clock = clock
        self._watches_disk = watches_disk
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self._reading = threading.Lock()  # held while the reader reads, and while the file is exchanged
        self._reader: sqlite3.Connection | None = None
        self._directories: dict[int, Directory] = {}
        self._last_directory: tuple[Directory, int] | None = None
        self._lineage: str | None = None
        try:
            self._writer: sqlite3.Connection | None = self._opened()
        except (sqlite3.Error, OSError) as error:
            raise BadSetting(f"The spool {self._path} cannot be opened ({error}).") from error

    def _opened(self) -> sqlite3.Connection:
        """A file that can be used; one that cannot is set aside first."""
        try:
            writer, found = file.open_listed(self._path)
        except SpoolDamaged as error:
            self._set_aside(str(error))
            writer, found = file.open_listed(self._path)
        self._entries, self._bytes = deque(found), sum(entry.size for entry in found)
        if self._lineage is not None:
            file.keep_lineage(writer, self._lineage)
        return writer

    # --- how it stands ---

    @property
    def tail_no(self) -> int | None:
        """Number of the last batch in it."""
        return self._entries[-1].batch_no if self._entries else None

    @property
    def used(self) -> float:
        """Share of the room that is taken, 0 to 1: of the limit or of the disk, whichever is more."""
        own = self._bytes / self._limit
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
        oldest_s = max(0, self._clock() - self._entries[0].judged_now) / 1_000_000 if self._entries else None
        aside = sorted(found.name for found in self._folder.glob(ASIDE))
        return SpoolReport(len(self._entries), self._bytes, oldest_s, self.used, aside)

    # --- in and out ---

    def append(self, record: Record, rejected: Sequence[Rejected]) -> bool:
        """Puts a batch at the tail, on the disk when this returns; False where there is no room.

        Raises:
            SpoolDamaged: the file cannot be written any more.
        """
        return not self.full and self._put(record, rejected)

    def _put(self, record: Record, rejected: Sequence[Rejected]) -> bool:
        payload = pack_record(record, rejected)
        try:
            self._writer = self._writer or self._opened()
            with _writing(self._writer):
                number = self._directory_no(record.directory)
                row = Row(record.batch_no, record.judgement.now_us, number, payload)
                file.add_batch(self._writer, row)
        except sqlite3.Error as error:
            self._last_directory = None
            if self._writer is None or getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
                log.error("spool_has_no_room", reason=str(error))
                return False
            raise SpoolDamaged(str(error)) from error
        self._last_directory = record.directory, number
        self._note(Entry(record.batch_no, record.judgement.now_us, len(payload)))
        return True

    def read(self, batch_no: int) -> Record:
        """A batch as it was judged.

        Raises:
            SpoolDamaged: it is not what was written.
        """
        with self._reading:
            try:
                self._reader = self._reader or file.open_file(self._path)
                row = file.read_batch(self._reader, batch_no)
                return unpack_record(batch_no, row.payload, self._directory(self._reader, row.directory_no))
            except (sqlite3.Error, msgspec.MsgspecError, KeyError, ValueError) as error:
                raise SpoolDamaged(f"{type(error).__name__}: {error}") from error

    def _directory(self, reader: sqlite3.Connection, number: int) -> Directory:
        """The directory that was written under a number: mostly the very one in use, of which no second copy is made."""
        last, known = self._last_directory, self._directories.get(number)
        if last is not None and last[1] == number:
            return last[0]
        if known is None:
            known = unpack_directory(file.directory_content(reader, number))
            self._directories = {number: known}  # they change rarely, and one after the other
        return known

    def forget_until(self, stored_no: int) -> None:
        """Lets go of batches that the database has."""
        if not self._entries or self._entries[0].batch_no > stored_no or self._writer is None:
            return
        while self._entries and self._entries[0].batch_no <= stored_no:
            self._bytes -= self._entries.popleft().size
        try:
            if self._entries:
                file.drop_until(self._writer, stored_no)
                return
            with self._reading:
                self._directories, self._last_directory = {}, None
                file.drop_everything(self._writer, shrink=self._path.stat().st_size > SHRINK_BYTES)
        except sqlite3.Error as error:
            # They stand there a second time at worst: the fence knows them, and the next start drops them.
            log.warning("spool_not_tidied", reason=str(error))
            with _ignored():
                file.end(self._writer, keep=False)

    def close(self) -> None:
        """Closes the file."""
        with self._reading:
            self._close()

    def _close(self) -> None:
        for connection in (self._reader, self._writer):
            if connection is not None:
                with _ignored():
                    connection.close()
        self._reader = self._writer = None

    def _note(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._bytes += entry.size

    def _directory_no(self, directory: Directory) -> int:
        if self._last_directory is not None and self._last_directory[0] is directory:
            return self._last_directory[1]
        assert self._writer is not None
        return file.add_directory(self._writer, pack_directory(directory))

    # --- what is wrong ---

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
        if self._entries and (reason := self._strange(mark_no, judged_now, lineage)) is not None:
            first, last = self._entries[0].batch_no, self._entries[-1].batch_no
            self._exchange(
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

    def _strange(self, mark_no: int, judged_now: int | None, lineage: str) -> str | None:
        """Why what lies here cannot be stored in this database; None: it can."""
        ours = file.lineage_of(self._writer) if self._writer is not None else None
        numbers = [entry.batch_no for entry in self._entries if entry.batch_no > mark_no]
        stored = [
            entry for entry in self._entries if entry.batch_no <= mark_no
        ]  # what could not be dropped at the time
        if ours is not None and ours != lineage:
            return "it is another database"
        if numbers and numbers[-1] - numbers[0] + 1 != len(numbers):
            return "some are missing"
        if stored and judged_now is not None and judged_now != stored[-1].judged_now:
            return f"it has another batch {stored[-1].batch_no}, of an owner that came between"
        follows = not numbers or bool(stored) or numbers[0] == mark_no + 1
        return None if follows or ours is not None else "nothing says that it is the same database"

    def _close_up(self, mark_no: int) -> None:
        """Batches up to the first one here were lost by the database: what is left takes their numbers."""
        assert self._writer is not None
        first, last = self._entries[0].batch_no, self._entries[-1].batch_no
        lower_by = first - mark_no - 1
        file.renumber(self._writer, lower_by)
        self._entries = deque(replace(entry, batch_no=entry.batch_no - lower_by) for entry in self._entries)
        log.error("database_stepped_back", mark=mark_no, lost=f"{mark_no + 1} to {first - 1}", waiting=last - first + 1)

    def mend(self, stored_no: int, in_hand: Record | None, reason: str) -> int:
        """Sets the file aside and carries what can still be read of it into a new one, numbers closed up.

        Args:
            stored_no: the last batch the database has.
            in_hand: the batch after it, where it is being stored at this moment: it keeps its number.

        Returns:
            The number of the last batch.
        """
        self.mendings += 1
        wanted = [entry.batch_no for entry in self._entries if entry.batch_no > stored_no]
        keeps = in_hand is not None and in_hand.batch_no in wanted
        aside = self._exchange(reason)
        number, carried = stored_no, 0
        if self._writer is None:
            return number
        try:
            if keeps and in_hand is not None:
                number, carried = in_hand.batch_no, 1
                self._put(in_hand, in_hand.rejected)
            numbers: dict[int, int] = {}
            for row, directory in _readable(self._folder / aside, number):
                with _writing(self._writer):
                    if row.directory_no not in numbers:
                        numbers[row.directory_no] = file.add_directory(self._writer, directory)
                    number += 1
                    file.add_batch(self._writer, Row(number, row.judged_now, numbers[row.directory_no], row.payload))
                self._note(Entry(number, row.judged_now, len(row.payload)))
                carried += 1
        except (sqlite3.Error, SpoolDamaged) as error:
            log.error("spool_not_carried_over", file=aside, reason=str(error))
        log.error("spool_damaged", file=aside, reason=reason, carried=carried, lost=len(wanted) - carried)
        return self.tail_no or stored_no

    def _exchange(self, reason: str) -> str:
        """A new file in place of this one; the name of what was set aside."""
        with self._reading:
            self._close()
            aside = self._set_aside(reason)
            self._entries, self._bytes = deque(), 0
            self._directories, self._last_directory = {}, None
            try:
                self._writer = self._opened()
            except sqlite3.Error as error:
                log.error("spool_not_made", reason=str(error))
        return aside

    def _set_aside(self, reason: str) -> str:
        at = f"{instant(self._clock()):%Y%m%dT%H%M%SZ}"
        tried, name = 1, f"spool-{at}.damaged.sqlite"
        while (self._folder / name).exists():
            tried, name = tried + 1, f"spool-{at}-{tried + 1}.damaged.sqlite"
        for ending in _COMPANIONS:
            part = self._folder / f"{FILE}{ending}"
            if part.exists():
                part.rename(self._folder / f"{name}{ending}")
        log.error("spool_set_aside", file=str(self._folder / name), reason=reason)
        return name


def _readable(path: Path, after_no: int) -> Iterator[tuple[Row, bytes]]:
    """Batches of a damaged file that are whole, with their directories."""
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            listed = [entry.batch_no for entry in file.entries(connection) if entry.batch_no > after_no]
            for number in listed:
                try:
                    row = file.read_batch(connection, number)
                    directory = file.directory_content(connection, row.directory_no)
                except (SpoolDamaged, sqlite3.DatabaseError) as error:
                    log.error("spooled_batch_lost", file=path.name, batch=number, reason=str(error))
                    continue
                yield row, directory
    except sqlite3.Error as error:
        log.error("spool_not_read_further", file=path.name, reason=str(error))


@contextmanager
def _writing(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction, on the disk at its end."""
    done = False
    file.begin(connection)
    try:
        yield
        file.end(connection, keep=True)
        done = True
    finally:
        if not done:
            with _ignored():
                file.end(connection, keep=False)


@contextmanager
def _ignored() -> Iterator[None]:
    """What a damaged file says while it is let go of."""
    try:
        yield
    except sqlite3.Error as error:
        log.warning("spool_closed_badly", reason=str(error))
