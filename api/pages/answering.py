"""The page of a message's link: which alarm, since when, how it stands, and one button. It needs no log-in and gives none."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from alerting.links import PATH, Link
from api import cookies
from api.acts.answering import acknowledge, look, whose
from api.answering import Answering, Standing
from api.gate import language_of
from api.pages.front import YEAR_S
from api.web import Here, Web
from api.words.answering import SENTENCES
from api.words.sentences import translated
from api.words.texts import Answer, FormRefused
from core.errors import Refused
from core.i18n import LANGUAGES, translations

router = APIRouter()


@router.api_route(f"{PATH}{{token}}", methods=["GET", "HEAD"])
def answer_page(request: Request, web: Here, token: str, to: str = "") -> Response:
    """Changes nothing, however often it is asked for and by whom: what reads mails opens links.

    Args:
        to: the language that this browser is to remember, as `/language` does it.
    """
    if to in LANGUAGES:
        response = RedirectResponse(f"{PATH}{quote(token)}", 303)
        response.set_cookie(cookies.LANGUAGE, to, max_age=YEAR_S, samesite="lax", httponly=True, secure=web.secure)
        return response
    try:
        link, visitor = whose(web, token, _address(request))
        found = look(web, visitor, link)
    except Answer as nothing:
        return _nothing(request, web, nothing)
    return _show(request, web, token, found, form_token=_form_token(web, link))


@router.post(f"{PATH}{{token}}")
def answer(request: Request, web: Here, token: str, form_token: Annotated[str, Form()] = "") -> Response:
    """The button. Who comes second reads who was first."""
    try:
        link, visitor = whose(web, token, _address(request))
        found = look(web, visitor, link)
        if not cookies.same(form_token, _form_token(web, link)):
            raise FormRefused
        try:
            if found.standing is Standing.OPEN:
                acknowledge(web, found)
            elif found.standing is not Standing.TAKEN:
                raise Refused(SENTENCES[found.standing])
        except Refused as refused:
            found = look(web, visitor, link)
            if found.standing is not Standing.TAKEN:
                said = translated(translations(language_of(request, visitor.language)), str(refused))
                return _show(request, web, token, found, form_token=_form_token(web, link), sentence=said, status=409)
    except Answer as nothing:
        return _nothing(request, web, nothing)
    return RedirectResponse(f"{PATH}{quote(token)}", 303)


def _show(
    request: Request,
    web: Web,
    token: str,
    found: Answering,
    *,
    form_token: str,
    sentence: str | None = None,
    status: int = 200,
) -> Response:
    return web.pages.page(
        "answer.html",
        language_of(request, found.visitor.language),
        now=web.clock(),
        status=status,
        visitor=None,
        here=f"{PATH}{token}",
        a=found,
        o=found.occurrence,
        standing=found.standing.value,
        standing_said=SENTENCES[found.standing],
        form_token=form_token,
        sentence=sentence,
    )


def _nothing(request: Request, web: Web, why: Answer) -> Response:
    """Who brings a link that does nothing learns why, and nothing of any alarm."""
    said = translations(language_of(request)).gettext(why.text)
    return web.pages.page(
        "answer_none.html",
        language_of(request),
        now=web.clock(),
        status=why.status,
        visitor=None,
        sentence=said % why.words if why.words else said,
    )


def _form_token(web: Web, link: Link) -> str:
    assert web.links is not None
    return web.links.form_token(link)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
