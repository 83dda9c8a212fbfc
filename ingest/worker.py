"""A worker: takes its locks, remembers where it was, then turns batches until it is asked to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import Connection

from alerting.store.alarms import active
from core.batch import Event
from core.db import Token, first_line, transaction
from core.errors import BadInput, BrokerAway, DatabaseAway, Fenced
from core.log import logger
from core.metrics import IngestMetrics
from core.migrate import require_current
from core.model import DefinitionSet
from ingest.checkpoint import capture, resume
from ingest.committer import Committer, Interrupted, open_connection
from ingest.directory import Directory
from ingest.instant import instant
from ingest.judge import Judge
from ingest.kernels import compile_kernels
from ingest.notes import Gatherer, Notes
from ingest.organs import Organs
from ingest.ownership import Ownership
from ingest.pipeline import Pipeline
from ingest.scribe import Scribe
from ingest.source import Clock, Source
from ingest.store.batch import BatchWriter
from ingest.store.memory import take_over
from ingest.store.portfolio import load_portfolio
from ingest.urgent import Nobody, Urgent
from ingest.watch import Watch

FLUSH_S: Final = 2.0
TURN_S: Final = 0.05  # longest wait of an idle turn: a pending delay is swept within 100 ms
LONGEST_TURN_US: Final = 5_000_000  # an idle turn takes 50 ms, a full batch half a second
LISTEN_S: Final = 0.25  # how often a change of definitions is looked for: it is in force within 2 s

log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """What a worker is told.

    Args:
        conninfo: of the database, as the role ingest.
        token: a service token, fresh each time.
        folder: the worker's own.
        window: messages the broker sends before it waits for an ack.
        longest_turn_us: time between two turns that is longer counts as not watched; None where the clock follows the data.
    """

    worker: str
    conninfo: str
    token: Token
    folder: Path
    clock_tolerance_us: int = 5_000_000
    batch_messages: int = 2000
    window: int = 2000
    checkpoint_s: float = 60.0
    longest_turn_us: int | None = LONGEST_TURN_US


def ignore_point(_: str) -> None:
    """What is done at fault points outside of tests: nothing."""


class Worker:
    """Ingest, whole.

    Args:
        stop: set when the process is to end.
        urgent: told of what is applied, and of what is spooled.
        after: told each fault point once it is passed (`ingest.pipeline.FAULT_POINTS`).
    """

    def __init__(
        self,
        options: WorkerOptions,
        source: Source,
        clock: Clock,
        metrics: IngestMetrics,
        stop: threading.Event,
        *,
        urgent: Urgent | None = None,
        after: Callable[[str], None] = ignore_point,
    ) -> None:
        self._urgent = urgent or Nobody()
        self._options = options
        self._source = source
        self._clock = clock
        self._metrics = metrics
        self._stop = stop
        self._after = after
        self._ownership = Ownership(options.conninfo, options.worker, options.folder)
        self._scribe = Scribe(options.conninfo, options.token, options.worker)
        self._gatherer = Gatherer()
        self._flushing: tuple[Future[None], Notes] | None = None
        self._loading: Future[tuple[Directory, DefinitionSet]] | None = None
        self._saving: Future[bool] | None = None
        self._reload = False
        self._next_flush = self._next_listen = self._next_checkpoint = 0.0
        self._lost = 0

    def run(self) -> None:
        """Until `stop` is set.

        Raises:
            DatabaseAway, BrokerAway, BadInput: it cannot start; one sentence.
            Fenced: another owner has taken over.
        """
        self._ownership.take()
        try:
            pipeline, watch, committer = self._begin()
            try:
                self._source.start()
                self._turn_until_stopped(pipeline, watch)
                self._end(pipeline, watch)
            except Interrupted:
                log.warning("stopped_while_database_away", worker=self._options.worker)
            finally:
                self._source.stop()
                committer.close()
        finally:
            self._scribe.close()
            self._ownership.release()

    # --- beginning ---

    def _begin(self) -> tuple[Pipeline, Watch, Committer]:
        options = self._options
        began = time.monotonic()
        compile_kernels()  # from the cache; the first batch must not wait for it
        connection = open_connection(options.conninfo)
        try:
            require_current(connection)
            mark = take_over(connection, options.token(), options.worker)
            directory, definitions = load_portfolio(connection, options.token())
            organs = Organs.grow(directory, definitions, options.clock_tolerance_us)
            resumed = resume(connection, options.token(), options.worker, organs)
            differences = differences_with(connection, options.token(), organs.judge, resumed.now_us or self._clock())
        finally:
            connection.close()
        if resumed.batch_no != mark.batch_no:
            log.error("stored_batches_missing", mark=mark.batch_no, found=resumed.batch_no)
        most = min(options.batch_messages, options.window)
        watch = Watch(
            directory, watched_us=resumed.watched_us, known_session=mark.batch_no > 0, most=most,
            longest_us=options.longest_turn_us,
        )  # fmt: skip
        if resumed.watch is not None:
            watch.restore(resumed.watch)
        self._epoch = mark.epoch
        writer = BatchWriter(options.worker, mark.epoch, self._after, self._urgent)
        committer = Committer(options.conninfo, options.token, writer, self._stop, self._metrics)
        pipeline = Pipeline(
            self._source, organs, watch, committer, self._clock, self._metrics,
            batch_no=mark.batch_no, now_us=resumed.now_us, most_messages=options.batch_messages, after=self._after,
        )  # fmt: skip
        pipeline.differences = differences
        self._next_checkpoint = time.monotonic() + options.checkpoint_s
        log.info(
            "ingest_began", worker=options.worker, epoch=mark.epoch, batch=mark.batch_no, sensors=len(directory),
            definitions=len(definitions.definitions), replayed=resumed.replayed, seconds=round(time.monotonic() - began, 3),
        )  # fmt: skip
        return pipeline, watch, committer

    # --- turning ---

    def _turn_until_stopped(self, pipeline: Pipeline, watch: Watch) -> None:
        while not self._stop.is_set():
            work = pipeline.run_once(TURN_S)
            if work is not None:
                self._gatherer.see(work)
            failure = self._source.report().failure
            if failure is not None:
                raise BrokerAway(failure)
            now = time.monotonic()
            if now >= self._next_listen:
                self._next_listen = now + LISTEN_S
                self._follow_definitions(pipeline, watch)
            if now >= self._next_flush and self._flushed(pipeline):
                self._next_flush = now + FLUSH_S
                self._flush(pipeline, watch, "judging")
            if now >= self._next_checkpoint and self._saved():
                self._next_checkpoint = now + self._options.checkpoint_s
                self._checkpoint(pipeline, watch)

    def _follow_definitions(self, pipeline: Pipeline, watch: Watch) -> None:
        """A change is read in the background and in force from the next batch on."""
        self._reload = self._ownership.definitions_changed() or self._reload
        if self._loading is None and self._reload:
            self._reload = False
            self._loading = self._scribe.portfolio()
        if self._loading is None or not self._loading.done():
            return
        loading, self._loading = self._loading, None
        try:
            directory, definitions = loading.result()
            organs = Organs.grow(directory, definitions, self._options.clock_tolerance_us)
        except (DatabaseAway, psycopg.Error) as error:
            log.warning("definitions_not_read", reason=first_line(error))
            self._reload = True
            return
        except BadInput as error:
            log.error("definitions_not_taken", reason=str(error))
            return
        organs.restore(pipeline.organs.state())
        self._switch(pipeline, watch, organs)

    def _switch(self, pipeline: Pipeline, watch: Watch, organs: Organs) -> None:
        """New organs between two batches; conditions that started fresh let go of what they held."""
        now_us = max(self._clock(), pipeline.now_us)
        before = {key for key, holds in pipeline.organs.judge.active().items() if holds}
        after = organs.judge.active()
        gone = sorted(key for key in before if not after.get(key, False))
        pipeline.differences += [Event(*key, active=False, at=now_us, value=float("nan")) for key in gone]
        pipeline.organs = organs
        watch.carry(organs.directory)
        self._next_checkpoint = time.monotonic()
        log.info(
            "definitions_changed", version=organs.judge.definitions.version, sensors=len(organs.directory),
            definitions=len(organs.judge.definitions.definitions), let_go=len(gone),
        )  # fmt: skip

    # --- beside the batches ---

    def _flush(self, pipeline: Pipeline, watch: Watch, state: str) -> None:
        report = self._source.report()
        self._metrics.connected.set(int(report.connected))
        self._metrics.broker_dropped.set(report.dropped or 0)
        self._metrics.queue_depth.set(report.waiting)
        self._metrics.gaps.inc(max(0, watch.missing - self._lost))
        self._lost = watch.missing
        if state == "judging" and not report.connected:
            state = "broker_away"
        said: dict[str, object] = {
            "batch": pipeline.batch_no,
            "definitions_version": pipeline.organs.judge.definitions.version,
            "broker": {
                "connected": report.connected,
                "version": report.broker_version,
                "dropped": report.dropped,
                "sessions_lost": report.sessions_lost,
            },
            "waiting_messages": report.waiting,
            "detectors_off": pipeline.organs.judge.switched_off,
            "spool": None,  # without one nothing is acknowledged while the database is away: the beat is late then
        }
        notes = self._gatherer.collect(pipeline.organs, watch)
        self._flushing = self._scribe.flush(notes, state, said), notes

    def _flushed(self, pipeline: Pipeline) -> bool:
        """Whether the last flush is over; what it could not write goes into the next."""
        if self._flushing is None:
            return True
        future, notes = self._flushing
        if not future.done():
            return False
        self._flushing = None
        try:
            future.result()
        except (DatabaseAway, psycopg.Error) as error:
            log.warning("newest_values_not_written", reason=first_line(error))
            self._gatherer.take_back(notes, pipeline.organs)
        return True

    def _checkpoint(self, pipeline: Pipeline, watch: Watch) -> None:
        with self._metrics.checkpoint_seconds.time():
            saved = capture(pipeline.batch_no, pipeline.now_us, watch.watched_us, pipeline.organs, watch.state())
        now_us = max(self._clock(), pipeline.now_us)
        self._saving = self._scribe.checkpoint(saved, self._epoch, instant(now_us))

    def _saved(self) -> bool:
        """Whether the last checkpoint is over.

        Raises:
            Fenced: another owner has taken over.
        """
        if self._saving is None:
            return True
        if not self._saving.done():
            return False
        saving, self._saving = self._saving, None
        try:
            if not saving.result():
                raise Fenced(f"Worker {self._options.worker} has another owner: its checkpoint was not kept.")
        except (DatabaseAway, psycopg.Error) as error:
            log.warning("checkpoint_not_written", reason=first_line(error))
        return True

    def _end(self, pipeline: Pipeline, watch: Watch) -> None:
        """The last checkpoint and the last beat."""
        if self._saving is not None:
            self._saving.exception()
            self._saved()
        self._checkpoint(pipeline, watch)
        if self._flushing is not None:
            self._flushing[0].exception()
            self._flushed(pipeline)
        self._flush(pipeline, watch, "stopping")
        for future in (self._saving, self._flushing[0] if self._flushing else None):
            error = future.exception() if future is not None else None
            if error is not None:
                log.warning("last_words_not_written", reason=first_line(error))


def differences_with(connection: Connection[Any], token: str, judge: Judge, now_us: int) -> list[Event]:
    """Events that bring `alarm.active` in line with the conditions: after definitions changed while nobody judged."""
    with transaction(connection, token):
        held = active(connection)
    ours = {key for key, holds in judge.active().items() if holds}
    gone, new = sorted(held - ours), sorted(ours - held)
    return [
        *(Event(*key, active=False, at=now_us, value=float("nan")) for key in gone),
        *(Event(*key, active=True, at=now_us, value=float("nan")) for key in new),
    ]
