"""An act on an impairment, in a transaction of the visitor's. The rules and the events are risk's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from psycopg import Connection

from api.store.impairments import Impairment, find_impairment
from api.visitor import Visitor
from api.web import Web
from api.words.texts import NotFound

Do = Callable[[Connection[Any], Impairment, datetime], object]


def act(web: Web, visitor: Visitor, impairment_id: int, do: Do) -> None:
    """Runs one act in a transaction of the visitor's.

    Raises:
        NotFound: no such impairment, or not theirs to see.
    """
    with web.acting_for(visitor) as connection:
        found = find_impairment(connection, impairment_id)
        if found is None:
            raise NotFound
        do(connection, found, web.clock())
