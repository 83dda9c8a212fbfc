"""The spool's file: SQLite with a write-ahead log that is on the disk before a transaction counts, one row a batch."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from core.log import logger

LAYOUT: Final = 4  # raise it, here and in `_make_tables`, when a row changes its meaning; other files are set aside
FILE: Final = "spool.sqlite"
ASIDE: Final = "spool-*.damaged.sqlite"  # beside it: what could not be read any more
BUSY_S: Final = 10.0
GLANCE_S: Final = 0.2  # while batches wait to be judged: it is tried again at the next turn
OTHER_LAYOUT: Final = "its layout is {found}, this Davy's is {ours}"
# A quota that is used up, a lock, too many open files, a disk that hiccups. All else is said of what the file holds.
_PASSING: Final = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_INTERRUPT,
}

log = logger(__name__)


class SpoolDamaged(Exception):
    """The spool's file, or a row of it, is not what was written."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A batch that lies in the spool.

    Args:
        judged_now: `now` as the judge saw it, microseconds UTC.
        size: bytes of its payload.
    """

    batch_no: int
    judged_now: int
    size: int


@dataclass(frozen=True, slots=True)
class Row:
    """A batch as the file has it."""

    batch_no: int
    judged_now: int
    directory_no: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A damaged file that is being carried over into this one, as far as that is on the disk.

    Args:
        file: its name now.
        reason: what is wrong with it.
        began_no: the last batch before those to carry; tail_no: the last of them, by the damaged file's numbers.
        looked_no: the last that was looked at; given_no: the last number that was given here.
    """

    file: str
    reason: str
    began_no: int
    tail_no: int
    looked_no: int
    given_no: int

    @property
    def lost(self) -> int:
        """How many could not be read so far."""
        return self.looked_no - self.given_no


def open_file(path: Path, busy_s: float = BUSY_S) -> sqlite3.Connection:
    """The file, made where it is missing; one thread at a time may use the connection.

    Raises:
        SpoolDamaged: it is no spool, or one of another layout.
        sqlite3.OperationalError: it cannot be opened or made.
    """
    connection = sqlite3.connect(path, timeout=busy_s, isolation_level=None, check_same_thread=False)
    try:
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
        if not empty and found != LAYOUT:
            raise SpoolDamaged(OTHER_LAYOUT.format(found=found, ours=LAYOUT))
        if empty:
            path.chmod(0o600)  # readings of all companies; the log beside it takes the same rights
            connection.execute("PRAGMA page_size = 16384")  # a batch is ten kilobytes to a few megabytes
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        if empty:
            _make_tables(connection)
    except (SpoolDamaged, sqlite3.Error):
        connection.close()
        raise
    return connection


def open_listed(path: Path) -> tuple[sqlite3.Connection, list[Entry]]:
    """The file, and what lies in it.

    Raises:
        SpoolDamaged: it is no spool, one of another layout, or cannot be read.
        sqlite3.OperationalError: it cannot be opened or made.
    """
    connection = None
    try:
        connection = open_file(path)
        return connection, list(entries(connection))
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:  # not a database, malformed
        if connection is not None:
            connection.close()
        raise SpoolDamaged(str(error)) from error


def open_damaged(path: Path) -> sqlite3.Connection:
    """A file that was set aside, to save what is whole in it; it is not made where it is missing.

    Raises:
        sqlite3.Error: it cannot be opened.
    """
    name = f"file:{quote(str(path))}?mode=rw"
    return sqlite3.connect(name, uri=True, timeout=GLANCE_S, isolation_level=None, check_same_thread=False)


def open_to_look(path: Path) -> sqlite3.Connection:
    """The file, for reading only."""
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=BUSY_S, isolation_level=None)


