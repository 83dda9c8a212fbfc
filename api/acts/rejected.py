"""Asking ingest to take rejected messages in again, in a transaction of the visitor's."""

from __future__ import annotations

from api.store import rejected as store
from api.visitor import Visitor
from api.web import Web
from api.words.texts import NotFound
from core.errors import Refused
from core.wire_rules import MENDABLE


def ask(web: Web, visitor: Visitor, *, site_id: int, device: str, reason: str) -> int:
    """The request; where one for the same is open, that one.

    Raises:
        NotFound: nothing of that device lies there for that reason, or it is not theirs to see.
        Refused: mending the map cannot help, or nothing was kept whole.
    """
    with web.acting_for(visitor) as connection:
        found = store.groups(connection, site_id=site_id, device=device, reason=reason)
        if not found:
            raise NotFound
        if reason not in MENDABLE:
            raise Refused("Mending the map does not help here: the device must send it right.")
        if not found[0].kept:
            raise Refused("Only the beginning of these messages was kept: the device must send them again.")
        number, _ = store.ask(
            connection, site_id=site_id, device=device, reason=reason, person_id=visitor.person_id, name=visitor.name,
            now=web.clock(),
        )  # fmt: skip
    return number
