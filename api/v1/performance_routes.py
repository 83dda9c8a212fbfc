"""The JSON API: how the alarms of a site go."""

from __future__ import annotations

from fastapi import APIRouter

from api.gate import SiteReader
from api.performance import gather
from api.performance_window import First, Last, WrongWindow, days_asked
from api.permissions import Right
from api.v1.performance_models import PerformanceAnswer
from api.web import Here
from api.words.texts import Answer, NotFound
from risk.report.store.site import find_site

router = APIRouter()


@router.get("/sites/{site}/performance")
def read_performance(
    web: Here, visitor: SiteReader, site: str, first: First = "", last: Last = ""
) -> PerformanceAnswer:
    """The figures of some days (YYYY-MM-DD at the site; without them the last four weeks until now), each with its target and its source."""
    now = web.clock()
    with web.acting_for(visitor) as connection:
        found = find_site(connection, site, now)
        if found is None:
            raise NotFound
        try:
            days = days_asked(first, last, found.time_zone, now)
        except WrongWindow as wrong:
            raise Answer(422, wrong.text, **wrong.words) from wrong
        return PerformanceAnswer.of(
            gather(connection, found, days.since, days.until, people=visitor.may(Right.SEE_PEOPLE))
        )
