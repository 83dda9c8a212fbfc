"""The JSON API of ratings and complaints. Calls that change something carry X-Form-Token."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from api import typed
from api.acts.complaints import Do, act
from api.acts.voice import counts_of
from api.gate import ComplaintAnswerer, ComplaintReader, OurCall, VoiceCounter, VoiceGiver
from api.once import CallKey, once
from api.store import complaints as store
from api.store import voice
from api.v1 import voice_models as models
from api.visitor import Visitor
from api.web import Here, Web
from api.words.texts import NotFound
from core.errors import Refused
from risk import complaints as acts
from risk import ratings
from risk.rating import Tap, Thing, nps

router = APIRouter()


@router.get("/voice")
def count(web: Here, visitor: VoiceCounter) -> models.Counts:
    """What the companies' people said, counted."""
    found = counts_of(web, visitor)
    return models.Counts(
        ratings=[models.Cell(**_of(models.Cell, each)) for each in found.counted],
        recommendations=[
            models.Nps(
                quarter=each.quarter, company=each.company, site=each.site, people=each.people, promoters=each.promoters,
                detractors=each.detractors, nps=nps(each.people, each.promoters, each.detractors) or 0.0,
            )
            for each in found.recommended
        ],
        complaints=[models.Kept(**_of(models.Kept, each)) for each in found.kept],
    )  # fmt: skip


@router.get("/voice/changes")
def changes(web: Here, visitor: VoiceGiver) -> models.Changes:
    """What the reader's word changed."""
    with web.acting_for(visitor) as connection:
        rows = voice.changed(connection, visitor.person_id)
    return models.Changes(changes=[models.Changed(**_of(models.Changed, each)) for each in rows])


@router.post("/voice/ratings", status_code=201, dependencies=[OurCall])
def rate(web: Here, visitor: VoiceGiver, said: models.NewRating) -> models.Rating:
    """Keeps, or changes, what the caller says of something that is over."""
    with web.acting_for(visitor) as connection:
        made = ratings.rate(
            connection, Thing(said.thing), said.number, person_id=visitor.person_id, now=web.clock(),
            tap=Tap(said.useful, said.reason, said.words),
        )  # fmt: skip
    return models.Rating(rating_id=made)


@router.post("/voice/recommendation", status_code=201, dependencies=[OurCall])
def recommend(web: Here, visitor: VoiceGiver, said: models.NewRecommendation) -> models.Recommendation:
    """How likely the caller would recommend it."""
    with web.acting_for(visitor) as connection:
        made = ratings.recommend(
            connection,
            person_id=visitor.person_id,
            now=web.clock(),
            site_id=said.site_id,
            score=said.score,
            words=said.words,
        )
    return models.Recommendation(nps_id=made)


@router.get("/complaints")
def list_complaints(web: Here, visitor: ComplaintReader) -> models.Complaints:
    """Those that are not closed first."""
    with web.acting_for(visitor) as connection:
        rows = store.list_complaints(connection)
    return models.Complaints(complaints=[models.Complaint(**_of(models.Complaint, each)) for each in rows])


@router.get("/complaints/{complaint_id}")
def read_complaint(web: Here, visitor: ComplaintReader, complaint_id: int) -> models.Complaint:
    """One complaint."""
    with web.acting_for(visitor) as connection:
        found = store.find_complaint(connection, complaint_id)
    if found is None:
        raise NotFound
    return models.Complaint(**_of(models.Complaint, found))


@router.post("/complaints", status_code=201, dependencies=[OurCall])
def file(web: Here, visitor: ComplaintReader, sending: CallKey, said: models.NewComplaint) -> models.Complaint:
    """Files one: both clocks run."""
    now = web.clock()
    if (said.thing is None) != (said.number is None):
        raise Refused("What the complaint is about is not at this site; choose the site it belongs to.")
    about = None if said.thing is None or said.number is None else (Thing(said.thing), said.number)
    with web.acting_for(visitor) as connection:
        made = once(
            connection, visitor, now, sending, ("complaint", said.model_dump()),
            lambda: acts.file(
                connection, person_id=visitor.person_id, now=now, site_id=said.site_id, title=said.title, body=said.body,
                about=about, follows_id=said.follows_id, caller=said.caller,
            ),
        )  # fmt: skip
    return read_complaint(web, visitor, made)


@router.post("/complaints/{complaint_id}/take", dependencies=[OurCall])
def take(web: Here, visitor: ComplaintAnswerer, complaint_id: int) -> models.Complaint:
    """Takes it on, or over."""
    return _done(
        web, visitor, complaint_id, lambda c, _, now: acts.take(c, complaint_id, person_id=visitor.person_id, now=now)
    )


@router.post("/complaints/{complaint_id}/analyse", dependencies=[OurCall])
def analyse(web: Here, visitor: ComplaintAnswerer, complaint_id: int, said: models.Analysis) -> models.Complaint:
    """The first answer."""
    return _done(
        web, visitor, complaint_id,
        lambda c, _, now: acts.analyse(
            c, complaint_id, person_id=visitor.person_id, now=now, cause=said.cause, facts=said.facts, further=said.further
        ),
    )  # fmt: skip


@router.post("/complaints/{complaint_id}/extend", dependencies=[OurCall])
def extend(web: Here, visitor: ComplaintAnswerer, complaint_id: int, said: models.Extension) -> models.Complaint:
    """Another person than the owner puts the conclusion off."""
    return _done(
        web, visitor, complaint_id,
        lambda c, found, now: acts.extend(
            c, complaint_id, person_id=visitor.person_id, now=now,
            until=typed.end_of_day(said.until.isoformat(), found.time_zone) or now, reason=said.reason,
        ),
    )  # fmt: skip


@router.post("/complaints/{complaint_id}/solve", dependencies=[OurCall])
def solve(web: Here, visitor: ComplaintAnswerer, complaint_id: int, said: models.Solution) -> models.Complaint:
    """The conclusion: what was changed."""
    return _done(
        web, visitor, complaint_id,
        lambda c, _, now: acts.solve(c, complaint_id, person_id=visitor.person_id, now=now, measures=said.measures),
    )  # fmt: skip


@router.post("/complaints/{complaint_id}/verdict", dependencies=[OurCall])
def verdict(web: Here, visitor: VoiceGiver, complaint_id: int, said: models.Verdict) -> models.Complaint:
    """Who complained says whether it is settled: closed, or opened again."""
    person = visitor.person_id
    if said.settled:
        return _done(
            web, visitor, complaint_id,
            lambda c, _, now: acts.accept(c, complaint_id, person_id=person, now=now, words=said.words),
        )  # fmt: skip
    return _done(
        web, visitor, complaint_id,
        lambda c, _, now: acts.reopen(c, complaint_id, person_id=person, now=now, reason=said.words),
    )  # fmt: skip


def _done(web: Web, visitor: Visitor, complaint_id: int, do: Do) -> models.Complaint:
    act(web, visitor, complaint_id, do)
    return read_complaint(web, visitor, complaint_id)


def _of(model: type[BaseModel], row: object) -> dict[str, Any]:
    return {name: getattr(row, name) for name in model.model_fields}
