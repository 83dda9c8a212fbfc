"""The JSON API of what people add to an occurrence, and of the seals over its company's alarms."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, File, Query, Response, UploadFile

from alerting import casework
from alerting.seal import body_of
from alerting.store import seals
from api.acts.occurrences import act
from api.acts.photos import jpeg_answer, must_see_people, prepared
from api.gate import Actor, InsurerActor, OccurrenceReader, OurCall
from api.once import CallKey, once
from api.store import casework as store
from api.v1 import models
from api.v1.reading_routes import read_occurrence
from api.web import Here

router = APIRouter()


@router.post("/occurrences/{occurrence_id}/assign", dependencies=[OurCall])
def assign(web: Here, visitor: Actor, occurrence_id: int, given: models.Assigned) -> models.Occurrence:
    """Names who of the company sees to it, or nobody."""
    now = web.clock()
    act(
        web, visitor, occurrence_id,
        lambda c: casework.assign(
            c, occurrence_id, person_id=visitor.person_id, now=now, assignee_id=given.assignee_id
        ),
    )  # fmt: skip
    return read_occurrence(web, visitor, occurrence_id)


@router.post("/occurrences/{occurrence_id}/insurer-acknowledgement", dependencies=[OurCall])
def acknowledge_for_insurer(
    web: Here, visitor: InsurerActor, occurrence_id: int, seen: models.InsurerWords
) -> models.Occurrence:
    """Somebody at the insurer has seen it: a second record that changes no state, shown to both sides."""
    now = web.clock()
    act(
        web, visitor, occurrence_id,
        lambda c: casework.acknowledge_for_insurer(
            c, occurrence_id, person_id=visitor.person_id, now=now, words=seen.words
        ),
    )  # fmt: skip
    return read_occurrence(web, visitor, occurrence_id)


@router.post("/occurrences/{occurrence_id}/photos", status_code=201, dependencies=[OurCall])
def add_photo(
    web: Here,
    visitor: Actor,
    sending: CallKey,
    occurrence_id: int,
    photo: Annotated[UploadFile | None, File()] = None,
) -> models.Occurrence:
    """Takes a photo in (JPEG, PNG or WebP, 10 MB at most), made anew before it is kept."""
    kept, now = prepared(photo), web.clock()
    act(
        web, visitor, occurrence_id,
        lambda c: once(
            c, visitor, now, sending, ("occurrence photo", occurrence_id, kept.sha256.hex()),
            lambda: casework.add_photo(c, occurrence_id, person_id=visitor.person_id, now=now, photo=kept),
        ),
    )  # fmt: skip
    return read_occurrence(web, visitor, occurrence_id)


@router.get("/occurrences/{occurrence_id}/photos/{photo_id}", response_class=Response)
def photo(web: Here, visitor: OccurrenceReader, occurrence_id: int, photo_id: int) -> Response:
    """One photo as JPEG, for the client's own people."""
    must_see_people(visitor)
    with web.acting_for(visitor) as connection:
        return jpeg_answer(store.jpeg_of(connection, occurrence_id, photo_id))


@router.get("/seals")
def list_seals(
    web: Here,
    visitor: OccurrenceReader,
    after: Annotated[int, Query(ge=0, description="The last number of the page before.")] = 0,
) -> list[dict[str, Any]]:
    """The signed seals over the alarms of the companies you see, as they have gone out, a thousand a company at a time."""
    with web.acting_for(visitor) as connection:
        return [
            body_of(kept.sealed, kept.signature)
            for company_id, _ in seals.companies(connection)
            for kept in seals.of_company(connection, company_id, after)
        ]
