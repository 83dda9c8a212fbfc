"""What people do to a finding: one plain form each. The rules and the events are risk's."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import RedirectResponse, Response
from psycopg import Connection

from api import typed
from api.acts.findings import Do, act
from api.acts.photos import prepared
from api.gate import FindingWorker, OurForm
from api.once import FormKey, once
from api.pages.findings import show
from api.store.findings import Finding
from api.visitor import Visitor
from api.web import Here, Web
from api.words.sentences import translated
from core.errors import Refused
from core.i18n import translations
from risk import findings as acts
from risk.finding import Plan

router = APIRouter(dependencies=[OurForm])

Text = Annotated[str, Form()]


def _done(web: Web, visitor: Visitor, finding_id: int, do: Do, **kept: str) -> Response:
    try:
        act(web, visitor, finding_id, do)
    except Refused as refused:
        said = translated(translations(visitor.language), str(refused))
        return show(web, visitor, finding_id, sentence=said, status=409, **kept)
    return RedirectResponse(f"/findings/{finding_id}", 303)


def _needed_day(text: str, found: Finding) -> datetime:
    due = typed.end_of_day(text, found.time_zone)
    if due is None:
        raise Refused("Choose a day for the deadline.")
    return due


@router.post("/findings/{finding_id}/grade")
def grade(web: Here, visitor: FindingWorker, finding_id: int, grade: Text = "", note: Text = "") -> Response:
    """Confirms or corrects the grade."""
    return _done(
        web, visitor, finding_id,
        lambda c, _: acts.grade(c, finding_id, person_id=visitor.person_id, now=web.clock(), grade=grade, note=note),
        action="grade", grade=grade, note=note,
    )  # fmt: skip


@router.post("/findings/{finding_id}/plan")
def plan(
    web: Here,
    visitor: FindingWorker,
    finding_id: int,
    grade: Text = "",
    owner_id: Text = "",
    measures: Text = "",
    funds: Text = "",
    due: Text = "",
    contingency: Text = "",
) -> Response:
    """Settles the five things, and with them the grade."""

    def do(connection: Connection[Any], found: Finding) -> None:
        settled = Plan(
            owner_id=typed.number(owner_id),
            measures=measures,
            funds=funds,
            due_at=typed.end_of_day(due, found.time_zone),
            contingency=contingency,
        )
        acts.plan(
            connection, finding_id, person_id=visitor.person_id, now=web.clock(), plan=settled, grade=grade or None
        )

    return _done(
        web, visitor, finding_id, do, action="plan", grade=grade, owner_id=owner_id, measures=measures, funds=funds,
        due=due, contingency=contingency,
    )  # fmt: skip


@router.post("/findings/{finding_id}/extend")
def extend(web: Here, visitor: FindingWorker, finding_id: int, due: Text = "", note: Text = "") -> Response:
    """Puts the deadline off."""

    def do(connection: Connection[Any], found: Finding) -> None:
        acts.extend(
            connection, finding_id, person_id=visitor.person_id, now=web.clock(), due_at=_needed_day(due, found),
            reason=note,
        )  # fmt: skip

    return _done(web, visitor, finding_id, do, action="extend", due=due, note=note)


@router.post("/findings/{finding_id}/claim")
def claim(web: Here, visitor: FindingWorker, finding_id: int, note: Text = "") -> Response:
    """Says that it is done."""
    return _done(
        web, visitor, finding_id,
        lambda c, _: acts.claim(c, finding_id, person_id=visitor.person_id, now=web.clock(), note=note),
        action="claim", note=note,
    )  # fmt: skip


@router.post("/findings/{finding_id}/verify")
def verify(web: Here, visitor: FindingWorker, finding_id: int, note: Text = "") -> Response:
    """Another person has looked."""
    return _done(
        web, visitor, finding_id,
        lambda c, _: acts.verify(c, finding_id, person_id=visitor.person_id, now=web.clock(), note=note),
        action="verify", note=note,
    )  # fmt: skip


@router.post("/findings/{finding_id}/send-back")
def send_back(web: Here, visitor: FindingWorker, finding_id: int, note: Text = "") -> Response:
    """It is not done."""
    return _done(
        web, visitor, finding_id,
        lambda c, _: acts.send_back(c, finding_id, person_id=visitor.person_id, now=web.clock(), reason=note),
        action="send_back", note=note,
    )  # fmt: skip


@router.post("/findings/{finding_id}/reopen")
def reopen(web: Here, visitor: FindingWorker, finding_id: int, due: Text = "", note: Text = "") -> Response:
    """A closed one is back."""

    def do(connection: Connection[Any], found: Finding) -> None:
        acts.reopen(
            connection, finding_id, person_id=visitor.person_id, now=web.clock(), reason=note,
            due_at=_needed_day(due, found),
        )  # fmt: skip

    return _done(web, visitor, finding_id, do, action="reopen", due=due, note=note)


@router.post("/findings/{finding_id}/note")
def note(web: Here, visitor: FindingWorker, sending: FormKey, finding_id: int, note: Text = "") -> Response:
    """Writes something down."""
    now = web.clock()
    return _done(
        web, visitor, finding_id,
        lambda c, _: once(
            c, visitor, now, sending, ("note", finding_id, note),
            lambda: acts.note(c, finding_id, person_id=visitor.person_id, now=now, note=note),
        ),
        action="note", note=note,
    )  # fmt: skip


@router.post("/findings/{finding_id}/photos")
def add_photo(
    web: Here,
    visitor: FindingWorker,
    sending: FormKey,
    finding_id: int,
    shows: Text = "",
    photo: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Takes a photo in, made anew before it is kept."""
    now = web.clock()

    def do(connection: Connection[Any], _: Finding) -> None:
        once(
            connection, visitor, now, sending, ("photo", finding_id, shows, kept.sha256.hex()),
            lambda: acts.add_photo(
                connection, finding_id, person_id=visitor.person_id, now=now, photo=kept, shows=shows
            ),
        )  # fmt: skip

    try:
        kept = prepared(photo)
    except Refused as refused:
        said = translated(translations(visitor.language), str(refused))
        return show(web, visitor, finding_id, sentence=said, status=409, action="photo")
    return _done(web, visitor, finding_id, do, action="photo")
