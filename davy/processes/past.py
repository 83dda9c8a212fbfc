"""The process that gives the demo its past, beside the running instance; it ends by itself when that is written."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime
from typing import Final

from core.settings import Settings
from davy.processes.process import Body
from davy.processes.surroundings import service_token, wall_clock

BACKGROUND: Final = 10


def past_body(seed: int, live_at: datetime | None) -> Body:
    """What the process does once.

    Args:
        live_at: when the demo's plants begin: two hours before are loaded and a model is fitted on them, and that first, as its
            alarm is waited for. None: no plants, only the sixty days.
    """

    def write(settings: Settings, stop: threading.Event) -> None:
        from davy.past.readings import fit_models, load_past

        token = service_token(settings)
        owner = settings.secret("database_url_owner")
        if live_at is not None:
            load_past(owner, seed=seed, live_at=live_at)
            alerting = settings.secret("database_url_alerting")
            fit_models(alerting, token, live_at=live_at, clock=wall_clock, stopped_within=stop.wait)
        from davy.past.sixty_days import write_sixty_days

        os.nice(BACKGROUND)  # who waits for an alarm comes first
        until = (live_at or wall_clock()).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        write_sixty_days(owner, token, seed=seed, until=until, stopped=stop.is_set)

    return write
