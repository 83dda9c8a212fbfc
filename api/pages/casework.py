"""What people add to an occurrence beside answering it: who sees to it, photos, the insurer's record. The rules are alerting's."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import Response

from alerting import casework
from api import typed
from api.acts.photos import jpeg_answer, must_see_people, prepared
from api.gate import Actor, InsurerActor, OccurrenceReader, OurForm
from api.once import FormKey, once
from api.pages.actions import done
from api.pages.occurrences import show
from api.store import casework as store
from api.web import Here
from api.words.sentences import translated
from core.errors import Refused
from core.i18n import translations

router = APIRouter()


@router.post("/occurrences/{occurrence_id}/assign", dependencies=[OurForm])
def assign(web: Here, visitor: Actor, occurrence_id: int, assignee_id: Annotated[str, Form()] = "") -> Response:
    """Names who of the company sees to it; nobody where the choice is empty."""
    now = web.clock()
    return done(
        web, visitor, occurrence_id, "",
        lambda c: casework.assign(
            c, occurrence_id, person_id=visitor.person_id, now=now, assignee_id=typed.number(assignee_id)
        ),
        action="assign",
    )  # fmt: skip


@router.post("/occurrences/{occurrence_id}/insurer-acknowledgement", dependencies=[OurForm])
def acknowledge_for_insurer(
    web: Here, visitor: InsurerActor, occurrence_id: int, words: Annotated[str, Form()] = ""
) -> Response:
    """Somebody at the insurer has seen it."""
    now = web.clock()
    return done(
        web, visitor, occurrence_id, "",
        lambda c: casework.acknowledge_for_insurer(
            c, occurrence_id, person_id=visitor.person_id, now=now, words=words
        ),
        action="insurer", words=words,
    )  # fmt: skip


@router.post("/occurrences/{occurrence_id}/photos", dependencies=[OurForm])
def add_photo(
    web: Here,
    visitor: Actor,
    sending: FormKey,
    occurrence_id: int,
    photo: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Takes a photo in, made anew before it is kept."""
    now = web.clock()
    try:
        kept = prepared(photo)
    except Refused as refused:
        said = translated(translations(visitor.language), str(refused))
        return show(web, visitor, occurrence_id, sentence=said, status=409, action="photo")
    return done(
        web, visitor, occurrence_id, "",
        lambda c: once(
            c, visitor, now, sending, ("occurrence photo", occurrence_id, kept.sha256.hex()),
            lambda: casework.add_photo(c, occurrence_id, person_id=visitor.person_id, now=now, photo=kept),
        ),
        action="photo",
    )  # fmt: skip


@router.get("/occurrences/{occurrence_id}/photos/{photo_id}")
def photo(web: Here, visitor: OccurrenceReader, occurrence_id: int, photo_id: int) -> Response:
    """One photo, for the client's own people."""
    must_see_people(visitor)
    with web.acting_for(visitor) as connection:
        return jpeg_answer(store.jpeg_of(connection, occurrence_id, photo_id))
