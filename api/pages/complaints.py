"""Complaints (投诉): filing one, one of them with its clocks, and the forms of each step."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response
from psycopg import Connection

from api import typed
from api.acts.complaints import Do, act
from api.gate import ComplaintAnswerer, ComplaintReader, OurForm, VoiceGiver
from api.once import FormKey, once
from api.pages.frame import frame_of, person_page
from api.permissions import Right
from api.store import complaints as store
from api.store import places
from api.store.complaints import Complaint
from api.visitor import Visitor
from api.web import Here, Web
from api.words.sentences import translated
from api.words.texts import Forbidden, NotFound
from core.errors import Refused
from core.i18n import translations
from risk import complaints as acts
from risk.complaint import Cause
from risk.rating import Thing
from risk.working_days import calendar_of

router = APIRouter()

Text = Annotated[str, Form()]
_FORM: Final = ("place", "title", "body", "about", "follows", "caller")
_NOTHING: Final = dict.fromkeys(("action", "cause", "facts", "further", "until", "reason", "measures", "words"), "")
_ABOUT: Final = re.compile(r"(occurrence|finding|impairment|service)/(\d{1,18})")


@router.get("/complaints/new")
def new_page(web: Here, visitor: ComplaintReader, about: str = "", follows: str = "", place: str = "") -> Response:
    """The form; from the page of something with what it is about filled in."""
    if not _may_file(visitor):
        raise Forbidden
    return _new_form(web, visitor, about=about[:40], follows=follows[:20], place=place[:20])


@router.post("/complaints", dependencies=[OurForm])
def file(
    web: Here,
    visitor: ComplaintReader,
    sending: FormKey,
    place: Text = "",
    title: Text = "",
    body: Text = "",
    about: Text = "",
    follows: Text = "",
    caller: Text = "",
) -> Response:
    """Files it: both clocks run."""
    if not _may_file(visitor):
        raise Forbidden
    typed_in = (place, title, body, about, follows, caller)
    try:
        (site_id, _), now = typed.place(place), web.clock()
        with web.acting_for(visitor) as connection:
            made = once(
                connection, visitor, now, sending, ("complaint", *typed_in),
                lambda: acts.file(
                    connection, person_id=visitor.person_id, now=now, site_id=site_id, title=title, body=body,
                    about=about_of(about), follows_id=typed.number(follows), caller=caller,
                ),
            )  # fmt: skip
    except Refused as refused:
        said = translated(translations(visitor.language), str(refused))
        return _new_form(web, visitor, said, 409, **dict(zip(_FORM, typed_in, strict=True)))
    return RedirectResponse(f"/complaints/{made}", 303)


@router.get("/complaints/{complaint_id}")
def complaint_page(web: Here, visitor: ComplaintReader, complaint_id: int) -> Response:
    """One complaint."""
    return _show(web, visitor, complaint_id)


@router.post("/complaints/{complaint_id}/take", dependencies=[OurForm])
def take(web: Here, visitor: ComplaintAnswerer, complaint_id: int) -> Response:
    """Takes it on, or over."""
    return _done(
        web, visitor, complaint_id, lambda c, _, now: acts.take(c, complaint_id, person_id=visitor.person_id, now=now)
    )


@router.post("/complaints/{complaint_id}/analyse", dependencies=[OurForm])
def analyse(
    web: Here, visitor: ComplaintAnswerer, complaint_id: int, cause: Text = "", facts: Text = "", further: Text = ""
) -> Response:
    """The first answer."""
    return _done(
        web, visitor, complaint_id,
        lambda c, _, now: acts.analyse(
            c, complaint_id, person_id=visitor.person_id, now=now, cause=cause, facts=facts, further=further == "yes"
        ),
        action="analyse", cause=cause, facts=facts, further=further,
    )  # fmt: skip


@router.post("/complaints/{complaint_id}/extend", dependencies=[OurForm])
def extend(web: Here, visitor: ComplaintAnswerer, complaint_id: int, until: Text = "", reason: Text = "") -> Response:
    """The conclusion takes longer."""

    def do(connection: Connection[Any], found: Complaint, now: datetime) -> None:
        ends = typed.end_of_day(until, found.time_zone)
        if ends is None:
            raise Refused("Say until when the conclusion is put off.")
        acts.extend(connection, complaint_id, person_id=visitor.person_id, now=now, until=ends, reason=reason)

    return _done(web, visitor, complaint_id, do, action="extend", until=until, reason=reason)


@router.post("/complaints/{complaint_id}/solve", dependencies=[OurForm])
def solve(web: Here, visitor: ComplaintAnswerer, complaint_id: int, measures: Text = "") -> Response:
    """The conclusion: what was changed."""
    return _done(
        web, visitor, complaint_id,
        lambda c, _, now: acts.solve(c, complaint_id, person_id=visitor.person_id, now=now, measures=measures),
        action="solve", measures=measures,
    )  # fmt: skip


@router.post("/complaints/{complaint_id}/accept", dependencies=[OurForm])
def accept(web: Here, visitor: VoiceGiver, complaint_id: int, words: Text = "") -> Response:
    """Who complained says that it is settled."""
    return _done(
        web, visitor, complaint_id,
        lambda c, _, now: acts.accept(c, complaint_id, person_id=visitor.person_id, now=now, words=words),
        action="accept", words=words,
    )  # fmt: skip


@router.post("/complaints/{complaint_id}/reopen", dependencies=[OurForm])
def reopen(web: Here, visitor: VoiceGiver, complaint_id: int, reason: Text = "") -> Response:
    """Who complained says that it is not."""
    return _done(
        web, visitor, complaint_id,
        lambda c, _, now: acts.reopen(c, complaint_id, person_id=visitor.person_id, now=now, reason=reason),
        action="reopen", reason=reason,
    )  # fmt: skip


def about_of(text: str) -> tuple[Thing, int] | None:
    """What a complaint is about, as its form sends it: `occurrence/12`; None where it is about nothing with a page.

    Raises:
        Refused: something else.
    """
    if not text.strip():
        return None
    match = _ABOUT.fullmatch(text.strip())
    if match is None:
        raise Refused("What the complaint is about is not at this site; choose the site it belongs to.")
    return Thing(match[1]), int(match[2])


def is_complainants(visitor: Visitor, found: Complaint) -> bool:
    """Whether the verdict is this visitor's."""
    return visitor.may(Right.GIVE_VOICE) and (found.filed_by == visitor.person_id or not found.complainant_active)


