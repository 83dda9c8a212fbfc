"""The report of a site by month: as a page, and as a PDF in either language."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from fastapi.responses import Response

from api.gate import SiteReader
from api.pages.frame import frame_of, person_page
from api.site_report import Asked, find_report
from api.web import Here
from api.words.texts import Answer
from risk.report.pdf import as_pdf
from risk.report.refusal import Unreportable
from risk.report.telling import tell

router = APIRouter()


@router.get("/sites/{site}/report")
def report_page(web: Here, visitor: SiteReader, site: str, month: Asked = None) -> Response:
    """One report; where there is none, the sentence that says why, and the way to other months."""
    now = web.clock()
    with web.acting_for(visitor) as connection:
        found = find_report(connection, visitor, site, month, now)
        frame = frame_of(connection, now)
    return person_page(
        web,
        visitor,
        "report.html",
        frame=frame,
        status=found.status,
        site=found.site,
        month=found.month,
        document=tell(found.facts, visitor.language) if found.facts else None,
        refusal=found.refusal,
    )


@router.get("/sites/{site}/report.pdf")
def report_pdf(
    web: Here, visitor: SiteReader, site: str, language: Literal["zh", "en"] | None = None, month: Asked = None
) -> Response:
    """The same as a file, in the visitor's language where none is asked for: the same bytes for the same facts."""
    language = language or ("zh" if visitor.language == "zh" else "en")
    with web.acting_for(visitor) as connection:
        found = find_report(connection, visitor, site, month, web.clock())
    if found.facts is None:
        assert found.refusal is not None
        raise Answer(found.status, found.refusal.text, **found.refusal.words)
    try:
        made = as_pdf(tell(found.facts, language), found.facts.as_of)
    except Unreportable as refusal:
        raise Answer(422, refusal.text, **refusal.words) from refusal
    name = f"davy-{found.site.key}-{found.month}-{language}.pdf"
    return Response(
        made, media_type="application/pdf", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
