"""Exercises from the command line, as the owner: asked for, ended, listed."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

from alerting import exercises
from alerting.store.exercises import find_site
from api.store.readiness import exercises as of_site
from core.db import connect
from core.errors import BadInput, Refused
from core.migrate import require_current


def start(
    owner_url: str, *, site: str, limit: str, position: str, priority: str, minutes: int, why: str, now: datetime
) -> int:
    """Asks for an exercise; gives its number.

    Raises:
        DatabaseAway: it does not answer.
        BadInput: with the sentence that says why not.
    """
    with closing(connect(owner_url, application="exercise")) as connection, connection.transaction():
        require_current(connection, "davy_owner")
        try:
            return exercises.ask(
                connection, site=site, by=None, now=now, limit=limit, position=position, priority=priority,
                lasts=timedelta(minutes=minutes), why=why,
            )  # fmt: skip
        except Refused as refused:
            raise BadInput(str(refused)) from refused


def stop(owner_url: str, number: int, *, now: datetime) -> None:
    """Ends one early.

    Raises:
        DatabaseAway: it does not answer.
        BadInput: it is over, or there is none.
    """
    with closing(connect(owner_url, application="exercise")) as connection, connection.transaction():
        require_current(connection, "davy_owner")
        try:
            exercises.stop(connection, number, by=None, now=now)
        except Refused as refused:
            raise BadInput(str(refused)) from refused


def list_exercises(owner_url: str, site: str) -> list[dict[str, Any]]:
    """The newest first, for a machine.

    Raises:
        DatabaseAway: it does not answer.
        BadInput: no such site.
    """
    with closing(connect(owner_url, application="exercise")) as connection, connection.transaction():
        require_current(connection, "davy_owner")
        found = find_site(connection, site)
        if found is None:
            raise BadInput(f"There is no site {site[:64]}.")
        lines = of_site(connection, found.site_id)
    return [
        {
            "exercise": each.exercise_id, "kind": each.kind, "priority": each.priority, "position": each.position,
            "asked_at": each.asked_at.isoformat(), "began_at": None if each.began_at is None else each.began_at.isoformat(),
            "occurrence": each.occurrence_id, "outcome": each.outcome,
            "answered_s": None if each.answered_at is None or each.began_at is None else (each.answered_at - each.began_at).total_seconds(),
        }
        for each in lines
    ]  # fmt: skip
