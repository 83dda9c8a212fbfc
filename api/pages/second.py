"""The second opinion (夜间复核): the ten windows a site and night that are least like the weeks before, and one tap that says what they were."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response

from api.acts.second import say
from api.gate import OurForm, SecondReader, SecondSayer
from api.pages.frame import frame_of, person_page
from api.permissions import Right
from api.second import WHOLE, look_at, names_of, read_nights
from api.store import second as store
from api.visitor import Visitor
from api.web import Here, Web
from api.words.second import SAID
from api.words.sentences import translated
from api.words.texts import NotFound
from core.errors import Refused
from core.i18n import translations

router = APIRouter()
LARGEST = 2**63 - 1  # of a number of the database


@router.get("/second-opinion")
def second_page(web: Here, visitor: SecondReader, site: str = "", day: str = "") -> Response:
    """The last night of every site, or of one; a day that is none is passed over."""
    return _show(web, visitor, site or None, _day(day))


@router.get("/second-opinion/{opinion_id}")
def window_page(web: Here, visitor: SecondReader, opinion_id: int) -> Response:
    """One window with the day around it."""
    now = web.clock()
    with web.acting_for(visitor) as connection:
        found = store.windows(connection, opinion_id=opinion_id) if 0 < opinion_id <= LARGEST else []
        if not found:
            raise NotFound
        seen = look_at(connection, found, now, WHOLE)[0]
        names, frame = names_of(connection, found), frame_of(connection, now)
    return person_page(
        web, visitor, "second_window.html", frame=frame, seen=seen, names=names, SAID=SAID,
        may_say=visitor.may(Right.SAY_SECOND_OPINION), sentence=None,
    )  # fmt: skip


@router.post("/second-opinion/{opinion_id}/said", dependencies=[OurForm])
def said(
    web: Here,
    visitor: SecondSayer,
    opinion_id: int,
    word: Annotated[str, Form()] = "",
    back: Annotated[str, Form()] = "",
) -> Response:
    """One tap: worth a look, nothing, or a sensor's fault."""
    if not 0 < opinion_id <= LARGEST:
        raise NotFound
    try:
        window = say(web, visitor, opinion_id, word)
    except Refused as refused:
        return _show(web, visitor, None, None, translated(translations(visitor.language), str(refused)), 409)
    if back == "window":
        return RedirectResponse(f"/second-opinion/{opinion_id}", 303)
    return RedirectResponse(f"/second-opinion?site={window.site_key}&day={window.day}#window-{opinion_id}", 303)


def _show(
    web: Web, visitor: Visitor, site: str | None, day: date | None, sentence: str | None = None, status: int = 200
) -> Response:
    now = web.clock()
    with web.acting_for(visitor) as connection:
        nights, names = read_nights(connection, now, site, day)
        if site is not None and not nights:
            raise NotFound
        frame = frame_of(connection, now)
    return person_page(
        web, visitor, "second.html", frame=frame, status=status, nights=nights, names=names, SAID=SAID, one_site=site, asked_day=day,
        may_say=visitor.may(Right.SAY_SECOND_OPINION), many_companies=len({each.night.company for each in nights}) > 1,
        sentence=sentence,
    )  # fmt: skip


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None
