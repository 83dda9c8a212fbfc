"""The web application, put together. Nothing is read or started until `create_app` is called."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from alerting.links import Links
from api import answers, cookies, health
from api.armour import Armour
from api.boards import Boards
from api.gate import Somebody
from api.news import News
from api.pages import (
    actions,
    alarms,
    answering,
    backtests,
    casework,
    complaints,
    devices,
    duty,
    events,
    feeds,
    finding_acts,
    findings,
    firing,
    front,
    impairments,
    occurrences,
    operator,
    own_findings,
    performance,
    portfolio,
    readiness,
    rejected,
    reports,
    rotation,
    second,
    suppressions,
    voice,
    who_is_called,
)
from api.pages import limits as limit_pages
from api.pages import models as model_pages
from api.pages import routes as route_pages
from api.pages.frame import person_page
from api.passwords import Passwords
from api.rendering import STATIC, Pages
from api.throttle import Throttle
from api.v1 import (
    acting_routes,
    backtest_routes,
    call_routes,
    casework_routes,
    duty_routes,
    finding_routes,
    firing_routes,
    impairment_routes,
    limit_routes,
    model_routes,
    models,
    own_finding_routes,
    performance_routes,
    portfolio_routes,
    readiness_routes,
    reading_routes,
    receipt_routes,
    rejected_routes,
    report_routes,
    route_routes,
    second_routes,
    suppression_routes,
    voice_routes,
)
from api.web import CallKeys, DemoInbox, Here, LimitWords, Web
from core.db import Database
from core.metrics import ApiMetrics

_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": models.Wrong} for status in (401, 403, 404, 409, 413, 422, 429, 503)
}
_PAGES = (
    front, alarms, occurrences, firing, model_pages, actions, devices, operator, findings, finding_acts, own_findings, impairments, portfolio, reports, suppressions,
    rejected, casework, duty, rotation, route_pages, who_is_called, feeds, readiness, performance, limit_pages, backtests, answering, voice, complaints, second,
    events,
)  # fmt: skip
_API = (
    reading_routes, rejected_routes, acting_routes, casework_routes, duty_routes, readiness_routes, suppression_routes, performance_routes, limit_routes,
    backtest_routes, route_routes, own_finding_routes, finding_routes, impairment_routes, portfolio_routes, report_routes, call_routes, receipt_routes, voice_routes,
    firing_routes, model_routes, second_routes,
)  # fmt: skip


def create_app(
    *,
    database: Database,
    principal_key: bytes,
    cookie_key: bytes,
    clock: Callable[[], datetime],
    listen_url: str,
    limits: Callable[[], LimitWords],
    public_url: str | None = None,
    demo_inbox: DemoInbox | None = None,
    metrics: ApiMetrics | None = None,
    call_token: str | None = None,
    links: Links | None = None,
    aliyun_receipts: str | None = None,
) -> FastAPI:
    """The app of one web process.

    Args:
        database: pool of the web role; opened and closed with the app.
        clock: aware UTC now; a wall clock.
        listen_url: connection string of the web role, for the thread that listens for changes.
        public_url: as people type it; with https, cookies and browsers stay there.
        demo_inbox: what the demo's sinks received; only the demo has one.
        call_token: with which the gateway signs what it tells of calls; None: no key acknowledges.
        limits, links, aliyun_receipts: see `Web`.
    """
    news = News(listen_url)
    web = Web(
        database=database,
        principal_key=principal_key,
        cookie_key=cookie_key,
        clock=clock,
        secure=(public_url or "").startswith("https://"),
        news=news,
        boards=Boards(news),
        pages=Pages(),
        passwords=Passwords(),
        throttle=Throttle(),
        inbox=demo_inbox,
        metrics=metrics,
        limits=limits,
        calls=CallKeys(call_token, (public_url or "").rstrip("/")) if call_token and public_url else None,
        public_url=public_url.rstrip("/") if public_url else None,
        links=links,
        aliyun_receipts=aliyun_receipts,
    )
    return _routed(web)


def _routed(web: Web) -> FastAPI:
    app = FastAPI(
        title="Davy",
        version=_version(),
        description="Alarms of industrial sites: what is open, what happened, and who answered.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # such a redirect would lead to whatever the Host header says
        lifespan=_lifespan,
    )
    app.state.web = web
    for page in _PAGES:
        app.include_router(page.router, include_in_schema=False)
    app.include_router(health.router)
    for routes in _API:
        app.include_router(routes.router, prefix="/api/v1", responses=_ERRORS)
    app.include_router(_docs, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    answers.install(app)
    app.add_middleware(
        Armour,
        secure=web.secure,
        metrics=web.metrics,
        knows=lambda header: cookies.is_ours(header, web.cookie_key),
        too_large=answers.too_large,
        changed=lambda: app.state.web.news.changed_here(),
    )
    return app


_docs = APIRouter()


@_docs.get("/api/docs")
def documentation(web: Here, visitor: Somebody) -> HTMLResponse:
    """The API's description as a page."""
    return person_page(web, visitor, "swagger.html")


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    web: Web = app.state.web
    web.database.open()
    web.news.start()
    try:
        yield
    finally:
        web.news.close()
        web.passwords.close()
        web.database.close()


def _version() -> str:
    try:
        return version("davy-safety")
    except PackageNotFoundError:
        return "0"
