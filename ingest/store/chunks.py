"""Raw readings by the day, on each kind of database: which chunks there are, making, compressing and dropping them.

One interface, a class a kind. What differs in SQL stands in the twins core/migrations/0003_reading.*.sql under one name, so that
the rights are the same everywhere: the risk process, as alerting, may ask; the owner's functions decide.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Final, NamedTuple, Protocol

from psycopg import Connection
from psycopg.rows import class_row

from ingest.retention import Chunk

AHEAD_DAYS: Final = 2  # days made before they begin: a risk process that is away for a day costs nothing


class Outcome(StrEnum):
    """What the database did with a chunk, or why it did not."""

    DROPPED = "dropped"
    COMPRESSED = "compressed"
    BUSY = "busy"  # somebody uses it: another time
    HELD = "held"  # a legal hold covers it
    NEEDED = "needed"  # not in minutes and hours yet, or a restart of ingest would read it
    NEWEST = "newest"  # of the two newest days that hold readings: they stay, whatever the clock says
    YOUNG = "young"  # younger than asked for, or than the floor of two days
    UNKNOWN = "unknown"  # there is no such chunk (any more), or it is done
    NO_LICENCE = "no_licence"


class Done(NamedTuple):
    """What came of it, and how many readings were copied as evidence."""

    outcome: Outcome
    evidence: int = 0


class Storage(Protocol):
    """Where raw readings lie."""

    kind: ClassVar[str]
    compresses: ClassVar[bool]

    def chunks(self, connection: Connection[Any]) -> list[Chunk]:
        """The chunks there are, the oldest first; what has no day of its own last."""

    def make_ahead(self, connection: Connection[Any], now: datetime) -> int:
        """Makes what the next days' readings will lie in; gives how many were made."""

    def drop(self, connection: Connection[Any], chunk: str, older_than: datetime) -> Done:
        """Drops one chunk that is wholly older, its evidence copied in the same transaction; or says why not."""

    def compress(self, connection: Connection[Any], chunk: str, older_than: datetime) -> Outcome:
        """Compresses one chunk that is wholly older; or says why not."""


class _ByFunction:
    """What is the same everywhere: the function has the same name, and does what its kind of database needs."""

    def chunks(self, connection: Connection[Any]) -> list[Chunk]:
        with connection.cursor(row_factory=class_row(Chunk)) as cursor:
            return cursor.execute(
                "SELECT chunk, since, until, bytes, filled, compressed FROM davy_reading_chunks()"
            ).fetchall()

    def drop(self, connection: Connection[Any], chunk: str, older_than: datetime) -> Done:
        row = connection.execute(
            "SELECT outcome, evidence FROM davy_reading_drop(%s, %s)", (chunk, older_than)
        ).fetchone()
        assert row is not None
        return Done(Outcome(row[0]), row[1])


class _NeverCompressed(_ByFunction):
    compresses: ClassVar[bool] = False

    def compress(self, connection: Connection[Any], chunk: str, older_than: datetime) -> Outcome:
        return Outcome.NO_LICENCE


class PlainStorage(_NeverCompressed):
    """Plain PostgreSQL: native partitions by day, which somebody must make.

    Ingest makes a day before its first reading, where nobody has before. A day that could not be made lies in `reading_other`,
    together with what is too late or too far ahead to have one.
    """

    kind: ClassVar[str] = "plain"

    def make_ahead(self, connection: Connection[Any], now: datetime) -> int:
        """Today and the next days, those that are not there."""
        there = {chunk.since for chunk in self.chunks(connection)}
        today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        made = 0
        for day in (today + timedelta(days=ahead) for ahead in range(AHEAD_DAYS + 1)):
            if day not in there:
                row = connection.execute("SELECT davy_reading_day(%s)", (day.date(),)).fetchone()
                made += bool(row and row[0])
        return made


class ApacheStorage(_NeverCompressed):
    """TimescaleDB's Apache edition: a hypertable that makes its own chunks; nothing compresses them."""

    kind: ClassVar[str] = "timescaledb, apache"

    def make_ahead(self, connection: Connection[Any], now: datetime) -> int:
        """Nothing to do."""
        return 0


class LicensedStorage(_ByFunction):
    """TimescaleDB under its own licence: as the Apache edition, and old chunks are compressed.

    Written from its documentation: no distribution's packages carry that edition, so it has not been run here.
    """

    kind: ClassVar[str] = "timescaledb, timescale"
    compresses: ClassVar[bool] = True

    def make_ahead(self, connection: Connection[Any], now: datetime) -> int:
        """Nothing to do."""
        return 0

    def compress(self, connection: Connection[Any], chunk: str, older_than: datetime) -> Outcome:
        """Stretches of a sensor in order of time; a late reading still finds its place."""
        row = connection.execute("SELECT davy_reading_compress(%s, %s)", (chunk, older_than)).fetchone()
        assert row is not None
        return Outcome(row[0])


def storage_for(licence: str | None) -> Storage:
    """The kind by what the database says of its licence; None: it is plain PostgreSQL.

    >>> [storage_for(licence).kind for licence in (None, "apache", "timescale")]
    ['plain', 'timescaledb, apache', 'timescaledb, timescale']
    """
    if licence is None:
        return PlainStorage()
    return LicensedStorage() if licence == "timescale" else ApacheStorage()


def storage_of(connection: Connection[Any]) -> Storage:
    """The kind of this database, as `SHOW timescaledb.license` has it."""
    row = connection.execute(
        """SELECT current_setting('timescaledb.license', true) FROM pg_extension WHERE extname = 'timescaledb'"""
    ).fetchone()
    return storage_for(None if row is None else str(row[0]))
