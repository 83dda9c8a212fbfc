"""An act on an occurrence, in a transaction of the visitor's. The rules and the transitions are alerting's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from psycopg import Connection

from alerting.store.receipts import note_seen
from api.store.occurrences import find_occurrence
from api.visitor import Visitor
from api.web import Web
from api.words.texts import NotFound


def seen(web: Web, visitor: Visitor, occurrence_id: int) -> None:
    """The visitor has opened the page: what was sent to them about it is seen."""
    with web.acting_for(visitor) as connection:
        note_seen(connection, occurrence_id, visitor.person_id, web.clock())


def act(web: Web, visitor: Visitor, occurrence_id: int, do: Callable[[Connection[Any]], object]) -> None:
    """Runs one action in a transaction of the visitor's.

    Raises:
        NotFound: no such occurrence, or not theirs to see.
        Refused: the state, the role or the rules do not allow it.
    """
    with web.acting_for(visitor) as connection:
        if find_occurrence(connection, occurrence_id) is None:
            raise NotFound
        do(connection)
