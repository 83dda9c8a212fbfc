"""Brings a database to this version: its schema, and what this version's detectors take."""

from __future__ import annotations

from contextlib import closing

from core.db import connect
from core.migrate import migrate as migrate_schema
from detectors.registry import rules
from detectors.store.rules import write_rules


def migrate(owner_url: str, principal_key: bytes) -> list[str]:
    """Names of the steps that were run; safe to repeat and to run twice at once.

    Raises:
        BadSetting, DatabaseAway: as `core.migrate.migrate`.
    """
    done = migrate_schema(owner_url, principal_key)
    with closing(connect(owner_url, application="migrate")) as connection, connection.transaction():
        write_rules(connection, rules())
    return done
