"""Why one occurrence began: the sentence, the number beside what was in force, what is usual, and the window it looked at."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from api.choices import sees_evidence
from api.gate import OccurrenceReader
from api.pages.frame import frame_of, person_page
from api.permissions import Right
from api.store import model_cards, occurrences
from api.web import Here
from api.why_fired import why_fired
from api.words.texts import NotFound

router = APIRouter()


@router.get("/occurrences/{occurrence_id}/why")
def why_page(web: Here, visitor: OccurrenceReader, occurrence_id: int) -> Response:
    """The page of it."""
    with web.acting_for(visitor) as connection:
        found = occurrences.find_occurrence(connection, occurrence_id)
        if found is None or found.exercise:
            raise NotFound
        why = why_fired(connection, visitor, found)
        card = model_cards.asset_of_sensor(connection, found.sensor_id) if visitor.may(Right.SEE_MODELS) else None
        frame = frame_of(connection, web.clock())
    return person_page(
        web,
        visitor,
        "firing.html",
        frame=frame,
        o=found,
        w=why,
        f=why.firing if why else None,
        t=why.telling if why else None,
        card=card,
        evident=sees_evidence(visitor, found),
    )
