"""The JSON API: the report of a site and month."""

from __future__ import annotations

from fastapi import APIRouter

from api.gate import SiteReader
from api.site_report import Asked, find_report
from api.web import Here
from api.words.texts import Answer
from risk.report.facts import ReportFacts

router = APIRouter()


@router.get("/sites/{site}/report")
def read_report(web: Here, visitor: SiteReader, site: str, month: Asked = None) -> ReportFacts:
    """Everything the report of a month says, before it is put into words."""
    with web.acting_for(visitor) as connection:
        found = find_report(connection, visitor, site, month, web.clock())
    if found.facts is None:
        assert found.refusal is not None
        raise Answer(found.status, found.refusal.text, **found.refusal.words)
    return found.facts
