"""Models: the list, and the card of one: what it watches, what it was learnt from, and whether it keeps its promise."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from api.gate import ModelReader
from api.model_card import card_of
from api.pages.frame import frame_of, person_page
from api.store import model_cards
from api.web import Here
from api.words.models import CUTS, KINDS, SHORT_KINDS, STANDINGS, WARM_UPS
from api.words.texts import NotFound

router = APIRouter()


@router.get("/models")
def model_list(web: Here, visitor: ModelReader, of: Annotated[str, Query(max_length=100)] = "") -> Response:
    """All models this visitor may see.

    Args:
        of: key of the one site whose models are wanted.
    """
    now = web.clock()
    with web.acting_for(visitor) as connection:
        rows = [row for row in model_cards.list_models(connection) if not of or row.site_key == of]
        frame = frame_of(connection, now)
    return person_page(
        web,
        visitor,
        "models.html",
        frame=frame,
        rows=rows,
        of=of,
        many_companies=len({row.company_id for row in rows}) > 1,
    )


@router.get("/models/{asset_id}")
def model_page(web: Here, visitor: ModelReader, asset_id: int) -> Response:
    """The card of one."""
    now = web.clock()
    with web.acting_for(visitor) as connection:
        card = card_of(connection, visitor, asset_id, now)
        if card is None:
            raise NotFound
        frame = frame_of(connection, now)
    return person_page(
        web,
        visitor,
        "model.html",
        frame=frame,
        c=card,
        line=card.line,
        CUTS=CUTS,
        KINDS=KINDS,
        SHORT_KINDS=SHORT_KINDS,
        STANDINGS=STANDINGS,
        WARM_UPS=WARM_UPS,
    )
