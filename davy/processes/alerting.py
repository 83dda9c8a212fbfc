"""The alerting process: notifications out; shelves end when their time has come; what was learnt late and holds calls."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from alerting.actions import call_for_what_still_holds, expire_shelves
from alerting.channels import configured
from alerting.outbox import Dispatcher
from core.db import Database
from core.errors import DatabaseAway
from core.log import logger
from core.metrics import Metrics
from core.settings import Settings
from davy.processes.surroundings import checked_database, metrics_served, service_token, wall_clock

LOOK_EVERY_S: Final = 1.0

log = logger(__name__)


def run(settings: Settings, stop: threading.Event) -> None:
    """Sends notifications, and watches the time for alarms, until `stop` is set."""
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
    with metrics_served(metrics, settings), ThreadPoolExecutor(1, "time") as pool:
        timers = pool.submit(_watch_the_time, database, token, stop)
        # Whichever of the two fails ends the process, which is then started anew: a shelf that never ends is a lost alarm.
        timers.add_done_callback(lambda _: stop.set())
        try:
            log.info("alerting_began", channels=sorted(channels))
            dispatcher.run(stop, listen_url=url)
        finally:
            stop.set()
        timers.result()
    database.close()


def _watch_the_time(database: Database, token: Callable[[], str], stop: threading.Event) -> None:
    while not stop.wait(LOOK_EVERY_S):
        try:
            for due in (expire_shelves, call_for_what_still_holds):
                with database.transaction(token()) as connection:
                    due(connection, wall_clock())
        except DatabaseAway as error:
            log.warning("timers_wait", why=str(error))
