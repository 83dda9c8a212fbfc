"""Acts on the steps of a route, in a transaction of the visitor's. The rules are alerting's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection

from alerting import route_changes as rules
from api.once import Sending, once
from api.store import routes as store
from api.visitor import Visitor
from api.web import Web
from api.words.texts import NotFound

Do = Callable[[Connection[Any], datetime], object]


def propose(
    web: Web,
    visitor: Visitor,
    sending: Sending,
    route_id: int,
    *,
    was: str,
    steps: Sequence[Mapping[str, Any]],
    reason: str,
) -> int:
    """Proposes a change; gives its id. Sent twice, it is proposed once.

    Raises:
        NotFound: no such route, or not theirs to see.
        Refused: as alerting says.
    """
    now, words = web.clock(), web.limits().words
    with web.acting_for(visitor) as connection:
        find(connection, route_id)
        return once(
            connection, visitor, now, sending, ("route", route_id, was, list(steps), reason),
            lambda: rules.propose(
                connection, route_id, person_id=visitor.person_id, now=now, was=was, steps=steps, reason=reason, words=words
            ),
        )  # fmt: skip


def act(web: Web, visitor: Visitor, route_id: int, do: Do) -> None:
    """Runs one act on a route's proposal.

    Raises:
        NotFound: no such route, or not theirs to see.
    """
    with web.acting_for(visitor) as connection:
        find(connection, route_id)
        do(connection, web.clock())


def find(connection: Connection[Any], route_id: int) -> store.RouteLine:
    """The route, where the transaction may see it.

    Raises:
        NotFound: no such route, or not theirs to see.
    """
    found = store.list_routes(connection, route_id=route_id)
    if not found:
        raise NotFound
    return found[0]
