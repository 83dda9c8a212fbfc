"""The JSON API of impairments. Calls that change something carry X-Form-Token."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from api.acts.impairments import act
from api.gate import ImpairmentReader, ImpairmentWorker, OurCall
from api.once import CallKey, once
from api.permissions import Right
from api.store import impairments as store
from api.v1 import risk_models as models
from api.visitor import Visitor
from api.web import Here, Web
from api.words.texts import NotFound
from risk import impairments as acts
from risk.impairment import Outage, standing

router = APIRouter()


@router.get("/impairments")
def list_impairments(web: Here, visitor: ImpairmentReader) -> models.Impairments:
    """Open ones first, those that have overrun on top; then the newest restored."""
    with web.acting_for(visitor) as connection:
        rows = store.list_impairments(connection, web.clock())
    return models.Impairments(impairments=[_said(web, visitor, row) for row in rows])


@router.get("/impairments/{impairment_id}")
def read_impairment(web: Here, visitor: ImpairmentReader, impairment_id: int) -> models.Impairment:
    """One impairment."""
    with web.acting_for(visitor) as connection:
        found = store.find_impairment(connection, impairment_id)
    if found is None:
        raise NotFound
    return _said(web, visitor, found)


@router.post("/impairments", status_code=201, dependencies=[OurCall])
def begin(web: Here, visitor: ImpairmentWorker, sending: CallKey, said: models.NewImpairment) -> models.Impairment:
    """A protection goes out of service: the clock runs."""
    now = web.clock()
    outage = Outage(
        kind=said.kind,
        what=said.what,
        reason=said.reason,
        interim_measures=said.interim_measures,
        began_at=said.began_at or now,
        expected_until=said.expected_until,
        sensor_id=said.sensor_id,
    )
    with web.acting_for(visitor) as connection:
        made = once(
            connection, visitor, now, sending, ("impairment", said.model_dump()),
            lambda: acts.begin(
                connection, person_id=visitor.person_id, now=now, site_id=said.site_id, zone_id=said.zone_id,
                outage=outage,
            ),
        )  # fmt: skip
    return read_impairment(web, visitor, made)


@router.post("/impairments/{impairment_id}/extend", dependencies=[OurCall])
def extend(web: Here, visitor: ImpairmentWorker, impairment_id: int, longer: models.Longer) -> models.Impairment:
    """It takes longer, with a reason."""
    act(
        web, visitor, impairment_id,
        lambda c, _, now: acts.extend(
            c, impairment_id, person_id=visitor.person_id, now=now, until=longer.expected_until, reason=longer.reason,
            interim_measures=longer.interim_measures,
        ),
    )  # fmt: skip
    return read_impairment(web, visitor, impairment_id)


@router.post("/impairments/{impairment_id}/restore", dependencies=[OurCall])
def restore(web: Here, visitor: ImpairmentWorker, impairment_id: int, restored: models.Restored) -> models.Impairment:
    """It works again: what was tested, with what result."""
    act(
        web, visitor, impairment_id,
        lambda c, _, now: acts.restore(
            c, impairment_id, person_id=visitor.person_id, now=now, restored_at=restored.restored_at or now,
            proof=restored.proof,
        ),
    )  # fmt: skip
    return read_impairment(web, visitor, impairment_id)


def _said(web: Web, visitor: Visitor, row: store.Impairment) -> models.Impairment:
    named = visitor.may(Right.SEE_PEOPLE)
    said: dict[str, Any] = {name: getattr(row, name) for name in models.Impairment.model_fields if name != "standing"}
    if not named:
        said["reported_by"] = said["restored_by"] = None
    how = standing(row.began_at, row.expected_until, row.restored_at, web.clock())
    return models.Impairment(**said, standing=how.value)
