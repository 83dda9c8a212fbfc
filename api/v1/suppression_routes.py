"""The JSON API of what is put aside. Calls that change something carry X-Form-Token."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter

from alerting import suppressions as acts
from alerting.orders import Order
from api.gate import Actor, OurCall, SuppressionReader, SuppressionWorker
from api.once import CallKey, once
from api.store import suppressions as store
from api.v1 import suppression_models as models
from api.visitor import Visitor
from api.web import Here, Web
from api.words.texts import NotFound

router = APIRouter()


@router.get("/suppressions")
def list_suppressions(web: Here, visitor: SuppressionReader) -> models.Suppressions:
    """What is put aside now, and the orders."""
    now = web.clock()
    with web.acting_for(visitor) as connection:
        aside, orders = store.aside_now(connection), store.orders(connection, now)
    return models.Suppressions(
        aside=[models.Aside(**{name: getattr(row, name) for name in models.Aside.model_fields}) for row in aside],
        orders=[_said(row, now) for row in orders],
    )


@router.get("/suppressions/{order_id}")
def read_order(web: Here, visitor: SuppressionReader, order_id: int) -> models.Order:
    """One order."""
    return _read(web, visitor, order_id)


@router.post("/suppressions", status_code=201, dependencies=[OurCall])
def record_order(web: Here, visitor: SuppressionWorker, sending: CallKey, said: models.NewOrder) -> models.Order:
    """Writes an order down: it begins and ends by itself."""
    now = web.clock()
    order = Order(
        **{**said.model_dump(), "definition_ids": tuple(said.definition_ids), "begins_at": said.begins_at or now}
    )
    with web.acting_for(visitor) as connection:
        made = once(
            connection, visitor, now, sending, ("suppression", said.model_dump(mode="json")),
            lambda: acts.record(connection, order, person_id=visitor.person_id, now=now),
        )  # fmt: skip
    return _read(web, visitor, made)


@router.post("/suppressions/{order_id}/authorise", dependencies=[OurCall])
def authorise_order(web: Here, visitor: Actor, order_id: int, said: models.Answer) -> models.Order:
    """A second person agrees that alarms go out of service."""
    return _done(web, visitor, order_id, said.note, acts.authorise)


@router.post("/suppressions/{order_id}/refuse", dependencies=[OurCall])
def refuse_order(web: Here, visitor: Actor, order_id: int, said: models.Answer) -> models.Order:
    """A second person does not agree, and says why."""
    return _done(web, visitor, order_id, said.note, acts.refuse)


@router.post("/suppressions/{order_id}/end", dependencies=[OurCall])
def end_order(web: Here, visitor: SuppressionWorker, order_id: int, said: models.Answer) -> models.Order:
    """Ends an order before its time; out of service: returned to service."""
    return _done(web, visitor, order_id, said.note, acts.end)


def _done(web: Web, visitor: Visitor, order_id: int, note: str, act: acts.Act) -> models.Order:
    with web.acting_for(visitor) as connection:
        if store.find_order(connection, order_id) is None:
            raise NotFound
        act(connection, order_id, person_id=visitor.person_id, now=web.clock(), note=note)
    return _read(web, visitor, order_id)


def _read(web: Web, visitor: Visitor, order_id: int) -> models.Order:
    with web.acting_for(visitor) as connection:
        found = store.find_order(connection, order_id)
    if found is None:
        raise NotFound
    return _said(found, web.clock())


def _said(row: store.OrderLine, now: datetime) -> models.Order:
    told = {name: getattr(row, name) for name in models.Order.model_fields if name != "standing"}
    return models.Order(**told, standing=row.standing(now))
