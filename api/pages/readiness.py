"""Readiness (应急准备): exercises on the real path, and how whoever is on duty answers when nobody warned them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import RedirectResponse, Response
from psycopg import Connection

from alerting import exercises
from alerting.readiness import FEWEST
from api import typed
from api.acts.readiness import Do, act, read_sites
from api.gate import ExerciseLeader, OurForm, ReadinessReader
from api.once import FormKey, once
from api.pages.frame import frame_of, person_page
from api.permissions import Right
from api.visitor import Visitor
from api.web import Here, Web
from api.words.readiness import KINDS, MISSING_LEGS, OUTCOMES
from api.words.sentences import translated
from core.errors import Refused
from core.i18n import translations

router = APIRouter()

Text = Annotated[str, Form()]
MINUTES = (5, 10, 20, 30, 60)
_NOTHING_TYPED = {"site": "", "limit": "", "position": "", "minutes": "20", "why": ""}


@router.get("/readiness")
def readiness_page(web: Here, visitor: ReadinessReader) -> Response:
    """Every site that the visitor may see."""
    return _show(web, visitor)


@router.post("/readiness/{site}/exercises", dependencies=[OurForm])
def start(
    web: Here,
    visitor: ExerciseLeader,
    site: str,
    sending: FormKey,
    limit: Text = "",
    position: Text = "",
    minutes: Text = "",
    why: Text = "",
) -> Response:
    """Asks for an exercise; it begins within a second or two."""
    kept = {"site": site, "limit": limit, "position": position, "minutes": minutes, "why": why}

    def do(connection: Connection[Any], now: datetime) -> None:
        lasts = typed.number(minutes)
        if lasts is None:
            raise Refused("Say in minutes how long it may last.")
        once(
            connection, visitor, now, sending, ("exercise", *kept.values()),
            lambda: exercises.ask(
                connection, site=site, by=visitor.person_id, now=now, limit=limit, position=position,
                lasts=timedelta(minutes=lasts), why=why,
            ),
        )  # fmt: skip

    return _done(web, visitor, site, do, kept)


@router.post("/readiness/{site}/exercises/{number}/stop", dependencies=[OurForm])
def stop(web: Here, visitor: ExerciseLeader, site: str, number: int) -> Response:
    """Ends one early."""
    return _done(
        web, visitor, site, lambda connection, now: exercises.stop(connection, number, by=visitor.person_id, now=now), {}
    )  # fmt: skip


def _done(web: Web, visitor: Visitor, site: str, do: Do, kept: dict[str, str]) -> Response:
    try:
        act(web, visitor, site, do)
    except Refused as refused:
        return _show(web, visitor, translated(translations(visitor.language), str(refused)), 409, kept)
    return RedirectResponse(f"/readiness#site-{site}", 303)


def _show(
    web: Web, visitor: Visitor, sentence: str | None = None, status: int = 200, kept: dict[str, str] | None = None
) -> Response:
    now = web.clock()
    may_start = visitor.may(Right.START_EXERCISE)
    with web.acting_for(visitor) as connection:
        found = read_sites(connection, now, with_limits=may_start)
        frame = frame_of(connection, now)
    return person_page(
        web,
        visitor,
        "readiness.html",
        frame=frame,
        status=status,
        sites=found,
        may_start=may_start,
        sees_people=visitor.may(Right.SEE_PEOPLE),
        many_companies=len({each.line.company for each in found}) > 1,
        minutes=MINUTES,
        fewest=FEWEST,
        KINDS=KINDS,
        OUTCOMES=OUTCOMES,
        MISSING_LEGS=MISSING_LEGS,
        sentence=sentence,
        typed={**_NOTHING_TYPED, **(kept or {})},
    )
