"""What doctor asks of the database server itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class ServerSetting:
    """A row of pg_settings.

    Args:
        setting: in `unit`, shown: with the unit a person would write.
        pending_restart: it was changed in the file and is not in force.
    """

    name: str
    setting: str
    unit: str | None
    vartype: str
    shown: str
    pending_restart: bool


def server_settings(connection: Connection[Any], names: Sequence[str]) -> list[ServerSetting]:
    """Those that are named, in that order; a name in whichever case."""
    with connection.cursor(row_factory=class_row(ServerSetting)) as cursor:
        return cursor.execute(
            """SELECT t.name, s.setting, s.unit, s.vartype, current_setting(s.name) AS shown, s.pending_restart
               FROM unnest(%s::text[]) WITH ORDINALITY AS t(name, place) JOIN pg_settings s ON lower(s.name) = lower(t.name)
               ORDER BY t.place""",
            (list(names),),
        ).fetchall()


@dataclass(frozen=True, slots=True)
class ChunkSize:
    """A day of readings."""

    chunk: str
    bytes: int
    index_bytes: int


def chunk_sizes(connection: Connection[Any]) -> list[ChunkSize]:
    """Every chunk of the hypertable, or partition by day, that holds readings; the oldest first."""
    with connection.cursor(row_factory=class_row(ChunkSize)) as cursor:
        return cursor.execute(
            """SELECT chunk, bytes, coalesce(pg_indexes_size(to_regclass(chunk)), 0) AS index_bytes
               FROM davy_reading_chunks() WHERE filled AND since IS NOT NULL"""
        ).fetchall()