def _make_tables(connection: sqlite3.Connection) -> None:
    connection.executescript(
        """
        BEGIN;
        CREATE TABLE directory (directory_no INTEGER PRIMARY KEY, checksum BLOB NOT NULL, content BLOB NOT NULL);
        CREATE TABLE batch (
            batch_no     INTEGER PRIMARY KEY,
            judged_now   INTEGER NOT NULL,
            directory_no INTEGER NOT NULL,
            checksum     BLOB NOT NULL,
            payload      BLOB NOT NULL
        );
        CREATE TABLE owner (lineage TEXT NOT NULL);
        CREATE TABLE unfinished (
            file      TEXT NOT NULL,
            reason    TEXT NOT NULL,
            began_no  INTEGER NOT NULL,
            tail_no   INTEGER NOT NULL,
            looked_no INTEGER NOT NULL,
            given_no  INTEGER NOT NULL
        );
        PRAGMA user_version = 4;
        COMMIT;
        """
    )


def lineage_of(connection: sqlite3.Connection) -> str | None:
    """Which database its batches are for; None: it was never said."""
    found = connection.execute("SELECT lineage FROM owner").fetchone()
    return None if found is None else str(found[0])


def keep_lineage(connection: sqlite3.Connection, lineage: str) -> None:
    """Says which database its batches are for."""
    with writing(connection):
        connection.execute("DELETE FROM owner")
        connection.execute("INSERT INTO owner (lineage) VALUES (?)", (lineage,))


def unfinished(connection: sqlite3.Connection) -> list[Unfinished]:
    """What is being carried over into it. The last leads; those before it were on their way into files that were damaged in turn."""
    found = connection.execute(
        "SELECT file, reason, began_no, tail_no, looked_no, given_no FROM unfinished ORDER BY rowid"
    ).fetchall()
    return [Unfinished(*row) for row in found]


def keep_unfinished(connection: sqlite3.Connection, known: Unfinished) -> None:
    """Says, within a transaction, how far what is carried over has come."""
    connection.execute("DELETE FROM unfinished WHERE file = ?", (known.file,))
    connection.execute(
        "INSERT INTO unfinished (file, reason, began_no, tail_no, looked_no, given_no) VALUES (?, ?, ?, ?, ?, ?)",
        (known.file, known.reason, known.began_no, known.tail_no, known.looked_no, known.given_no),
    )


def finish(connection: sqlite3.Connection, known: Unfinished) -> None:
    """All that could be read was carried over: what came behind it meanwhile takes the numbers of what could not."""
    connection.execute(
        "UPDATE batch SET batch_no = batch_no - ? WHERE batch_no > ?", (known.tail_no - known.given_no, known.tail_no)
    )
    connection.execute("DELETE FROM unfinished")


def renumber(connection: sqlite3.Connection, lower_by: int) -> None:
    """Gives all batches lower numbers, in one step."""
    connection.execute("UPDATE batch SET batch_no = batch_no - ?", (lower_by,))


def add_directory(connection: sqlite3.Connection, content: bytes) -> int:
    """Keeps a directory that batches were decoded with; its number."""
    added = connection.execute("INSERT INTO directory (checksum, content) VALUES (?, ?)", (_checksum(content), content))
    assert added.lastrowid is not None
    return added.lastrowid


def directory_content(connection: sqlite3.Connection, directory_no: int) -> bytes:
    """What `add_directory` kept.

    Raises:
        SpoolDamaged: it is not there, or not what was written.
    """
    found = connection.execute(
        "SELECT checksum, content FROM directory WHERE directory_no = ?", (directory_no,)
    ).fetchone()
    return _checked(found, f"directory {directory_no}")


def add_batch(connection: sqlite3.Connection, row: Row) -> None:
    """Appends a batch."""
    connection.execute(
        "INSERT INTO batch (batch_no, judged_now, directory_no, checksum, payload) VALUES (?, ?, ?, ?, ?)",
        (row.batch_no, row.judged_now, row.directory_no, _checksum(row.payload), row.payload),
    )


