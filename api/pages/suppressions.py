"""Alarms put aside (抑制): what is silent now and until when, and the orders that people write down for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final, NamedTuple

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response

from alerting import suppressions as acts
from alerting.orders import GUARDS, SILENCES, Kind, Order
from alerting.store.suppressions import guarding as guards
from api import typed
from api.gate import Actor, OurForm, SuppressionReader, SuppressionWorker
from api.once import FormKey, once
from api.pages.frame import frame_of, person_page
from api.permissions import Right
from api.store import suppressions as store
from api.visitor import Visitor
from api.web import Here, Web
from api.words.sentences import translated
from api.words.suppressions import MEANINGS
from api.words.texts import NotFound
from core.errors import Refused
from core.i18n import translations

router = APIRouter()

Text = Annotated[str, Form()]
_PLACE: Final = re.compile(r"s(\d{1,9})(?:z(\d{1,9})(?:a(\d{1,9}))?)?")
_FORM: Final = ("number", "reason", "signed_by", "begins", "until")
BY_NAME: Final = SILENCES | {Kind.OUT_OF_SERVICE}  # kinds for which single alarms can be chosen


class Place(NamedTuple):
    """A place as the form's list sends it."""

    site_id: int
    zone_id: int | None
    asset_id: int | None


def place_of(text: str) -> Place:
    """Site, zone and machine.

    >>> place_of("s3z12a4"), place_of("s3")
    (Place(site_id=3, zone_id=12, asset_id=4), Place(site_id=3, zone_id=None, asset_id=None))

    Raises:
        Refused: nothing chosen, or something that was not in the list.
    """
    match = _PLACE.fullmatch(text)
    if match is None:
        raise Refused("There is no such site, zone, machine or alarm; choose one from the list.")
    site, zone, asset = (int(part) if part else None for part in match.groups())
    assert site is not None
    return Place(site, zone, asset)


@router.get("/suppressions")
def suppression_list(web: Here, visitor: SuppressionReader) -> Response:
    """What waits for a second person, what is silent now, what is in force and to come, and what is over."""
    now = web.clock()
    with web.acting_for(visitor) as connection:
        aside, orders, rules = store.aside_now(connection), store.orders(connection, now), store.rules(connection)
        frame = frame_of(connection, now)
    standings = [(order, order.standing(now)) for order in orders]
    return person_page(
        web,
        visitor,
        "suppressions.html",
        frame=frame,
        aside=[row for row in aside if row.stands_out],
        quiet=[row for row in aside if not row.stands_out],
        asked=[each for each in standings if each[1] == "asked"],
        current=[each for each in standings if each[1] in ("open", "planned")],
        over=[each for each in standings if each[1] in ("over", "refused")],
        rules=rules,
        more=frame.aside - len(aside),
        many_companies=len({row.company for row in aside} | {row.company for row in orders}) > 1 or visitor.everything,
        may_order=visitor.may(Right.ORDER_SUPPRESSIONS),
        sees_people=visitor.may(Right.SEE_PEOPLE),
    )


@router.get("/suppressions/new")
def new_page(
    web: Here, visitor: SuppressionWorker, kind: str = "", place: str = "", alarm: str = "", again: bool = False
) -> Response:
    """First what for and where; then the rest."""
    return _new_form(web, visitor, kind, place, [alarm] if alarm else [], again=again)


@router.post("/suppressions", dependencies=[OurForm])
def record(
    web: Here,
    visitor: SuppressionWorker,
    sending: FormKey,
    kind: Text = "",
    place: Text = "",
    alarms: Annotated[list[str] | None, Form()] = None,
    number: Text = "",
    reason: Text = "",
    signed_by: Text = "",
    begins: Text = "",
    until: Text = "",
) -> Response:
    """Writes it down: it begins and ends by itself."""
    kept = dict(zip(_FORM, (number, reason, signed_by, begins, until), strict=True))
    chosen = alarms or []
    try:
        spot = place_of(place)
        with web.acting_for(visitor) as connection:
            zones = {each.site_id: each.time_zone for each in store.spots(connection, visitor.company_id)}
            zone, now = zones.get(spot.site_id, "UTC"), web.clock()
            ends = typed.moment(until, zone)
            if ends is None:
                raise Refused("Say until when: an order ends by itself, and none goes on for ever.")
            named = tuple(each for each in map(typed.number, chosen) if each is not None)
            order = Order(
                kind=kind,
                site_id=spot.site_id,
                zone_id=None if named else spot.zone_id,
                asset_id=None if named else spot.asset_id,
                definition_ids=named,
                begins_at=typed.moment(begins, zone) or now,
                ends_at=ends,
                number=number,
                reason=reason,
                signed_by=signed_by,
            )
            made = once(
                connection, visitor, now, sending, ("suppression", kind, place, *chosen, *kept.values()),
                lambda: acts.record(connection, order, person_id=visitor.person_id, now=now),
            )  # fmt: skip
    except Refused as refused:
        said = translated(translations(visitor.language), str(refused))
        return _new_form(web, visitor, kind, place, chosen, said, 409, kept=kept)
    return RedirectResponse(f"/suppressions/{made}", 303)


