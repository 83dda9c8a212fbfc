"""The detectors process: windows of readings in, scores of models out. Without a fitted model it only looks for one."""

from __future__ import annotations

import threading
from typing import Final

from core.db import Database
from core.errors import Unavailable
from core.log import logger
from core.metrics import Metrics
from core.settings import Settings
from davy.processes.surroundings import checked_database, metrics_served, service_token, wall_clock
from davy.score_publisher import ScorePublisher
from davy.scorer import Scorer

LOOK_EVERY_S: Final = 0.5

log = logger(__name__)


def run(settings: Settings, stop: threading.Event) -> None:
    """Scores what is due until `stop` is set; a database or broker that is away is waited for."""
    url, token = checked_database(settings, "alerting"), service_token(settings)
    database = Database(url, application="detectors", size=2, statement_timeout_s=30.0)
    database.open()
    waits: str | None = None
    with metrics_served(Metrics(), settings), ScorePublisher(settings) as publisher:
        scorer = Scorer(database, token, publisher.publish)
        log.info("detectors_began")
        while not stop.wait(LOOK_EVERY_S):
            try:
                scorer.turn(wall_clock())
                waits = None
            except Unavailable as error:
                if str(error) != waits:
                    log.warning("scoring_waits", why=str(error))
                waits = str(error)
    database.close()