def read_batch(connection: sqlite3.Connection, batch_no: int) -> Row:
    """One batch.

    Raises:
        SpoolDamaged: it is not there, or not what was written.
    """
    found = connection.execute(
        "SELECT checksum, payload, judged_now, directory_no FROM batch WHERE batch_no = ?", (batch_no,)
    ).fetchone()
    payload = _checked(found, f"batch {batch_no}")
    return Row(batch_no, found[2], found[3], payload)


def entries(connection: sqlite3.Connection) -> Iterator[Entry]:
    """What lies in the spool, in order; payloads are not read."""
    rows = connection.execute("SELECT batch_no, judged_now, length(payload) FROM batch ORDER BY batch_no")
    return (Entry(*row) for row in rows)


def drop_until(connection: sqlite3.Connection, batch_no: int) -> None:
    """Forgets batches that the database has."""
    connection.execute("DELETE FROM batch WHERE batch_no <= ?", (batch_no,))


def drop_everything(connection: sqlite3.Connection, *, shrink: bool) -> None:
    """Forgets all: the database has it.

    Args:
        shrink: give the room back to the disk.
    """
    with writing(connection):
        connection.execute("DELETE FROM batch")
        connection.execute("DELETE FROM directory")
    if shrink:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def settle(connection: sqlite3.Connection) -> None:
    """Takes what is in the log beside it into the file itself, which may then be moved alone. Closing would not say that it failed.

    Raises:
        sqlite3.Error: there is no room for it, or somebody else reads the file.
    """
    busy, logged, taken = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy or logged != taken:
        raise sqlite3.OperationalError("its log cannot be taken into it: somebody else has it open")


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction, on the disk at its end."""
    done = False
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
        done = True
    finally:
        if not done:
            roll_back(connection)


def roll_back(connection: sqlite3.Connection) -> None:
    """Lets go of a transaction that may have been begun."""
    with letting_go():
        if connection.in_transaction:
            connection.execute("ROLLBACK")


@contextmanager
def letting_go() -> Iterator[None]:
    """What a damaged file says while it is let go of."""
    try:
        yield
    except sqlite3.Error as error:
        log.warning("spool_closed_badly", reason=str(error))


def no_room(error: sqlite3.Error) -> bool:
    """Whether the disk is full."""
    return _kind(error) == sqlite3.SQLITE_FULL


def unsteady(error: sqlite3.Error) -> bool:
    """Whether the disk failed to read or write: that may pass, and may not."""
    return _kind(error) == sqlite3.SQLITE_IOERR


def passing(error: sqlite3.Error) -> bool:
    """Whether it says nothing of what the file holds (https://www.sqlite.org/rescode.html): it is worth another try."""
    return _kind(error) in _PASSING


def _kind(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _checksum(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()


def _checked(found: tuple[bytes, bytes] | None, what: str) -> bytes:
    if found is None:
        raise SpoolDamaged(f"{what} is missing")
    if not isinstance(found[1], bytes) or _checksum(found[1]) != found[0]:
        raise SpoolDamaged(f"the checksum of {what} is wrong")
    return found[1]


@dataclass(frozen=True, slots=True)
class Look:
    """What somebody else sees of a worker's spool.

    Args:
        oldest_us: `now` of the oldest batch, microseconds UTC; 0 without one.
    """

    batches: int
    bytes: int
    oldest_us: int
    set_aside: Sequence[str]


def look(folder: Path) -> Look:
    """Looks without touching.

    Raises:
        OSError, sqlite3.Error, SpoolDamaged: it cannot be read.
    """
    aside = sorted(found.name for found in folder.glob(ASIDE))
    if not (folder / FILE).exists():
        return Look(0, 0, 0, aside)
    with closing(open_to_look(folder / FILE)) as connection:
        found = list(entries(connection))
    return Look(len(found), sum(entry.size for entry in found), found[0].judged_now if found else 0, aside)
