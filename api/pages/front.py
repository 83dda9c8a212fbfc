"""The way in and out: log-in, log-out, language, home, and what Davy is not."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from api import cookies
from api.gate import Anybody, OurForm, language_of
from api.login import log_in, log_out, set_session_cookie
from api.pages.frame import person_page
from api.permissions import HOME
from api.web import Here, Web
from api.words.texts import Answer, FormRefused
from core.i18n import LANGUAGES, translations

router = APIRouter()

YEAR_S = 365 * 24 * 3600


@router.get("/")
def home(visitor: Anybody) -> Response:
    """Where this person's day begins."""
    return RedirectResponse(HOME[visitor.role] if visitor else "/login", 303)


@router.get("/login")
def login_page(request: Request, web: Here, visitor: Anybody, next: str = "") -> Response:
    """The log-in form; who is logged in goes home."""
    if visitor is not None:
        return RedirectResponse(local(next) or HOME[visitor.role], 303)
    return _login_page(request, web, next=next)


@router.post("/login")
def login(
    request: Request,
    web: Here,
    login: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    form_token: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "",
) -> Response:
    """Logs in. The form must come from our own log-in page, so that nobody is logged in as somebody else unawares."""
    expected = cookies.visitor_token(request.cookies.get(cookies.VISITOR, ""), web.cookie_key)
    if expected is None or not cookies.same(form_token, expected):
        raise FormRefused
    try:
        cookie, begins = log_in(request, web, login, password)
    except Answer as answer:
        said = translations(language_of(request)).gettext(answer.text)
        return _login_page(
            request,
            web,
            next=next,
            sentence=said % answer.words if answer.words else said,
            login=login[:64],
            status=answer.status,
        )
    response = RedirectResponse(local(next) or begins, 303)
    set_session_cookie(response, web, cookie)
    response.delete_cookie(cookies.VISITOR)
    return response


@router.post("/logout", dependencies=[OurForm])
def logout(request: Request, web: Here) -> Response:
    """Ends the session, in the database too."""
    log_out(request, web)
    response = RedirectResponse("/login", 303)
    response.delete_cookie(cookies.SESSION)
    return response


@router.get("/language")
def language(web: Here, to: str, next: str = "") -> Response:
    """Remembers the language on this browser; changes nothing else, so a link may do it."""
    response = RedirectResponse(local(next) or "/", 303)
    if to in LANGUAGES:
        response.set_cookie(cookies.LANGUAGE, to, max_age=YEAR_S, samesite="lax", httponly=True, secure=web.secure)
    return response


@router.get("/about")
def about(request: Request, web: Here, visitor: Anybody) -> Response:
    """What Davy is, and what it is not."""
    if visitor is not None:
        return person_page(web, visitor, "about.html")
    return web.pages.page("about.html", language_of(request), now=web.clock(), visitor=None)


def local(path: str) -> str:
    """A path of ours to go on to, or nothing: never another host.

    >>> local("/alarms"), local("//evil.example"), local("https://evil.example"), local("/\\\\evil.example")
    ('/alarms', '', '', '')
    """
    fine = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if fine else ""


def _login_page(
    request: Request, web: Web, *, next: str, sentence: str | None = None, login: str = "", status: int = 200
) -> Response:
    cookie = request.cookies.get(cookies.VISITOR, "")
    token = cookies.visitor_token(cookie, web.cookie_key)
    fresh = token is None
    if token is None:
        cookie = cookies.new_visitor(secrets.token_bytes(cookies.SECRET_BYTES))
        token = cookies.visitor_token(cookie, web.cookie_key)
    page = web.pages.page(
        "login.html",
        language_of(request),
        now=web.clock(),
        status=status,
        visitor=None,
        form_token=token,
        next=local(next),
        sentence=sentence,
        login=login,
    )
    if fresh:
        page.set_cookie(cookies.VISITOR, cookie, httponly=True, samesite="strict", secure=web.secure)
    return page
