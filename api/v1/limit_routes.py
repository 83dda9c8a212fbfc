"""The JSON API of limits. Calls that change something carry X-Form-Token."""

from __future__ import annotations

from fastapi import APIRouter

from alerting import limit_changes as rules
from api.acts.limits import act, propose
from api.gate import LimitChanger, LimitReader, OurCall
from api.once import CallKey
from api.permissions import Right
from api.store import limits as store
from api.v1 import limit_models as models
from api.visitor import Visitor
from api.web import Here, Web
from api.words.texts import NotFound

router = APIRouter()


@router.get("/limits")
def list_limits(web: Here, visitor: LimitReader, site: str, retired: bool = False, after: int = 0) -> models.Limits:
    """The limits of a site, by zone and sensor."""
    after = max(min(after, 1_000_000), 0)
    with web.acting_for(visitor) as connection:
        rows = store.list_limits(connection, site, retired=retired, after=after)
    more = after + len(rows) if len(rows) == store.PAGE else None
    return models.Limits(limits=[models.LimitLine.model_validate(row) for row in rows], next_after=more)


@router.get("/limits/{definition_id}")
def read_limit(web: Here, visitor: LimitReader, definition_id: int) -> models.Limit:
    """One limit with every version it had."""
    return _said(web, visitor, definition_id)


@router.post("/limits/{definition_id}/changes", status_code=201, dependencies=[OurCall])
def propose_change(
    web: Here, visitor: LimitChanger, sending: CallKey, definition_id: int, said: models.NewChange
) -> models.Limit:
    """Proposes a change, and applies it where it needs neither a back-test nor a second person."""
    typed = {name: _typed(value) for name, value in said.values.items()}
    propose(
        web, visitor, sending, definition_id, base_version=said.base_version, typed=typed, reason=said.reason,
        overruling=said.overruling,
    )  # fmt: skip
    return _said(web, visitor, definition_id)


@router.post("/limits/{definition_id}/changes/{change_id}/approve", dependencies=[OurCall])
def approve(web: Here, visitor: LimitChanger, definition_id: int, change_id: int, said: models.Answer) -> models.Limit:
    """Applies a proposal: the second person, or its proposer where one is enough."""
    act(
        web, visitor, definition_id,
        lambda c, now: rules.approve(
            c, change_id, definition_id=definition_id, person_id=visitor.person_id, now=now, words=said.words
        ),
    )  # fmt: skip
    return _said(web, visitor, definition_id)


@router.post("/limits/{definition_id}/changes/{change_id}/overrule", dependencies=[OurCall])
def overrule(web: Here, visitor: LimitChanger, definition_id: int, change_id: int, said: models.Answer) -> models.Limit:
    """Its proposer says why it should be applied without, or in spite of, a back-test."""
    act(
        web, visitor, definition_id,
        lambda c, _: rules.overrule(
            c, change_id, definition_id=definition_id, person_id=visitor.person_id, words=said.words
        ),
    )  # fmt: skip
    return _said(web, visitor, definition_id)


@router.post("/limits/{definition_id}/changes/{change_id}/backtest", dependencies=[OurCall])
def ask_backtest(web: Here, visitor: LimitChanger, definition_id: int, change_id: int) -> models.Limit:
    """Has a proposal tried on the last 7 days of the site's own history, in the background."""
    act(
        web, visitor, definition_id,
        lambda c, now: rules.ask_backtest(
            c, change_id, definition_id=definition_id, person_id=visitor.person_id, now=now
        ),
    )  # fmt: skip
    return _said(web, visitor, definition_id)


@router.post("/limits/{definition_id}/changes/{change_id}/settle", dependencies=[OurCall])
def settle(web: Here, visitor: LimitChanger, definition_id: int, change_id: int, said: models.Answer) -> models.Limit:
    """Withdraws one's own proposal, refuses another's."""
    act(
        web, visitor, definition_id,
        lambda c, now: rules.settle(
            c, change_id, definition_id=definition_id, person_id=visitor.person_id, now=now, words=said.words
        ),
    )  # fmt: skip
    return _said(web, visitor, definition_id)


def _typed(value: str | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _said(web: Web, visitor: Visitor, definition_id: int) -> models.Limit:
    with web.acting_for(visitor) as connection:
        found = store.find_limit(connection, definition_id)
        if found is None:
            raise NotFound
        versions = store.versions_of(connection, definition_id)
        proposals = store.proposals_of(connection, definition_id) if visitor.may(Right.SEE_PEOPLE) else []
    line = models.LimitLine.model_validate(found).model_dump()
    return models.Limit(
        **line,
        versions=[models.Version.model_validate(each) for each in versions],
        proposals=[models.Proposal.model_validate(each) for each in proposals],
    )
