"""What is kept how long, and what a day of readings has coming to it. Pure: the database refuses by itself what must not go.

The database drops a chunk only where its own floor of age, its holds and those who still read it allow that
(core/migrations/0011_retention.sql); what stands here is what it is asked for, and what people are told of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

UNCOMPRESSED: Final = timedelta(days=7)  # raw readings where nothing compresses them, design section 7
COMPRESSED: Final = timedelta(days=90)  # where the licence lets them be compressed
DAY: Final = timedelta(days=1)
RATE_DAYS: Final = 3  # whole days from which the present rate is taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """How long each kind of reading is kept.

    Args:
        raw: None: as long as the kind of database makes sensible.
        rejected_per_device: messages; what is beyond goes however young it is.
        compress_after: age at which a chunk is compressed, where that can be done.
    """

    raw: timedelta | None = None
    compress_after: timedelta = timedelta(days=7)
    minutes: timedelta = timedelta(days=1096)
    hours: timedelta = timedelta(days=1096)
    evidence: timedelta = timedelta(days=1827)
    rejected: timedelta = timedelta(days=30)
    rejected_per_device: int = 20_000

    def raw_on(self, *, compresses: bool) -> timedelta:
        """How long raw readings are kept on a database that compresses, or does not.

        >>> Keep().raw_on(compresses=False).days, Keep(raw=timedelta(days=30)).raw_on(compresses=True).days
        (7, 30)
        """
        return self.raw or (COMPRESSED if compresses else UNCOMPRESSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A day of raw readings: a partition, or a chunk of the hypertable.

    Args:
        since, until: None: it has no day of its own (`reading_other` on plain PostgreSQL).
        bytes: with its indexes.
        filled: it holds readings; days made ahead hold none.
    """

    chunk: str
    since: datetime | None
    until: datetime | None
    bytes: int
    filled: bool
    compressed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A legal hold that is in force.

    Args:
        until: None: it still grows.
    """

    hold_id: int
    site: str
    occurrence_id: int | None
    since: datetime
    until: datetime | None
    held_at: datetime
    held_by: str
    reason: str

    def covers(self, since: datetime, until: datetime) -> bool:
        """Whether it touches the span, whose end is not part of it."""
        return self.since < until and (self.until is None or self.until >= since)


class Fate(StrEnum):
    """What a chunk has coming to it."""

    STAYS = "stays"
    HELD = "held"
    COMPRESS = "compress"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Destiny:
    """A chunk and what is to become of it; `holds` are the ids of those that stop it."""

    chunk: Chunk
    fate: Fate
    holds: tuple[int, ...] = ()


def destinies(
    chunks: Sequence[Chunk], holds: Sequence[Hold], keep: Keep, now: datetime, *, compresses: bool
) -> list[Destiny]:
    """What each chunk has coming to it at `now`, the oldest first.

    A chunk is due when all of it is older than is kept. Held readings stay as they are, compressed or not.
    """
    drop_before = now - keep.raw_on(compresses=compresses)
    told = []
    for chunk in sorted((c for c in chunks if c.since is not None), key=lambda c: c.since or now):
        since, until = chunk.since, chunk.until
        assert since is not None
        assert until is not None
        held = tuple(hold.hold_id for hold in holds if hold.covers(since, until))
        if until <= drop_before:
            told.append(Destiny(chunk, Fate.HELD if held else Fate.DROP, held))
        elif compresses and chunk.filled and not chunk.compressed and until <= now - keep.compress_after:
            told.append(Destiny(chunk, Fate.COMPRESS))
        else:
            told.append(Destiny(chunk, Fate.STAYS))
    return told


def bytes_per_day(chunks: Sequence[Chunk], now: datetime) -> float | None:
    """What a day of raw readings takes, from the last whole days; None where there is none yet.

    >>> noon = datetime(2026, 11, 23, 12)
    >>> def day(back, size):
    ...     begins = datetime(2026, 11, 23) - timedelta(days=back)
    ...     return Chunk(chunk="c", since=begins, until=begins + DAY, bytes=size, filled=True, compressed=False)
    >>> bytes_per_day([day(0, 4), day(1, 10), day(2, 20)], noon), bytes_per_day([day(0, 4)], noon)
    (15.0, None)
    """
    whole = [c for c in chunks if c.until is not None and now - RATE_DAYS * DAY <= c.until <= now and c.filled]
    return sum(c.bytes for c in whole) / len(whole) if whole else None


def days_of_disk(
    chunks: Sequence[Chunk], keep: Keep, now: datetime, free: int, *, compresses: bool
) -> tuple[float | None, bool]:
    """How long the free bytes of a disk last at the present rate.

    Returns:
        days, None where no whole day has passed yet; and whether they are enough: the oldest day goes before the disk is full.
        Compressed days count as those that are not: it is an estimate on the safe side.
    """
    rate = bytes_per_day(chunks, now)
    if not rate:
        return None, True
    wanted = keep.raw_on(compresses=compresses) / DAY + 1  # the day that is being written
    have = sum(c.bytes for c in chunks) / rate
    left = free / rate
    return left, left >= wanted - have
