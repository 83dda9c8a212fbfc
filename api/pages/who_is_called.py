"""Who would be called, when, over what and by which rule, if an alarm began at an instant: the routes as they are, asked beforehand."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi import APIRouter
from fastapi.responses import Response

from alerting.routing import Call, plan
from alerting.store.definitions import load_routes
from api import typed
from api.gate import DutyKeeper
from api.pages.frame import frame_of, person_page
from api.permissions import Right
from api.store import places
from api.store.people import names_of
from api.web import Here
from api.words.sentences import translated
from api.words.texts import Forbidden, NotFound
from core.errors import Refused
from core.i18n import translations
from core.model import Priority

router = APIRouter()


@router.get("/duty/calls")
def who_is_called(web: Here, visitor: DutyKeeper, site: str = "", at: str = "") -> Response:
    """By priority, for one of the company's own sites."""
    if not visitor.may(Right.SEE_PEOPLE):
        raise Forbidden
    now, sentence = web.clock(), None
    with web.acting_for(visitor) as connection:
        sites = [each for each in places.places(connection, visitor.company_id) if each.zone_id is None]
        chosen = next((each for each in sites if site in ("", str(each.site_id))), None)
        if chosen is None:
            raise NotFound
        onset = now
        try:
            onset = typed.moment(at, chosen.time_zone) or now
        except Refused as refused:
            sentence = translated(translations(visitor.language), str(refused))
        routes = load_routes(connection, [chosen.site_id]).get(chosen.site_id, [])
        calls = {priority: plan(priority, routes, onset=onset, now=onset) for priority in Priority}
        people = sorted({call.person_id for each in calls.values() for call in each})
        names, frame = names_of(connection, people), frame_of(connection, now)
    return person_page(
        web,
        visitor,
        "who_is_called.html",
        frame=frame,
        status=200 if sentence is None else 409,
        sites=sites,
        site=chosen,
        at=at,
        onset=onset,
        calls=[(priority.value, [(_after(call, onset), call, names.get(call.person_id)) for call in found]) for priority, found in calls.items()],
        sentence=sentence,
    )  # fmt: skip


def _after(call: Call, onset: datetime) -> timedelta:
    return call.at - onset
