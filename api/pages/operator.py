"""The operator's list of people, and the demo's inbox."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.gate import Anybody, UserReader, language_of
from api.pages.frame import person_page
from api.store import people
from api.web import Here
from api.words.texts import NotFound

router = APIRouter()


@router.get("/users")
def user_list(web: Here, visitor: UserReader) -> Response:
    """Everybody who may log in or be called."""
    with web.acting_for(visitor) as connection:
        rows = people.list_people(connection)
    return person_page(web, visitor, "users.html", rows=rows)


@router.get("/demo/inbox")
def inbox(request: Request, web: Here, visitor: Anybody) -> Response:
    """What the demo's own mail and webhook sinks received; nothing of the kind exists outside the demo."""
    if web.inbox is None:
        raise NotFound
    received = list(web.inbox.received())
    if visitor is not None:
        return person_page(web, visitor, "inbox.html", received=received)
    return web.pages.page("inbox.html", language_of(request), now=web.clock(), visitor=None, received=received)
