"""Keeps the snapshot fresh while the database is there, and its books in order when it is back. A thread of its own: it may wait."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import Connection
from psycopg.conninfo import make_conninfo

from alerting.snapshot import Recipient, Snapshot, from_bytes, to_bytes
from alerting.store import status
from alerting.store.bookings import SentCall, add_sent, book_beside, book_sent, in_the_books
from alerting.store.snapshot import definitions_version, read_alarms, read_snapshot
from core.db import Token, first_line, transaction
from core.errors import BadInput, DatabaseAway
from core.log import logger
from davy.calls.caller import Caller
from davy.calls.sealed import Seal
from davy.calls.sending import stood_in
from ingest.session import Session

LOOK_S: Final = (
    1.0  # so old is what is known of alarms and of what people did to them, and so soon a new definition is known
)
LOOK_AGAIN_S: Final = 0.25  # while it is not known who makes a call, the database or we
PEOPLE: Final = timedelta(minutes=1)  # who is active changes without a new version of definitions
WRITE: Final = timedelta(
    seconds=30
)  # the file is for a process that begins, until it has read the database; memory is for all else
WRITE_ALL_THE_SAME: Final = timedelta(minutes=10)  # so that it says how old it is where nothing changes
BEAT: Final = timedelta(seconds=5)
COMMIT_GRACE: Final = timedelta(seconds=1.5)  # a transaction that has booked is committed by then, or gone
ASK_NO_MORE: Final = timedelta(hours=1)  # after which a call that the books did not ask for is written down as one
FORGET: Final = timedelta(days=30)  # an alarm without any occurrence by then was deleted
_STATEMENT: Final = "-c statement_timeout=5000 -c lock_timeout=2000 -c idle_in_transaction_session_timeout=5000"

log = logger(__name__)


class Keeper:
    """See the module; one thread uses it.

    Args:
        conninfo: as the role ingest.
        path: of the sealed snapshot.
    """

    def __init__(
        self,
        caller: Caller,
        conninfo: str,
        token: Token,
        seal: Seal,
        path: Path,
        channels: Sequence[str],
        clock: Callable[[], datetime],
    ) -> None:
        self._caller = caller
        self._session = Session(make_conninfo(conninfo, options=_STATEMENT))
        self._token = token
        self._seal = seal
        self._path = path
        self._channels = sorted(channels)
        self._clock = clock
        self._snapshot: Snapshot | None = None
        self._people_at: datetime | None = None
        self._written: Snapshot | None = None
        self._beat_at: datetime | None = None
        self._away = False
        self._file_problem: str | None = None
        self._opened: tuple[list[Recipient], int] = ([], 0)  # which addresses were tried, and how many did not open

    def begin(self) -> None:
        """What was kept before this process began is better than nothing, until the database has been asked."""
        try:
            kept = from_bytes(self._seal.read(self._path))
        except FileNotFoundError:
            log.info("no_snapshot_yet", file=str(self._path))
        except (OSError, BadInput) as error:
            log.error("snapshot_not_read", file=str(self._path), reason=str(error))
        else:
            self._caller.renew(kept, self._caller.position())

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set."""
        while True:
            self.look(self._clock())
            if stop.wait(LOOK_AGAIN_S if self._caller.calls.left(self._clock()) else LOOK_S):
                break
        self.close()

    def close(self) -> None:
        """Gives the connection back."""
        self._session.close()

    def look(self, now: datetime) -> None:
        """Once round: snapshot, books, file, sign of life. A database that is away is no failure here."""
        left = self._caller.calls.left(now - COMMIT_GRACE)
        try:
            connection = self._session.connection()
            position = self._caller.position()
            with transaction(connection, self._token()):
                snapshot = self._read(connection, now)
                known = in_the_books(connection, left) if left else {}
            self._caller.calls.decide(known, in_the_books=True)
            self._caller.calls.decide([key for key in left if key not in known], in_the_books=False)
            left = []
            self._caller.renew(snapshot, position)
            self._settle(connection, now)
            self._write(snapshot, now)
            self._beat(connection, snapshot, now)
        except (DatabaseAway, psycopg.Error) as error:
            if not self._away:
                log.warning("snapshot_not_refreshed", reason=first_line(error))
            self._away = True
            self._session.close()
            self._caller.calls.decide(left, in_the_books=False)
            return
        if self._away:
            log.info("snapshot_refreshed_again")
        self._away = False

    def _read(self, connection: Connection[Any], now: datetime) -> Snapshot:
        old, people_at = self._snapshot, self._people_at
        lasts = old is not None and people_at is not None and timedelta(0) <= now - people_at < PEOPLE
        if old is not None and lasts and definitions_version(connection) == old.version:
            self._snapshot = replace(old, taken_at=now, alarms=read_alarms(connection))
        else:
            self._snapshot, self._people_at = read_snapshot(connection, now, old), now
        return self._snapshot

    def _settle(self, connection: Connection[Any], now: datetime) -> None:
        """Books what was in the air when its alarm came into the database, and forgets what is in the books."""
        unbooked = self._caller.calls.unbooked()
        if not unbooked:
            return
        with transaction(connection, self._token()):
            book_beside(connection, [call for call in unbooked if stood_in(call)])
            book_sent(connection, unbooked)
            known = in_the_books(connection, [call.key for call in unbooked])
            if strays := self._strays(unbooked, known, now):
                written = add_sent(connection, strays)
                log.warning("calls_the_books_did_not_ask_for", calls=len(strays), written=written)
        done = [key for key, finished in known.items() if finished]
        lost = [call.key for call in unbooked if now - call.sent_at > FORGET and call.key not in known]
        if lost:
            log.error("calls_never_booked", keys=lost)
        try:
            self._caller.calls.booked([*done, *lost])
        except sqlite3.Error as error:
            log.error("journal_not_cleared", reason=str(error))

    def _strays(self, unbooked: Sequence[SentCall], known: dict[str, bool], now: datetime) -> list[SentCall]:
        if self._caller.behind:
            return []
        return [call for call in unbooked if call.key not in known and now - call.sent_at > ASK_NO_MORE]

    def _write(self, snapshot: Snapshot, now: datetime) -> None:
        if (old := self._written) is not None:
            same = replace(old, taken_at=now) == snapshot
            if timedelta(0) <= now - old.taken_at < (WRITE_ALL_THE_SAME if same else WRITE):
                return
        self._written = snapshot
        try:
            self._seal.write(self._path, to_bytes(snapshot))
        except OSError as error:
            problem = f"{self._path}: {error.strerror}"
            if problem != self._file_problem:
                log.error("snapshot_not_written", reason=problem)
            self._file_problem, self._written = problem, None
        else:
            self._file_problem = None

    def _closed(self, recipients: list[Recipient]) -> int:
        """How many addresses do not open, asked once of each list: mostly the same one comes again."""
        tried, closed = self._opened
        if tried is not recipients:
            closed = self._caller.calls.closed(recipients)
            self._opened = (recipients, closed)
            if closed:
                log.error("addresses_do_not_open", addresses=closed, of=len(recipients))
        return closed

    def _beat(self, connection: Connection[Any], snapshot: Snapshot, now: datetime) -> None:
        """Only while calls would be made: the caller's thread comes round."""
        turned_at = self._caller.turned_at
        if (
            turned_at is None
            or now - turned_at > BEAT
            or (self._beat_at and timedelta(0) <= now - self._beat_at < BEAT)
        ):
            return
        self._beat_at = now
        report = {
            "channels": self._channels,
            "definitions": len(snapshot.definitions),
            "people": len({each.person_id for each in snapshot.recipients}),
            "closed": self._closed(snapshot.recipients),
            "unbooked": len(self._caller.calls.unbooked()),
            "file": self._file_problem,
        }
        with transaction(connection, self._token()):
            status.beat(connection, "calls", now, turned_at=snapshot.taken_at, report=report)
