"""Acts on a finding, in a transaction of the visitor's, and its photos in and out. The rules and the events are risk's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi.responses import Response
from psycopg import Connection

from api.acts.photos import jpeg_answer, must_see_people
from api.once import Sending, once
from api.store import findings as store
from api.store.findings import Finding
from api.visitor import Visitor
from api.web import Web
from api.words.texts import NotFound
from core.model import Priority
from risk import findings as acts
from risk.finding import Grade

Do = Callable[[Connection[Any], Finding], object]


def act(web: Web, visitor: Visitor, finding_id: int, do: Do) -> None:
    """Runs one act in a transaction of the visitor's.

    Raises:
        NotFound: no such finding, or not theirs to see.
        Refused: the state, the role or the rules do not allow it.
    """
    with web.acting_for(visitor) as connection:
        found = store.find_finding(connection, finding_id)
        if found is None:
            raise NotFound
        do(connection, found)


def from_occurrence(web: Web, visitor: Visitor, sending: Sending, occurrence_id: int, description: str = "") -> int:
    """Opens a finding from an occurrence, or finds the open one; gives its id.

    Raises:
        NotFound: no such occurrence, or not theirs to see.
    """
    now = web.clock()
    with web.acting_for(visitor) as connection:
        found = store.origin(connection, occurrence_id)
        if found is None:
            raise NotFound
        return once(
            connection, visitor, now, sending, ("finding of", occurrence_id, description),
            lambda: acts.report(
                connection,
                person_id=visitor.person_id,
                now=now,
                site_id=found.site_id,
                zone_id=found.zone_id,
                title=found.title,
                title_zh=found.title_zh,
                description=description,
                grade=Grade.MAJOR if found.priority == Priority.LIFE_SAFETY else Grade.GENERAL,
                occurrence_id=occurrence_id,
            ),
        )  # fmt: skip


def photo_answer(web: Web, visitor: Visitor, finding_id: int, photo_id: int) -> Response:
    """The bytes of a photo.

    Raises:
        Forbidden: photos may show people, and the insurer's people do not see those.
        NotFound: there is no such photo.
    """
    must_see_people(visitor)
    with web.acting_for(visitor) as connection:
        return jpeg_answer(store.jpeg_of(connection, finding_id, photo_id))
