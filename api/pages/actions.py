"""What people do to an occurrence: one plain form each. The rules and the transitions are alerting's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response
from psycopg import Connection

from alerting import actions
from api.acts.occurrences import act
from api.gate import Actor, Commenter, OurForm
from api.once import FormKey, once
from api.pages.front import local
from api.pages.occurrences import show
from api.visitor import Visitor
from api.web import Here, Web
from api.words.sentences import translated
from core.errors import Refused
from core.i18n import translations

router = APIRouter(dependencies=[OurForm])

Next = Annotated[str, Form(alias="next")]
LONGEST_SHELF_MINUTES = 7 * 24 * 60


def done(
    web: Web, visitor: Visitor, occurrence_id: int, next: str, do: Callable[[Connection[Any]], object], **typed: str
) -> Response:
    """Runs an act and shows the page again; where it is refused with the sentence that says why, and what was typed."""
    try:
        act(web, visitor, occurrence_id, do)
    except Refused as refused:
        said = translated(translations(visitor.language), str(refused))
        return show(web, visitor, occurrence_id, sentence=said, status=409, **typed)
    return RedirectResponse(local(next) or f"/occurrences/{occurrence_id}", 303)


@router.post("/occurrences/{occurrence_id}/acknowledge")
def acknowledge(web: Here, visitor: Actor, occurrence_id: int, next: Next = "") -> Response:
    """Somebody has taken it on."""
    now = web.clock()
    return done(
        web,
        visitor,
        occurrence_id,
        next,
        lambda c: actions.acknowledge(c, occurrence_id, person_id=visitor.person_id, now=now),
    )


@router.post("/occurrences/{occurrence_id}/reset")
def reset(web: Here, visitor: Actor, occurrence_id: int, next: Next = "") -> Response:
    """Lets go of a latch."""
    now = web.clock()
    return done(
        web,
        visitor,
        occurrence_id,
        next,
        lambda c: actions.reset(c, occurrence_id, person_id=visitor.person_id, now=now),
    )


@router.post("/occurrences/{occurrence_id}/unshelve")
def unshelve(web: Here, visitor: Actor, occurrence_id: int, next: Next = "") -> Response:
    """Ends a shelf early."""
    now = web.clock()
    return done(
        web,
        visitor,
        occurrence_id,
        next,
        lambda c: actions.unshelve(c, occurrence_id, person_id=visitor.person_id, now=now),
    )


@router.post("/occurrences/{occurrence_id}/shelve")
def shelve(
    web: Here,
    visitor: Actor,
    occurrence_id: int,
    minutes: Annotated[int, Form(ge=1, le=LONGEST_SHELF_MINUTES)],
    reason: Annotated[str, Form()] = "",
    next: Next = "",
) -> Response:
    """Puts it aside for a time, with a reason."""
    now = web.clock()
    return done(
        web,
        visitor,
        occurrence_id,
        next,
        lambda c: actions.shelve(
            c,
            occurrence_id,
            person_id=visitor.person_id,
            now=now,
            reason=reason,
            until=now + timedelta(minutes=minutes),
        ),
        action="shelve",
        reason=reason,
    )


@router.post("/occurrences/{occurrence_id}/resolve")
def resolve(
    web: Here,
    visitor: Actor,
    occurrence_id: int,
    resolution: Annotated[str, Form()] = "",
    action_taken: Annotated[str, Form()] = "",
    next: Next = "",
) -> Response:
    """Closes it: what it was, what was done."""
    now = web.clock()
    return done(
        web,
        visitor,
        occurrence_id,
        next,
        lambda c: actions.resolve(
            c,
            occurrence_id,
            person_id=visitor.person_id,
            now=now,
            resolution=resolution,
            action_taken=action_taken,
        ),
        action="resolve",
        resolution=resolution,
        action_taken=action_taken,
    )


@router.post("/occurrences/{occurrence_id}/comment")
def comment(
    web: Here,
    visitor: Commenter,
    sending: FormKey,
    occurrence_id: int,
    body: Annotated[str, Form()] = "",
    next: Next = "",
) -> Response:
    """Writes a comment."""
    now = web.clock()
    return done(
        web,
        visitor,
        occurrence_id,
        next,
        lambda c: once(
            c,
            visitor,
            now,
            sending,
            ("comment", occurrence_id, body),
            lambda: actions.comment(c, occurrence_id, person_id=visitor.person_id, now=now, body=body),
        ),
        action="comment",
        body=body,
    )
