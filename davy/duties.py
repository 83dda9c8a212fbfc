"""What Davy does by the clock, beside judging and sending: a line each. Processes alerting and risk run them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from psycopg import Connection

from alerting.actions import call_for_what_still_holds, expire_shelves
from core.db import Database
from core.errors import DatabaseAway
from core.log import logger
from ingest.store.rollups import roll_up
from risk.scoring import score_sites

LOOK_EVERY_S: Final = 1.0

log = logger(__name__)


class Duty(NamedTuple):
    """Something that is done every `every_s` seconds, in a transaction of its own.

    Args:
        run: takes a connection and `now`, aware UTC; doing it again at once changes nothing.
    """

    name: str
    every_s: float
    run: Callable[[Connection[Any], datetime], object]


# What a person waits for within seconds: in the alerting process.
PROMPT: Final[Sequence[Duty]] = (
    Duty("shelves", 1.0, expire_shelves),
    Duty("late_calls", 1.0, call_for_what_still_holds),
)
# What may take its time: in the risk process, where a long one delays the others but never a message.
PATIENT: Final[Sequence[Duty]] = (
    Duty("hours", 60.0, roll_up),
    Duty("scores", 60.0, score_sites),
)


def keep(
    duties: Sequence[Duty],
    database: Database,
    token: Callable[[], str],
    clock: Callable[[], datetime],
    stop: threading.Event,
) -> None:
    """Does each duty when its time has come, until `stop`. A database that is away makes them wait."""
    done_at: dict[str, datetime] = {}
    while not stop.wait(LOOK_EVERY_S):
        for duty in duties:
            now = clock()
            last = done_at.get(duty.name)
            if last is not None and (now - last).total_seconds() < duty.every_s and now >= last:
                continue
            try:
                with database.transaction(token()) as connection:
                    duty.run(connection, now)
                done_at[duty.name] = now
            except DatabaseAway as error:
                log.warning("duty_waits", duty=duty.name, why=str(error))
                break
