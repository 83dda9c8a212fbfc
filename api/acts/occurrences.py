"""An act on an occurrence, in a transaction of the visitor's. The rules and the transitions are alerting's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from psycopg import Connection
from psycopg.errors import InsufficientPrivilege

from alerting.store.receipts import note_seen
from api.store.occurrences import find_occurrence
from api.visitor import Visitor
from api.web import Web
from api.words.texts import NotFound
from core.db import first_line
from core.errors import DatabaseAway
from core.log import logger

log = logger(__name__)


def seen(web: Web, visitor: Visitor, occurrence_id: int) -> None:
    """The visitor has opened the page: what was sent to them about it is seen.

    A receipt that cannot be kept, by a clock that is wrong or a database that takes nothing in, keeps nobody from reading the page.
    """
    try:
        with web.acting_for(visitor) as connection:
            note_seen(connection, occurrence_id, visitor.person_id, web.clock())
    except (DatabaseAway, InsufficientPrivilege) as error:
        log.warning("receipt_not_kept", occurrence=occurrence_id, person=visitor.person_id, why=first_line(error))


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
