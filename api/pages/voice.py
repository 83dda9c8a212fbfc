"""The room of the voice (客户之声): what one may rate and what one's word changed; for the insurer, counts. And services, which are rated too."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response

from api import typed
from api.acts.voice import counts_of, rate_card, tap_of, thing_of
from api.gate import ComplaintAnswerer, OurForm, VoiceCounter, VoiceGiver, VoiceReader
from api.once import FormKey, once
from api.pages.frame import frame_of, person_page
from api.permissions import Right
from api.store import complaints, places
from api.store import voice as store
from api.visitor import Visitor
from api.voice import as_csv
from api.web import Here, Web
from api.words.sentences import translated
from api.words.texts import NotFound
from api.words.voice import FOLDERS
from core.errors import Refused
from core.i18n import translations
from risk import ratings as acts
from risk.rating import Item, Thing, nps, nps_due
from risk.store.ratings import last_nps

router = APIRouter()

Text = Annotated[str, Form()]
_SERVICE = ("place", "item", "what", "served_by", "given_on")


@router.get("/voice")
def voice_page(web: Here, visitor: VoiceReader, rated: bool = False) -> Response:
    """One's own words and what came of them; for the insurer what the company's people said, counted."""
    return _show(web, visitor, rated=rated)


@router.get("/voice.csv")
def voice_csv(web: Here, visitor: VoiceCounter) -> Response:
    """The counts for a spreadsheet."""
    return Response(
        as_csv(counts_of(web, visitor)),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="davy-voice.csv"', "Cache-Control": "no-store"},
    )


@router.post("/voice/ratings", dependencies=[OurForm])
def rate(
    web: Here, visitor: VoiceGiver, thing: Text = "", number: Text = "", said: Text = "", words: Text = ""
) -> Response:
    """One tap; back to where it was given."""
    try:
        of, which = thing_of(thing), typed.number(number)
        with web.acting_for(visitor) as connection:
            acts.rate(connection, of, which or 0, person_id=visitor.person_id, now=web.clock(), tap=tap_of(said, words))
    except Refused as refused:
        return _show(web, visitor, sentence=translated(translations(visitor.language), str(refused)), status=409)
    return RedirectResponse(f"/{FOLDERS[of]}/{which}#rate", 303)


@router.post("/voice/recommendation", dependencies=[OurForm])
def recommend(web: Here, visitor: VoiceGiver, score: Text = "", place: Text = "", words: Text = "") -> Response:
    """How likely one would recommend it: once in 90 days."""
    try:
        site_id, _ = typed.place(place)
        with web.acting_for(visitor) as connection:
            acts.recommend(
                connection,
                person_id=visitor.person_id,
                now=web.clock(),
                site_id=site_id,
                score=typed.number(score),
                words=words,
            )
    except Refused as refused:
        return _show(web, visitor, sentence=translated(translations(visitor.language), str(refused)), status=409)
    return RedirectResponse("/voice?rated=true", 303)


@router.get("/services/new")
def new_service(web: Here, visitor: ComplaintAnswerer) -> Response:
    """The form for a service that was given."""
    return _service_form(web, visitor)


@router.post("/services", dependencies=[OurForm])
def note_service(
    web: Here,
    visitor: ComplaintAnswerer,
    sending: FormKey,
    place: Text = "",
    item: Text = "",
    what: Text = "",
    served_by: Text = "",
    given_on: Text = "",
) -> Response:
    """Writes it down; the company's people are asked how it was."""
    typed_in = (place, item, what, served_by, given_on)
    try:
        (site_id, _), day, now = typed.place(place), _day(given_on), web.clock()
        with web.acting_for(visitor) as connection:
            made = once(
                connection, visitor, now, sending, ("service", *typed_in),
                lambda: acts.note_service(
                    connection, person_id=visitor.person_id, now=now, site_id=site_id, item=item, what=what,
                    served_by=served_by, given_on=day,
                ),
            )  # fmt: skip
    except Refused as refused:
        said = translated(translations(visitor.language), str(refused))
        return _service_form(web, visitor, said, 409, **dict(zip(_SERVICE, typed_in, strict=True)))
    return RedirectResponse(f"/services/{made}", 303)


@router.get("/services/{service_id}")
def service_page(web: Here, visitor: VoiceReader, service_id: int) -> Response:
    """One service, and how it was."""
    now = web.clock()
    with web.acting_for(visitor) as connection:
        found = store.find_service(connection, service_id)
        if found is None:
            raise NotFound
        card = rate_card(connection, visitor, Thing.GIVEN, service_id, found.company_id, over=True)
        frame = frame_of(connection, now)
    return person_page(web, visitor, "service.html", frame=frame, s=found, rate=card)


def _show(
    web: Web, visitor: Visitor, *, rated: bool = False, sentence: str | None = None, status: int = 200
) -> Response:
    now = web.clock()
    gives = visitor.may(Right.GIVE_VOICE) and visitor.company_id is not None
    words: dict[str, Any] = {"to_rate": [], "changed": [], "places": [], "nps_due": False}
    with web.acting_for(visitor) as connection:
        if gives:
            assert visitor.company_id is not None
            sites = [each for each in places.places(connection, visitor.company_id) if each.zone_id is None]
            words = {
                "to_rate": store.to_rate(connection, visitor.person_id, visitor.company_id, now),
                "changed": store.changed(connection, visitor.person_id),
                "places": sites,
                "nps_due": nps_due(last_nps(connection, visitor.person_id), now),
            }
        found = complaints.list_complaints(connection) if visitor.may(Right.SEE_COMPLAINTS) else []
        services = store.list_services(connection) if visitor.may(Right.SEE_VOICE_COUNTS) else []
        frame = frame_of(connection, now)
    return person_page(
        web,
        visitor,
        "voice.html",
        frame=frame,
        status=status,
        gives=gives,
        **words,
        complaints=found,
        services=services,
        counts=counts_of(web, visitor) if visitor.may(Right.SEE_VOICE_COUNTS) else None,
        nps=nps,
        many_companies=visitor.company_id is None,
        rated=rated,
        sentence=sentence,
    )


def _service_form(
    web: Web, visitor: Visitor, sentence: str | None = None, status: int = 200, **kept_words: str
) -> Response:
    now = web.clock()
    with web.acting_for(visitor) as connection:
        sites = places.sites_of(connection, visitor.companies)
        frame = frame_of(connection, now)
    return person_page(
        web,
        visitor,
        "service_new.html",
        frame=frame,
        status=status,
        places=sites,
        items=list(Item),
        sentence=sentence,
        typed={**dict.fromkeys(_SERVICE, ""), **kept_words},
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise Refused(f"The date {text.strip()[:40]} cannot be read; write it as 2026-12-31.") from error
