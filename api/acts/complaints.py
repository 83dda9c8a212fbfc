"""An act on a complaint, in a transaction of the visitor's. The rules and the journal are risk's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from psycopg import Connection

from api.store.complaints import Complaint, find_complaint
from api.visitor import Visitor
from api.web import Web
from api.words.texts import NotFound

Do = Callable[[Connection[Any], Complaint, datetime], object]


def act(web: Web, visitor: Visitor, complaint_id: int, do: Do) -> None:
    """Runs one act in a transaction of the visitor's.

    Raises:
        NotFound: no such complaint, or not theirs to see.
    """
    with web.acting_for(visitor) as connection:
        found = find_complaint(connection, complaint_id)
        if found is None:
            raise NotFound
        do(connection, found, web.clock())
