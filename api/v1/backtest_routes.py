"""The JSON API of back-tests. What changes something carries X-Form-Token."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.acts import backtests as acts
from api.gate import BacktestAsker, BacktestReader, OurCall
from api.once import CallKey
from api.store import backtests as store
from api.v1 import backtest_models as models
from api.visitor import Visitor
from api.web import Here, Web
from api.words.texts import Answer, NotFound, later

router = APIRouter()

Before = Annotated[int | None, Query(description="The last id of the page before.")]


@router.get("/backtests")
def list_backtests(
    web: Here, visitor: BacktestReader, definition_key: str | None = None, before: Before = None
) -> list[models.Backtest]:
    """The newest first, fifty at a time."""
    with web.acting_for(visitor) as connection:
        rows = store.backtests(connection, definition_key=definition_key, before=before)
    return [models.Backtest.model_validate(row) for row in rows]


@router.get("/backtests/{backtest_id}")
def read_backtest(web: Here, visitor: BacktestReader, backtest_id: int) -> models.Backtest:
    """One of them, with the whole of its result."""
    return _one(web, visitor, backtest_id)


@router.post("/backtests", status_code=201, dependencies=[OurCall])
def ask_backtest(
    web: Here, visitor: BacktestAsker, sending: CallKey, question: models.BacktestQuestion
) -> models.Backtest:
    """Asks the risk process to try it; poll its state."""
    if question.from_at.tzinfo is None or question.to_at.tzinfo is None:
        raise Answer(422, later("Give both instants with their offset, such as 2026-11-20T08:00:00+08:00."))
    with web.acting_for(visitor) as connection:
        now = web.clock()
        limit = acts.limit_of(connection, question.definition_id)
        between = question.from_at, question.to_at
        proposed = acts.checked(connection, limit, question.proposed, *between, now)
        made = acts.ask(connection, visitor, limit, proposed, between, now, sending)
    return _one(web, visitor, made)


@router.post("/backtests/{backtest_id}/cancel", dependencies=[OurCall])
def cancel_backtest(web: Here, visitor: BacktestAsker, backtest_id: int) -> models.Backtest:
    """Ends one that waits or runs."""
    acts.call_off(web, visitor, backtest_id)
    return _one(web, visitor, backtest_id)


def _one(web: Web, visitor: Visitor, backtest_id: int) -> models.Backtest:
    with web.acting_for(visitor) as connection:
        found = store.backtests(connection, backtest_id)
    if not found:
        raise NotFound
    return models.Backtest.model_validate(found[0])
