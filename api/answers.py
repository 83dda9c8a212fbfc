"""What a request gets when something is wrong: one sentence, as JSON under /api, else as a page in the reader's language."""

from __future__ import annotations

import re
from urllib.parse import quote

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import Scope

from alerting.limit_changes import Mistaken
from api.armour import MOST_BODY, for_logs
from api.gate import language_of
from api.web import web_of
from api.words import sentences
from api.words.mistakes import in_sentences, mistakes
from api.words.texts import Answer, NotLoggedIn, later
from core.db import first_line
from core.errors import DatabaseAway, Refused
from core.i18n import translations
from core.log import logger

AGAIN_S = 10  # between looks whether the database is back

log = logger(__name__)

_AWAY = later("Davy cannot reach its database at this moment. Try again in a few seconds.")
_WAITS = later(
    "Davy cannot reach its database at this moment: alarms cannot be shown or acknowledged here until it is back. Go by the alarms on site, and agree by telephone who takes on what."
)
_BUSY = later("Somebody else is working on the same alarm. Try again.")
_WRONG_INPUT = later("Something in this request is missing or has a wrong form.")
_NO_TEXT = later(
    "A text in this request holds characters that cannot be stored (half a character, or a zero). Type it anew."
)
_TOO_LARGE = later("What was sent is larger than the %(most)s KB that are taken here. Nothing of it was kept.")
_PHOTO_TOO_LARGE = later("The photo is larger than 10 MB. Nothing of it was kept; send a smaller one.")
_UNKNOWN = later("There is nothing here, or nothing that you may see.")
_NOT_SO = later("This address does not answer that kind of request.")
_HAS_A_PAGE = re.compile(r"/(?:occurrences|findings|impairments|suppressions|limits)/\d{1,18}(?=/)")
# Lock not available, statement cancelled by its time-out, deadlock, serialization failure.
_BUSY_STATES = {"55P03", "57014", "40P01", "40001"}


def is_api(request: Request) -> bool:
    """Whether the asker is a program."""
    return request.url.path.startswith("/api/v1")


def sentence(
    request: Request, status: int, text: str, words: dict[str, object] | None = None, **for_programs: object
) -> Response:
    """One sentence as the whole answer.

    Args:
        for_programs: what the JSON says beside it.
    """
    web = web_of(request)
    language = language_of(request)
    said = translations(language).gettext(text)
    if words:
        said %= words
    if is_api(request):
        return JSONResponse({"error": said, **for_programs}, status, {"Cache-Control": "no-store"})
    # A form of a page that is refused by something other than the rules: that page is where to go on.
    acted_on = _HAS_A_PAGE.match(request.url.path) if request.method == "POST" else None
    return web.pages.page(
        "error.html",
        language,
        now=web.clock(),
        status=status,
        visitor=None,
        sentence=said,
        back=acted_on[0] if acted_on else None,
    )


def install(app: FastAPI) -> None:
    """Registers the answers."""
    app.add_exception_handler(NotLoggedIn, _not_logged_in)
    app.add_exception_handler(Answer, _answer)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(DatabaseAway, _away)
    app.add_exception_handler(psycopg.Error, _database_refused)
    app.add_exception_handler(UnicodeEncodeError, _no_text)
    app.add_exception_handler(RequestValidationError, _wrong_input)
    app.add_exception_handler(HTTPException, _http)


def _not_logged_in(request: Request, error: Exception) -> Response:
    if is_api(request):
        return sentence(request, 401, str(error))
    login = "/login" if request.method != "GET" else "/login?next=" + quote(request.url.path)
    if request.headers.get("hx-request") == "true":
        # A fragment must not be replaced by a log-in page: the whole page goes there.
        return Response(status_code=401, headers={"HX-Redirect": "/login", "Cache-Control": "no-store"})
    return RedirectResponse(login, 303, {"Cache-Control": "no-store"})


def _answer(request: Request, error: Exception) -> Response:
    assert isinstance(error, Answer)
    return sentence(request, error.status, error.text, error.words)


def _refused(request: Request, error: Exception) -> Response:
    texts = translations(language_of(request))
    if isinstance(error, Mistaken):
        wrong = [{"field": name, "problem": sentences.translated(texts, said)} for name, said in error.mistakes]
        return sentence(request, 422, " ".join(each["problem"] for each in wrong), errors=wrong)
    return sentence(request, 409, sentences.translated(texts, str(error)))


def _away(request: Request, error: Exception) -> Response:
    log.warning("database_away", path=for_logs(request.url.path), error=str(error))
    if is_api(request) or request.headers.get("hx-request") == "true":
        return sentence(request, 503, _AWAY)
    # A page that is asked for by itself shows what was wanted as soon as it can; what was to be written is not sent again.
    web, written, query = web_of(request), request.method != "GET", request.url.query
    # Two strokes at the front, or one the other way round, would lead to another host.
    here = "/" if written else "/" + quote(request.scope["path"].lstrip("/\\")) + (f"?{query}" if query else "")
    return web.pages.page(
        "away.html", language_of(request), now=web.clock(), status=503, headers={"Retry-After": str(AGAIN_S)},
        visitor=None, sentence=_WAITS, written=written, again_s=AGAIN_S, here=here,
    )  # fmt: skip


def _database_refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, psycopg.Error)
    if error.sqlstate in _BUSY_STATES:
        log.warning("database_busy", path=for_logs(request.url.path), sqlstate=error.sqlstate)
        return sentence(request, 503, _BUSY)
    if isinstance(error, psycopg.DataError):
        # A number beyond all ids, or a NUL in a text, which the driver finds before the server does: it has no state.
        log.warning("database_cannot_read", path=for_logs(request.url.path), sqlstate=error.sqlstate)
        return sentence(request, 422, _NO_TEXT if error.sqlstate is None else _WRONG_INPUT)
    log.error("database_refused", path=for_logs(request.url.path), sqlstate=error.sqlstate, error=first_line(error))
    return sentence(request, 500, later("Davy's database refused this. The operator finds the reason in the log."))


def _no_text(request: Request, error: Exception) -> Response:
    # JSON can spell half a character ("\\ud800") which UTF-8 cannot: it fails on its way to the database, nothing is written.
    log.warning("text_cannot_be_stored", path=for_logs(request.url.path))
    return sentence(request, 422, _NO_TEXT)


def _wrong_input(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # An id that is no number names nothing, as one that does not exist.
    if any(found["loc"][:1] == ("path",) for found in error.errors()):
        return sentence(request, 404, _UNKNOWN)
    texts = translations(language_of(request))
    found = mistakes(texts, error.errors())
    said = in_sentences(texts, found, by_program=is_api(request))
    return sentence(request, 422, said, errors=[each._asdict() for each in found])


def too_large(scope: Scope, most: int) -> Response:
    """To a body of more than `most` bytes."""
    if most > MOST_BODY:
        return sentence(Request(scope), 413, _PHOTO_TOO_LARGE)
    return sentence(Request(scope), 413, _TOO_LARGE, {"most": most // 1024})


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    texts = {404: _UNKNOWN, 405: _NOT_SO}
    return sentence(request, error.status_code, texts.get(error.status_code, _WRONG_INPUT))
