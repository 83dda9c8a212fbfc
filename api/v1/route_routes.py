"""The JSON API of routes. Calls that change something carry X-Form-Token."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from psycopg import Connection

from alerting import route_changes as rules
from alerting.store import routes as kept
from api.acts.routes import act, find, propose
from api.gate import OurCall, RouteChanger, RouteReader
from api.once import CallKey
from api.route_look import Looked, look
from api.store import routes as store
from api.v1 import route_models as models
from api.visitor import Visitor
from api.web import Here, Web
from api.words.texts import NotFound

router = APIRouter()


@router.get("/routes")
def list_routes(web: Here, visitor: RouteReader, site: str | None = None) -> models.Routes:
    """The routes of a site, or of every site that the caller sees."""
    with web.acting_for(visitor) as connection:
        rows = store.list_routes(connection, site)
    return models.Routes(routes=[models.RouteLine.model_validate(row) for row in rows])


@router.get("/routes/{route_id}")
def read_route(web: Here, visitor: RouteReader, route_id: int) -> models.RouteWhole:
    """One route, whom it would call now, and every version it had."""
    return _said(web, visitor, route_id)


@router.post("/routes/{route_id}/rehearsal", dependencies=[OurCall])
def rehearse(web: Here, visitor: RouteReader, route_id: int, said: models.NewSteps) -> models.WhatChanges:
    """Whom an alarm now would call if these were the steps; nothing is kept."""
    now, words = web.clock(), web.limits().words
    with web.acting_for(visitor) as connection:
        found = _in_force(connection, route_id)
        wanted = rules.read_typed(found, said.mappings(), kept.side(connection, found), words)
        looked = look(connection, found, wanted, now)
    return models.WhatChanges(two_people=looked.two_people, calls=_calls(looked))


@router.post("/routes/{route_id}/changes", status_code=201, dependencies=[OurCall])
def propose_change(
    web: Here, visitor: RouteChanger, sending: CallKey, route_id: int, said: models.NewRouteChange
) -> models.RouteWhole:
    """Proposes other steps, and puts them in force where one person is enough."""
    propose(web, visitor, sending, route_id, was=said.mark, steps=said.mappings(), reason=said.reason)
    return _said(web, visitor, route_id)


@router.post("/routes/{route_id}/changes/{change_id}/approve", dependencies=[OurCall])
def approve(
    web: Here, visitor: RouteChanger, route_id: int, change_id: int, said: models.RouteAnswer
) -> models.RouteWhole:
    """Puts a proposal in force: the second person, or its proposer where one is enough."""
    who = visitor.person_id
    act(
        web, visitor, route_id,
        lambda c, now: rules.approve(c, change_id, route_id=route_id, person_id=who, now=now, words=said.words),
    )  # fmt: skip
    return _said(web, visitor, route_id)


@router.post("/routes/{route_id}/changes/{change_id}/settle", dependencies=[OurCall])
def settle(
    web: Here, visitor: RouteChanger, route_id: int, change_id: int, said: models.RouteAnswer
) -> models.RouteWhole:
    """Withdraws one's own proposal, refuses another's."""
    who = visitor.person_id
    act(
        web, visitor, route_id,
        lambda c, now: rules.settle(c, change_id, route_id=route_id, person_id=who, now=now, words=said.words),
    )  # fmt: skip
    return _said(web, visitor, route_id)


def _in_force(connection: Connection[Any], route_id: int) -> kept.RouteInForce:
    found = kept.route_in_force(connection, route_id)
    if found is None:
        raise NotFound
    return found


def _calls(looked: Looked) -> list[models.PlannedCall]:
    return [
        models.PlannedCall.model_validate(
            {
                "priority": priority,
                "at": call.at,
                "person_id": call.person_id,
                "name": name,
                "channel": call.channel,
                "rule": call.rule,
            }
        )
        for priority, found in looked.calls
        for _, call, name in found
    ]


def _said(web: Web, visitor: Visitor, route_id: int) -> models.RouteWhole:
    now = web.clock()
    with web.acting_for(visitor) as connection:
        line, found = find(connection, route_id), _in_force(connection, route_id)
        looked = look(connection, found, found.row, now)
        versions, proposals = store.versions_of(connection, line), store.proposals_of(connection, route_id)
    return models.RouteWhole(
        **models.RouteLine.model_validate(line).model_dump(),
        mark=rules.mark(found.row),
        steps=[models.RouteStep.model_validate(each) for each in kept.kept_steps(found.row.steps)],
        would_call=_calls(looked),
        versions=[models.RouteVersion.model_validate(each) for each in versions],
        proposals=[models.RouteProposal.model_validate(each) for each in proposals],
    )
