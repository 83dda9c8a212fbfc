"""Logging in and out: throttled, slow on purpose, with a new session each time."""

from __future__ import annotations

import secrets
from datetime import timedelta

from fastapi import Request, Response

from api import cookies
from api.gate import find_visitor
from api.permissions import HOME
from api.store import people
from api.visitor import token_for_login, token_for_session
from api.web import Web
from api.words.texts import Answer, later
from core.log import logger
from core.model import Role

log = logger(__name__)

SESSION_LIFETIME = timedelta(hours=12)  # a long shift: a control-room screen must not go blank in the middle of one
LOGIN_LENGTH = 64


def log_in(request: Request, web: Web, login: str, password: str) -> tuple[str, str]:
    """Checks a login and begins a session; one sentence for everything that is wrong with it.

    Returns:
        (the session cookie's text, where that person's day begins).
    Raises:
        Answer: 401 wrong, 429 too often.
    """
    address, now = request.client.host if request.client else "", web.clock()
    login = login.strip()
    wait = web.throttle.wait(login, address, now)
    if wait > timedelta(0):
        _refused(web, login, address, "throttled")
        minutes = -(-wait // timedelta(minutes=1))
        raise Answer(429, later("Too many wrong attempts. Try again in %(minutes)s min."), minutes=minutes)
    person = _checked(web, login, password)
    if person is None:
        web.throttle.failed(login, address, now)
        _refused(web, login, address, "wrong")
        raise Answer(401, later("Login or password is wrong."))
    web.throttle.succeeded(login, address)
    log_out(request, web)
    secret = secrets.token_bytes(cookies.SECRET_BYTES)
    with web.acting_as(token_for_session(person.person_id, web.principal_key, now)) as connection:
        people.begin_session(connection, cookies.session_hash(secret), person.person_id, now, now + SESSION_LIFETIME)
    log.info("logged_in", person=person.person_id, address=address)
    return cookies.seal(secret, person.person_id, web.cookie_key), HOME[Role(person.role)]


def log_out(request: Request, web: Web) -> None:
    """Ends the session of the request's cookie, if there is one."""
    visitor = find_visitor(request, web)
    if visitor is None:
        return
    now = web.clock()
    with web.acting_as(token_for_session(visitor.person_id, web.principal_key, now)) as connection:
        people.end_session(connection, cookies.session_hash(visitor.secret), now)


def set_session_cookie(response: Response, web: Web, text: str) -> None:
    """HttpOnly, so no script reads it; Lax, so no other site's form carries it."""
    response.set_cookie(
        cookies.SESSION,
        text,
        max_age=int(SESSION_LIFETIME.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=web.secure,
    )


def _checked(web: Web, login: str, password: str) -> people.Person | None:
    now = web.clock()
    found = None
    if 0 < len(login) <= LOGIN_LENGTH and login.isprintable():
        with web.acting_as(token_for_login(login, web.principal_key, now)) as connection:
            found = people.find_login(connection, login)
    # Outside the transaction: a slow check must not hold a connection that alarms need.
    right = web.passwords.right(password, found.password_hash if found else None)
    if found is None or not right:
        return None
    with web.acting_as(token_for_session(found.person_id, web.principal_key, now)) as connection:
        return people.find_person(connection, found.person_id)


def _refused(web: Web, login: str, address: str, reason: str) -> None:
    if web.metrics is not None:
        web.metrics.logins_refused.inc()
    # The login as typed may be a password in the wrong field: only its length is logged.
    log.warning("login_refused", reason=reason, address=address, login_length=len(login))
