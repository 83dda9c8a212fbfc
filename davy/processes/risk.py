"""The risk process: findings, scores and digests by the clock. Apart from alerting, so that a long sum delays no message."""

from __future__ import annotations

import threading
from datetime import datetime
from functools import partial
from typing import Any, Final

from psycopg import Connection

from alerting.pulse import BEAT_S
from alerting.seal import SealKey
from alerting.store import status
from alerting.vault import Vault
from core.db import Database
from core.log import logger
from core.metrics import Metrics
from core.settings import Settings
from davy.duties import rota as duties
from davy.duties.patient import patient
from davy.duties.retention import keep_of
from davy.processes.surroundings import checked_database, metrics_served, service_token, wall_clock

LONGEST_STATEMENT_S: Final = 120.0  # a day of rollups of a large site; nobody waits for it

log = logger(__name__)


def run(settings: Settings, stop: threading.Event) -> None:
    """Keeps the patient duties until `stop` is set."""
    url, token = checked_database(settings, "alerting"), service_token(settings)
    database = Database(url, application="risk", size=2, statement_timeout_s=LONGEST_STATEMENT_S)
    database.open()
    metrics = Metrics()
    failing = duties.Failing(metrics.duties_failed)
    with metrics_served(metrics, settings):
        key = None if settings.seal_key is None else SealKey(bytes.fromhex(settings.secret("seal_key")))
        kept = patient(
            keep_of(settings),
            key,
            settings.seal_folder,
            vault=Vault.from_settings(settings),
            calendars=settings.calendar_allow_private,
        )
        names = [duty.name for duty in kept]
        kept.append(duties.Duty("beat", BEAT_S, partial(_beat, names, failing)))
        log.info("risk_began", duties=names)
        duties.keep(kept, database, token, wall_clock, stop, failing)
    database.close()


def _beat(names: list[str], failing: duties.Failing, connection: Connection[Any], now: datetime) -> None:
    """The last of the duties: it comes round only when the others have, and says which of them fail."""
    status.beat(connection, "risk", now, turned_at=now, report={"duties": names, "failing": failing.report()})
