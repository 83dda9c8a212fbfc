"""What is whole in a damaged spool is carried over into a new file, a portion at a time: batches are judged in between.

One fsync a portion, and a row beside it that says how far it has come: a process that is killed goes on from there when it starts. What
is judged meanwhile goes behind, under numbers as if nothing were lost; at the end they close up.

Where the new file is damaged in turn, a third goes on from both: a number is looked for in the file that has it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from core.log import logger
from ingest.store import spool as file
from ingest.store.spool import Entry, Row, SpoolDamaged, Unfinished

# A portion takes a tenth of a second, so that nobody waits for it whom a life-safety alarm's 5 s would not forgive.
PORTION_BYTES: Final = 8 * 1024 * 1024
PORTION_BATCHES: Final = 2000
READ_US: Final = 60_000_000  # a disk that fails to read for so long is taken at its word
MOST_SAID: Final = 20  # batches that were lost, each with its reason

log = logger(__name__)


class Mending:
    """One damaged file on its way into the one in use.

    Args:
        left_bytes: of what is to be carried; it counts as taken room.
        older: files that were on their way into this one when it was damaged itself, and how far they had come.
    """

    def __init__(self, folder: Path, known: Unfinished, left_bytes: int = 0, older: Sequence[Unfinished] = ()) -> None:
        self.known = known
        self.left_bytes = left_bytes
        self.older = older
        self.unread_since: int | None = None  # the disk has failed to read since then, microseconds UTC
        self._unread_no = 0  # the furthest batch at which it did: what comes before it is read again at each try
        self._folder = folder
        self._sources: dict[str, sqlite3.Connection] = {}
        self._directories: dict[tuple[str, int], int] = {}  # the file, and their number there -> here
        self._said = self._said_no = (
            0  # how many were said to be lost, and the last of them: once, however often it is tried
        )

    @property
    def left(self) -> int:
        """Batches that were not looked at yet."""
        return self.known.tail_no - self.known.looked_no

    def carry(self, writer: sqlite3.Connection, most: int, now_us: int) -> list[Entry]:
        """Another portion, of so many batches at most; what of it was whole, on the disk when this returns.

        Raises:
            sqlite3.Error: the new file cannot be written, or the damaged one not be read for a reason that may pass; nothing was lost.
        """
        known, carried, size = self.known, [], 0
        most_no = min(known.tail_no, known.looked_no + most)
        try:
            with file.writing(writer):
                while known.looked_no < most_no and size < PORTION_BYTES:
                    known = replace(known, looked_no=known.looked_no + 1)
                    if (row := self._whole(writer, known.looked_no, now_us)) is not None:
                        known = replace(known, given_no=known.given_no + 1)
                        file.add_batch(writer, replace(row, batch_no=known.given_no))
                        carried.append(Entry(known.given_no, row.judged_now, len(row.payload)))
                        size += len(row.payload)
                file.keep_unfinished(writer, known)
        except sqlite3.Error:
            self._directories = {}
            raise
        self.known = known
        self.left_bytes = max(0, self.left_bytes - size) if self.left else 0
        return carried

    def end(self, writer: sqlite3.Connection) -> int:
        """Closes up the numbers of what was judged meanwhile; how many batches were lost.

        Raises:
            sqlite3.Error: the new file cannot be written.
        """
        known = self.known
        with file.writing(writer):
            file.finish(writer, known)
        carried = known.given_no - known.began_no
        log.error("spool_damaged", file=known.file, reason=known.reason, carried=carried, lost=known.lost)
        return known.lost

    def close(self) -> None:
        """Lets go of the damaged file."""
        for source in self._sources.values():
            with file.letting_go():
                source.close()
        self._sources = {}

    def _file_of(self, batch_no: int) -> str:
        """Where a batch lies: what a file had not taken over yet is still in the one before it."""
        name = self.known.file
        for before in reversed(self.older):
            if not before.looked_no < batch_no <= before.tail_no:
                break
            name = before.file
        return name

    def _whole(self, writer: sqlite3.Connection, batch_no: int, now_us: int) -> Row | None:
        """A batch, with the number that its directory has here; None: it is lost.

        Raises:
            sqlite3.Error: it may be read yet.
        """
        name = self._file_of(batch_no)
        try:
            source = self._source(name)
            row = file.read_batch(source, batch_no)
            known = (name, row.directory_no) in self._directories
            content = b"" if known else file.directory_content(source, row.directory_no)
        except (SpoolDamaged, sqlite3.Error) as error:
            if isinstance(error, sqlite3.Error) and self._may_be_read_yet(name, batch_no, error, now_us):
                raise
            self._said += batch_no > self._said_no
            if batch_no > self._said_no and self._said <= MOST_SAID:
                log.error("spooled_batch_lost", file=name, batch=batch_no, reason=str(error))
            self._said_no = max(self._said_no, batch_no)
            return None
        if batch_no >= self._unread_no:
            self.unread_since = None
        if not known:
            self._directories[name, row.directory_no] = file.add_directory(writer, content)
        return replace(row, directory_no=self._directories[name, row.directory_no])

    def _source(self, name: str) -> sqlite3.Connection:
        if name not in self._sources:
            self._sources[name] = file.open_damaged(self._folder / name)
        return self._sources[name]

    def _may_be_read_yet(self, name: str, batch_no: int, error: sqlite3.Error, now_us: int) -> bool:
        if not file.passing(error) or not (self._folder / name).exists():
            return False
        self.close()  # the next try begins with a file that is opened anew
        if not file.unsteady(error):
            self.unread_since = None
            return True
        self.unread_since = now_us if self.unread_since is None else self.unread_since
        self._unread_no = max(self._unread_no, batch_no)
        return now_us - self.unread_since < READ_US
