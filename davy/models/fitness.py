"""`davy detectors drift`: whether models in force still fit their machines, looked at now; nothing is kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from core.db import connect, transaction
from davy.models.drift import Fitness, look
from davy.models.plans import find_plan
from detectors.store import models as store
from detectors.store.promotions import load_promotions


def look_now(url: str, token: Callable[[], str], *, asset: str = "", now: datetime | None = None) -> list[Fitness]:
    """A look at each version in force that suits what is declared.

    Args:
        asset: key of one model; empty: all.

    Raises:
        BadInput: there is no such model.
        DatabaseAway: it does not answer.
    """
    at = now or datetime.now(UTC)
    connection = connect(url, application="detectors-drift")
    try:
        with transaction(connection, token()):
            plans, promotions = store.load_plans(connection), load_promotions(connection)
            wanted = [find_plan(plans, asset)] if asset else plans
            found = [
                look(connection, plan, promotions[plan.asset_id][0], at)
                for plan in wanted
                if plan.asset_id in promotions
            ]
    finally:
        connection.close()
    return [each for each in found if each is not None]
