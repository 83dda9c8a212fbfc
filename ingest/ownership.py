"""One owner a worker: a lock in the database and one on the worker's folder, both taken before we speak to the broker."""

from __future__ import annotations

import fcntl
import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import psycopg
from psycopg import Connection

from core.db import first_line
from core.errors import BadSetting, DatabaseAway
from core.log import logger
from ingest.session import open_connection
from ingest.store.lock import listen, try_lock

RETRY_S = 1.0  # between attempts to take the lock again after the database was away

log = logger(__name__)


class Ownership:
    """Holds both locks for as long as the process lives, and hears when definitions change.

    Losing the database's lock with its connection is no reason to stop: the fence keeps a second owner from committing.
    """

    def __init__(self, conninfo: str, worker: str, folder: Path) -> None:
        self._conninfo = conninfo
        self._worker = worker
        self._folder = folder
        self._file: IO[str] | None = None
        self._connection: Connection[Any] | None = None
        self._next_try = 0.0
        self._said_held = False
        self._taking: Future[Connection[Any] | None] | None = None
        self._pool = ThreadPoolExecutor(1, "ownership")

    def take(self) -> None:
        """Takes both locks.

        Raises:
            BadSetting: somebody else holds one; the sentence says who.
            DatabaseAway: the database does not answer.
        """
        self._lock_folder()
        self._connection = open_connection(self._conninfo)
        holder = try_lock(self._connection, self._worker)
        if holder is not None:
            raise BadSetting(
                f"The worker {self._worker} belongs to another process ({holder}): stop that one, or set DAVY_WORKER."
            )
        listen(self._connection)

    def _lock_folder(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = (self._folder / "owner").open("a+", encoding="utf-8")
        except OSError as error:
            raise BadSetting(f"The worker's folder {self._folder} cannot be used ({error.strerror}).") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            holder = self._file.read().strip() or "unknown"
            raise BadSetting(
                f"The worker {self._worker} belongs to process {holder}, which holds {self._folder}: stop that one, "
                "or set DAVY_WORKER."
            ) from None
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def definitions_changed(self) -> bool:
        """Whether the database said so since the last call; True as well after its connection was lost. Never waits."""
        if self._connection is None:
            return self._take_again()
        try:
            return any(True for _ in self._connection.notifies(timeout=0))
        except psycopg.Error as error:
            log.warning("worker_lock_lost", worker=self._worker, reason=first_line(error))
            self._connection.close()
            self._connection = None
            return False

    def _take_again(self) -> bool:
        """In the background: a database that hangs takes seconds to say nothing."""
        if self._taking is None:
            if time.monotonic() >= self._next_try:
                self._next_try = time.monotonic() + RETRY_S
                self._taking = self._pool.submit(self._try)
            return False
        if not self._taking.done():
            return False
        self._connection, self._taking = self._taking.result(), None
        return self._connection is not None

    def _try(self) -> Connection[Any] | None:
        try:
            connection = open_connection(self._conninfo)
        except DatabaseAway:
            return None
        try:
            holder = try_lock(connection, self._worker)
            if holder is not None:
                # Mostly our own old connection, which the server has not missed yet; else the fence ends us with our next batch.
                if not self._said_held:
                    log.warning("worker_lock_held", worker=self._worker, holder=holder)
                self._said_held = True
                connection.close()
                return None
            listen(connection)
        except psycopg.Error as error:
            log.warning("worker_lock_not_taken", worker=self._worker, reason=first_line(error))
            connection.close()
            return None
        self._said_held = False
        log.info("worker_lock_taken_again", worker=self._worker)
        return connection

    def release(self) -> None:
        """Gives both locks back."""
        self._pool.shutdown(wait=True)
        if self._taking is not None:
            self._connection, self._taking = self._taking.result(), None
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._file is not None:
            self._file.close()
            self._file = None
