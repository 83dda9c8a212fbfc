"""A worker: takes its locks, remembers where it was, then turns batches until it is asked to stop."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from core.batch import Event
from core.db import Token, first_line
from core.errors import BadInput, BrokerAway, DatabaseAway, Fenced
from core.kernel_cache import compiled
from core.log import logger
from core.metrics import IngestMetrics
from core.migrate import require_current
from core.model import DefinitionSet
from ingest.beginning import Begun, begin
from ingest.checkpoint import capture
from ingest.committer import Committer, Interrupted
from ingest.directory import Directory
from ingest.flushing import Flushing
from ingest.instant import instant
from ingest.kernels import compile_kernels
from ingest.organs import Organs
from ingest.ownership import Ownership
from ingest.pipeline import Pipeline
from ingest.recounting import Recounting
from ingest.scribe import Scribe
from ingest.session import open_connection
from ingest.source import Clock, Source
from ingest.spool import Spool
from ingest.store.batch import BatchWriter
from ingest.store.memory import SavedState
from ingest.storing import PATIENCE_S, Storing
from ingest.urgent import Nobody, Urgent
from ingest.watch import Watch

TURN_S: Final = 0.05  # longest wait of an idle turn: a pending delay is swept within 100 ms
LONGEST_TURN_US: Final = 5_000_000  # an idle turn takes 50 ms, a full batch half a second
SPOOL_BYTES: Final = 4096 * 1024 * 1024
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
        spool_bytes: most that the spool may hold.
        spool_watches_disk: a disk that fills up counts as the spool's room.
        patience_s: how long a batch may take to be stored before it goes into the spool; 0: always by way of the spool.
    """

    worker: str
    conninfo: str
    token: Token
    folder: Path
    clock_tolerance_us: int = 5_000_000
    batch_messages: int = 2000
    window: int = 4000
    checkpoint_s: float = 20.0
    longest_turn_us: int | None = LONGEST_TURN_US
    spool_bytes: int = SPOOL_BYTES
    spool_watches_disk: bool = True
    patience_s: float = PATIENCE_S

    @property
    def most_messages(self) -> int:
        """Messages in a batch: while one is stored and not acknowledged, the window must let the next one come."""
        return max(1, min(self.batch_messages, self.window // 2))


def ignore_point(_: str) -> None:
    """What is done at fault points outside of tests: nothing."""


def settle_memory() -> None:
    """Takes what lives as long as the portfolio out of the garbage collector's sight.

    Else it walks all sensors and definitions again and again: of 20,000 sensors that stops every thread for 0.15 s.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


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
        self._options = options
        self._source = source
        self._clock = clock
        self._metrics = metrics
        self._stop = stop
        self._urgent = urgent or Nobody()
        self._after = after
        self._ownership = Ownership(options.conninfo, options.worker, options.folder)
        self._scribe = Scribe(options.conninfo, options.token, options.worker)
        self._recounting = Recounting(options.conninfo, options.token, options.worker, metrics, source.wake)
        self._loading: Future[tuple[Directory, DefinitionSet]] | None = None
        self._captured: tuple[SavedState, int] | None = None
        self._saving: Future[bool] | None = None
        self._reload = False
        self._next_listen = self._next_checkpoint = 0.0

    def run(self) -> None:
        """Until `stop` is set.

        Raises:
            DatabaseAway, BrokerAway, BadInput: it cannot start; one sentence.
            Fenced, SteppedBack: another owner has taken over; the database has lost batches that it had confirmed.
        """
        self._ownership.take()
        try:
            pipeline, watch, committer, storing = self._begin()
            self._storing = storing
            flushing = Flushing(self._scribe, self._source, storing, watch, self._clock, self._metrics)
            try:
                storing.start()
                self._source.start()
                self._turn_until_stopped(pipeline, watch, flushing)
                for work in pipeline.end():
                    flushing.see(work)
                storing.finish()
                self._end(pipeline, watch, flushing)
            except Interrupted:
                log.warning("stopped_while_database_away", worker=self._options.worker)
            finally:
                self._source.stop()
                storing.finish()
                committer.close()
        finally:
            self._recounting.close()
            self._scribe.close()
            self._ownership.release()

    # --- beginning ---

    def _begin(self) -> tuple[Pipeline, Watch, Committer, Storing]:
        options = self._options
        began = time.monotonic()
        compiled(compile_kernels)  # from the cache; the first batch must not wait for it
        connection = open_connection(options.conninfo)
        try:
            require_current(connection)
            spool = Spool(options.folder, options.spool_bytes, self._clock, watches_disk=options.spool_watches_disk)
            found = begin(
                connection,
                options.token(),
                options.worker,
                options.clock_tolerance_us,
                spool,
                self._urgent,
                self._clock,
            )
        finally:
            connection.close()
        watch = self._watch_of(found)
        self._epoch = found.mark.epoch
        writer = BatchWriter(
            options.worker, self._epoch, self._after, self._urgent,
            self._clock if options.longest_turn_us is not None else None, lambda: spool.used,
        )  # fmt: skip
        committer = Committer(options.conninfo, options.token, writer, self._stop, self._metrics)
        storing = Storing(
            committer, spool, self._metrics,
            stored_no=found.mark.batch_no, patience_s=options.patience_s, after=self._after, wake=self._source.wake,
        )  # fmt: skip
        pipeline = Pipeline(
            self._source, found.organs, watch, storing, self._urgent, self._clock, self._metrics,
            now_us=found.resumed.now_us, most_messages=options.most_messages, after=self._after,
            recounting=self._recounting,
        )  # fmt: skip
        pipeline.differences = found.differences
        self._next_checkpoint = time.monotonic() + options.checkpoint_s
        settle_memory()
        log.info(
            "ingest_began", worker=options.worker, epoch=self._epoch, batch=found.mark.batch_no, spooled=found.spooled,
            sensors=len(found.directory), definitions=len(found.organs.judge.definitions),
            replayed=found.resumed.replayed, seconds=round(time.monotonic() - began, 3),
        )  # fmt: skip
        return pipeline, watch, committer, storing

    def _watch_of(self, found: Begun) -> Watch:
        watch = Watch(
            found.directory, watched_us=found.resumed.watched_us, known_session=found.resumed.batch_no > 0,
            most=self._options.most_messages, longest_us=self._options.longest_turn_us,
        )  # fmt: skip
        if found.resumed.watch is not None:
            watch.restore(found.resumed.watch)
        return watch

    # --- turning ---

    def _turn_until_stopped(self, pipeline: Pipeline, watch: Watch, flushing: Flushing) -> None:
        while not self._stop.is_set():
            for work in pipeline.run_once(TURN_S):
                flushing.see(work)
            failure = self._source.report().failure
            if failure is not None:
                raise BrokerAway(failure)
            now = time.monotonic()
            if now >= self._next_listen:
                self._next_listen = now + LISTEN_S
                self._follow_definitions(pipeline, watch)
            flushing.turn(pipeline.organs, now)
            if now >= self._next_checkpoint and self._captured is None:
                self._next_checkpoint = now + self._options.checkpoint_s
                self._capture(pipeline, watch)
            if self._captured is not None and self._saved():
                self._save_captured(pipeline)

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
        organs.sorter.marks.carry(pipeline.organs.sorter.marks, directory)
        self._switch(pipeline, watch, organs)

    def _switch(self, pipeline: Pipeline, watch: Watch, organs: Organs) -> None:
        """New organs between two batches; conditions that started fresh let go of what they held."""
        now_us = max(self._clock(), pipeline.now_us)
        gone = sorted(pipeline.organs.judge.standing() - organs.judge.standing())
        pipeline.differences += [Event(*key, active=False, at=now_us, value=float("nan")) for key in gone]
        pipeline.organs = organs
        watch.carry(organs.directory)
        self._next_checkpoint = time.monotonic()
        settle_memory()
        log.info(
            "definitions_changed", version=organs.judge.definitions.version, sensors=len(organs.directory),
            definitions=len(organs.judge.definitions), let_go=len(gone),
        )  # fmt: skip

    # --- beside the batches ---

    def _capture(self, pipeline: Pipeline, watch: Watch) -> None:
        """Memory as of the last judged batch; it is kept once that batch is stored."""
        with self._metrics.checkpoint_seconds.time():
            number, state = self._storing.batch_no, watch.state()
            saved = capture(number, pipeline.now_us, watch.watched_us, pipeline.organs, state)
        self._captured = saved, self._storing.mendings

    def _save_captured(self, pipeline: Pipeline) -> None:
        assert self._captured is not None
        saved, mendings = self._captured
        if mendings != self._storing.mendings:  # its number is another batch's by now
            self._captured = None
        elif saved.batch_no <= self._storing.stored_no:
            self._captured = None
            now_us = max(self._clock(), pipeline.now_us)
            self._saving = self._scribe.checkpoint(saved, self._epoch, instant(now_us))

    def _saved(self) -> bool:
        """Whether the last checkpoint is over.

        Raises:
            Fenced, SteppedBack: another owner has taken over; the database has lost batches that it had confirmed.
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

    def _end(self, pipeline: Pipeline, watch: Watch, flushing: Flushing) -> None:
        """The last checkpoint and the last beat."""
        if self._saving is not None:
            self._saving.exception()
            self._saved()
        self._capture(pipeline, watch)
        self._save_captured(pipeline)
        for future in (self._saving, flushing.end(pipeline.organs)):
            error = future.exception() if future is not None else None
            if error is not None:
                log.warning("last_words_not_written", reason=first_line(error))
