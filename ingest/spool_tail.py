"""The file that a worker's spool is: batches go to its tail, are read by their number, and are forgotten once they are stored."""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from core.log import logger
from ingest.aside import set_aside
from ingest.directory import Directory
from ingest.mending import Mending
from ingest.rejection import Rejected
from ingest.source import Clock
from ingest.spooled import pack_directory, pack_record, unpack_directory, unpack_record
from ingest.store import spool as file
from ingest.store.batch import Record
from ingest.store.spool import FILE, Entry, Row, SpoolDamaged

SHRINK_BYTES: Final = 64 * 1024 * 1024  # a larger file gives its room back once it is empty

log = logger(__name__)


class Tail:
    """The file, and what is known of it. One thread appends and forgets, another reads.

    Args:
        folder: the worker's own.
        clock: names what is set aside.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._path = folder / FILE
        self._clock = clock
        self._entries: deque[Entry] = deque()
        self._behind: deque[Entry] = deque()  # judged while it is mended
        self._bytes = 0
        self._mending: Mending | None = None
        self._reading = threading.Lock()  # held while the reader reads, and while the file is exchanged
        self._reader: sqlite3.Connection | None = None
        self._writer: sqlite3.Connection | None = None
        self._directories: dict[int, Directory] = {}
        self._last_directory: tuple[Directory, int] | None = None
        self._lineage: str | None = None

    def _opened(self) -> sqlite3.Connection:
        """A file that can be used; one that cannot is set aside first."""
        try:
            writer, found = file.open_listed(self._path)
        except SpoolDamaged as error:
            set_aside(self._folder, self._clock(), str(error))
            writer, found = file.open_listed(self._path)
        plans = file.unfinished(writer)
        begun = plans[-1] if plans else None
        self._mending = None if begun is None else Mending(self._folder, begun, self._left_bytes(), plans[:-1])
        tail_no = found[-1].batch_no if begun is None and found else 0 if begun is None else begun.tail_no
        self._entries = deque(entry for entry in found if begun is None or entry.batch_no <= begun.given_no)
        self._behind = deque(entry for entry in found if entry.batch_no > tail_no)
        self._bytes = sum(entry.size for entry in found)
        if self._lineage is not None:
            file.keep_lineage(writer, self._lineage)
        return writer

    @property
    def tail_no(self) -> int | None:
        """Number of the last batch in it; while it is mended, as if none were lost."""
        if self._behind:
            return self._behind[-1].batch_no
        if self._mending is not None:
            return self._mending.known.tail_no
        return self._entries[-1].batch_no if self._entries else None

    @property
    def mending(self) -> bool:
        """Whether it is being mended: nothing can be read from it."""
        return self._mending is not None

    def _left_bytes(self) -> int:
        return 0 if self._mending is None else self._mending.left_bytes

    def _put(self, record: Record, rejected: Sequence[Rejected]) -> bool:
        payload = pack_record(record, rejected)
        try:
            self._writer = self._writer or self._opened()
            with file.writing(self._writer):
                number = self._directory_no(record.directory)
                row = Row(record.batch_no, record.judgement.now_us, number, payload)
                file.add_batch(self._writer, row)
        except sqlite3.Error as error:
            self._last_directory = None
            # A file of its own would be made for what passes: not while the one before it is still on its way into this one.
            if self._writer is None or file.no_room(error) or (self.mending and file.passing(error)):
                log.error("spool_has_no_room" if file.no_room(error) else "spool_not_written", reason=str(error))
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
        if not self._entries or self._entries[0].batch_no > stored_no or self._writer is None or self.mending:
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
            file.roll_back(self._writer)

    def close(self) -> None:
        """Closes the file."""
        with self._reading:
            self._close()

    def _close(self) -> None:
        for connection in (self._reader, self._writer):
            if connection is not None:
                with file.letting_go():
                    connection.close()
        self._reader = self._writer = None
        if self._mending is not None:
            self._mending.close()

    def _note(self, entry: Entry) -> None:
        (self._entries if self._mending is None else self._behind).append(entry)
        self._bytes += entry.size

    def _directory_no(self, directory: Directory) -> int:
        if self._last_directory is not None and self._last_directory[0] is directory:
            return self._last_directory[1]
        assert self._writer is not None
        return file.add_directory(self._writer, pack_directory(directory))

    def _let_go(self) -> None:
        """Of all that is known of the file."""
        self._close()
        self._mending = None
        self._entries, self._behind, self._bytes = deque(), deque(), 0
        self._directories, self._last_directory = {}, None