def _may_file(visitor: Visitor) -> bool:
    return visitor.may(Right.GIVE_VOICE) or visitor.may(Right.ANSWER_COMPLAINTS)


def _done(web: Web, visitor: Visitor, complaint_id: int, do: Do, **kept: str) -> Response:
    try:
        act(web, visitor, complaint_id, do)
    except Refused as refused:
        said = translated(translations(visitor.language), str(refused))
        return _show(web, visitor, complaint_id, said, 409, **kept)
    return RedirectResponse(f"/complaints/{complaint_id}", 303)


def _show(
    web: Web, visitor: Visitor, complaint_id: int, sentence: str | None = None, status: int = 200, **kept: str
) -> Response:
    now = web.clock()
    with web.acting_for(visitor) as connection:
        found = store.find_complaint(connection, complaint_id)
        if found is None:
            raise NotFound
        changes = store.changes_of(connection, complaint_id)
        frame = frame_of(connection, now)
    return person_page(
        web,
        visitor,
        "complaint.html",
        frame=frame,
        status=status,
        c=found,
        changes=changes,
        known=calendar_of(found.jurisdiction).knows(found.filed_at, found.conclude_due_at, found.time_zone),
        answers=visitor.may(Right.ANSWER_COMPLAINTS),
        mine=found.owner_id == visitor.person_id,
        verdict=found.state == "solved" and is_complainants(visitor, found),
        causes=list(Cause),
        sentence=sentence,
        typed={**_NOTHING, **kept},
    )


def _new_form(web: Web, visitor: Visitor, sentence: str | None = None, status: int = 200, **kept: str) -> Response:
    now = web.clock()
    with web.acting_for(visitor) as connection:
        sites = places.sites_of(connection, visitor.companies)
        frame = frame_of(connection, now)
    return person_page(
        web,
        visitor,
        "complaint_new.html",
        frame=frame,
        status=status,
        places=sites,
        by_phone=visitor.may(Right.ANSWER_COMPLAINTS),
        sentence=sentence,
        typed={**dict.fromkeys(_FORM, ""), **kept},
    )
