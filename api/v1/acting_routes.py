"""The JSON API: what changes something. Every call carries X-Form-Token, but for the one that begins a session."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from psycopg import Connection

from alerting import actions
from api import cookies
from api.acts.occurrences import act
from api.gate import Actor, Commenter, OurCall
from api.login import log_in, log_out, set_session_cookie
from api.once import CallKey, once
from api.v1 import models
from api.v1.reading_routes import read_occurrence
from api.visitor import Visitor
from api.web import Here, Web
from api.words.texts import Answer, later

router = APIRouter()


@router.post("/session", status_code=201)
def begin_session(request: Request, response: Response, web: Here, credentials: models.Credentials) -> models.Session:
    """Logs in: the answer sets the session cookie. The body must be JSON, which no form of another site can send."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise Answer(415, later("Send JSON, with the content type application/json."))
    cookie, _ = log_in(request, web, credentials.login, credentials.password)
    set_session_cookie(response, web, cookie)
    opened = cookies.unseal(cookie, web.cookie_key)
    assert opened is not None
    return models.Session(form_token=cookies.form_token(opened[0], web.cookie_key))


@router.delete("/session", status_code=204, dependencies=[OurCall])
def end_session(request: Request, response: Response, web: Here) -> None:
    """Logs out."""
    log_out(request, web)
    response.delete_cookie(cookies.SESSION)


@router.post("/occurrences/{occurrence_id}/acknowledge", dependencies=[OurCall])
def acknowledge(web: Here, visitor: Actor, occurrence_id: int) -> models.Occurrence:
    """Somebody has taken it on: calls that still wait are cancelled."""
    now = web.clock()
    return _done(
        web,
        visitor,
        occurrence_id,
        lambda c: actions.acknowledge(c, occurrence_id, person_id=visitor.person_id, now=now),
    )


@router.post("/occurrences/{occurrence_id}/reset", dependencies=[OurCall])
def reset(web: Here, visitor: Actor, occurrence_id: int) -> models.Occurrence:
    """Lets go of a latched alarm whose condition has cleared."""
    now = web.clock()
    return _done(
        web, visitor, occurrence_id, lambda c: actions.reset(c, occurrence_id, person_id=visitor.person_id, now=now)
    )


@router.post("/occurrences/{occurrence_id}/unshelve", dependencies=[OurCall])
def unshelve(web: Here, visitor: Actor, occurrence_id: int) -> models.Occurrence:
    """Ends a shelf early."""
    now = web.clock()
    return _done(
        web, visitor, occurrence_id, lambda c: actions.unshelve(c, occurrence_id, person_id=visitor.person_id, now=now)
    )


@router.post("/occurrences/{occurrence_id}/shelve", dependencies=[OurCall])
def shelve(web: Here, visitor: Actor, occurrence_id: int, shelf: models.Shelf) -> models.Occurrence:
    """Puts it aside for a time, with a reason."""
    now = web.clock()
    until = now + timedelta(minutes=shelf.minutes)
    return _done(
        web,
        visitor,
        occurrence_id,
        lambda c: actions.shelve(
            c, occurrence_id, person_id=visitor.person_id, now=now, reason=shelf.reason, until=until
        ),
    )


@router.post("/occurrences/{occurrence_id}/resolve", dependencies=[OurCall])
def resolve(web: Here, visitor: Actor, occurrence_id: int, resolved: models.Resolved) -> models.Occurrence:
    """Closes it: what it was, what was done."""
    now = web.clock()
    return _done(
        web,
        visitor,
        occurrence_id,
        lambda c: actions.resolve(
            c,
            occurrence_id,
            person_id=visitor.person_id,
            now=now,
            resolution=resolved.resolution,
            action_taken=resolved.action_taken,
        ),
    )


@router.post("/occurrences/{occurrence_id}/comments", dependencies=[OurCall])
def comment(
    web: Here, visitor: Commenter, sending: CallKey, occurrence_id: int, comment: models.Comment
) -> models.Occurrence:
    """Writes a comment."""
    now = web.clock()
    return _done(
        web,
        visitor,
        occurrence_id,
        lambda c: once(
            c,
            visitor,
            now,
            sending,
            ("comment", occurrence_id, comment.body),
            lambda: actions.comment(c, occurrence_id, person_id=visitor.person_id, now=now, body=comment.body),
        ),
    )


def _done(web: Web, visitor: Visitor, occurrence_id: int, do: Callable[[Connection[Any]], object]) -> models.Occurrence:
    act(web, visitor, occurrence_id, do)
    return read_occurrence(web, visitor, occurrence_id)
