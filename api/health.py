"""For supervisors and load balancers: does the process live, and can it serve. They learn nothing else."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from api.store import status
from api.web import Here
from core.errors import DatabaseAway

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
def alive() -> Response:
    """The process answers."""
    return JSONResponse({"alive": True})


@router.get("/readyz")
def ready(web: Here) -> Response:
    """The database answers and news of changes come in."""
    try:
        with web.database.transaction(None) as connection:
            database = status.answers(connection)
    except DatabaseAway:
        database = False
    fine = database and web.news.listening
    return JSONResponse({"database": database, "news": web.news.listening}, 200 if fine else 503)
