"""Reads the calendars that duty positions follow, one at a look; what cannot be read leaves what it said last."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from alerting.calendar_fetch import Fetched, fetch
from alerting.calendar_reading import Known, read
from alerting.store import calendars as store
from alerting.store.calendars import Followed
from alerting.vault import Vault
from core.errors import BadInput
from core.log import logger

EVERY: Final = timedelta(minutes=10)
BACK: Final = timedelta(days=15)  # a calendar that is exported shows what was
AHEAD: Final = timedelta(days=100)  # more than an import looks ahead for holes

log = logger(__name__)


def read_calendars(
    allow: Sequence[str],
    vault: Vault,
    connection: Connection[Any],
    now: datetime,
    *,
    monotonic: Callable[[], float] = time.monotonic,
) -> bool:
    """Looks at the one that was looked at longest ago, where that is long enough; whether there was one."""
    followed = store.due(connection, now, EVERY)
    if followed is None:
        return False
    try:
        fetched = fetch(
            followed.url, etag=followed.etag, last_modified=followed.last_modified, allow=allow, monotonic=monotonic
        )
        _keep(connection, vault, followed, fetched, now, monotonic)
    except BadInput as error:
        log.warning("calendar_not_read", roster=followed.roster_id, why=str(error))
        store.keep_problem(connection, followed, str(error), now)
    return True


def _keep(
    connection: Connection[Any],
    vault: Vault,
    followed: Followed,
    fetched: Fetched,
    now: datetime,
    monotonic: Callable[[], float],
) -> None:
    """Also what has not changed is read anew: days go by, and people come and go."""
    content = followed.content if fetched.content is None else fetched.content
    if content is None:
        raise BadInput("The server says that nothing has changed, and there is nothing yet.")
    found = read(
        content, _people(connection, vault, followed), time_zone=followed.time_zone, begins_at=now - BACK, ends_at=now + AHEAD,
        monotonic=monotonic,
    )  # fmt: skip
    store.keep_turns(
        connection, followed, found.turns, remarks=found.remarks, content=content,
        etag=fetched.etag if fetched.content is not None else fetched.etag or followed.etag,
        last_modified=fetched.last_modified if fetched.content is not None else fetched.last_modified or followed.last_modified,
        now=now,
    )  # fmt: skip


def _people(connection: Connection[Any], vault: Vault, followed: Followed) -> list[Known]:
    return [
        Known(each.person_id, each.key, each.name, frozenset(_opened(vault, each.mail)))
        for each in store.people_of(connection, followed)
    ]


def _opened(vault: Vault, kept: str | None) -> list[str]:
    """A mail address that does not open is for the outbox to say; names are left."""
    if kept is None:
        return []
    try:
        return [vault.open("smtp", kept).casefold()]
    except BadInput:
        return []
