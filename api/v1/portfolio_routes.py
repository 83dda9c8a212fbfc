"""The JSON API: sites, their scores, and what the insurer has looked at."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import APIRouter

from api.gate import LookReader, PortfolioReader, SiteReader
from api.store import looks, portfolio
from api.store.portfolio import SiteLine, insured_of
from api.v1 import portfolio_models as models
from api.web import Here
from api.words.texts import NotFound

router = APIRouter()

DAYS = 90


@router.get("/portfolio")
def read_portfolio(web: Here, visitor: PortfolioReader) -> models.Portfolio:
    """Every site you look after with its newest score."""
    with web.acting_for(visitor) as connection:
        rows = portfolio.list_sites(connection, web.clock())
    return models.Portfolio(sites=[models.SiteLine(**_line(row)) for row in rows])


@router.get("/sites/{site}")
def read_site(web: Here, visitor: SiteReader, site: str) -> models.Site:
    """One site with the parts of its score and its last 90 days."""
    with web.acting_for(visitor) as connection:
        found = portfolio.list_sites(connection, web.clock(), site)
        if not found:
            raise NotFound
        line = found[0]
        days: list[portfolio.DayScore] = []
        if line.day is not None and line.formula is not None:
            first = line.day - timedelta(days=DAYS - 1)
            days = portfolio.scores(connection, line.site_id, line.formula, first, line.day)
    return models.Site(
        **_line(line),
        parts=days[-1].parts if days else {},
        days=[models.Day.model_validate(day, from_attributes=True) for day in days],
    )


@router.get("/looks")
def list_looks(web: Here, visitor: LookReader, before: int | None = None) -> list[models.Look]:
    """What the insurer's people have looked at, the newest first, a hundred at a time."""
    with web.acting_for(visitor) as connection:
        rows = looks.list_looks(connection, before)
    return [models.Look.model_validate(row, from_attributes=True) for row in rows]


def _line(row: SiteLine) -> dict[str, Any]:
    numbers = {
        name: None
        if getattr(row, name) is None
        else {"value": getattr(row, name), "low": getattr(row, f"{name}_low"), "high": getattr(row, f"{name}_high")}
        for name in ("hazard", "control", "confidence")
    }
    same = (
        "name",
        "name_zh",
        "company",
        "company_zh",
        "time_zone",
        "day",
        "formula",
        "not_enough",
        "coverage",
        "simulated",
    )
    return {
        "site": row.key,
        **{name: getattr(row, name) for name in same},
        **numbers,
        "figures": row.figures or {},
        "findings_open": row.findings,
        "findings_major": row.major,
        "findings_overdue": row.overdue,
        "findings_overdue_major": row.overdue_major,
        "findings_to_verify": row.to_verify,
        "impairments_open": row.impairments,
        "impaired_since": row.impaired_since,
        "insured": [{"currency": c, "amount": str(a), "sites": n} for c, a, n in insured_of(row)],
    }
