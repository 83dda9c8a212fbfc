"""The underwriter's table of sites, the same as a spreadsheet, and one site with what its score is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from api.acts.duty import read_positions
from api.gate import LookReader, PortfolioReader, SiteReader
from api.pages.frame import DEFAULT_ZONE, frame_of, person_page
from api.permissions import Right
from api.portfolio import COLUMNS, View, arranged, as_csv, is_unsure, view_of, wants_attention
from api.sparkline import sparkline
from api.store import looks, portfolio
from api.store.portfolio import DayScore, SiteLine, insured_of
from api.visitor import Visitor
from api.web import Here, Web
from api.words.scores import NO_SCENARIO, NO_SCORE, NOT_ENOUGH, limits, lines, moved
from api.words.texts import NotFound
from core.i18n import translations

router = APIRouter()

MONTH: Final = timedelta(days=30)
SHOWN_DAYS: Final = 90


@router.get("/portfolio")
def portfolio_page(
    web: Here, visitor: PortfolioReader, sort: str = "", order: str = "", q: str = "", only: str = ""
) -> Response:
    """All sites the visitor looks after."""
    return _table(web, visitor, "/portfolio", view_of(sort, order, q, only))


@router.get("/portfolio.csv")
def portfolio_csv(
    web: Here, visitor: PortfolioReader, sort: str = "", order: str = "", q: str = "", only: str = ""
) -> Response:
    """The same table for a spreadsheet."""
    with web.acting_for(visitor) as connection:
        rows = portfolio.list_sites(connection, web.clock())
    return Response(
        as_csv(arranged(rows, view_of(sort, order, q, only))),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="davy-portfolio.csv"', "Cache-Control": "no-store"},
    )


@router.get("/sites")
def site_list(web: Here, visitor: SiteReader, sort: str = "", order: str = "", q: str = "", only: str = "") -> Response:
    """The way to the site: straight there, where a company has one."""
    if visitor.may(Right.SEE_PORTFOLIO):
        return RedirectResponse("/portfolio", 303)
    with web.acting_for(visitor) as connection:
        rows = portfolio.list_sites(connection, web.clock())
    if len(rows) == 1:
        return RedirectResponse(f"/sites/{rows[0].key}", 303)
    return _table(web, visitor, "/sites", view_of(sort, order, q, only))


def _table(web: Web, visitor: Visitor, here: str, view: View) -> Response:
    now = web.clock()
    with web.acting_for(visitor) as connection:
        rows = portfolio.list_sites(connection, now)
    shown = arranged(rows, view)
    return person_page(
        web,
        visitor,
        "portfolio.html",
        here=here,
        rows=[_Row.of(row) for row in shown],
        total=len(rows),
        columns=COLUMNS,
        view=view,
        simulated=any(row.simulated for row in shown),
        **_score_words(),
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """A site with what its row draws."""

    site: SiteLine
    unsure: bool
    attention: bool
    trend: Any
    insured: list[Any]
    limits: dict[str, int]

    @classmethod
    def of(cls, site: SiteLine) -> _Row:
        return cls(
            site, is_unsure(site), wants_attention(site), sparkline(site.trend), insured_of(site), limits(site.formula)
        )


def _score_words() -> dict[str, Any]:
    return {"NOT_ENOUGH": NOT_ENOUGH, "NO_SCENARIO": NO_SCENARIO, "NO_SCORE": NO_SCORE}


@router.get("/sites/{site}")
def site_page(web: Here, visitor: SiteReader, site: str) -> Response:
    """One site: its score, what moved it, and what stands open."""
    now = web.clock()
    with web.acting_for(visitor) as connection:
        found = portfolio.list_sites(connection, now, site)
        if not found:
            raise NotFound
        line = found[0]
        days = _days(connection, line)
        happened = portfolio.happenings(connection, line.site_id)
        on_duty = read_positions(connection, now, line.key) if visitor.may(Right.SEE_DUTY) else []
    texts = translations(visitor.language)
    newest = days[-1] if days else None
    before = _month_before(days)
    return person_page(
        web,
        visitor,
        "site.html",
        here=f"/sites/{line.key}",
        row=_Row.of(line),
        s=line,
        zone=line.time_zone or DEFAULT_ZONE,
        newest=newest,
        before=before,
        moved=moved(texts, before, newest, visitor.language) if newest else [],
        drivers=lines(texts, newest.parts["control"], visitor.language) if newest else [],
        factors=lines(texts, newest.parts["confidence"], visitor.language) if newest else [],
        parts=newest.parts if newest else {},
        control=sparkline(_by_day(days, "control"), 600, 120, 6),
        confidence=sparkline(_by_day(days, "confidence"), 600, 120, 6),
        days=days,
        happened=happened,
        on_duty=on_duty,
        **_score_words(),
    )


def _days(connection: Any, line: SiteLine) -> list[DayScore]:
    if line.day is None or line.formula is None:
        return []
    first = line.day - timedelta(days=SHOWN_DAYS - 1)
    return portfolio.scores(connection, line.site_id, line.formula, first, line.day)


def _month_before(days: list[DayScore]) -> DayScore | None:
    """The score of 30 days before the newest, or the first after that which has a number; None where none is a week old."""
    if not days:
        return None
    newest = days[-1].day
    old = [day for day in days if newest - MONTH <= day.day <= newest - timedelta(days=7) and day.control is not None]
    return old[0] if old else None


def _by_day(days: list[DayScore], name: str) -> list[float | None]:
    """A number for every day from the first to the last, None where a day has none."""
    if not days:
        return []
    known = {day.day: getattr(day, name) for day in days}
    length = (days[-1].day - days[0].day).days + 1
    return [known.get(days[0].day + timedelta(days=n)) for n in range(length)]


@router.get("/looks")
def look_list(web: Here, visitor: LookReader, before: int | None = None) -> Response:
    """For the client: what the insurer's people have looked at."""
    with web.acting_for(visitor) as connection:
        rows = looks.list_looks(connection, before)
        frame = frame_of(connection, web.clock())
    return person_page(
        web,
        visitor,
        "looks.html",
        frame=frame,
        rows=rows,
        older=rows[-1].journal_id if len(rows) == looks.PAGE else None,
        many_companies=visitor.everything,
    )
