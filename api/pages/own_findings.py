"""Findings against Davy (对自身的问题): those that stand, one of them, and what the insurer's people write down of it."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response

from api.gate import ComplaintAnswerer, FindingReader, OurForm
from api.once import FormKey, once
from api.pages.frame import frame_of, person_page
from api.permissions import Right
from api.store import own_findings as store
from api.visitor import Visitor
from api.web import Here, Web
from api.words.own_findings import CAUSES, EVENTS, KINDS
from api.words.readiness import MISSING_LEGS
from api.words.sentences import translated
from api.words.texts import NotFound
from core.errors import Refused
from core.i18n import translations
from risk import own_findings as acts
from risk.own_finding import what_it_says

router = APIRouter()
Text = Annotated[str, Form()]
_NOTHING: Final = dict.fromkeys(("event", "cause", "words"), "")


@router.get("/own-findings")
def own_finding_list(web: Here, visitor: FindingReader) -> Response:
    """All that the visitor may see."""
    now = web.clock()
    with web.acting_for(visitor) as connection:
        rows = store.list_own_findings(connection)
        frame = frame_of(connection, now)
    return person_page(web, visitor, "own_findings.html", frame=frame, rows=rows, CAUSES=CAUSES, KINDS=KINDS)


@router.get("/own-findings/{own_finding_id}")
def own_finding_page(web: Here, visitor: FindingReader, own_finding_id: int) -> Response:
    """One of them."""
    return _show(web, visitor, own_finding_id)


@router.post("/own-findings/{own_finding_id}/notes", dependencies=[OurForm])
def write_note(
    web: Here,
    visitor: ComplaintAnswerer,
    sending: FormKey,
    own_finding_id: int,
    event: Text = "",
    cause: Text = "",
    words: Text = "",
) -> Response:
    """A comment, the cause, a measure, or that it is settled."""

    def write() -> int:
        acts.note(
            connection, own_finding_id, person_id=visitor.person_id, now=now, event=event, words=words, cause=cause
        )
        return own_finding_id

    now = web.clock()
    try:
        with web.acting_for(visitor) as connection:
            if not store.list_own_findings(connection, own_finding_id):
                raise NotFound
            once(connection, visitor, now, sending, ("own_finding", own_finding_id, event, cause, words), write)
    except Refused as refused:
        said = translated(translations(visitor.language), str(refused))
        return _show(web, visitor, own_finding_id, said, event=event, cause=cause, words=words)
    return RedirectResponse(f"/own-findings/{own_finding_id}", 303)


def _show(web: Web, visitor: Visitor, own_finding_id: int, sentence: str | None = None, **kept: str) -> Response:
    now = web.clock()
    with web.acting_for(visitor) as connection:
        found = store.list_own_findings(connection, own_finding_id)
        if not found:
            raise NotFound
        notes = store.notes_of(connection, own_finding_id)
        frame = frame_of(connection, now)
    return person_page(
        web,
        visitor,
        "own_finding.html",
        frame=frame,
        status=200 if sentence is None else 409,
        f=found[0],
        facts=what_it_says(found[0].kind, found[0].facts),
        notes=notes,
        answers=visitor.may(Right.ANSWER_COMPLAINTS),
        CAUSES=CAUSES,
        causes=acts.CAUSES_OF[found[0].kind],
        KINDS=KINDS,
        EVENTS=EVENTS,
        MISSING_LEGS=MISSING_LEGS,
        sentence=sentence,
        typed={**_NOTHING, **kept},
    )
