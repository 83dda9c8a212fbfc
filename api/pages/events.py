"""The stream of "something changed": the one place that is async, because a stream must not hold a thread."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from api.gate import Somebody, find_visitor
from api.news import BEAT_S, MOST_LISTENERS
from api.visitor import Visitor
from api.web import Here, Web
from api.words.texts import Answer, later
from core.errors import DatabaseAway

router = APIRouter()

CHECK_EVERY = 3  # beats or changes between two looks at the session: a log-out ends the stream within half a minute


@router.get("/events")
def events(request: Request, web: Here, visitor: Somebody) -> Response:
    """Server-sent events: `scope` when something this person may see changed, `beat` every ten seconds otherwise."""
    if web.news.listeners >= MOST_LISTENERS:
        raise Answer(503, later("Too many pages are open. This one is refreshed every 30 s all the same."))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_stream(request, web, visitor), media_type="text/event-stream", headers=headers)


def _still_in(request: Request, web: Web) -> bool:
    try:
        return find_visitor(request, web) is not None
    except DatabaseAway:
        return True  # the stream says nothing but "look again", and looking asks for the session anew


async def _stream(request: Request, web: Web, visitor: Visitor) -> AsyncIterator[str]:
    with web.news.listener(None if visitor.everything else frozenset(visitor.companies)) as listener:
        if web.metrics is not None:
            web.metrics.sse_clients.inc()
        try:
            count = 0
            checked = web.clock()
            async for event in listener.events():
                now = web.clock()
                if (now - checked).total_seconds() >= CHECK_EVERY * BEAT_S:
                    checked = now
                    if not await run_in_threadpool(_still_in, request, web):
                        return
                count += 1
                yield f"event: {event}\nid: {count}\ndata: {now.isoformat(timespec='seconds')}\n\n"
        finally:
            if web.metrics is not None:
                web.metrics.sse_clients.dec()
