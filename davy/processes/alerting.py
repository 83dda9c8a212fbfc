"""The alerting process: notifications out, and what must happen on the second."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any

from psycopg import Connection

from alerting.channels import configured
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
from davy.duties.unreachable import tell_of_the_cut_off
from davy.processes.surroundings import checked_database, links_of, metrics_served, service_token, wall_clock

log = logger(__name__)


def run(settings: Settings, stop: threading.Event) -> None:
    """Sends notifications and keeps the prompt duties, until `stop` is set."""
    url, token, metrics = checked_database(settings, "alerting"), service_token(settings), Metrics()
    channels, vault = configured(settings), Vault.from_settings(settings)
    links = links_of(settings)
    told: dict[str, Any] = {"channels": sorted(channels), "links": None if links is None else links.newest}
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
        duties.Duty("beat", BEAT_S, partial(_beat, dispatcher, told, failing)),
    ]
    with metrics_served(metrics, settings), ThreadPoolExecutor(1, "duties") as pool:
        kept = pool.submit(duties.keep, kept_duties, database, token, wall_clock, stop, failing)
        # Whichever of the two fails ends the process, which is then started anew: a shelf that never ends is a lost alarm.
        kept.add_done_callback(lambda _: stop.set())
        try:
            log.info("alerting_began", channels=sorted(channels))
            dispatcher.run(stop, listen_url=url)
        finally:
            stop.set()
        kept.result()
    database.close()


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
