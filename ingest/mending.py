"""What is whole in a damaged spool is carried over into a new file, a portion at a time: batches are judged in between.

One fsync a portion, and a row beside it that says how far it has come: a process that is killed goes on from there when it starts. What
is judged meanwhile goes behind, under numbers as if nothing were lost; at the end they close up.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Final

from core.log import logger
from ingest.store import spool as file
from ingest.store.spool import Entry, Row, SpoolDamaged, Unfinished

# A portion takes a tenth of a second, so that nobody waits for it whom a life-safety alarm's 5 s would not forgive.
PORTION_BYTES: Final = 8 * 1024 * 1024
PORTION_BATCHES: Final = 2000
MOST_SAID: Final = 20  # batches that were lost, each with its reason

log = logger(__name__)


class Mending:
    """One damaged file on its way into the one in use.

    Args:
        left_bytes: of what is to be carried; it counts as taken room.
    """

    def __init__(self, folder: Path, known: Unfinished, left_bytes: int = 0) -> None:
        self.known = known
        self.left_bytes = left_bytes
        self._path = folder / known.file
        self._source: sqlite3.Connection | None = None
        self._directories: dict[int, int] = {}  # their number there -> here
        self._said = 0

    @property
    def left(self) -> int:
        """Batches that were not looked at yet."""
        return self.known.tail_no - self.known.looked_no

    def carry(self, writer: sqlite3.Connection, most: int) -> list[Entry]:
        """Another portion, of so many batches at most; what of it was whole, on the disk when this returns.

        Raises:
            sqlite3.Error: the new file cannot be written.
        """
        known, carried, size = self.known, [], 0
        most_no = min(known.tail_no, known.looked_no + most)
        try:
            with file.writing(writer):
                while known.looked_no < most_no and size < PORTION_BYTES:
                    known = replace(known, looked_no=known.looked_no + 1)
                    if (row := self._whole(writer, known.looked_no)) is not None:
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
        if self._source is not None:
            with file.letting_go():
                self._source.close()
        self._source = None

    def _whole(self, writer: sqlite3.Connection, batch_no: int) -> Row | None:
        """A batch, with the number that its directory has here; None: it is lost."""
        try:
            self._source = self._source or file.open_damaged(self._path)
            row = file.read_batch(self._source, batch_no)
            known = row.directory_no in self._directories
            content = b"" if known else file.directory_content(self._source, row.directory_no)
        except (SpoolDamaged, sqlite3.Error) as error:
            self._said += 1
            if self._said <= MOST_SAID:
                log.error("spooled_batch_lost", file=self._path.name, batch=batch_no, reason=str(error))
            return None
        if not known:
            self._directories[row.directory_no] = file.add_directory(writer, content)
        return replace(row, directory_no=self._directories[row.directory_no])
