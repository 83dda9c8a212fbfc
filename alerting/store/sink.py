"""The route of a delivery test: the operator's receiver alone."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from alerting.routing import Route, RouteStep
from alerting.store.rosters import load_preferences
from core.model import Priority


def to_sink(connection: Connection[Any], person_id: int | None, priority: str) -> list[Route]:
    """Calls whose receiver it is, and nobody else; nobody where there is none."""
    if person_id is None:
        return []
    people = load_preferences(connection, [person_id])
    step = RouteStep(0, 0.0, person_id, "preferred")
    return [
        Route(
            "delivery", "insurer", frozenset({Priority(priority)}), [step], people=people, called="daily delivery test"
        )
    ]
