"""Findings (隐患): the board, one of them, the form for a new one, and their photos."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response

from api import typed
from api.acts.findings import from_occurrence, photo_answer
from api.acts.voice import rate_card
from api.gate import FindingReader, FindingWorker, OurForm
from api.once import FormKey, once
from api.pages.frame import frame_of, person_page
from api.permissions import Right
from api.store import findings as store
from api.store import people, places
from api.visitor import Visitor
from api.web import Here, Web
from api.words.risk import is_overdue, people_in
from api.words.sentences import translated
from api.words.texts import NotFound
from core.errors import Refused
from core.i18n import translations
from risk import findings as acts
from risk.finding import SUGGESTED_DEADLINE, TABLE, Grade, State, Step
from risk.rating import Thing

router = APIRouter()

_NOTHING_TYPED = {
    "action": "", "grade": "", "note": "", "owner_id": "", "measures": "", "funds": "", "due": "", "contingency": "",
}  # fmt: skip


@router.get("/findings")
def board(web: Here, visitor: FindingReader) -> Response:
    """All open findings, the most urgent first, and the newest closed ones."""
    now = web.clock()
    with web.acting_for(visitor) as connection:
        rows = [*store.open_findings(connection, now), *store.closed_findings(connection)]
        frame = frame_of(connection, now)
    return person_page(
        web,
        visitor,
        "findings.html",
        frame=frame,
        rows=rows,
        counts={state: sum(row.state == state for row in rows) for state in State},
        overdue=sum(is_overdue(row, now) for row in rows),
        many_companies=len({row.company for row in rows}) > 1 or visitor.everything,
        sees_people=visitor.may(Right.SEE_PEOPLE),
        may_work=visitor.may(Right.WORK_ON_FINDINGS),
    )


@router.get("/findings/new")
def new_page(web: Here, visitor: FindingWorker) -> Response:
    """The form for a hazard that somebody has seen."""
    return _new_form(web, visitor)


@router.post("/findings", dependencies=[OurForm])
def report(
    web: Here,
    visitor: FindingWorker,
    sending: FormKey,
    title: Annotated[str, Form()] = "",
    place: Annotated[str, Form()] = "",
    grade: Annotated[str, Form()] = "",
    description: Annotated[str, Form()] = "",
) -> Response:
    """Writes it down; its page is where photos are added and the work is put in hand."""
    try:
        site_id, zone_id = typed.place(place)
        now = web.clock()
        with web.acting_for(visitor) as connection:
            made = once(
                connection, visitor, now, sending, ("finding", title, place, grade, description),
                lambda: acts.report(
                    connection, person_id=visitor.person_id, now=now, site_id=site_id, zone_id=zone_id, title=title,
                    description=description, grade=grade,
                ),
            )  # fmt: skip
    except Refused as refused:
        said = translated(translations(visitor.language), str(refused))
        return _new_form(web, visitor, said, 409, title=title, place=place, grade=grade, description=description)
    return RedirectResponse(f"/findings/{made}", 303)


@router.post("/occurrences/{occurrence_id}/finding", dependencies=[OurForm])
def open_from_occurrence(
    web: Here,
    visitor: FindingWorker,
    sending: FormKey,
    occurrence_id: int,
    description: Annotated[str, Form()] = "",
) -> Response:
    """One click: title, place and suggested grade come from the occurrence; an open one of it is shown instead."""
    return RedirectResponse(f"/findings/{from_occurrence(web, visitor, sending, occurrence_id, description)}", 303)


@router.get("/findings/{finding_id}")
def finding_page(web: Here, visitor: FindingReader, finding_id: int) -> Response:
    """One finding."""
    return show(web, visitor, finding_id)


@router.get("/findings/{finding_id}/photos/{photo_id}")
def photo(web: Here, visitor: FindingReader, finding_id: int, photo_id: int) -> Response:
    """One photo, for the client's own people."""
    return photo_answer(web, visitor, finding_id, photo_id)


def show(
    web: Web, visitor: Visitor, finding_id: int, *, sentence: str | None = None, status: int = 200, **kept: Any
) -> Response:
    """The page; after a refused act with the sentence that says why, and what was typed."""
    now, sees_people = web.clock(), visitor.may(Right.SEE_PEOPLE)
    with web.acting_for(visitor) as connection:
        found = store.find_finding(connection, finding_id)
        if found is None:
            raise NotFound
        events = store.events_of(connection, finding_id) if sees_people else []
        photos = store.photos_of(connection, finding_id) if sees_people else []
        names = people.names_of(connection, people_in(events)) if events else {}
        may_work = visitor.may(Right.WORK_ON_FINDINGS)
        owners = places.colleagues(connection, found.company_id) if may_work else []
        over = found.state == State.CLOSED and not found.simulated
        card = rate_card(connection, visitor, Thing.FINDING, finding_id, found.company_id, over=over)
        frame = frame_of(connection, now)
    steps = {step for step in Step if may_work and (State(found.state), step) in TABLE}
    is_party = visitor.person_id in (found.owner_id, found.claimed_by_id)
    return person_page(
        web,
        visitor,
        "finding.html",
        frame=frame,
        status=status,
        f=found,
        rate=card,
        events=events,
        photos=photos,
        names=names,
        owners=owners,
        verifiers=_verifiers(found, owners, visitor),
        steps=steps,
        may_verify=Step.VERIFY in steps and not is_party,
        may_extend=Step.EXTEND in steps and visitor.person_id != found.owner_id,
        sees_people=sees_people,
        suggested=_suggested(found, now),
        sentence=sentence,
        typed={**_NOTHING_TYPED, **kept},
    )


def _verifiers(found: store.Finding, colleagues: list[places.Colleague], visitor: Visitor) -> list[int]:
    """Who could verify it: once it is claimed, or if this visitor claimed it now."""
    claimer = found.claimed_by_id if found.claimed_by_id is not None else visitor.person_id
    return [person.person_id for person in colleagues if person.person_id not in (found.owner_id, claimer)]


def _suggested(found: store.Finding, now: datetime) -> str:
    """A deadline for the form: the running one, else what the grade suggests, as a day of the site."""
    zone = ZoneInfo(found.time_zone)
    running = found.due_at if found.due_at is not None and found.due_at > now else None
    day = running or now + SUGGESTED_DEADLINE[Grade(found.grade)]
    later = day + timedelta(days=7) if running and found.state != State.REPORTED else day
    return later.astimezone(zone).date().isoformat()


def _new_form(web: Web, visitor: Visitor, sentence: str | None = None, status: int = 200, **kept: str) -> Response:
    now = web.clock()
    with web.acting_for(visitor) as connection:
        choices = places.places(connection, visitor.company_id)
        frame = frame_of(connection, now)
    nothing = {"title": "", "place": "", "grade": "", "description": ""}
    return person_page(
        web,
        visitor,
        "finding_new.html",
        frame=frame,
        status=status,
        places=choices,
        sentence=sentence,
        typed={**nothing, **kept},
    )
