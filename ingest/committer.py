"""Gets a batch into the database, however long that takes: only the transaction is tried again, never the judging.

What is a message's own fault (a value the database refuses) is found by halving the batch and rejected with the
database's words. Everything else is waited for, while nothing is acknowledged.
"""

from __future__ import annotations

import random
import threading
from typing import Final

import numpy as np
import psycopg
from numpy.typing import NDArray

from core.db import Token, first_line
from core.errors import DatabaseAway
from core.log import logger
from core.metrics import IngestMetrics
from core.wire import reject
from ingest.rejection import rejection
from ingest.session import PATIENCE, Session
from ingest.store.batch import BatchWriter, Committed, Record

# SQLSTATE classes that a message can cause by what it says: data exception, integrity constraint violation; and P0001,
# which a trigger or a function raises. Missing tables or rights (42) are ours: they are waited for, loudly.
GUILTY: Final = ("22", "23", "P0001")
UNIQUE: Final = "23505"
# Somebody stood in the way: deadlock, serialization, a lock that was not to be had. The session is sound.
CONFLICT: Final = ("40", "55")
FIRST_WAIT_S: Final = 0.05
LONGEST_WAIT_S: Final = 2.0
MOST_REASONS: Final = 10  # of one batch that are said each once; then only how long it lasts

log = logger(__name__)


class Interrupted(Exception):
    """The batch was not stored; nothing of it was acknowledged, so it comes again."""


class Committer:
    """Commits records in order.

    Args:
        token: a fresh service token each time it is called.
        stop: set when the process is to end.
    """

    def __init__(
        self, conninfo: str, token: Token, writer: BatchWriter, stop: threading.Event, metrics: IngestMetrics
    ) -> None:
        self._session = Session(conninfo, settings=PATIENCE)
        self._token = token
        self._writer = writer
        self._stop = stop
        self._metrics = metrics

    def commit(self, record: Record) -> Committed:
        """Stores a batch.

        Raises:
            Fenced: another owner has taken over.
            SteppedBack: the database has lost batches that it had confirmed.
            Interrupted: the process is to end and the database is away.
        """
        failures = 0
        said: set[str] = set()
        while True:
            try:
                with self._metrics.commit_seconds.time():
                    committed = self._writer.commit(self._session.connection(), self._token(), record)
            except (DatabaseAway, psycopg.Error) as error:
                self._metrics.store_retries.inc()
                if self._mend(error, record):
                    continue
                failures += 1
                self._wait(error, failures, said)
                continue
            if failures:
                log.info("database_back", failures=failures, batch=record.batch_no)
            self._note(committed, record)
            return committed

    def close(self) -> None:
        """Gives the connection back."""
        self._session.close()

    def _note(self, committed: Committed, record: Record) -> None:
        self._metrics.database_up.set(1)
        self._metrics.batches.inc()
        self._metrics.stored.inc(committed.readings)
        for reason, count in committed.rejected.items():
            self._metrics.rejected.labels(reason).inc(count)
        for outcome, count in committed.replayed.items():
            self._metrics.replayed.labels(outcome).inc(count)
        self._metrics.events.inc(committed.events)
        if committed.already:
            log.info("batch_was_committed", batch=record.batch_no)

    def _wait(self, error: Exception, failures: int, said: set[str]) -> None:
        state, reason = getattr(error, "sqlstate", None), first_line(error)
        self._metrics.database_up.set(0)
        news = reason not in said and len(said) < MOST_REASONS
        if news or failures in (10, 100) or failures % 1000 == 0:
            # The first time is often a restart; what lasts is an error. What ends the sessions often hides why none can be had.
            said.add(reason)
            (log.warning if news else log.error)("batch_not_stored", failures=failures, sqlstate=state, reason=reason)
        if not (state or "").startswith(CONFLICT):
            # What the session was born with may be what is wrong: read-only, a server that is no longer the primary.
            self._session.close()
        longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(failures, 10))
        if self._stop.wait(random.uniform(FIRST_WAIT_S, longest)):
            raise Interrupted from error

    def _mend(self, error: Exception, record: Record) -> bool:
        """Whether the record was changed so that trying again at once makes sense."""
        state = getattr(error, "sqlstate", None) or ""
        if state == UNIQUE and not record.staged:
            # The stored marks did not know of a row: after a restart without checkpoint, or another writer.
            record.staged = True
            return True
        if not (isinstance(error, psycopg.Error) and state.startswith(GUILTY)):
            return False
        try:
            guilty = self._find_guilty(record)
        except (DatabaseAway, psycopg.Error) as lost:
            log.warning("search_for_refused_message_interrupted", reason=first_line(lost))
            return False
        if not guilty:
            return False
        self._refuse(record, guilty)
        return True

    def _find_guilty(self, record: Record) -> dict[int, str]:
        """Messages whose readings the database refuses -> its words; halves what is left until single ones stand."""
        origin = record.sorted.origin
        wanted = origin >= 0 if record.refused is None else (origin >= 0) & ~record.refused
        found: dict[int, str] = {}
        parts: list[NDArray[np.int32]] = [np.unique(origin[wanted])]
        while parts:
            places = parts.pop()
            words = self._refusal(record, np.isin(origin, places) & wanted) if len(places) else None
            if words is None:
                continue
            if len(places) == 1:
                found[int(places[0])] = words
            else:
                parts += [places[len(places) // 2 :], places[: len(places) // 2]]
        return found

    def _refusal(self, record: Record, rows: NDArray[np.bool_]) -> str | None:
        """The database's words against some readings; None where it takes them."""
        try:
            self._writer.probe(self._session.connection(), self._token(), record, rows)
        except psycopg.Error as error:
            if (error.sqlstate or "").startswith(GUILTY):
                return first_line(error)
            raise
        return None

    def _refuse(self, record: Record, guilty: dict[int, str]) -> None:
        refused = np.isin(record.sorted.origin, list(guilty))
        record.refused = refused if record.refused is None else record.refused | refused
        for place, words in sorted(guilty.items()):
            message = record.lot.messages[place]
            device, _ = record.directory.speaker(message.topic)
            mistake = reject("refused_by_database", problem=words.rstrip("."))
            record.rejected.append(rejection(message, device, mistake))
            log.error("message_refused_by_database", device=device.row.key, reason=words)
