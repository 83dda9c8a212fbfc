"""The JSON API of findings: the board, one, and each act. Calls that change something carry X-Form-Token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Response, UploadFile
from psycopg import Connection

from api.acts.findings import act, from_occurrence, photo_answer
from api.acts.photos import prepared
from api.gate import FindingReader, FindingWorker, OurCall
from api.once import CallKey, once
from api.permissions import Right
from api.store import findings as store
from api.v1 import risk_models as models
from api.visitor import Visitor
from api.web import Here, Web
from api.words.risk import is_overdue
from api.words.texts import Answer, NotFound, later
from risk import findings as acts
from risk.finding import Plan

router = APIRouter()

_OF_PEOPLE = (
    "description", "owner_id", "measures", "funds", "contingency", "reported_by", "graded_by", "claimed_by", "verified_by",
)  # fmt: skip


@router.get("/findings")
def list_findings(web: Here, visitor: FindingReader) -> models.Findings:
    """All open findings, the most urgent first, then the newest closed."""
    now = web.clock()
    with web.acting_for(visitor) as connection:
        rows = [*store.open_findings(connection, now), *store.closed_findings(connection)]
    return models.Findings(findings=[models.FindingLine(**_line(web, row)) for row in rows])


@router.get("/findings/{finding_id}")
def read_finding(web: Here, visitor: FindingReader, finding_id: int) -> models.Finding:
    """One finding with all that happened to it."""
    sees_people = visitor.may(Right.SEE_PEOPLE)
    with web.acting_for(visitor) as connection:
        found = store.find_finding(connection, finding_id)
        if found is None:
            raise NotFound
        events = store.events_of(connection, finding_id) if sees_people else []
        photos = store.photos_of(connection, finding_id) if sees_people else []
    return models.Finding(
        **_line(web, found),
        **{name: getattr(found, name) if sees_people else None for name in _OF_PEOPLE},
        events=[models.Happened.model_validate(event) for event in events],
        photos=[models.Photo.model_validate(photo) for photo in photos],
    )


def _line(web: Web, row: store.FindingLine) -> dict[str, Any]:
    said = {name: getattr(row, name) for name in models.FindingLine.model_fields if name != "overdue"}
    return {**said, "overdue": is_overdue(row, web.clock())}


@router.post("/findings", status_code=201, dependencies=[OurCall])
def report(web: Here, visitor: FindingWorker, sending: CallKey, said: models.NewFinding) -> models.Finding:
    """Writes a hazard down; of an occurrence that has an open finding, that one is given."""
    if said.occurrence_id is not None:
        return read_finding(web, visitor, from_occurrence(web, visitor, sending, said.occurrence_id, said.description))
    if said.site_id is None:
        raise Answer(422, later("A finding names its site, or the occurrence it is opened from."))
    now, site_id = web.clock(), said.site_id
    with web.acting_for(visitor) as connection:
        made = once(
            connection, visitor, now, sending, ("finding", said.model_dump()),
            lambda: acts.report(
                connection, person_id=visitor.person_id, now=now, site_id=site_id, zone_id=said.zone_id,
                title=said.title, description=said.description, grade=said.grade,
            ),
        )  # fmt: skip
    return read_finding(web, visitor, made)


@router.post("/findings/{finding_id}/grade", dependencies=[OurCall])
def grade(web: Here, visitor: FindingWorker, finding_id: int, graded: models.Graded) -> models.Finding:
    """Confirms or corrects the grade."""
    return _done(
        web, visitor, finding_id,
        lambda c: acts.grade(
            c, finding_id, person_id=visitor.person_id, now=web.clock(), grade=graded.grade, note=graded.note
        ),
    )  # fmt: skip


@router.post("/findings/{finding_id}/plan", dependencies=[OurCall])
def plan(web: Here, visitor: FindingWorker, finding_id: int, planned: models.Planned) -> models.Finding:
    """Settles the five things, so that work begins."""
    settled = Plan(
        owner_id=planned.owner_id, measures=planned.measures, funds=planned.funds, due_at=planned.due_at,
        contingency=planned.contingency,
    )  # fmt: skip
    return _done(
        web, visitor, finding_id,
        lambda c: acts.plan(
            c, finding_id, person_id=visitor.person_id, now=web.clock(), plan=settled, grade=planned.grade
        ),
    )  # fmt: skip


@router.post("/findings/{finding_id}/extend", dependencies=[OurCall])
def extend(web: Here, visitor: FindingWorker, finding_id: int, extended: models.Extended) -> models.Finding:
    """Puts the deadline off; another person than the owner approves it."""
    return _done(
        web, visitor, finding_id,
        lambda c: acts.extend(
            c, finding_id, person_id=visitor.person_id, now=web.clock(), due_at=extended.due_at, reason=extended.reason
        ),
    )  # fmt: skip


@router.post("/findings/{finding_id}/claim", dependencies=[OurCall])
def claim(web: Here, visitor: FindingWorker, finding_id: int, noted: models.Noted) -> models.Finding:
    """Says that it is done, and what was done."""
    return _done(
        web, visitor, finding_id,
        lambda c: acts.claim(c, finding_id, person_id=visitor.person_id, now=web.clock(), note=noted.note),
    )  # fmt: skip


@router.post("/findings/{finding_id}/verify", dependencies=[OurCall])
def verify(web: Here, visitor: FindingWorker, finding_id: int, noted: models.Noted) -> models.Finding:
    """Another person has looked: closed."""
    return _done(
        web, visitor, finding_id,
        lambda c: acts.verify(c, finding_id, person_id=visitor.person_id, now=web.clock(), note=noted.note),
    )  # fmt: skip


@router.post("/findings/{finding_id}/send-back", dependencies=[OurCall])
def send_back(web: Here, visitor: FindingWorker, finding_id: int, noted: models.Noted) -> models.Finding:
    """It is not put right."""
    return _done(
        web, visitor, finding_id,
        lambda c: acts.send_back(c, finding_id, person_id=visitor.person_id, now=web.clock(), reason=noted.note),
    )  # fmt: skip


@router.post("/findings/{finding_id}/reopen", dependencies=[OurCall])
def reopen(web: Here, visitor: FindingWorker, finding_id: int, reopened: models.Extended) -> models.Finding:
    """A closed one is back, with a new deadline."""
    return _done(
        web, visitor, finding_id,
        lambda c: acts.reopen(
            c, finding_id, person_id=visitor.person_id, now=web.clock(), reason=reopened.reason, due_at=reopened.due_at
        ),
    )  # fmt: skip


@router.post("/findings/{finding_id}/notes", dependencies=[OurCall])
def note(web: Here, visitor: FindingWorker, sending: CallKey, finding_id: int, noted: models.Noted) -> models.Finding:
    """Writes something down."""
    now = web.clock()
    return _done(
        web, visitor, finding_id,
        lambda c: once(
            c, visitor, now, sending, ("note", finding_id, noted.note),
            lambda: acts.note(c, finding_id, person_id=visitor.person_id, now=now, note=noted.note),
        ),
    )  # fmt: skip


@router.post("/findings/{finding_id}/photos", status_code=201, dependencies=[OurCall])
def add_photo(
    web: Here,
    visitor: FindingWorker,
    sending: CallKey,
    finding_id: int,
    shows: Annotated[str, Form()] = "",
    photo: Annotated[UploadFile | None, File()] = None,
) -> models.Finding:
    """Takes a photo in (JPEG, PNG or WebP, 10 MB at most), made anew before it is kept."""
    kept, now = prepared(photo), web.clock()
    return _done(
        web, visitor, finding_id,
        lambda c: once(
            c, visitor, now, sending, ("photo", finding_id, shows, kept.sha256.hex()),
            lambda: acts.add_photo(
                c, finding_id, person_id=visitor.person_id, now=now, photo=kept, shows=shows
            ),
        ),
    )  # fmt: skip


@router.get("/findings/{finding_id}/photos/{photo_id}", response_class=Response)
def photo(web: Here, visitor: FindingReader, finding_id: int, photo_id: int) -> Response:
    """One photo as JPEG, for the client's own people."""
    return photo_answer(web, visitor, finding_id, photo_id)


def _done(web: Web, visitor: Visitor, finding_id: int, do: Callable[[Connection[Any]], object]) -> models.Finding:
    act(web, visitor, finding_id, lambda connection, _: do(connection))
    return read_finding(web, visitor, finding_id)
