"""Asking for a back-test, and calling one off, in a transaction of the visitor's. The risk process does the work."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from psycopg import Connection

from alerting import proposal
from api.once import Sending, once
from api.store import backtests as store
from api.visitor import Visitor
from api.web import Web
from api.words.texts import NotFound
from core.errors import BadInput, Refused


def checked(
    connection: Connection[Any],
    limit: store.Choice,
    told: Mapping[str, Any],
    since: datetime,
    until: datetime,
    now: datetime,
) -> dict[str, Any]:
    """The fields that would change, as the command line reads them too.

    Raises:
        Refused: a field that is none, a number that cannot be, or a stretch that cannot be asked for.
    """
    from detectors import registry  # compiled loops, which no page needs before somebody asks for a back-test

    try:
        proposal.check_stretch(since, until, now)
        proposed = proposal.read(told)
        proposal.changed(
            limit.as_definition(),
            proposed,
            signal=limit.as_signal(),
            other=limit.as_other_signal(),
            check=registry.check,
            find=lambda place: store.neighbour(connection, limit.site_id, place),
        )
    except BadInput as mistake:
        raise Refused(str(mistake)) from mistake
    return proposed


def ask(
    connection: Connection[Any],
    visitor: Visitor,
    limit: store.Choice,
    proposed: Mapping[str, Any],
    between: tuple[datetime, datetime],
    now: datetime,
    sending: Sending,
) -> int:
    """The request.

    Raises:
        Refused: so many wait that this one would be forgotten.
    """
    if store.waiting(connection) >= proposal.MOST_WAITING:
        raise Refused("Twenty back-tests wait already; call one off, or wait until some are done.")
    since, until = between
    asked = ("backtest", limit.definition_id, sorted(proposed.items(), key=str), since.isoformat(), until.isoformat())
    return once(
        connection, visitor, now, sending, asked,
        lambda: store.ask(connection, limit, proposed, since, until, person_id=visitor.person_id, now=now),
    )  # fmt: skip


def limit_of(connection: Connection[Any], definition_id: int | None) -> store.Choice:
    """The limit that is to be tried.

    Raises:
        Refused: nothing chosen, or one that is not theirs to see.
    """
    found = [] if definition_id is None else store.choices(connection, definition_id)
    if not found:
        raise Refused("Choose the limit that is to be tried.")
    return found[0]


def call_off(web: Web, visitor: Visitor, backtest_id: int) -> None:
    """Ends one that waits or runs.

    Raises:
        NotFound: there is none, or it is not theirs to see.
        Refused: it is done, or another person asked for it.
    """
    with web.acting_for(visitor) as connection:
        found = store.backtests(connection, backtest_id)
        if not found:
            raise NotFound
        if not store.call_off(connection, backtest_id, web.clock()):
            raise Refused("Only who asked for a back-test can call it off, and only while it is not done.")
