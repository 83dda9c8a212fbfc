"""What Davy does by the clock, beside judging and sending, and what a person waits for of it; the rest is in `patient`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import psycopg
from prometheus_client import Counter
from psycopg import Connection

from alerting.actions import call_for_what_still_holds, expire_shelves, realarm
from alerting.exercises import draw_roll_calls, keep_exercises
from alerting.reassigning import reassign
from alerting.storms import keep_storms
from alerting.suppressions import keep_suppressions
from core.db import Database, first_line, passes
from core.errors import DatabaseAway
from core.log import logger

LOOK_EVERY_S: Final = 1.0
FIRST_PAUSE_S: Final = 10.0  # after a failure; each further one doubles it
LONGEST_PAUSE_S: Final = 600.0  # below pulse.LATE_CARE: what has been put right shows within a quarter of an hour
LONG: Final = timedelta(minutes=1)  # a prompt duty that fails for so long is not done: the sign of life says so

log = logger(__name__)


class Duty(NamedTuple):
    """Something that is done every `every_s` seconds, in a transaction of its own.

    Args:
        run: takes a connection and `now`, aware UTC; doing it again at once changes nothing.
    """

    name: str
    every_s: float
    run: Callable[[Connection[Any], datetime], object]


# What a person waits for within seconds: in the alerting process. What the database lets nobody through for now (a deadlock, a lock,
# a statement over its time) is tried again at the next look, for the messages of all companies must not wait for it; where it goes on
# for long, or anything else fails, no beat comes, and the pages and doctor say so: a shelf that never ends would be a lost alarm.
PROMPT: Final[Sequence[Duty]] = (
    Duty("shelves", 1.0, expire_shelves),
    Duty("realarms", 1.0, realarm),
    Duty("suppressions", 1.0, keep_suppressions),
    Duty("late_calls", 1.0, call_for_what_still_holds),
    Duty("duty_calls", 1.0, reassign),
    Duty("storms", 2.0, keep_storms),
    Duty("exercises", 1.0, keep_exercises),
    Duty("roll_calls", 10.0, draw_roll_calls),
)


class _Failure(NamedTuple):
    times: int
    since: datetime
    at: datetime
    said: str


@dataclass
class Failing:
    """Duties that fail, each by itself: since when one does, what was said last, and when it is tried again.

    Args:
        prompt: they are tried again at the next look, and only for what passes; anything else ends the process. False: whatever
            it is, it is tried again after a rest that grows.
    """

    met: Counter | None = None
    prompt: bool = False
    _by_name: dict[str, _Failure] = field(default_factory=dict)

    def report(self) -> dict[str, str]:
        """What was said last, by duty; empty when all go well."""
        return {name: failure.said for name, failure in sorted(self._by_name.items())}

    def undone_since(self, now: datetime) -> datetime | None:
        """Since when one of them has failed again and again for long; None: none has."""
        since = min((failure.since for failure in self._by_name.values()), default=None)
        return since if since is not None and now - since >= LONG else None

    def bears(self, error: Exception) -> bool:
        """Whether the others go on."""
        return not self.prompt or passes(error)

    def rests(self, duty: Duty, now: datetime) -> bool:
        """Whether it has failed and is not to be tried again yet. A clock put back does not make the rest longer."""
        failure = self._by_name.get(duty.name)
        return failure is not None and timedelta(0) <= now - failure.at < self._pause(duty, failure.times)

    def failed(self, duty: Duty, now: datetime, error: Exception) -> None:
        """Once more."""
        was = self._by_name.get(duty.name, _Failure(0, now, now, ""))
        failure = _Failure(was.times + 1, min(was.since, now), now, first_line(error))
        self._by_name[duty.name] = failure
        log.error(
            "duty_failed",
            duty=duty.name,
            times=failure.times,
            again_in_s=self._pause(duty, failure.times).total_seconds(),
            why=failure.said,
            sqlstate=error.sqlstate if isinstance(error, psycopg.Error) else None,
            exc_info=None if passes(error) else error,
        )
        if self.met is not None:
            self.met.labels(duty=duty.name).inc()

    def _pause(self, duty: Duty, times: int) -> timedelta:
        return timedelta(0) if self.prompt else _pause(duty, times)

    def went_well(self, duty: Duty) -> None:
        """It is forgotten."""
        self._by_name.pop(duty.name, None)


def _pause(duty: Duty, times: int) -> timedelta:
    return timedelta(seconds=min(max(duty.every_s, FIRST_PAUSE_S) * 2.0 ** min(times - 1, 16), LONGEST_PAUSE_S))


def keep(
    duties: Sequence[Duty],
    database: Database,
    token: Callable[[], str],
    clock: Callable[[], datetime],
    stop: threading.Event,
    failing: Failing,
) -> None:
    """Does each duty when its time has come, until `stop`. A database that is away makes them wait.

    Args:
        failing: where a duty that fails is written down; the others go on, where it bears that.
    """
    done_at: dict[str, datetime] = {}
    while not stop.wait(LOOK_EVERY_S):
        for duty in duties:
            now = clock()
            last = done_at.get(duty.name)
            if last is not None and (now - last).total_seconds() < duty.every_s and now >= last:
                continue
            if failing.rests(duty, now):
                continue
            try:
                with database.transaction(token()) as connection:
                    duty.run(connection, now)
                done_at[duty.name] = now
            except DatabaseAway as error:
                log.warning("duty_waits", duty=duty.name, why=str(error))
                break
            except Exception as error:
                # One that fails must not end the others: of digests, seals and retention nobody would notice for days.
                if not failing.bears(error):
                    raise
                failing.failed(duty, now, error)
            else:
                failing.went_well(duty)
