"""Impairments (防护停用): the list, one of them, and the forms: out of service, longer, restored."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response
from psycopg import Connection

from api import typed
from api.acts.impairments import Do, act
from api.acts.voice import rate_card
from api.gate import ImpairmentReader, ImpairmentWorker, OurForm
from api.once import FormKey, once
from api.pages.frame import frame_of, person_page
from api.permissions import Right
from api.store import impairments as store
from api.store import places
from api.store.impairments import Impairment
from api.visitor import Visitor
from api.web import Here, Web
from api.words.sentences import translated
from api.words.texts import NotFound
from core.errors import Refused
from core.i18n import translations
from risk import impairments as acts
from risk.impairment import Kind, Outage, standing
from risk.rating import Thing

router = APIRouter()

Text = Annotated[str, Form()]
_FORM = ("kind", "what", "place", "sensor_id", "reason", "interim_measures", "began", "until")


@router.get("/impairments")
def impairment_list(web: Here, visitor: ImpairmentReader) -> Response:
    """Open ones first, those that have overrun on top."""
    now = web.clock()
    with web.acting_for(visitor) as connection:
        rows = store.list_impairments(connection, now)
        frame = frame_of(connection, now)
    return person_page(
        web,
        visitor,
        "impairments.html",
        frame=frame,
        rows=[(row, _standing(row, now)) for row in rows],
        many_companies=len({row.company for row in rows}) > 1 or visitor.everything,
        may_work=visitor.may(Right.WORK_ON_IMPAIRMENTS),
    )


@router.get("/impairments/new")
def new_page(web: Here, visitor: ImpairmentWorker) -> Response:
    """The form for a protection that goes out of service."""
    return _new_form(web, visitor)


@router.post("/impairments", dependencies=[OurForm])
def begin(
    web: Here,
    visitor: ImpairmentWorker,
    sending: FormKey,
    kind: Text = "",
    what: Text = "",
    place: Text = "",
    sensor_id: Text = "",
    reason: Text = "",
    interim_measures: Text = "",
    began: Text = "",
    until: Text = "",
) -> Response:
    """Writes it down: the clock runs."""
    typed_in = (kind, what, place, sensor_id, reason, interim_measures, began, until)
    try:
        site_id, zone_id = typed.place(place)
        with web.acting_for(visitor) as connection:
            zones = {each.site_id: each.time_zone for each in places.places(connection, visitor.company_id)}
            zone, now = zones.get(site_id, "UTC"), web.clock()
            ends = typed.moment(until, zone)
            if ends is None:
                raise Refused("Say until when it is expected to be out of service.")
            outage = Outage(
                kind=kind,
                what=what,
                reason=reason,
                interim_measures=interim_measures,
                began_at=typed.moment(began, zone) or now,
                expected_until=ends,
                sensor_id=typed.number(sensor_id),
            )
            made = once(
                connection, visitor, now, sending, ("impairment", *typed_in),
                lambda: acts.begin(
                    connection, person_id=visitor.person_id, now=now, site_id=site_id, zone_id=zone_id, outage=outage
                ),
            )  # fmt: skip
    except Refused as refused:
        said = translated(translations(visitor.language), str(refused))
        kept = dict(zip(_FORM, typed_in, strict=True))
        return _new_form(web, visitor, said, 409, **kept)
    return RedirectResponse(f"/impairments/{made}", 303)


@router.get("/impairments/{impairment_id}")
def impairment_page(web: Here, visitor: ImpairmentReader, impairment_id: int) -> Response:
    """One impairment."""
    return _show(web, visitor, impairment_id)


@router.post("/impairments/{impairment_id}/extend", dependencies=[OurForm])
def extend(
    web: Here,
    visitor: ImpairmentWorker,
    impairment_id: int,
    until: Text = "",
    reason: Text = "",
    interim_measures: Text = "",
) -> Response:
    """It takes longer."""

    def do(connection: Connection[Any], found: Impairment, now: datetime) -> None:
        ends = typed.moment(until, found.time_zone)
        if ends is None:
            raise Refused("Say until when it is expected to be out of service.")
        acts.extend(
            connection, impairment_id, person_id=visitor.person_id, now=now, until=ends, reason=reason,
            interim_measures=interim_measures,
        )  # fmt: skip

    return _done(
        web, visitor, impairment_id, do, action="extend", until=until, reason=reason, interim_measures=interim_measures
    )


@router.post("/impairments/{impairment_id}/restore", dependencies=[OurForm])
def restore(
    web: Here, visitor: ImpairmentWorker, impairment_id: int, restored: Text = "", proof: Text = ""
) -> Response:
    """It works again."""

    def do(connection: Connection[Any], found: Impairment, now: datetime) -> None:
        at = typed.moment(restored, found.time_zone) or now
        acts.restore(connection, impairment_id, person_id=visitor.person_id, now=now, restored_at=at, proof=proof)

    return _done(web, visitor, impairment_id, do, action="restore", restored=restored, proof=proof)


def _done(
    web: Web,
    visitor: Visitor,
    impairment_id: int,
    do: Do,
    **kept: str,
) -> Response:
    try:
        act(web, visitor, impairment_id, do)
    except Refused as refused:
        said = translated(translations(visitor.language), str(refused))
        return _show(web, visitor, impairment_id, said, 409, **kept)
    return RedirectResponse(f"/impairments/{impairment_id}", 303)


def _show(
    web: Web, visitor: Visitor, impairment_id: int, sentence: str | None = None, status: int = 200, **kept: str
) -> Response:
    now, sees_people = web.clock(), visitor.may(Right.SEE_PEOPLE)
    with web.acting_for(visitor) as connection:
        found = store.find_impairment(connection, impairment_id)
        if found is None:
            raise NotFound
        changes = store.changes_of(connection, impairment_id) if sees_people else []
        over = found.restored_at is not None and not found.simulated
        card = rate_card(connection, visitor, Thing.IMPAIRMENT, impairment_id, found.company_id, over=over)
        frame = frame_of(connection, now)
    nothing = {"action": "", "until": "", "reason": "", "interim_measures": "", "restored": "", "proof": ""}
    return person_page(
        web,
        visitor,
        "impairment.html",
        frame=frame,
        status=status,
        i=found,
        standing=_standing(found, now),
        changes=changes,
        rate=card,
        sees_people=sees_people,
        may_work=visitor.may(Right.WORK_ON_IMPAIRMENTS) and found.restored_at is None,
        sentence=sentence,
        typed={**nothing, **kept},
    )


def _standing(row: Impairment, now: datetime) -> str:
    return standing(row.began_at, row.expected_until, row.restored_at, now)


def _new_form(web: Web, visitor: Visitor, sentence: str | None = None, status: int = 200, **kept: str) -> Response:
    now = web.clock()
    with web.acting_for(visitor) as connection:
        choices = places.places(connection, visitor.company_id)
        detectors = places.detectors(connection, visitor.company_id)
        frame = frame_of(connection, now)
    return person_page(
        web,
        visitor,
        "impairment_new.html",
        frame=frame,
        status=status,
        places=choices,
        detectors=detectors,
        kinds=list(Kind),
        sentence=sentence,
        typed={**dict.fromkeys(_FORM, ""), **kept},
    )
