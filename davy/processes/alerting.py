"""The alerting process: notifications out, and what must happen on the second."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any

from psycopg import Connection

from alerting.channels import configured
from alerting.channels.post import Poster
from alerting.outbox import Dispatcher
from alerting.outcomes import Books
from alerting.pulse import BEAT_S
from alerting.reporting import take_reports
from alerting.store import status
from alerting.vault import Vault
from core.db import Database
from core.log import logger
from core.metrics import Metrics
from core.settings import Settings
from davy.duties import rota as duties
from davy.duties.delivery import ask_for_deliveries
from davy.duties.unreachable import tell_of_the_cut_off
from davy.outside import Watcher
from davy.processes.surroundings import checked_database, links_of, metrics_served, service_token, wall_clock

log = logger(__name__)


def run(settings: Settings, stop: threading.Event) -> None:
    """Sends notifications and keeps the prompt duties, until `stop` is set."""
    url, token, metrics = checked_database(settings, "alerting"), service_token(settings), Metrics()
    channels, vault = configured(settings), Vault.from_settings(settings)
    links = links_of(settings)
    told: dict[str, Any] = {
        "channels": sorted(channels),
        "links": None if links is None else links.newest,
        # What is not set is switched off by a person: doctor tells that from what has died.
        "watched": settings.heartbeat_url is not None,
        "tests": settings.delivery_sink is not None,
        "sink": settings.delivery_sink,
    }
    database = Database(url, application="alerting")
    database.open()
    dispatcher = Dispatcher(
        database,
        channels,
        token=token,
        clock=wall_clock,
        public_url=settings.need("public_url"),
        metrics=metrics.alerting,
        vault=vault,
        links=links,
    )
    books = Books(database, channels, token, wall_clock)
    failing = duties.Failing(metrics.duties_failed, prompt=True)
    kept_duties = [
        *duties.PROMPT,
        duties.Duty("reports", 1.0, partial(take_reports, books)),
        duties.Duty("unreachable", 60.0, partial(tell_of_the_cut_off, channels, vault)),
        *_deliveries(settings, metrics),
        duties.Duty("beat", BEAT_S, partial(_beat, dispatcher, told, failing)),
    ]
    watcher = _watcher(settings, database, token)
    with metrics_served(metrics, settings), ThreadPoolExecutor(2, "duties") as pool:
        kept = pool.submit(duties.keep, kept_duties, database, token, wall_clock, stop, failing)
        # Whichever of the two fails ends the process, which is then started anew: a shelf that never ends is a lost alarm.
        kept.add_done_callback(lambda _: stop.set())
        watched = None if watcher is None else pool.submit(watcher.run, stop)
        if watched is not None:
            watched.add_done_callback(lambda _: stop.set())
        try:
            log.info("alerting_began", channels=sorted(channels))
            dispatcher.run(stop, listen_url=url)
        finally:
            stop.set()
        kept.result()
        if watched is not None:
            watched.result()
    database.close()


def _deliveries(settings: Settings, metrics: Metrics) -> list[duties.Duty]:
    """The daily test of each site, where somebody's receiver takes it."""
    if settings.delivery_sink is None:
        return []
    test = partial(ask_for_deliveries, settings.delivery_sink, metrics.alerting.delivery_test_seconds)
    return [duties.Duty("deliveries", 10.0, test)]


def _watcher(settings: Settings, database: Database, token: Callable[[], str]) -> Watcher | None:
    """Who waits outside for our sign of life; None: nobody does."""
    if settings.heartbeat_url is None:
        return None
    poster = Poster("Signs of life", settings.webhook_allow_private)
    url = settings.heartbeat_url.get_secret_value()
    return Watcher(database, poster, url, settings.heartbeat_every_s, token=token, clock=wall_clock)


def _beat(
    dispatcher: Dispatcher, told: dict[str, Any], failing: duties.Failing, connection: Connection[Any], now: datetime
) -> None:
    """The last of the duties: it comes round only when the others have, and stands still since one has failed for long.

    The senders' part is theirs to tell.
    """
    turned_at = dispatcher.turned_at()
    if turned_at is not None:
        report = {**told, "failing": failing.report()}
        status.beat(connection, "alerting", failing.undone_since(now) or now, turned_at=turned_at, report=report)
