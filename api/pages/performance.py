"""How the alarms of a site go: figures with their targets, the worst offenders with what could be changed, who was called how often."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from api.gate import SiteReader
from api.pages.frame import Frame, frame_of, person_page
from api.performance import Performance, gather
from api.performance_window import Days, First, Last, WrongWindow, days_asked
from api.permissions import Right
from api.visitor import Visitor
from api.web import Here, Web
from api.words import performance as wording
from api.words.texts import NotFound
from core.i18n import locale_of, translations
from risk.report.facts import SiteFacts
from risk.report.store.site import find_site

router = APIRouter()


@router.get("/sites/{site}/performance")
def performance_page(web: Here, visitor: SiteReader, site: str, first: First = "", last: Last = "") -> Response:
    """The page of one site; where the days will not do, the sentence that says why, and the form."""
    now = web.clock()
    with web.acting_for(visitor) as connection:
        found = find_site(connection, site, now)
        if found is None:
            raise NotFound
        frame = frame_of(connection, now)
        refusal: WrongWindow | None = None
        days: Days | None = None
        performance: Performance | None = None
        try:
            days = days_asked(first, last, found.time_zone, now)
            performance = gather(connection, found, days.since, days.until, people=visitor.may(Right.SEE_PEOPLE))
        except WrongWindow as wrong:
            refusal = wrong
    return _page(web, visitor, found, days, performance, refusal, frame, (first, last))


def _page(
    web: Web,
    visitor: Visitor,
    site: SiteFacts,
    days: Days | None,
    performance: Performance | None,
    refusal: WrongWindow | None,
    frame: Frame,
    typed: tuple[str, str],
) -> Response:
    texts, locale = translations(visitor.language), locale_of(visitor.language)
    return person_page(
        web,
        visitor,
        "performance.html",
        status=200 if refusal is None else 422,
        frame=frame,
        site=site,
        days=days,
        first=str(days.first) if days else typed[0],
        last=str(days.last) if days else typed[1],
        p=performance,
        refusal=refusal,
        FIGURES=wording.FIGURES,
        OWN=wording.OWN,
        VERDICTS=wording.VERDICTS,
        BUDGET_STATES=wording.BUDGET_STATES,
        written=lambda figure: wording.written(figure.key, figure.value, locale),
        written_rate=lambda value: wording.written("told_per_day", value, locale),
        target=lambda figure: wording.target(texts, figure, locale),
        source=lambda figure: wording.source(texts, figure),
        proposed=lambda one: wording.proposed(texts, one.proposal, one.limit, one.limit.unit, locale),
    )
