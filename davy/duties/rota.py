"""What Davy does by the clock, beside judging and sending: a line each. Processes alerting and risk run them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg
from prometheus_client import Counter
from psycopg import Connection

from alerting.actions import call_for_what_still_holds, expire_shelves, realarm
from alerting.seal import SealKey
from alerting.suppressions import keep_suppressions
from api.once import forget
from core.db import Database, first_line
from core.errors import DatabaseAway
from core.log import logger
from davy.backtest.jobs import BacktestDuty
from davy.duties.notices import send_digests, tell_occasions
from davy.duties.retention import forget_old_rows, look_after_days
from davy.duties.seals import seal
from davy.duties.silence import look_for_silent_detectors
from davy.duties.weekly import send_weeks
from ingest.retention import Keep
from ingest.store.rollups import roll_up
from risk.score.scoring import score_sites

LOOK_EVERY_S: Final = 1.0
FIRST_PAUSE_S: Final = 10.0  # after a failure; each further one doubles it
LONGEST_PAUSE_S: Final = 600.0  # below pulse.LATE_CARE: what has been put right shows within a quarter of an hour

log = logger(__name__)


class Duty(NamedTuple):
    """Something that is done every `every_s` seconds, in a transaction of its own.

    Args:
        run: takes a connection and `now`, aware UTC; doing it again at once changes nothing.
    """

    name: str
    every_s: float
    run: Callable[[Connection[Any], datetime], object]


# What a person waits for within seconds: in the alerting process, which ends when one fails and is started anew; without a beat
# the pages and doctor say that nobody is called. A shelf that never ends in silence would be a lost alarm.
PROMPT: Final[Sequence[Duty]] = (
    Duty("shelves", 1.0, expire_shelves),
    Duty("realarms", 1.0, realarm),
    Duty("suppressions", 1.0, keep_suppressions),
    Duty("late_calls", 1.0, call_for_what_still_holds),
)
# What may take its time: in the risk process, where a long one delays the others but never a message,
# and one that fails fails alone.
PATIENT: Final[Sequence[Duty]] = (
    Duty("silent_detectors", 60.0, look_for_silent_detectors),
    Duty("notices", 10.0, tell_occasions),
    Duty("digests", 300.0, send_digests),
    Duty("weeks", 600.0, send_weeks),
    Duty("hours", 60.0, roll_up),
    Duty("scores", 60.0, score_sites),
    Duty("sent_forms", 3600.0, forget),
)


def patient(keep: Keep, key: SealKey | None = None, folder: Path | None = None) -> list[Duty]:
    """The patient ones, with those that must be told how long readings are kept, and how chains are sealed.

    Args:
        key: None: they are not.
    """
    return [
        *PATIENT,
        Duty("backtests", 1.0, BacktestDuty()),
        Duty("retention", 60.0, partial(look_after_days, keep)),
        Duty("old_rows", 600.0, partial(forget_old_rows, keep)),
        *([] if key is None else [Duty("seals", 60.0, partial(seal, key, folder))]),
    ]


@dataclass
class Failing:
    """Duties that fail, each by itself: since when one does, what the database said last, and when it is tried again."""

    met: Counter | None = None
    _by_name: dict[str, tuple[int, datetime, str]] = field(default_factory=dict)

    def report(self) -> dict[str, str]:
        """What the database said last, by duty; empty when all go well."""
        return {name: said for name, (_, _, said) in sorted(self._by_name.items())}

    def rests(self, duty: Duty, now: datetime) -> bool:
        """Whether it has failed and is not to be tried again yet. A clock put back does not make the rest longer."""
        times, at, _ = self._by_name.get(duty.name, (0, now, ""))
        return times > 0 and timedelta(0) <= now - at < _pause(duty, times)

    def failed(self, duty: Duty, now: datetime, error: psycopg.Error) -> None:
        """Once more."""
        times = self._by_name.get(duty.name, (0, now, ""))[0] + 1
        self._by_name[duty.name] = (times, now, first_line(error))
        log.error(
            "duty_failed",
            duty=duty.name,
            times=times,
            again_in_s=_pause(duty, times).total_seconds(),
            why=first_line(error),
            sqlstate=error.sqlstate,
        )
        if self.met is not None:
            self.met.labels(duty=duty.name).inc()

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
    failing: Failing | None = None,
) -> None:
    """Does each duty when its time has come, until `stop`. A database that is away makes them wait.

    Args:
        failing: where a duty that the database refuses is written down; the others go on. None: it ends the process.
    """
    done_at: dict[str, datetime] = {}
    while not stop.wait(LOOK_EVERY_S):
        for duty in duties:
            now = clock()
            last = done_at.get(duty.name)
            if last is not None and (now - last).total_seconds() < duty.every_s and now >= last:
                continue
            if failing is not None and failing.rests(duty, now):
                continue
            try:
                with database.transaction(token()) as connection:
                    duty.run(connection, now)
                done_at[duty.name] = now
            except DatabaseAway as error:
                log.warning("duty_waits", duty=duty.name, why=str(error))
                break
            except psycopg.Error as error:
                if failing is None:
                    raise
                failing.failed(duty, now, error)
            else:
                if failing is not None:
                    failing.went_well(duty)
