"""Counting late readings into averages, beside the batches: a thread that reads what is stored, and an answer for a later batch."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, NamedTuple

import numpy as np
import psycopg
from numpy.typing import NDArray

from core.db import Token, first_line
from core.errors import DatabaseAway
from core.log import logger
from core.metrics import IngestMetrics
from ingest.judge import RECOUNT
from ingest.late import Counted, Question, Recount, counted
from ingest.organs import Organs
from ingest.session import PATIENCE, Session
from ingest.source import Clock
from ingest.store.late import batches_since, readings_between
from ingest.storing import Storing

PAUSE_US: Final = 1_000_000  # between two questions
# One sensor's readings: eight hours at 1 Hz take a tenth of a second. What takes longer hangs, and is tried again.
LONGEST_READ_S: Final = 30

log = logger(__name__)


class Closed(Exception):
    """The process ends: what is left of a question is asked again after the next start."""


class _Answer(NamedTuple):
    """What was counted, and which sensor could not be: None: each could."""

    recount: Recount
    failed: int | None


class Recounting:
    """One question at a time: asked when a backlog has come, read when its last batch is stored, answered between two batches.

    A sensor that cannot be read ends the answer; it is asked again after a pause, behind all others. Where no reading was late it does nothing,
    and costs a look.

    Args:
        conninfo: of the database, as the role ingest.
        notify: called, by the reading thread, when there is an answer.
    """

    def __init__(
        self, conninfo: str, token: Token, worker: str, metrics: IngestMetrics, notify: Callable[[], None]
    ) -> None:
        self._session = Session(conninfo, settings=f"{PATIENCE} -c statement_timeout={LONGEST_READ_S * 1000}")
        self._token = token
        self._worker = worker
        self._metrics = metrics
        self._notify = notify
        self._pool = ThreadPoolExecutor(1, "recounting")
        self._closed = threading.Event()
        self._question: Question | None = None
        self._mendings = 0
        self._answer: Future[_Answer] | None = None
        self._failed: int | None = None
        self._not_before_us = 0

    @property
    def ready(self) -> bool:
        """Whether there is an answer."""
        return self._answer is not None and self._answer.done()

    def take(self) -> Recount | None:
        """The answer, once; None where there is none, or nothing could be read: then it is asked again later."""
        if not self.ready:
            return None
        answer, self._answer = self._answer, None
        assert answer is not None
        try:
            recount, self._failed = answer.result()
        except (DatabaseAway, psycopg.Error) as error:
            log.warning("late_readings_not_counted", reason=first_line(error))
            self._metrics.recounts.labels("failed").inc()
            return None
        self._metrics.recounts.labels("counted").inc(len(recount.sensor_id))
        return recount if len(recount.sensor_id) else None

    def turn(self, organs: Organs, storing: Storing, asof_us: int, clock: Clock) -> None:
        """Between two batches: asks what is due, and sends it off once it can be read.

        Args:
            asof_us: `now` of the last batch that was judged; it has been handed over to `storing`.
        """
        late = organs.judge.averages.late
        if self._failed is not None:
            late.postpone(self._failed, clock())
            self._metrics.recounts.labels("failed").inc()
            self._failed = None
        if self._answer is not None or not late or RECOUNT in organs.judge.switched_off:
            return
        if self._question is None:
            now_us = clock()
            if now_us < self._not_before_us:
                return
            self._not_before_us = now_us + PAUSE_US
            self._question, self._mendings = organs.ask_late(storing.batch_no, asof_us, now_us), storing.mendings
        if self._question is None:
            return
        if storing.mendings != self._mendings:  # its batch may be lost, and its number another's
            self._question = None
        elif storing.stored_no >= self._question.batch_no:
            question, self._question = self._question, None
            self._answer = self._pool.submit(self._read, question)
            self._answer.add_done_callback(lambda _: self._notify())

    def close(self) -> None:
        """Waits for the sensor that is being read; what is not counted is asked again after the next start."""
        self._closed.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._session.close()

    def _read(self, question: Question) -> _Answer:
        try:
            connection = self._session.connection()
            since_us = min(asked.touched.since_us for asked in question.sensors)
            numbers, judged_now = batches_since(connection, self._token(), self._worker, since_us)

            def rows_of(sensor_id: int, since_us: int, until_us: int, shift_us: int) -> NDArray[np.void]:
                if self._closed.is_set():
                    raise Closed
                return readings_between(connection, self._token(), sensor_id, since_us, until_us, shift_us)

            found: list[Counted] = []
            for asked in question.sensors:
                try:
                    found.append(counted(asked, question.batch_no, numbers, judged_now, rows_of))
                except psycopg.Error as error:
                    sensor_id = asked.touched.sensor_id
                    log.warning("late_readings_not_counted", sensor_id=sensor_id, reason=first_line(error))
                    self._session.close()
                    return _Answer(Recount.of(question.asof_us, found), sensor_id)
            return _Answer(Recount.of(question.asof_us, found), None)
        except psycopg.Error:
            self._session.close()
            raise
