"""Acts on a limit, in a transaction of the visitor's. The rules are alerting's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from psycopg import Connection

from alerting import limit_changes as rules
from api.once import Sending, once
from api.store import limits as store
from api.visitor import Visitor
from api.web import Web
from api.words.texts import NotFound

PREFIX: Final = "f."  # of the names that fields of a limit have in a form
Do = Callable[[Connection[Any], datetime], object]


async def typed_fields(request: Request) -> dict[str, str]:
    """The fields of a limit in a form, by their names. They are read from the form itself: which there are, the limit says."""
    form = await request.form()
    return {
        name.removeprefix(PREFIX): text
        for name, text in form.items()
        if name.startswith(PREFIX) and isinstance(text, str)
    }


TypedFields = Annotated[dict[str, str], Depends(typed_fields)]


def propose(
    web: Web,
    visitor: Visitor,
    sending: Sending,
    definition_id: int,
    *,
    base_version: int,
    typed: Mapping[str, str],
    reason: str,
    overruling: str,
) -> int:
    """Proposes a change; gives its id. Sent twice, it is proposed once.

    Raises:
        NotFound: no such limit, or not theirs to see.
        Mistaken, Refused: as alerting says.
    """
    now = web.clock()
    known = web.limits()
    with web.acting_for(visitor) as connection:
        if store.find_limit(connection, definition_id) is None:
            raise NotFound
        return once(
            connection, visitor, now, sending, ("limit", definition_id, base_version, dict(typed), reason, overruling),
            lambda: rules.propose(
                connection, definition_id, person_id=visitor.person_id, now=now, base_version=base_version, typed=typed,
                reason=reason, overruling=overruling, words=known.words, packs=known.packs,
            ),
        )  # fmt: skip


def act(web: Web, visitor: Visitor, definition_id: int, do: Do) -> None:
    """Runs one act on a limit's proposal.

    Raises:
        NotFound: no such limit, or not theirs to see.
    """
    with web.acting_for(visitor) as connection:
        if store.find_limit(connection, definition_id) is None:
            raise NotFound
        do(connection, web.clock())
