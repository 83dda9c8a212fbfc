"""The JSON API of why something fired."""

from __future__ import annotations

from fastapi import APIRouter

from api.gate import OccurrenceReader
from api.store import occurrences
from api.v1 import firing_models as models
from api.v1.models import ModelJudgement
from api.web import Here
from api.why_fired import why_fired
from api.words.explanation import explained
from api.words.texts import NotFound
from core.i18n import locale_of, translations

router = APIRouter()


@router.get("/occurrences/{occurrence_id}/why")
def read_why(web: Here, visitor: OccurrenceReader, occurrence_id: int) -> models.WhyFired:
    """The number, what was in force, what is usual and the window it looked at; 404 until it is worked out, and for who may not see it yet."""
    with web.acting_for(visitor) as connection:
        found = occurrences.find_occurrence(connection, occurrence_id)
        why = why_fired(connection, visitor, found) if found else None
    if found is None or why is None or why.firing is None or why.telling is None or why.worked_at is None:
        raise NotFound
    firing, telling = why.firing, why.telling
    judged = None
    if why.model is not None:
        judged = ModelJudgement.model_validate(why.model)
        judged.sentences = explained(
            translations(visitor.language), why.model, found, visitor.language, locale_of(visitor.language)
        )
    problem = telling.problem()
    return models.WhyFired(
        occurrence_id=occurrence_id,
        sentence=telling.sentence(),
        purpose=telling.purpose(),
        judged=models.JudgedThen.model_validate(firing.judged),
        at_ms=firing.at_ms,
        onset_ms=firing.onset_ms,
        recorded=firing.recorded,
        played=firing.played,
        looked_s=firing.looked_s,
        played_from_ms=firing.played_from_ms,
        readings=firing.readings,
        facts=firing.facts,
        usual=None if firing.usual is None else models.UsualNumber.model_validate(firing.usual),
        problem=firing.problem,
        notes=list(firing.notes),
        said=[*([problem] if problem else []), *telling.notes()],
        series=list(firing.series),
        worked_at=why.worked_at,
        model=judged,
    )