@router.get("/suppressions/{order_id}")
def order_page(web: Here, visitor: SuppressionReader, order_id: int) -> Response:
    """One order."""
    return _show(web, visitor, order_id)


@router.post("/suppressions/{order_id}/authorise", dependencies=[OurForm])
def authorise(web: Here, visitor: Actor, order_id: int, note: Text = "") -> Response:
    """A second person agrees."""
    return _done(web, visitor, order_id, note, acts.authorise)


@router.post("/suppressions/{order_id}/refuse", dependencies=[OurForm])
def refuse(web: Here, visitor: Actor, order_id: int, note: Text = "") -> Response:
    """A second person does not agree."""
    return _done(web, visitor, order_id, note, acts.refuse)


@router.post("/suppressions/{order_id}/end", dependencies=[OurForm])
def end(web: Here, visitor: SuppressionWorker, order_id: int, note: Text = "") -> Response:
    """Before its time."""
    return _done(web, visitor, order_id, note, acts.end)


def _done(web: Web, visitor: Visitor, order_id: int, note: str, act: acts.Act) -> Response:
    try:
        with web.acting_for(visitor) as connection:
            if store.find_order(connection, order_id) is None:
                raise NotFound
            act(connection, order_id, person_id=visitor.person_id, now=web.clock(), note=note)
    except Refused as refused:
        said = translated(translations(visitor.language), str(refused))
        return _show(web, visitor, order_id, said, 409, note)
    return RedirectResponse(f"/suppressions/{order_id}", 303)


def _show(
    web: Web, visitor: Visitor, order_id: int, sentence: str | None = None, status: int = 200, note: str = ""
) -> Response:
    now = web.clock()
    with web.acting_for(visitor) as connection:
        found = store.find_order(connection, order_id)
        if found is None:
            raise NotFound
        guarding = guards(connection, order_id) if found.kind in GUARDS else None
        frame = frame_of(connection, now)
    standing = found.standing(now)
    mine = found.requested_id == visitor.person_id
    return person_page(
        web,
        visitor,
        "suppression.html",
        frame=frame,
        status=status,
        o=found,
        standing=standing,
        meaning=MEANINGS[found.kind],
        guarding=guarding,
        sees_people=visitor.may(Right.SEE_PEOPLE),
        may_answer=standing == "asked" and visitor.may(Right.ACT) and not mine,
        waits_for_another=standing == "asked" and (mine or not visitor.may(Right.ACT)),
        may_end=standing in ("asked", "planned", "open") and visitor.may(Right.ORDER_SUPPRESSIONS),
        is_permit=found.kind in GUARDS and standing == "open",
        mine=mine,
        sentence=sentence,
        note=note,
    )


def _new_form(
    web: Web,
    visitor: Visitor,
    kind: str,
    place: str,
    chosen: list[str],
    sentence: str | None = None,
    status: int = 200,
    *,
    again: bool = False,
    kept: Mapping[str, str] | None = None,
) -> Response:
    now = web.clock()
    with web.acting_for(visitor) as connection:
        spots = store.spots(connection, visitor.company_id)
        spot = next((each for each in spots if each.code == place), None)
        asked = kind in set(Kind) and spot is not None and not again
        alarms = []
        if asked and spot is not None and kind in BY_NAME:
            alarms = store.alarms_at(connection, spot.site_id, spot.zone_id, spot.asset_id)
        frame = frame_of(connection, now)
    return person_page(
        web,
        visitor,
        "suppression_new.html",
        frame=frame,
        status=status,
        spots=spots,
        spot=spot,
        asked=asked,
        kind=kind,
        place=place,
        kinds=list(Kind),
        meanings=MEANINGS,
        alarms=[each for each in alarms if kind == Kind.OUT_OF_SERVICE or each.priority != "life-safety"],
        chosen=chosen,
        sentence=sentence,
        typed={**dict.fromkeys(_FORM, ""), **(kept or {})},
    )
