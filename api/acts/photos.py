"""Photos in and out, of findings and of occurrences. What is a photo, and what becomes of it, is core.photo's."""

from __future__ import annotations

import threading
from typing import Final

from fastapi import UploadFile
from fastapi.responses import Response

from api.permissions import Right
from api.visitor import Visitor
from api.words.texts import Forbidden, NotFound
from core.errors import Refused
from core.photo import MOST_BYTES, Photo, prepare

# Decoding takes up to 300 MB each. Who comes third is told so and does not wait: the threads that would wait are those that
# acknowledge alarms.
DECODING: Final = threading.BoundedSemaphore(2)
# A photo is looked at, never run: nothing may be loaded or scripted from it, whatever a browser takes it for.
PHOTO_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Content-Disposition": "inline",
}


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


def must_see_people(visitor: Visitor) -> None:
    """Photos may show people.

    Raises:
        Forbidden: the insurer's people do not see those.
    """
    if not visitor.may(Right.SEE_PEOPLE):
        raise Forbidden


def jpeg_answer(jpeg: bytes | None) -> Response:
    """The bytes of a photo with headers that let nobody keep or run it.

    Raises:
        NotFound: there are none.
    """
    if jpeg is None:
        raise NotFound
    return Response(jpeg, media_type="image/jpeg", headers=PHOTO_HEADERS)
