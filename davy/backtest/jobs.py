"""Back-tests between the other duties of the risk process: a few seconds of one at a time, until it is done.

What is half done is in memory alone: a process that is killed begins the job anew, and one whose job was called off, or taken up
by another after its lease ran out, drops it at its next turn.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from core.errors import BadInput
from core.log import logger
from davy.backtest import job_store, store
from davy.backtest.case import Question, open_case
from davy.backtest.job_store import Job
from davy.backtest.telling import WORK_SHARE, telling
from davy.backtest.trial import Trial, work

TURN_S: Final = 3.0  # so long the other duties wait
LEASE: Final = timedelta(minutes=5)  # a turn, and all the other duties, are done by then
MOST_ATTEMPTS: Final = 3
# What a judge or the arithmetic about it raises over a proposal or a history that nobody thought of. The database's own errors are
# not among them: they end the turn, and the rota tries again.
WHAT_CAN_COME: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    TypeError,
    ValueError,
)

log = logger(__name__)


@dataclass(slots=True)
class _Going:
    """A job that is being worked on.

    Args:
        connection: of the turn.
        spent_s: time that was spent on it, seconds.
    """

    job: Job
    connection: Connection[Any]
    trial: Trial | None = None
    spent_s: float = 0.0
    result: dict[str, Any] = field(default_factory=dict)
    steps: Iterator[float] = field(init=False)


class BacktestDuty:
    """The duty: an object, because a job goes on from turn to turn."""

    def __init__(self) -> None:
        self._going: _Going | None = None

    def __call__(self, connection: Connection[Any], now: datetime) -> object:
        """A turn: takes up the next job where none is running, or works on the one that is."""
        if self._going is None:
            job = job_store.take_up(connection, now, LEASE)
            if job is None:
                return None
            if job.attempt > MOST_ATTEMPTS:
                problem = "The back-test was begun three times and never ended: the process that did it was stopped each time."
                return job_store.finish(connection, job, now, problem=problem)
            self._going = _Going(job, connection)
            return (
                None  # kept first, so that one that breaks its turn has begun all the same, and is given up in the end
            )
        going = self._going
        going.connection = connection
        if not job_store.is_ours(connection, going.job):
            self._drop(going)
            return None
        try:
            self._turn(going, now)
        except BadInput as problem:
            job_store.finish(connection, going.job, now, problem=str(problem))
            self._going = None
        except WHAT_CAN_COME as error:  # this one fails alone, the other duties go on
            log.exception("backtest_failed", backtest=going.job.backtest_id)
            said = f"The back-test failed ({type(error).__name__}); the log of the risk process says where."
            job_store.finish(connection, going.job, now, problem=said)
            self._going = None
        except BaseException:
            self._going = None  # the transaction is lost: the lease runs out, and it begins anew
            raise
        return None

    def _drop(self, going: _Going) -> None:
        log.info("backtest_dropped", backtest=going.job.backtest_id)
        self._going = None

    def _turn(self, going: _Going, now: datetime) -> None:
        """Writes to the job's row last of all: who calls it off does not wait for the end of a turn."""
        began = time.monotonic()
        if going.trial is None:
            going.trial = _open(going, now)
            going.steps = _all(going, going.trial)
        for progress in going.steps:
            if time.monotonic() - began > TURN_S:
                going.spent_s += time.monotonic() - began
                if not job_store.move_on(going.connection, going.job, progress, now + LEASE):
                    self._drop(going)
                return
        going.spent_s += time.monotonic() - began
        result = {**going.result, "seconds": round(going.spent_s, 3)}
        job_store.finish(going.connection, going.job, now, result=result)
        log.info("backtest_done", backtest=going.job.backtest_id, seconds=round(going.spent_s, 1))
        self._going = None


def _all(going: _Going, trial: Trial) -> Iterator[float]:
    """The work, then what is told of it, a definition at a time; how far it is."""
    for share in work(trial, lambda: going.connection):
        yield share * WORK_SHARE
    going.result = yield from telling(trial)


def _open(going: _Going, now: datetime) -> Trial:
    job = going.job
    site = store.site_by_id(going.connection, job.site_id)
    assert site is not None
    question = Question(job.definition_key, job.proposed, job.from_at, job.to_at)
    return Trial(open_case(going.connection, site, question, max(now, job.asked_at)))
