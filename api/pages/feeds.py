"""Calendars and feeds (订阅): a person makes addresses at which programs read, and takes them back; and what is read there."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from alerting.store.rosters import load_rosters
from api import atom, cap, cookies
from api.acts import feeds as acts
from api.calendar_feed import Filled, calendar, window
from api.gate import OurForm, Somebody
from api.pages.frame import frame_of, person_page
from api.permissions import Right
from api.store import cap as told_store
from api.store import duty as duty_store
from api.store import feeds as store
from api.store.feeds import Feed
from api.store.people import names_of
from api.visitor import Visitor
from api.web import Here, Web
from api.words.sentences import translated
from api.words.texts import NotFound, later
from core.errors import Refused
from core.i18n import translations

router = APIRouter()

CALENDARS: Final = ("own_duty", "roster")
_MINE: Final = later("My duty")
_ALARMS: Final = later("Alarms of %(place)s")


@router.get("/feeds")
def feed_page(request: Request, web: Here, visitor: Somebody) -> Response:
    """The visitor's addresses, and what else can be read by a program."""
    return _show(request, web, visitor)


@router.post("/feeds", dependencies=[OurForm])
def make_feed(request: Request, web: Here, visitor: Somebody, what: Annotated[str, Form()] = "") -> Response:
    """One more address."""
    try:
        with web.acting_for(visitor) as connection:
            made = acts.subscribe(connection, visitor, what, web.clock())
    except Refused as refused:
        return _show(request, web, visitor, translated(translations(visitor.language), str(refused)), 409)
    return RedirectResponse(f"/feeds#f{made}", 303)


@router.post("/feeds/{feed_id}/revoke", dependencies=[OurForm])
def revoke_feed(web: Here, visitor: Somebody, feed_id: int) -> Response:
    """From now on there is nothing at that address; a second time changes nothing."""
    with web.acting_for(visitor) as connection:
        store.revoke(connection, feed_id, visitor.person_id, web.clock())
    return RedirectResponse("/feeds", 303)


@router.get("/calendar/{token}.ics")
def read_calendar(request: Request, web: Here, token: str) -> Response:
    """Duty as a calendar, for whoever has the address."""
    now, base = web.clock(), acts.base_url(web, request)
    with acts.reading(web, token, CALENDARS) as (connection, visitor, feed):
        filled = _filled(connection, visitor, feed, now)
    texts = translations(visitor.language)
    content = calendar(
        filled,
        title=_title(feed, visitor.language),
        only=visitor.person_id if feed.kind == "own_duty" else None,
        language=visitor.language,
        texts=texts,
        base=base,
        host=acts.host_of(base),
        now=now,
    )
    return acts.answer(request, content, "text/calendar; charset=utf-8", "duty.ics")


@router.get("/cap/{token}/alerts.atom")
def read_alerts(request: Request, web: Here, token: str) -> Response:
    """The alarms that hold, or have just ended, each with the way to its CAP message."""
    now, base = web.clock(), acts.base_url(web, request)
    with acts.reading(web, token, ("cap",)) as (connection, visitor, feed):
        assert feed.company_id is not None
        told = told_store.current(connection, feed.company_id, feed.site_id, now)
        steps = told_store.steps(connection, [each.occurrence_id for each in told])
    content = atom.feed(
        cap.newest(told, steps),
        name=f"site/{feed.site_key}" if feed.site_id is not None else f"company/{feed.company_id}",
        title=_title(feed, visitor.language),
        company=feed.company or "",
        address=f"{base}/cap/{token}",
        host=acts.host_of(base),
        made_at=feed.made_at,
    )
    return acts.answer(request, content, f"{atom.MEDIA_TYPE}; charset=utf-8", "alerts.atom")


@router.get("/cap/{token}/{name}.xml")
def read_alert(request: Request, web: Here, token: str, name: str) -> Response:
    """One CAP message, for as long as its alarm is in the feed."""
    now, base, wanted = web.clock(), acts.base_url(web, request), cap.parsed(name)
    with acts.reading(web, token, ("cap",)) as (connection, _, feed):
        assert feed.company_id is not None
        found = told_store.current(connection, feed.company_id, feed.site_id, now) if wanted is not None else []
        told = next((each for each in found if wanted is not None and each.occurrence_id == wanted[0]), None)
        steps = [] if told is None else told_store.steps(connection, [told.occurrence_id]).get(told.occurrence_id, [])
    messages = cap.series(steps)
    said = next((each for each in messages if wanted is not None and each.number == wanted[1]), None)
    if told is None or said is None:
        raise NotFound
    earlier = cap.since_alert(messages, said.number)
    content = cap.message(told, said, earlier, host=acts.host_of(base), base=base)
    return acts.answer(request, content, f"{cap.MEDIA_TYPE}; charset=utf-8", f"{name}.xml")


def _filled(connection: Any, visitor: Visitor, feed: Feed, now: datetime) -> list[Filled]:
    """The duty positions of a calendar."""
    lines = [
        line
        for line in duty_store.list_rosters(connection)
        if feed.roster_id is None or line.roster_id == feed.roster_id
    ]
    rosters = load_rosters(connection, [line.roster_id for line in lines], now)
    if feed.kind == "own_duty":
        lines = [line for line in lines if visitor.person_id in rosters[line.roster_id].people()]
    ids = [line.roster_id for line in lines]
    names = names_of(connection, sorted({person for each in ids for person in rosters[each].people()}))
    since, _ = window(now)  # those that are over too: a calendar shows what was
    overrides = duty_store.list_overrides(connection, ids, since)
    notes = duty_store.list_notes(connection, ids, since)
    return [
        Filled(
            line,
            rosters[line.roster_id],
            names,
            [each for each in overrides if each.roster_id == line.roster_id],
            [each for each in notes if each.roster_id == line.roster_id],
        )
        for line in lines
    ]


def _show(request: Request, web: Web, visitor: Visitor, sentence: str | None = None, status: int = 200) -> Response:
    now, base = web.clock(), acts.base_url(web, request)
    with web.acting_for(visitor) as connection:
        found = store.list_feeds(connection, visitor.person_id)
        rosters = duty_store.list_rosters(connection) if visitor.may(Right.SEE_DUTY) else []
        sites = store.list_sites(connection) if visitor.may(Right.SEE_ALARMS) else []
        frame = frame_of(connection, now)
    companies = {each.company_id: each for each in sites}
    return person_page(
        web,
        visitor,
        "feeds.html",
        frame=frame,
        status=status,
        feeds=[(each, _title(each, visitor.language), _address(web, each, base)) for each in found],
        rosters=rosters,
        sites=sites,
        companies=companies.values(),
        webcal=lambda address: "webcal" + address[address.index(":") :],
        sentence=sentence,
    )


def _address(web: Web, feed: Feed, base: str) -> str:
    token = cookies.feed_token(feed.feed_id, feed.person_id, web.cookie_key)
    return f"{base}/calendar/{token}.ics" if feed.kind in CALENDARS else f"{base}/cap/{token}/alerts.atom"


def _title(feed: Feed, language: str) -> str:
    """What a program shows as the name of what it reads."""
    is_zh = language == "zh"
    texts = translations(language)
    site = (feed.site_zh if is_zh else feed.site) or ""
    if feed.kind == "own_duty":
        return texts.gettext(_MINE)
    if feed.kind == "roster":
        return f"{feed.name_zh if is_zh else feed.name} · {site}"
    return texts.gettext(_ALARMS) % {"place": site or (feed.company_zh if is_zh else feed.company)}
