"""The detectors process: windows of readings in, scores of models out. Without a fitted model it only looks for one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Final

from alerting.pulse import BEAT_S
from alerting.store import status
from core.db import Database
from core.errors import Unavailable
from core.log import logger
from core.metrics import Metrics
from core.settings import Settings
from davy.models.publisher import ScorePublisher
from davy.models.scorer import Scorer
from davy.models.wire_test import WireTests
from davy.processes.surroundings import checked_database, metrics_served, service_token, wall_clock

LOOK_EVERY_S: Final = 0.5

log = logger(__name__)


def run(settings: Settings, stop: threading.Event) -> None:
    """Scores what is due until `stop` is set; a database or broker that is away is waited for."""
    url, token = checked_database(settings, "alerting"), service_token(settings)
    database = Database(url, application="detectors", size=3, statement_timeout_s=30.0)
    database.open()
    with (
        metrics_served(Metrics(), settings),
        ScorePublisher(settings) as publisher,
        WireTests(settings) as tests,
        ThreadPoolExecutor(1, "tests") as pool,
    ):
        tested = pool.submit(tests.run, database, token, wall_clock, stop) if tests.able else None
        if tested is not None:  # if it fails, the process ends and is started anew: as a whole, or not at all
            tested.add_done_callback(lambda _: stop.set())
        try:
            _score(database, token, Scorer(database, token, publisher.publish), stop, tests.able)
        finally:
            stop.set()
        if tested is not None:
            tested.result()
    database.close()


def _score(database: Database, token: Callable[[], str], scorer: Scorer, stop: threading.Event, tests: bool) -> None:
    waits: str | None = None
    beat_at: datetime | None = None
    log.info("detectors_began")
    while not stop.wait(LOOK_EVERY_S):
        try:
            now = wall_clock()
            scorer.turn(now)
            waits = None
            if beat_at is None or now < beat_at or (now - beat_at).total_seconds() >= BEAT_S:
                _beat(database, token(), scorer, now, tests)
                beat_at = now
        except Unavailable as error:
            if str(error) != waits:
                log.warning("scoring_waits", why=str(error))
            waits = str(error)


def _beat(database: Database, token: str, scorer: Scorer, now: datetime, tests: bool) -> None:
    """Only a turn that came to its end is a sign of life; one asset that fails shows in `turned_at`."""
    failing = {key: since.isoformat() for key, since in scorer.failing.items()}
    report = {"models": scorer.judging, "failing": failing, "tests": tests}
    with database.transaction(token) as connection:
        status.beat(connection, "detectors", now, turned_at=min(scorer.failing.values(), default=now), report=report)
