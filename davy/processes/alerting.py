"""The alerting process: notifications out, and what must happen on the second."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from alerting.channels import configured
from alerting.outbox import Dispatcher
from core.db import Database
from core.log import logger
from core.metrics import Metrics
from core.settings import Settings
from davy import duties
from davy.processes.surroundings import checked_database, metrics_served, service_token, wall_clock

log = logger(__name__)


def run(settings: Settings, stop: threading.Event) -> None:
    """Sends notifications and keeps the prompt duties, until `stop` is set."""
    url, token, metrics = checked_database(settings, "alerting"), service_token(settings), Metrics()
    channels = configured(settings)
    database = Database(url, application="alerting")
    database.open()
    dispatcher = Dispatcher(
        database,
        channels,
        token=token,
        clock=wall_clock,
        public_url=settings.need("public_url"),
        metrics=metrics.alerting,
    )
    with metrics_served(metrics, settings), ThreadPoolExecutor(1, "duties") as pool:
        kept = pool.submit(duties.keep, duties.PROMPT, database, token, wall_clock, stop)
        # Whichever of the two fails ends the process, which is then started anew: a shelf that never ends is a lost alarm.
        kept.add_done_callback(lambda _: stop.set())
        try:
            log.info("alerting_began", channels=sorted(channels))
            dispatcher.run(stop, listen_url=url)
        finally:
            stop.set()
        kept.result()
    database.close()
