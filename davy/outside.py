"""The sign of life to somebody outside: looked for, given, and written down. A thread of the alerting process, beside its duties.

A receiver that hangs must not hold up the duties, so it is none of them. It reads what they have written: it says nothing of its own health.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import psycopg

from alerting.channels.post import Poster, refuse
from alerting.outside import why_silent
from alerting.store import outside as store
from alerting.store import status
from core.db import Database, first_line
from core.errors import DatabaseAway, DeliveryFailed
from core.log import logger

TIMEOUT_S: Final = 10.0
PROCESS: Final = "outside"  # as `process_status` calls it

log = logger(__name__)


class Watcher:
    """Somebody outside who waits for our sign of life.

    Args:
        url: where it is given; a secret, as its path is the key.
        every_s: how often.
    """

    def __init__(
        self,
        database: Database,
        poster: Poster,
        url: str,
        every_s: float,
        *,
        token: Callable[[], str],
        clock: Callable[[], datetime],
    ) -> None:
        self._database, self._poster, self._url, self._every_s = database, poster, url, every_s
        self._token, self._clock = token, clock
        self._accepted_at: datetime | None = None
        self._said: str | None = None

    def run(self, stop: threading.Event) -> None:
        """Gives it every so often, until `stop`."""
        while not stop.is_set():
            self.look()
            stop.wait(self._every_s)

    def look(self) -> bool:
        """Looks once, and gives the sign where all is well; whether it was taken."""
        now = self._clock()
        try:
            with self._database.transaction(self._token()) as connection:
                why = why_silent(store.signs(connection, now), now)
        except (DatabaseAway, psycopg.Error) as error:
            return self._silent(f"the database does not answer: {first_line(error)}")
        if why is not None:
            self._write(now, why)
            return self._silent(why)
        try:
            refuse(self._poster.post(self._url, {"content-type": "text/plain"}, b"", timeout_s=TIMEOUT_S), now)
        except DeliveryFailed as error:
            self._write(now, str(error))
            return self._silent(str(error))
        self._accepted_at = now
        if self._said is not None:
            log.info("outside_told_again")
            self._said = None
        self._write(now, None)
        return True

    def _silent(self, why: str) -> bool:
        """Said once for each reason: the numbers in it grow."""
        kind = "".join(letter for letter in why if not letter.isdigit())
        if kind != self._said:
            log.error("outside_not_told", why=why)
            self._said = kind
        return False

    def _write(self, now: datetime, why: str | None) -> None:
        """What doctor reads."""
        report = {
            "why": why,
            "every_s": self._every_s,
            "accepted_at": None if self._accepted_at is None else self._accepted_at.isoformat(),
        }
        try:
            with self._database.transaction(self._token()) as connection:
                status.beat(
                    connection, PROCESS, self._accepted_at or now - timedelta(days=1), turned_at=now, report=report
                )
        except (DatabaseAway, psycopg.Error) as error:
            log.warning("outside_not_written_down", why=first_line(error))
