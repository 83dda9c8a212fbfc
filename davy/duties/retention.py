"""Forgetting in time: a day of raw readings at once, its evidence kept; then the old rows of what has no days.

A turn does one thing, in one transaction, so that no lock outlives a commit and a crash leaves nothing half done. What cannot be
done now (somebody reads the day, its readings are not counted yet) is tried again at the next turn.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from core.log import logger
from core.settings import Settings
from davy.explain.store import forget_drawn
from ingest.retention import Fate, Keep, destinies
from ingest.store.chunks import Outcome, storage_of
from ingest.store.forgetting import forget, forget_rejected
from ingest.store.holds import holds

YEAR: Final = timedelta(days=365.25)
DRAWN_AT_ONCE: Final = 2_000  # some 10 kB each
DONE: Final = (Outcome.DROPPED, Outcome.COMPRESSED, Outcome.BUSY)  # what ends a turn; the rest costs a look

log = logger(__name__)


def keep_of(settings: Settings) -> Keep:
    """How long everything is kept, by the settings."""
    days = settings.keep_raw_days
    return Keep(
        raw=None if days is None else timedelta(days=days),
        compress_after=timedelta(days=settings.compress_after_days),
        minutes=timedelta(days=settings.keep_minutes_days),
        hours=timedelta(days=settings.keep_hours_days),
        evidence=settings.keep_evidence_years * YEAR,
        rejected=timedelta(days=settings.keep_rejected_days),
        rejected_per_device=settings.keep_rejected_per_device,
    )


def look_after_days(keep: Keep, connection: Connection[Any], now: datetime) -> Outcome | None:
    """Makes the days ahead, or drops the oldest day that is due, or compresses one; doing it again does the next.

    Returns:
        What came of it; None where there was nothing to do, or nothing that can be done now.
    """
    storage = storage_of(connection)
    if storage.make_ahead(connection, now):
        return None  # its lock ends with this turn
    told = destinies(storage.chunks(connection), holds(connection), keep, now, compresses=storage.compresses)
    for destiny in told:
        chunk = destiny.chunk
        if destiny.fate is Fate.DROP:
            outcome, evidence = storage.drop(connection, chunk.chunk, now - keep.raw_on(compresses=storage.compresses))
        elif destiny.fate is Fate.COMPRESS:
            outcome, evidence = storage.compress(connection, chunk.chunk, now - keep.compress_after), 0
        else:
            continue
        if outcome in DONE:
            log.info(
                "chunk_looked_after", outcome=outcome.value, chunk=chunk.chunk, bytes=chunk.bytes, evidence=evidence
            )
            return outcome
    return None


def forget_old_rows(keep: Keep, connection: Connection[Any], now: datetime) -> int:
    """Deletes a bounded number of old rows of each kind; gives how many."""
    raw = keep.raw_on(compresses=storage_of(connection).compresses)
    gone = {
        "other": forget(connection, "other", now - raw),
        "minute": forget(connection, "minute", now - keep.minutes),
        "hour": forget(connection, "hour", now - keep.hours),
        "evidence": forget(connection, "evidence", now - keep.evidence),
        "drawn": forget_drawn(connection, now - keep.evidence, DRAWN_AT_ONCE),
        "rejected": forget_rejected(connection, now - keep.rejected, keep.rejected_per_device),
    }
    if any(gone.values()):
        log.info("old_rows_forgotten", **gone)
    return sum(gone.values())
