"""Beside the batches: newest values, device streams and the beat, to the database every two seconds.

Newest values of many sensors go out in pieces over those two seconds: written at once, 20,000 of them keep the database busy
for a quarter of a second, and alarms wait behind them.
"""

from __future__ import annotations

from concurrent.futures import Future
from typing import Final

import psycopg

from core.db import first_line
from core.errors import DatabaseAway
from core.log import logger
from core.metrics import IngestMetrics
from ingest.notes import Gatherer, Notes
from ingest.organs import Organs
from ingest.pipeline import Work
from ingest.scribe import Scribe
from ingest.source import Clock, Source, SourceReport
from ingest.spool import SpoolReport
from ingest.storing import Storing
from ingest.watch import Watch

FLUSH_S: Final = 2.0
PIECE: Final = 1000  # sensors; ten milliseconds of the database
MOST_PIECES: Final = 20  # a commit each 100 ms

log = logger(__name__)


def lag_s(report: SourceReport, now_us: int) -> float:
    """How long the oldest message that waits here for its batch has waited; 0 without one.

    >>> lag_s(SourceReport(waiting=2, oldest_us=1_000_000), 3_500_000), lag_s(SourceReport(), 3_500_000)
    (2.5, 0.0)
    """
    return 0.0 if report.oldest_us is None else max(0, now_us - report.oldest_us) / 1_000_000


class Flushing:
    """Gathers what changes, and writes it in the background."""

    def __init__(
        self, scribe: Scribe, source: Source, storing: Storing, watch: Watch, clock: Clock, metrics: IngestMetrics
    ) -> None:
        self._scribe = scribe
        self._source = source
        self._storing = storing
        self._watch = watch
        self._clock = clock
        self._metrics = metrics
        self._gatherer = Gatherer()
        self._under_way: tuple[Future[None], Notes] | None = None
        self._next = 0.0
        self._piece = -1  # the last that was written
        self._next_beat = 0.0
        self._failed = False
        self._missing = 0
        # Asked whenever somebody looks: a batch that waits for room holds up the beat, and then they matter most.
        metrics.queue_depth.set_function(lambda: source.report().waiting)
        metrics.queue_bytes.set_function(lambda: source.report().waiting_bytes)
        metrics.lag_seconds.set_function(lambda: lag_s(source.report(), clock()))

    def see(self, work: Work) -> None:
        """Notes a batch that came to its end."""
        self._gatherer.see(work)

    def turn(self, organs: Organs, now: float) -> None:
        """Writes the next piece, where it is time and the last one is over; each two seconds with streams and the beat.

        Args:
            now: of the monotonic clock, seconds.
        """
        if now < self._next or not self._over(organs):
            return
        if self._failed:  # the database is away: a beat every two seconds shows when it is back
            self._failed = False
            self._next = now + FLUSH_S
            return
        sensors = len(organs.directory)
        pieces = min(MOST_PIECES, -(-sensors // PIECE)) or 1
        self._next = now + FLUSH_S / pieces
        self._piece = (self._piece + 1) % pieces
        slots = slice(sensors * self._piece // pieces, sensors * (self._piece + 1) // pieces)
        notes = self._gatherer.newest(organs, slots)
        if now >= self._next_beat:
            self._next_beat = now + FLUSH_S
            self._write(organs, notes, "judging")
        elif len(notes.newest):
            self._under_way = self._scribe.flush(notes, None), notes

    def end(self, organs: Organs) -> Future[None]:
        """Writes all that is left, and the last beat."""
        if self._under_way is not None:
            self._under_way[0].exception()
            self._over(organs)
        return self._write(organs, self._gatherer.newest(organs, slice(None)), "stopping")

    def _write(self, organs: Organs, notes: Notes, state: str) -> Future[None]:
        report, spool = self._source.report(), self._storing.report()
        self._measure(organs, report, spool)
        if state == "judging" and not report.connected:
            state = "broker_away"
        self._gatherer.add_streams(notes, organs, self._watch)
        written = self._scribe.flush(notes, (state, self._said(organs, report, spool)))
        self._under_way = written, notes
        return written

    def _measure(self, organs: Organs, report: SourceReport, spool: SpoolReport) -> None:
        late = organs.judge.averages.late
        self._metrics.recounts_waiting.set(len(late))
        self._metrics.recounts_failing.set(len(late.failing()))
        self._metrics.set_aside.set(len(organs.judge.set_aside))
        self._metrics.connected.set(int(report.connected))
        self._metrics.broker_dropped.set(report.dropped or 0)
        self._metrics.spool_batches.set(spool.batches)
        self._metrics.spool_bytes.set(spool.bytes)
        self._metrics.spool_oldest_seconds.set(spool.oldest_s or 0)
        self._metrics.spool_used.set(spool.used)
        self._metrics.spool_set_aside.set(len(spool.set_aside))
        self._metrics.gaps.inc(max(0, self._watch.missing - self._missing))
        self._missing = self._watch.missing

    def _said(self, organs: Organs, report: SourceReport, spool: SpoolReport) -> dict[str, object]:
        return {
            "batch": self._storing.batch_no,
            "stored": self._storing.stored_no,
            "definitions_version": organs.judge.definitions.version,
            "broker": {
                "connected": report.connected,
                "version": report.broker_version,
                "dropped": report.dropped,
                "sessions_lost": report.sessions_lost,
            },
            "waiting_messages": report.waiting,
            "detectors_off": organs.judge.switched_off,
            "late": {
                "waiting": len(organs.judge.averages.late),
                "failing": [touched.sensor_id for touched in organs.judge.averages.late.failing()],
            },
            "spool": {
                "batches": spool.batches,
                "bytes": spool.bytes,
                "oldest_s": spool.oldest_s,
                "used": spool.used,
                "set_aside": list(spool.set_aside),
            },
        }

    def _over(self, organs: Organs) -> bool:
        """Whether the last piece is over; what it could not write goes into a later one."""
        if self._under_way is None:
            return True
        future, notes = self._under_way
        if not future.done():
            return False
        self._under_way = None
        try:
            future.result()
        except (DatabaseAway, psycopg.Error) as error:
            log.warning("newest_values_not_written", reason=first_line(error))
            self._gatherer.take_back(notes, organs)
            self._failed = True
        return True
