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
from davy.backtest.telling import tell
from davy.backtest.trial import Trial, work

TURN_S: Final = 3.0  # so long the other duties wait
LEASE: Final = timedelta(minutes=5)  # a turn, and all the other duties, are done by then
MOST_ATTEMPTS: Final = 3

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
    progress: float = 0.0
    spent_s: float = 0.0
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
        if not job_store.move_on(connection, going.job, going.progress, now + LEASE):
            log.info("backtest_dropped", backtest=going.job.backtest_id)
            self._going = None
            return None
        try:
            self._turn(going, now)
        except BadInput as problem:
            job_store.finish(connection, going.job, now, problem=str(problem))
            self._going = None
        except BaseException:
            self._going = None  # the transaction is lost: the lease runs out, and it begins anew
            raise
        return None

    def _turn(self, going: _Going, now: datetime) -> None:
        began = time.monotonic()
        if going.trial is None:
            going.trial = _open(going, now)
            going.steps = work(going.trial, lambda: going.connection)
        for progress in going.steps:
            going.progress = progress
            if time.monotonic() - began > TURN_S:
                going.spent_s += time.monotonic() - began
                job_store.move_on(going.connection, going.job, progress, now + LEASE)
                return
        going.spent_s += time.monotonic() - began
        job_store.finish(going.connection, going.job, now, result=tell(going.trial, going.spent_s))
        log.info("backtest_done", backtest=going.job.backtest_id, seconds=round(going.spent_s, 1))
        self._going = None


def _open(going: _Going, now: datetime) -> Trial:
    job = going.job
    site = store.site_by_id(going.connection, job.site_id)
    assert site is not None
    question = Question(job.definition_key, job.proposed, job.from_at, job.to_at)
    return Trial(open_case(going.connection, site, question, max(now, job.asked_at)))
