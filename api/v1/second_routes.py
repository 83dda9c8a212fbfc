"""The JSON API of the second opinion. The call that says something carries X-Form-Token."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response

from api.acts.second import say
from api.gate import OurCall, SecondReader, SecondSayer
from api.second import Names, Seen, SiteNight, read_nights
from api.v1 import second_models as models
from api.web import Here
from api.words.second import agreement, left_out, unusual
from api.words.sentences import translated
from core.i18n import locale_of, translations

router = APIRouter()

Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("/second-opinion")
def read_second(
    web: Here, visitor: SecondReader, site: str | None = None, day: date | None = None
) -> list[models.SecondNight]:
    """Of each site the last night, or that of a day: its most unusual windows, and what people said of them."""
    with web.acting_for(visitor) as connection:
        nights, names = read_nights(connection, web.clock(), site, day)
    return [_night(each, names, visitor.language) for each in nights]


@router.post("/second-opinion/{opinion_id}/word", status_code=204, dependencies=[OurCall])
def say_second(web: Here, visitor: SecondSayer, opinion_id: Number, word: models.NewWord) -> Response:
    """Says what a window was: worth a look, nothing, or a sensor's fault. The newest word holds."""
    say(web, visitor, opinion_id, word.said)
    return Response(status_code=204)


def _night(of: SiteNight, names: Names, language: str) -> models.SecondNight:
    texts, locale, night = translations(language), locale_of(language), of.night
    return models.SecondNight(
        site_id=night.site_id,
        site=night.key,
        day=night.day,
        state=night.state,
        attempt=night.attempt,
        subjects=night.subjects,
        windows=night.windows,
        signals=night.signals,
        not_looked_at=night.not_looked_at,
        problem=translated(texts, night.problem) if night.problem else None,
        left_out=[left_out(texts, each, names, language, locale) for each in night.left_out or []],
        unusual=[_window(seen, names, language) for seen in of.windows],
        precision=models.Precision.model_validate(of.total),
    )


def _window(seen: Seen, names: Names, language: str) -> models.Unusual:
    texts, locale = translations(language), locale_of(language)
    made = ("sentences", "alarms")
    fields = {name: getattr(seen.window, name) for name in models.Unusual.model_fields if name not in made}
    return models.Unusual(
        **fields,
        sentences=[*unusual(texts, seen.window, names, language, locale), agreement(texts, seen.window)],
        alarms=[models.Beside.model_validate(alarm) for alarm in seen.alarms],
    )
