"""Acts on a finding, in a transaction of the visitor's, and its photos in and out. The rules and the events are risk's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

from fastapi import UploadFile
from fastapi.responses import Response
from psycopg import Connection

from api.once import Sending, once
from api.permissions import Right
from api.store import findings as store
from api.store.findings import Finding
from api.visitor import Visitor
from api.web import Web
from api.words.texts import Forbidden, NotFound
from core.errors import Refused
from core.model import Priority
from risk import findings as acts
from risk.finding import Grade
from risk.photo import MOST_BYTES, Photo, prepare

Do = Callable[[Connection[Any], Finding], object]
# Decoding takes up to 300 MB each. Who comes third is told so and does not wait: the threads that would wait are those that
# acknowledge alarms.
DECODING: Final = threading.BoundedSemaphore(2)
# A photo is looked at, never run: nothing may be loaded or scripted from it, whatever a browser takes it for.
PHOTO_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Content-Disposition": "inline",
}


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


def prepared(sent: UploadFile | None) -> Photo:
    """What was sent as a photo, made anew.

    Raises:
        Refused: nothing, too much, or no photo; or others are being decoded.
    """
    if not DECODING.acquire(blocking=False):
        raise Refused("Other photos are being read at this moment. Send yours again in a few seconds.")
    try:
        return prepare(sent.file.read(MOST_BYTES + 1) if sent is not None else b"")
    finally:
        DECODING.release()


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
    """The bytes of a photo with headers that let nobody keep or run it.

    Raises:
        Forbidden: photos may show people, and the insurer's people do not see those.
    """
    if not visitor.may(Right.SEE_PEOPLE):
        raise Forbidden
    with web.acting_for(visitor) as connection:
        jpeg = store.jpeg_of(connection, finding_id, photo_id)
    if jpeg is None:
        raise NotFound
    return Response(jpeg, media_type="image/jpeg", headers=PHOTO_HEADERS)
