"""A second thread with a connection of its own, for what no batch should wait for: newest values, status, checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeVar

import psycopg
from psycopg import Connection

from core.db import Token, transaction
from core.model import DefinitionSet
from ingest.directory import Directory
from ingest.notes import Notes
from ingest.session import PATIENCE, Session
from ingest.store.memory import SavedState, save_checkpoint
from ingest.store.portfolio import load_portfolio
from ingest.store.status import write_latest, write_status, write_streams

Answer = TypeVar("Answer")


class Scribe:
    """Does one thing after the other; each answer is a future that the pipeline's thread looks at when it has time.

    A future raises `DatabaseAway` or `psycopg.Error` where the database did not take it.
    """

    def __init__(self, conninfo: str, token: Token, worker: str) -> None:
        self._session = Session(conninfo, settings=PATIENCE)
        self._token = token
        self._worker = worker
        self._pool = ThreadPoolExecutor(1, "scribe")

    def flush(self, notes: Notes, beat: tuple[str, dict[str, object]] | None) -> Future[None]:
        """Writes newest values and streams.

        Args:
            beat: state and report, where they are due.
        """

        def write(connection: Connection[Any]) -> None:
            with transaction(connection, self._token()):
                if len(notes.newest):
                    write_latest(connection, notes.newest)
                if notes.streams:
                    write_streams(connection, notes.streams)
                if beat is not None:
                    write_status(connection, self._worker, *beat)

        return self._submit(write)

    def checkpoint(self, saved: SavedState, epoch: int, now: datetime) -> Future[bool]:
        """Keeps a checkpoint; False where another owner has taken over."""
        return self._submit(
            lambda connection: save_checkpoint(connection, self._token(), self._worker, epoch, saved, now)
        )

    def portfolio(self) -> Future[tuple[Directory, DefinitionSet]]:
        """Reads devices, sensors and definitions."""
        return self._submit(lambda connection: load_portfolio(connection, self._token()))

    def close(self) -> None:
        """Waits for what is under way."""
        self._pool.shutdown(wait=True)
        self._session.close()

    def _submit(self, work: Callable[[Connection[Any]], Answer]) -> Future[Answer]:
        return self._pool.submit(self._do, work)

    def _do(self, work: Callable[[Connection[Any]], Answer]) -> Answer:
        try:
            return work(self._session.connection())
        except psycopg.Error:
            self._session.close()
            raise
